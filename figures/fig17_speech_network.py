"""Figure 17: a network that hears spoken digits."""

from pathlib import Path

from memneuro.chapter.speech_network import CHAPTER

if __name__ == "__main__":
    CHAPTER.write(Path(__file__).parent, "fig17_speech_network")
