"""Figure 15: fitted to recorded neurons."""

from pathlib import Path

from memneuro.chapter.fitted_cells import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig15_fitted_cells")
