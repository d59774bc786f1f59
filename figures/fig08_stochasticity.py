"""Figure 8: stochasticity."""

from pathlib import Path

from memneuro.chapter.stochasticity import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig08_stochasticity")
