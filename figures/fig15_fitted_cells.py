"""Figure 15: fitted to recorded neurons."""

from memneuro.chapter.fitted_cells import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
