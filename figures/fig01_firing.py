"""Figure 1: the neuron firing."""

from memneuro.chapter.firing import CHAPTER
from memneuro.chapter.script import main

if __name__ == "__main__":
    main(CHAPTER, __file__)
