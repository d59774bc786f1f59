"""Figure 10: energy per spike."""

from memneuro.chapter.energy import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
