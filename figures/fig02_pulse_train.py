"""Figure 2: pulse-train response."""

from pathlib import Path

from memneuro.chapter.pulse_train import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig02_pulse_train")
