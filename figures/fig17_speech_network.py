"""Figure 17: a network that hears spoken digits."""

from memneuro.chapter.script import main
from memneuro.chapter.speech_network import CHAPTER

if __name__ == "__main__":
    main(CHAPTER, __file__)
