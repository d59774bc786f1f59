"""Sphinx configuration; `make docs` builds with warnings as errors.

The build needs no network: MathJax comes as a package, and links into the documentation of Brian2, NumPy, SciPy and
pandas are only made where somebody says that there is a network, with ``MEMNEURO_DOCS_INTERSPHINX=1``; Read the Docs
says so by itself. Without them those names are plain text. A look-up that is tried and fails would be a warning, and a
build that depends on whether it happens to succeed would not be one build.

Notebooks are run in their short form, in some minutes, and again only after a notebook or the package has changed;
``MEMNEURO_DOCS_NOTEBOOKS=0`` shows them without outputs. Cells that need recordings or PyTorch say so where there are
none.
"""

import importlib.util
import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from _pages.digest import package_digest  # noqa: E402

import memneuro  # noqa: E402

project = "memneuro"
author = "memneuro developers"
copyright = "memneuro developers, BSD-3-Clause"
release = version = memneuro.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "_pages",
]
exclude_patterns = ["_build", "_pages", "explanation/generated"]
nitpicky = True
# They would turn the two dashes of an option into one.
smartquotes = False

# Docstrings have types with units; annotations beside them would say the same again.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
# Extras that are not installed; the modules that need them are documented all the same.
_EXTRAS = ("arbor", "brian2cuda", "brian2hears", "h5py", "igor2", "neuron", "pynwb", "reservoirpy", "sklearn", "torch")
autodoc_mock_imports = [name for name in _EXTRAS if importlib.util.find_spec(name) is None]

numpydoc_show_class_members = False
numpydoc_xref_param_type = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline", "attrs_block"]
myst_heading_anchors = 3
nb_execution_mode = "off" if os.environ.get("MEMNEURO_DOCS_NOTEBOOKS") == "0" else "cache"
nb_execution_cache_path = str(DOCS / "_build" / "notebooks" / package_digest())
nb_execution_timeout = 900
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_show_tb = True
os.environ["MEMNEURO_FAST"] = "1"
# Not with the start-up files of whoever builds; nor with the kernel's warning that what it tells this very machine is
# not encrypted.
profile = DOCS / "_build" / "ipython" / "profile_default"
profile.mkdir(parents=True, exist_ok=True)
(profile / "ipython_kernel_config.py").write_text('c.IPKernelApp.log_level = "ERROR"\n', encoding="utf-8")
os.environ["IPYTHONDIR"] = str(profile.parent)

online = os.environ.get("READTHEDOCS") == "True" or os.environ.get("MEMNEURO_DOCS_INTERSPHINX") == "1"
_ELSEWHERE = {
    "python": "https://docs.python.org/3",
    "brian2": "https://brian2.readthedocs.io/en/stable",
    "numpy": "https://numpy.org/doc/stable",
    "scipy": "https://docs.scipy.org/doc/scipy",
    "pandas": "https://pandas.pydata.org/docs",
}
intersphinx_mapping = {name: (url, None) for name, url in _ELSEWHERE.items()} if online else {}
# Names of other packages are not checked: they may have moved there, and offline they cannot be looked up.
nitpick_ignore_regex = [
    (r"py:.*", r"(brian2|numpy|scipy|pandas|matplotlib|torch|np|pd)\..*"),
]

html_theme = "pydata_sphinx_theme"
html_title = "memneuro"
html_static_path = ["_static"]
# The page of `memneuro explore`; tutorials link to it.
html_extra_path = ["_build/extra"]
html_css_files = ["memneuro.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_prev_next": False,
    "show_toc_level": 2,
    "navigation_depth": 4,
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
