"""Figure 13: beside a recorded neuron."""

from pathlib import Path

from memneuro.chapter.recorded_cell import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig13_recorded_cell")
