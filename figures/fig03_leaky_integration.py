"""Figure 3: leaky integration."""

from memneuro.chapter.leaky_integration import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
