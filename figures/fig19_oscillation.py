"""Figure 19: oscillation of one particle."""

from memneuro.chapter.oscillation import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
