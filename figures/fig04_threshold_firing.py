"""Figure 4: threshold firing."""

from pathlib import Path

from memneuro.chapter.threshold_firing import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig04_threshold_firing")
