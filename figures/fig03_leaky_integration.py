"""Figure 3: leaky integration."""

from pathlib import Path

from memneuro.chapter.leaky_integration import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig03_leaky_integration")
