"""tools/lessons.py: what is executed looks the same everywhere, what is handed out is complete."""

import importlib.util
import re
import zipfile
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("lessons_tool", ROOT / "tools" / "lessons.py")
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

STATE = "application/vnd.jupyter.widget-state+json"


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """A lesson with one cell of each kind that is treated in its own way."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def cell(kind, source, slide, *tags):
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        return make(source, metadata={"tags": list(tags), "slideshow": {"slide_type": slide}})

    cells = [
        cell("markdown", "# Follow a line\n\nWith $x^2$ and `$5` and\n\n$$\\frac{a}{b}$$", "slide"),
        cell("markdown", "Ask whether they **saw** it.", "notes", "instructor"),
        cell("code", "from tapelab import widgets\nprint('set up')", "skip"),
        cell(
            "code",
            "fig, ax = widgets.subplots()\nwidgets.show(fig, alt='An empty pair of axes.')",
            "subslide",
        ),
        cell(
            "code",
            "import ipywidgets\nwidgets.Explorer(\n"
            "    lambda w: (widgets.subplots()[0], f'Nothing at all, {w} times.'),\n"
            "    w=ipywidgets.IntSlider(1),\n)",
            "subslide",
            "explore",
        ),
        cell("code", "answer = ...", "skip", "exercise"),
        cell("code", "print('the secret is', 6 * 7)", "skip", "solution"),
    ]
    path = tmp_path / "00_line.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_running_twice_gives_the_same_file(lesson, capsys):
    tool.main(["run", str(lesson)])
    once = lesson.read_text()
    tool.main(["run", str(lesson)])
    assert lesson.read_text() == once
    notebook = nbformat.read(lesson, as_version=4)
    assert [c.execution_count for c in notebook.cells if c.cell_type == "code"] == [1, 2, 3, 4, 5]
    assert notebook.metadata.language_info == {"name": "python"}
    view = notebook.cells[4].outputs[0].data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] in notebook.metadata.widgets[STATE].state


def test_a_lesson_with_an_error_stays_as_it_is(lesson):
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells[2].source = "1 / 0"
    nbformat.write(notebook, lesson)
    before = lesson.read_text()
    with pytest.raises(SystemExit, match=r"00_line.ipynb: [^\x1b]*ZeroDivisionError"):
        tool.main(["run", str(lesson)])
    assert lesson.read_text() == before


def test_the_handout_has_no_solutions_and_no_outputs(lesson, tmp_path, capsys):
    tool.main(["run", str(lesson)])
    tool.main(["handout", str(lesson), "--build", str(tmp_path / "build")])
    handed = nbformat.read(tmp_path / "build" / "handout" / lesson.name, as_version=4)
    assert len(handed.cells) == 5
    assert not any(cell.get("outputs") for cell in handed.cells)
    assert not any(cell.get("execution_count") for cell in handed.cells)
    assert "widgets" not in handed.metadata
    text = (tmp_path / "build" / "handout" / lesson.name).read_text()
    assert "secret" not in text
    assert "Ask whether" not in text
    with zipfile.ZipFile(tmp_path / "build" / "handout.zip") as packed:
        assert f"tapelab/{lesson.name}" in packed.namelist()
    first = (tmp_path / "build" / "handout.zip").read_bytes()
    tool.main(["handout", str(lesson), "--build", str(tmp_path / "build")])
    assert (tmp_path / "build" / "handout.zip").read_bytes() == first


def test_the_slides_need_no_network(lesson, tmp_path, capsys):
    for needed in ("latex2mathml", "sphinx_revealjs"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip("slides need the extra `slides`: pip install 'tapelab[slides]'")
    tool.main(["run", str(lesson)])
    tool.main(["slides", str(lesson), "--build", str(tmp_path)])
    page = (tmp_path / "slides" / "00_line.html").read_text()
    loaded = re.findall(r"<(?:script|link|img)\b[^>]*?(?:src|href)=\"([^\"]*)\"", page)
    assert len(loaded) >= 4
    for address in loaded:
        if not address.startswith("data:"):
            assert (tmp_path / "slides" / address).is_file(), address
    for sheet in (tmp_path / "slides").rglob("*/theme/white.css"):
        assert not re.search(r"(?:url\(|@import)[^;)]*https?:", sheet.read_text())
    assert page.count("<math ") == 2
    assert "<code>$5</code>" in page
    assert "An empty pair of axes." in page
    assert "Nothing at all, 1 times." in page  # the widget's picture, without the widget
    assert "widget-view+json" not in page
    assert "widgets.show" not in page  # the code that draws
    assert "Ask whether they" in page  # as a speaker's note
    assert 'href="00_line.html">Follow a line<' in (tmp_path / "slides" / "index.html").read_text()
