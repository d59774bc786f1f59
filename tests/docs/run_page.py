"""Run the Python blocks of a page as a reader would: in order, in one fresh interpreter, in an empty folder.

``python run_page.py PAGE [MARK ...]`` runs the blocks whose marks are among those given and compares what they print
with what the page shows. Without compiling, unless a block chooses a backend.
"""

import contextlib
import io
import sys
from pathlib import Path

import markdown_pages
import matplotlib


def run(page, marks):
    """Run the blocks; return how many."""
    from brian2 import prefs

    prefs.codegen.target = "numpy"
    matplotlib.use("Agg")
    namespace = {"__name__": "__main__"}
    count = 0
    for block in markdown_pages.blocks(page):
        if block.language != "python" or not block.marks <= marks:
            continue
        printed = io.StringIO()
        # The line numbers of an error are those of the page.
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if block.output is not None and printed.getvalue().split() != block.output.split():
            sys.exit(
                f"{page}, line {block.line}: the page shows\n{block.output}and the code prints\n{printed.getvalue()}"
            )
        count += 1
    return count


if __name__ == "__main__":
    print(run(Path(sys.argv[1]), set(sys.argv[2:])), "blocks")
