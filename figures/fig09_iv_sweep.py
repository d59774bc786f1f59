"""Figure 9: current-voltage sweep."""

from memneuro.chapter.iv_sweep import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
