"""Every Python block of the documentation and the README runs, in the order of its page, and prints what is shown."""

import contextlib
import io
import os

import markdown_pages
import pytest

PAGES = [path for path in markdown_pages.pages() if any(b.language == "python" for b in markdown_pages.blocks(path))]


def name(path):
    return str(path.relative_to(markdown_pages.REPOSITORY))


def run(path, marks):
    """Run the Python blocks of a page whose marks are among `marks`; return how many."""
    namespace = {"__name__": "__main__"}
    count = 0
    for block in markdown_pages.blocks(path):
        if block.language != "python" or not block.marks <= marks:
            continue
        printed = io.StringIO()
        # The line numbers of an error are those of the page.
        code = compile("\n" * (block.line - 1) + block.code, str(path), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if block.output is not None:
            assert printed.getvalue().split() == block.output.split(), f"{path}, line {block.line}"
        count += 1
    return count


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Blocks write into an empty folder, and run without compiling unless they choose a backend."""
    from brian2 import prefs

    monkeypatch.chdir(tmp_path)
    prefs.codegen.target = "numpy"


def allowed():
    return {"recordings"} if os.environ.get("MEMNEURO_DATA") else set()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_blocks_run(path):
    run(path, allowed())


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [path for path in PAGES if any("slow" in b.marks for b in markdown_pages.blocks(path))], ids=name
)
def test_slow_blocks_run(path):
    assert run(path, allowed() | {"slow"}) > 0


def test_pages_are_found():
    assert len(PAGES) > 10
