"""Figure 20: which model when."""

from memneuro.chapter.model_table import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
