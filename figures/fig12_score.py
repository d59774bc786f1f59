"""Figure 12: score of three device models."""

from memneuro.chapter.score import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
