"""Figure 1: the neuron firing."""

from pathlib import Path

from memneuro.chapter.firing import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig01_firing")
