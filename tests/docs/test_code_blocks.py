"""Every Python block of the documentation and the README runs, in the order of its page, and prints what is shown."""

import os
import subprocess
import sys
from pathlib import Path

import markdown_pages
import pytest

RUNNER = Path(__file__).with_name("run_page.py")
PAGES = [path for path in markdown_pages.pages() if any(b.language == "python" for b in markdown_pages.blocks(path))]
SLOW = [path for path in PAGES if any("slow" in block.marks for block in markdown_pages.blocks(path))]


def name(path):
    return str(path.relative_to(markdown_pages.REPOSITORY))


def run(path, folder, *marks):
    """Run a page in an interpreter of its own; return how many blocks ran."""
    marks += ("recordings",) if os.environ.get("MEMNEURO_DATA") else ()
    done = subprocess.run(
        [sys.executable, str(RUNNER), str(path), *marks], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-2])


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_blocks_run(path, tmp_path):
    run(path, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("path", SLOW, ids=name)
def test_slow_blocks_run(path, tmp_path):
    assert run(path, tmp_path, "slow") > 0


def test_a_wrong_output_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    with pytest.raises(AssertionError, match=r"the code prints\s+2"):
        run(page, tmp_path)


def test_a_block_that_fails_is_found_with_its_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("text\n\n```python\n1 / 0\n```\n")
    with pytest.raises(AssertionError, match='page.md", line 4'):
        run(page, tmp_path)


def test_pages_are_found():
    assert len(PAGES) > 10 and SLOW


def test_no_line_of_code_is_cut_off():
    lines = [
        (name(path), line)
        for path in markdown_pages.pages()
        for block in markdown_pages.blocks(path)
        for line in block.code.splitlines()
        if len(line) > 100
    ]
    assert not lines
