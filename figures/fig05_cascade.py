"""Figure 5: cascaded connection."""

from pathlib import Path

from memneuro.chapter.cascade import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig05_cascade")
