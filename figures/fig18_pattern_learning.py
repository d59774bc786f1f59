"""Figure 18: learning without a teacher."""

from memneuro.chapter.pattern_learning import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
