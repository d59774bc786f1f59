"""Figure 8: stochasticity."""

from memneuro.chapter.script import main
from memneuro.chapter.stochasticity import CHAPTER

if __name__ == "__main__":
    main(CHAPTER, __file__)
