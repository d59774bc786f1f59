"""Figure 14: how brain-like the six traits are."""

from pathlib import Path

from memneuro.chapter.brain_likeness import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig14_brain_likeness")
