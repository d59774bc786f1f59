"""Figure 6: intrinsic plasticity."""

from memneuro.chapter.intrinsic_plasticity import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
