"""Figure 9: current-voltage sweep."""

from pathlib import Path

from memneuro.chapter.iv_sweep import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig09_iv_sweep")
