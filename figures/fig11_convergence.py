"""Figure 11: convergence in the time step."""

from memneuro.chapter.convergence import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
