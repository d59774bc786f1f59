"""Figure 14: how brain-like the six traits are."""

from memneuro.chapter.brain_likeness import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
