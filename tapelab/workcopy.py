"""A learner's working copy of the lessons, which no update overwrites.

``python -m tapelab.workcopy notebooks work`` brings ``work`` up to date with ``notebooks``:

- a lesson that is not there yet is copied;
- a copy the learner has not changed is replaced when the lesson has changed;
- a copy the learner has changed stays as it is; when the lesson has changed since, the new
  one is put beside it as ``NN_slug.new.ipynb``, once.

A notebook is handed out without its outputs: a lesson asks the learner to predict what a cell
will say, and solutions say it, too. Cells for the instructor are left out for the same reason.

Opening or running a notebook is no change: JupyterLab rewrites the file with outputs and
metadata of its own, so notebooks are compared by their cells alone, type and source.

Hidden files and Markdown files, which are for authors, are left out.

What was handed out last is remembered, as checksums, in ``work/.handed_out.json``. To start a
lesson afresh, delete (or rename) the copy and run the command again.
"""

import argparse
import contextlib
import hashlib
import json
import sys
from pathlib import Path

from ._files import write

__all__ = ["update"]

_MEMORY = ".handed_out.json"


def update(source, target):
    """Brings the working copy ``target`` up to date with the lessons in ``source``.

    Args:
      source: the directory of the lessons as they come; never written to.
      target: the directory of the working copy; made if it does not exist.

    Returns:
      A dict with three lists of paths relative to ``target``, as strings: ``"copied"`` (new
      there), ``"replaced"`` (unchanged by the learner, now the new version) and ``"beside"``
      (the new version of something the learner has changed).

    Raises:
      FileNotFoundError: ``source`` is not a directory.
      ValueError: one directory lies inside the other.

    Example:

    >>> import pathlib, tempfile
    >>> from tapelab import workcopy
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> (home / "notebooks").mkdir()
    >>> _ = (home / "notebooks" / "01_a.ipynb").write_text("lesson")
    >>> workcopy.update(home / "notebooks", home / "work")
    {'copied': ['01_a.ipynb'], 'replaced': [], 'beside': []}
    """
    source, target = Path(source).resolve(), Path(target).resolve()
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: there are no lessons here to copy")
    if source.is_relative_to(target) or target.is_relative_to(source):
        raise ValueError(f"{target} and {source} must lie beside, not inside, each other")
    target.mkdir(parents=True, exist_ok=True)
    handed_out = _recall(target / _MEMORY)
    done = {"copied": [], "replaced": [], "beside": []}
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if hidden or path.suffix == ".md" or not path.is_file():
            continue
        content, copy = _for_learners(path, path.read_bytes()), target / name
        checksum = _checksum(path, content)
        if not copy.exists():
            write(copy, content)
            done["copied"].append(name.as_posix())
        elif (held := _checksum(copy, copy.read_bytes())) != checksum:
            last = handed_out.get(name.as_posix())
            if last == checksum:
                continue  # the learner's own changes, and nothing new to hand out
            if held == last:
                write(copy, content)
                done["replaced"].append(name.as_posix())
            else:
                beside = _free_name(copy, checksum)
                write(beside, content)
                done["beside"].append(beside.relative_to(target).as_posix())
        # After each file, not at the end: an interrupt (a full disk) then costs one lesson
        # a needless `.new`, and never a learner's change.
        if handed_out.get(name.as_posix()) != checksum:
            handed_out[name.as_posix()] = checksum
            write(target / _MEMORY, json.dumps(handed_out, indent=1, sort_keys=True).encode())
    return done


def _checksum(path, content):
    """Of what a person writes: the cells of a notebook, every byte of another file."""
    if path.suffix == ".ipynb":
        with contextlib.suppress(ValueError, TypeError, KeyError):  # not a notebook after all
            cells = [
                [cell["cell_type"], "".join(cell["source"]), cell.get("attachments") or {}]
                for cell in json.loads(content)["cells"]
            ]
            content = json.dumps(cells, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _for_learners(path, content):
    """A notebook before anybody has run it, without the instructor's notes; another file as it is."""
    if path.suffix == ".ipynb":
        with contextlib.suppress(ValueError, TypeError, KeyError):  # not a notebook after all
            notebook = json.loads(content)
            changed = notebook["metadata"].pop("widgets", None)
            cells = notebook["cells"]
            notebook["cells"] = [
                c for c in cells if "instructor" not in c.get("metadata", {}).get("tags", [])
            ]
            changed = changed or len(notebook["cells"]) < len(cells)
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    changed = changed or cell["outputs"] or cell["execution_count"]
                    cell.update(outputs=[], execution_count=None)
            if changed:
                content = (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
    return content


def _recall(memory):
    try:
        handed_out = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # then every difference counts as the learner's
    return handed_out if isinstance(handed_out, dict) else {}


def _free_name(copy, checksum):
    """`copy` with `.new` before its suffix; numbered where that is taken by something else."""
    number = 1
    while True:
        mark = ".new" if number == 1 else f".new{number}"
        name = copy.with_name(f"{copy.stem}{mark}{copy.suffix}")
        if not name.exists() or _checksum(name, name.read_bytes()) == checksum:
            return name
        number += 1


def _main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tapelab.workcopy", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="the lessons as they come, for example notebooks")
    parser.add_argument("target", help="the working copy, for example work")
    options = parser.parse_args(arguments)
    try:
        done = update(options.source, options.target)
    except (OSError, ValueError) as error:
        hint = ". Copy the whole folder to where you may write, and work there."
        hint = hint if isinstance(error, PermissionError) else ""
        sys.exit(f"The working copy was not brought up to date: {error}{hint}")
    if done["copied"]:
        print(f"Copied to {options.target}: {', '.join(done['copied'])}")
    if done["replaced"]:
        print(f"Updated (you had not changed them): {', '.join(done['replaced'])}")
    for name in done["beside"]:
        print(f"A newer version of a lesson you have changed: {options.target}/{name}. "
              "Your own file is as you left it.")


if __name__ == "__main__":
    _main()
