"""Figure 2: pulse-train response."""

from memneuro.chapter.pulse_train import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
