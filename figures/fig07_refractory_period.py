"""Figure 7: refractory period."""

from pathlib import Path

from memneuro.chapter.refractory_period import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig07_refractory_period")
