"""Figure 13: beside a recorded neuron."""

from memneuro.chapter.recorded_cell import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
