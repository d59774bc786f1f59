"""The report is one page that needs nothing else, shows what it was given, and cannot be broken by it."""

import base64
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import memneuro
from memneuro.report import Section, provenance, write_report

VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """The elements, text and references of a page; every element must be closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words, self.sources, self.anchors, self.ids = [], [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join(self.words)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "srcset", "data", "poster", "action"):
                self.sources.append(value)
            elif name == "href":
                self.anchors.append(value)
            elif name == "id":
                self.ids.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def figure(tmp_path, repository):
    """A figure drawn in the style of the package."""
    path = tmp_path / "figure.png"
    with plt.style.context(repository / "memneuro" / "figure" / "memneuro.mplstyle"):
        figure, axes = plt.subplots()
        axes.plot([0, 1], [0, 1])
        axes.set(xlabel="time (ms)", ylabel="gate voltage (V)")
        figure.savefig(path)
        plt.close(figure)
    return path


@pytest.fixture
def sections(figure):
    table = pd.DataFrame(
        {
            "R_c_Mohm": [50, 1000],
            "measured_ms": [2.25, 23.8],
            "simulated_ms": [2.123456, np.nan],
            "shown": [True, False],
        }
    )
    return [
        Section("Refractory period", ["First.", "Second."], figure, "Intervals.", table, "agrees", ["At 2 us."]),
        Section("Leaky integration", "One paragraph.", verdict="differs"),
        Section("A recorded cell", verdict="not measured", notes="No recording here."),
        Section("Energy"),
    ]


def test_the_page_loads_nothing(tmp_path, sections):
    html = write_report(tmp_path / "report.html", sections, {"seed": 1}).read_text()
    page = Page(html)
    assert page.sources and all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert page.anchors and all(anchor.startswith("#") for anchor in page.anchors)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert not re.search(r"https?:|@import|url\(|file:", html)


def test_every_section_is_there_with_its_parts(tmp_path, sections, figure):
    page = Page(write_report(tmp_path / "report.html", sections, {"seed": 1}).read_text())
    for text in (
        "Refractory period",
        "First.",
        "Second.",
        "Intervals.",
        "At 2 us.",
        "No recording here.",
        "Energy",
    ):
        assert text in page.text
    assert [anchor[1:] for anchor in page.anchors] == [name for name in page.ids if name.startswith("section-")]
    assert base64.b64decode(page.sources[0].split(",", 1)[1]) == figure.read_bytes()


def test_verdicts_are_words(tmp_path, sections):
    """Each verdict stands in the contents and in its section, readable without colour."""
    page = Page(write_report(tmp_path / "report.html", sections, {}).read_text())
    for verdict in ("agrees", "differs", "not measured"):
        assert [word.strip() for word in page.words].count(verdict) == 2


def test_numbers_are_short_and_gaps_are_marked(tmp_path, sections):
    html = write_report(tmp_path / "report.html", sections, {}).read_text()
    row = re.findall(r"<tr>.*?</tr>", html, re.S)[1:]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in row]
    assert cells == [["50", "2.25", "2.123", "yes"], ["1000", "23.8", "–", "no"]]


def test_nothing_it_is_given_becomes_markup(tmp_path, figure):
    evil = "<script>alert('x')</script>\"&"
    table = pd.DataFrame({evil: [evil]})
    section = Section(evil, [evil], figure, evil, table, "agrees", [evil])
    path = write_report(tmp_path / "report.html", [section], {evil: evil}, title=evil, introduction=evil)
    page = Page(path.read_text())
    assert "script" not in page.tags
    assert page.text.count(evil) >= 9


def test_the_same_results_give_the_same_bytes(tmp_path, sections):
    lines = provenance(7, "2 us", trials=200)
    first = write_report(tmp_path / "a" / "report.html", sections, lines).read_bytes()
    assert write_report(tmp_path / "b" / "report.html", sections, lines).read_bytes() == first
    assert str(tmp_path).encode() not in first


def test_provenance_names_what_is_needed_to_repeat(tmp_path, sections):
    import brian2
    import numpy

    lines = provenance("1, 2, 3", "2 us", trials_per_point=200)
    assert lines == {
        "memneuro": memneuro.__version__,
        "Brian2": brian2.__version__,
        "NumPy": numpy.__version__,
        "seed": "1, 2, 3",
        "time step": "2 us",
        "trials per point": "200",
    }
    page = Page(write_report(tmp_path / "report.html", sections, lines).read_text())
    assert all(name in page.text and value in page.text for name, value in lines.items())


def test_sections_are_checked():
    with pytest.raises(ValueError, match="'maybe'.*agrees, differs, not measured"):
        Section("Title", verdict="maybe")
    with pytest.raises(ValueError, match="needs a title"):
        Section(" ")


def test_a_report_that_cannot_be_written_whole_is_not_written(tmp_path):
    wrong = tmp_path / "figure.png"
    wrong.write_bytes(b"GIF89a")
    path = tmp_path / "out" / "report.html"
    for sections, error, said in (
        ([], ValueError, "at least one section"),
        ([Section("A"), Section("A")], ValueError, "got twice: A"),
        ([Section("A", figure=wrong)], ValueError, "not a PNG"),
        ([Section("A", figure=tmp_path / "absent.png")], FileNotFoundError, "absent.png"),
    ):
        with pytest.raises(error, match=said):
            write_report(path, sections, {})
    assert not path.exists()
