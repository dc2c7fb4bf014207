"""Work on the lessons: execute them, make slides, make the handout.

python tools/lessons.py run [notebooks/02_*.ipynb ...]   execute in place and tidy
python tools/lessons.py slides                           build/slides/, opens without a network
python tools/lessons.py handout                          build/handout/ and build/handout.zip
"""

from __future__ import annotations

import argparse
import hashlib
import html
import re
import shutil
import sys
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbconvert.preprocessors import (
    CellExecutionError,
    CoalesceStreamsPreprocessor,
    ExecutePreprocessor,
)
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
LESSONS = ROOT / "notebooks"
STATE = "application/vnd.jupyter.widget-state+json"
NOT_FOR_LEARNERS = {"solution", "instructor"}


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=["run", "slides", "handout"])
    parser.add_argument("lessons", nargs="*", type=Path, help="default: all of them")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="default: build")
    options = parser.parse_args(arguments)
    lessons = options.lessons or sorted(LESSONS.glob("[0-9]*.ipynb"))
    if options.task == "run":
        run(lessons)
    else:
        {"slides": slides, "handout": handout}[options.task](lessons, options.build)
    return 0


def run(lessons: list[Path]) -> None:
    """Execute each lesson in a fresh kernel, in place; a lesson with an error is left alone."""
    for path in lessons:
        started = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        executor = ExecutePreprocessor(timeout=300, kernel_name="python3")
        try:
            executor.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
        except CellExecutionError as error:
            message = re.sub("\x1b\\[[0-9;]*m", "", str(error))  # colours of the traceback
            sys.exit(f"{path.name}: {message}")
        # What a cell prints arrives in pieces, depending on the machine's mood.
        CoalesceStreamsPreprocessor().preprocess(notebook, {})
        path.write_text(tidy(notebook, path.stem), encoding="utf-8")
        print(f"{path.name}: {time.perf_counter() - started:.1f} s")


def tidy(notebook: nbformat.NotebookNode, name: str) -> str:
    """The notebook's text with everything that differs from machine to machine made the same."""
    widgets = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    saved = {"widgets": notebook.metadata["widgets"]} if widgets else {}
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            **saved,
        }
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{name[:2]}-{number:03d}"
        cell.metadata.pop("execution", None)
    # Widget models get random ids; number them in the order in which they were made.
    text = nbformat.writes(notebook, version=4)
    for number, model in enumerate(widgets):
        text = text.replace(model, hashlib.md5(f"{name} {number}".encode()).hexdigest())
    return nbformat.writes(nbformat.reads(text, as_version=4), version=4) + "\n"


def slides(lessons: list[Path], build: Path) -> None:
    """One reveal.js presentation per lesson, and a page that lists them.

    reveal.js comes out of the package sphinx-revealjs (extra `slides`), which carries it; formulas
    become MathML, which browsers draw themselves. Nothing is loaded when the slides are shown.
    """
    from latex2mathml.converter import convert

    def formula(match):
        code, display, inline = match.groups()
        if code:
            return code
        return convert(display or inline, display="block" if display else "inline")

    package = find_spec("sphinx_revealjs")
    if package is None:
        sys.exit("Slides need reveal.js: pip install 'tapelab[slides]'")
    source = Path(package.submodule_search_locations[0]) / "_static" / "revealjs"
    target = fresh(build / "slides")
    for part in ("LICENSE", "dist/reveal.js", "dist/reveal.css", "dist/theme", "plugin/notes"):
        copy(source / part, target / "reveal.js" / part)

    config = Config()
    config.SlidesExporter.reveal_url_prefix = "reveal.js"
    config.SlidesExporter.reveal_theme = "white"  # carries its fonts; others fetch them
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"picture"}
    config.NbConvertBase.display_data_priority = [
        "text/html",
        "image/svg+xml",
        "image/png",
        "text/markdown",
        "text/plain",
    ]
    exporter = SlidesExporter(
        config=config,
        template_name="slides",
        extra_template_basedirs=[str(ROOT / "tools")],
    )
    titles = {}
    for path in lessons:
        notebook = nbformat.read(path, as_version=4)
        titles[path.stem] = title(notebook)
        notebook.metadata["title"] = titles[path.stem]
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = re.sub(
                    r"(```.*?```|`[^`]*`)|\$\$(.+?)\$\$|\$([^$\n]+?)\$",
                    formula,
                    cell.source,
                    flags=re.DOTALL,
                )
            elif any("<img" in str(out.get("data")) for out in cell.outputs):
                # How a picture is drawn is for the notebook; the picture is for the room.
                cell.metadata.setdefault("tags", []).append("picture")
        page, _ = exporter.from_notebook_node(notebook)
        (target / f"{path.stem}.html").write_text(page, encoding="utf-8")
    links = "".join(
        f'<li><a href="{stem}.html">{html.escape(name)}</a></li>\n' for stem, name in titles.items()
    )
    (target / "index.html").write_text(
        '<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>tapelab: slides</title>\n'
        f"<h1>tapelab: slides</h1>\n<p>Arrow keys or space; s for the speaker's notes.</p>\n"
        f"<ul>\n{links}</ul></html>\n",
        encoding="utf-8",
    )
    print(f"{len(titles)} lessons: open {target / 'index.html'}")


def handout(lessons: list[Path], build: Path) -> None:
    """The lessons without solutions, notes for the instructor and outputs; also as a zip."""
    target = fresh(build / "handout")
    for path in lessons:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [
            cell
            for cell in notebook.cells
            if not NOT_FOR_LEARNERS & set(cell.metadata.get("tags", []))
        ]
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        notebook.metadata.pop("widgets", None)
        (target / path.name).write_text(tidy(notebook, path.stem), encoding="utf-8")
    for folder in sorted(LESSONS.iterdir()):
        if folder.is_dir() and not folder.name.startswith("."):
            copy(folder, target / folder.name)
    archive = build / "handout.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(target.rglob("*")):
            if path.is_file():  # a fixed date: the same lessons give the same bytes
                entry = zipfile.ZipInfo(f"tapelab/{path.relative_to(target).as_posix()}")
                entry.external_attr = 0o644 << 16
                packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    print(f"{len(lessons)} lessons: {target} and {archive}")


def title(notebook: nbformat.NotebookNode) -> str:
    """The text of the first heading."""
    for cell in notebook.cells:
        if found := re.match(r"#\s+(.+)", cell.source):
            return found[1].strip()
    return "tapelab"


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    sys.exit(main())
