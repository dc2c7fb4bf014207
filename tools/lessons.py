"""Work on the lessons: execute them, make slides, make the handout.

python tools/lessons.py run [notebooks/02_*.ipynb ...]   execute in place and tidy
python tools/lessons.py slides                           build/slides/, opens without a network
python tools/lessons.py handout                          build/handout/ and build/handout.zip
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CellExecutionError, ExecutePreprocessor

ROOT = Path(__file__).resolve().parent.parent
LESSONS = ROOT / "notebooks"
BUILD = ROOT / "build"


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=["run", "slides", "handout"])
    parser.add_argument("lessons", nargs="*", type=Path, help="default: all of them")
    options = parser.parse_args(arguments)
    lessons = options.lessons or sorted(LESSONS.glob("[0-9]*.ipynb"))
    {"run": run}[options.task](lessons)
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
            sys.exit(f"{path.name}: {re.sub(chr(27) + r'[[0-9;]*m', '', str(error))}")
        path.write_text(tidy(notebook, path.stem), encoding="utf-8")
        print(f"{path.name}: {time.perf_counter() - started:.1f} s")


def tidy(notebook: nbformat.NotebookNode, name: str) -> str:
    """The notebook's text with everything that differs from machine to machine made the same."""
    widgets = notebook.metadata.get("widgets")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    if widgets and widgets["application/vnd.jupyter.widget-state+json"]["state"]:
        notebook.metadata["widgets"] = widgets
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{name[:2]}-{number:03d}"
        cell.metadata.pop("execution", None)
    text = nbformat.writes(notebook, version=4) + "\n"
    # Widget models get random ids; number them by the order in which they first appear.
    ids = dict.fromkeys(re.findall(r'"(?:IPY_MODEL_)?([0-9a-f]{32})"', text))
    for number, model in enumerate(ids):
        text = text.replace(model, hashlib.md5(f"{name} {number}".encode()).hexdigest())
    return text


if __name__ == "__main__":
    sys.exit(main())
