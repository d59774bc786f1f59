"""Figure 11: convergence in the time step."""

from pathlib import Path

from memneuro.chapter.convergence import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig11_convergence")
