"""Figure 18: learning without a teacher."""

from pathlib import Path

from memneuro.chapter.pattern_learning import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig18_pattern_learning")
