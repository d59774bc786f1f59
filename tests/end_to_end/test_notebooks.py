"""The notebooks are thin and stripped; `make notebooks` runs them."""

import ast
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
#: Lines of functions and classes that a notebook may define; more belongs into the package.
MOST_DEFINED = 25
#: Lines of code in all.
MOST_CODE = 160


def cells(path, kind):
    """The text of the cells of one kind."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def code(path):
    """The Python of a notebook, without magic commands, as a tree."""
    text = "\n".join(cells(path, "code"))
    return ast.parse("\n".join(line for line in text.splitlines() if not line.startswith(("%", "!"))))


def modules(tree):
    """What a notebook imports."""
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return names + [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]


def test_there_are_nine_in_order_and_the_list_names_each():
    assert [path.name[:3] for path in PATHS] == [f"{number:02}_" for number in range(1, 10)]
    listed = re.findall(r"`(\d\d_\w+)`", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert listed == [path.stem for path in PATHS]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
class TestNotebook:
    def test_outputs_are_stripped(self, path):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]

    def test_metadata_is_minimal(self, path):
        """No version of an interpreter and no folding state, which change whenever somebody runs a notebook."""
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found["metadata"] == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        assert [cell["id"] for cell in found["cells"] if cell["metadata"]] == []
        assert len({cell["id"] for cell in found["cells"]}) == len(found["cells"])

    def test_starts_with_a_title_and_what_you_will_see(self, path):
        first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
        assert first["cell_type"] == "markdown"
        title, _, text = "".join(first["source"]).partition("\n\n")
        assert re.fullmatch(r"# \S.*", title)
        assert text.startswith("You will see ")

    def test_the_first_code_cell_reads_the_short_form(self, path):
        first = ast.parse("\n".join(line for line in cells(path, "code")[0].splitlines() if not line.startswith("%")))
        assert "MEMNEURO_FAST" in [node.value for node in ast.walk(first) if isinstance(node, ast.Constant)]

    def test_is_thin(self, path):
        tree = code(path)
        assert [name for name in modules(tree) if name.split(".")[0] == "memneuro"]
        definitions = [
            node.end_lineno - node.lineno + 1 for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]
        assert sum(definitions) <= MOST_DEFINED
        assert sum(len(text.splitlines()) for text in cells(path, "code")) <= MOST_CODE

    def test_imports_nothing_private(self, path):
        assert [name for name in modules(code(path)) if any(part.startswith("_") for part in name.split("."))] == []


def test_figures_of_the_package_are_pictures_without_pyplot():
    """A chapter may be the first thing that a notebook draws; without pyplot IPython would print the figure's name."""
    from memneuro.figure.style import new_figure, style

    with style():
        figure, axes = new_figure(height=2)
        axes.plot([0, 1], [0, 1])
    picture, size = figure._repr_png_()
    assert picture.startswith(b"\x89PNG")
    width, height = (int.from_bytes(picture[start : start + 4], "big") for start in (16, 20))
    assert (width, height) == pytest.approx((2 * size["width"], 2 * size["height"]), abs=2)
