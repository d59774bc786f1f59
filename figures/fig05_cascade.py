"""Figure 5: cascaded connection."""

from memneuro.chapter.cascade import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
