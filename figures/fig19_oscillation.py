"""Figure 19: oscillation of one particle."""

from pathlib import Path

from memneuro.chapter.oscillation import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig19_oscillation")
