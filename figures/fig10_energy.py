"""Figure 10: energy per spike."""

from pathlib import Path

from memneuro.chapter.energy import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig10_energy")
