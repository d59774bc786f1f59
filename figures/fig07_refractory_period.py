"""Figure 7: refractory period."""

from memneuro.chapter.refractory_period import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
