"""Figure 12: score of three device models."""

from pathlib import Path

from memneuro.chapter.score import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig12_score")
