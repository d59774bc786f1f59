"""The documentation builds without a warning and without a network, and its links lead somewhere."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from markdown_pages import REPOSITORY

for package in ("sphinx", "numpydoc", "myst_nb", "pydata_sphinx_theme", "sphinx_design"):
    pytest.importorskip(package, reason='needs pip install "memneuro[docs]"')

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """Targets and links of one page."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.links = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.targets |= {given[key] for key in ("id", "name") if given.get(key)}
        self.links |= {given[key] for key in ("href", "src") if given.get(key)}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("html")
    # A proxy that nobody listens at: whatever asks the network fails.
    offline = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
    offline["MEMNEURO_DOCS_NOTEBOOKS"] = "0"
    unset = {
        name: value for name, value in os.environ.items() if name not in ("READTHEDOCS", "MEMNEURO_DOCS_INTERSPHINX")
    }
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", str(REPOSITORY / "docs"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env={**unset, **offline}, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == ""
    return folder


def test_links_lead_somewhere(built):
    pages = {
        path: Page(path.read_text(encoding="utf-8")) for path in built.rglob("*.html") if "_static" not in path.parts
    }
    assert len(pages) > 100
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target /= "index.html"
            missing = not target.exists()
            if missing or (parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].targets):
                broken.append((str(path.relative_to(built)), link))
    assert not broken, sorted(broken)[:20]


def test_nothing_is_loaded_from_elsewhere(built):
    for path in (built / "index.html", built / "reference" / "generated" / "equations" / "hopping.html"):
        page = Page(path.read_text(encoding="utf-8"))
        scripts = [link for link in page.links if link.endswith((".js", ".css")) and urlsplit(link).netloc]
        assert not scripts
