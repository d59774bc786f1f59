"""Figure 16: spoken digits as spikes."""

from pathlib import Path

from memneuro.chapter.spoken_digits import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig16_spoken_digits")
