"""Make the small images of the gallery: figures/gallery/figNN_name.png from a folder of figures."""

import argparse
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from memneuro.tables import atomic_path

#: Colours of a small image. Lines and bands of a few colours, with smooth edges, need no more.
COLOURS = 128


def shrink(image: Path, out: Path) -> Path:
    """Copy a PNG with a palette in place of full colour, at the same size in pixels and with the same texts in it."""
    with Image.open(image) as full:
        texts = PngInfo()
        for name, value in full.info.items():
            if isinstance(value, str):
                texts.add_itxt(name, value)
        small = full.convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        with atomic_path(out) as path:
            small.save(path, optimize=True, pnginfo=texts, dpi=full.info["dpi"])
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where `make figures` has written to")
    folder = parser.parse_args().folder
    images = sorted(folder.glob("fig*.png"))
    if not images:
        parser.error(f"no fig*.png in {folder}; `make figures` draws them")
    for image in images:
        print(shrink(image, Path(__file__).parent / "gallery" / image.name))
