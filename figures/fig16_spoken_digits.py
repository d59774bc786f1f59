"""Figure 16: spoken digits as spikes."""

from memneuro.chapter.script import main
from memneuro.chapter.spoken_digits import CHAPTER

if __name__ == "__main__":
    main(CHAPTER, __file__)
