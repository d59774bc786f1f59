"""Figure 21: operating range."""

from memneuro.chapter.operating_range import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
