"""Figure 6: intrinsic plasticity."""

from pathlib import Path

from memneuro.chapter.intrinsic_plasticity import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig06_intrinsic_plasticity")
