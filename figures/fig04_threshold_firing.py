"""Figure 4: threshold firing."""

from memneuro.chapter.script import main
from memneuro.chapter.threshold_firing import CHAPTER

if __name__ == "__main__":
    main(CHAPTER, __file__)
