"""Every cell of the lessons that is not about tapelab's own extras prints the same in TensorFlow.

The rule for what is left out, applied to each code cell in order (`Lesson.about_extras`):

- cells tagged as exercises, their checks, quizzes, pictures to play with, or cells that are not
  compared by nbval either;
- cells that name `widgets`, `check` or another module of tapelab, an attribute that TensorFlow's
  objects do not have, an argument that TensorFlow's functions do not take, or that use a tape as a
  value (print(tape), len(tape), a loop over it);
- cells that use a name which only cells left out define.

From solutions the closing `check.exercise(...)` is cut off. Random numbers come from one stream:
TensorFlow's random functions and initialisers are given tapelab's numbers, and datasets keep their
order, so that what is compared is the rest.
"""

import ast
import contextlib
import functools
import io
import re
import sys
from pathlib import Path
from unittest import mock

import nbformat
import numpy as np
import pytest
import tensorflow
from compare import PUBLIC, Raised, quiet

import tapelab

quiet()
LESSONS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb"))
SKIPPED_TAGS = {"explore", "exercise", "check", "quiz", "nbval-skip", "nbval-ignore-output"}
EXTRA_NAMES = {"widgets", "check", "ready", "ipywidgets", "tapelab"}
EXTRA_ARGUMENTS = {"direction", "memory_budget", "verify"}
PAIRS = [
    (tapelab.GradientTape, tensorflow.GradientTape), (tapelab.Tensor, type(tensorflow.constant(0))),
    (tapelab.Variable, type(tensorflow.Variable(0))),
]  # fmt: skip
EXTRA_ATTRIBUTES = {
    name
    for ours, theirs in PAIRS
    for name in set(dir(ours)) - set(dir(theirs))
    if not name.startswith("_")
}
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|inf|nan)(?![\w])")


class Lesson:
    """The cells of a lesson that say the same in both, as source text."""

    def __init__(self, path):
        self.missing, self.known, self.tapes = (
            set(),
            set(dir(__builtins__)) | {"__builtins__"},
            set(),
        )
        self.cells = []
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type != "code":
                continue
            tags = set(cell.metadata.get("tags", ()))
            source = "\n".join(
                s for s in cell.source.split("\n") if not s.lstrip().startswith(("%", "!"))
            )
            tree = ast.parse(source)
            tree.body = [s for s in tree.body if not self.is_check(s) and not self.is_set_up(s)]
            left_out = bool(tags & SKIPPED_TAGS) or self.about_extras(tree)
            defined = {
                n.id
                for n in ast.walk(tree)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
            defined |= {
                n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))
            }
            for n in ast.walk(tree):
                if isinstance(n, (ast.Import, ast.ImportFrom)):
                    defined |= {(a.asname or a.name).split(".")[0] for a in n.names}
            if left_out:
                self.missing |= defined
            else:
                self.missing -= defined
                self.cells.append((number, ast.unparse(tree), "raises-exception" in tags))

    @staticmethod
    def is_set_up(statement):
        """`import tapelab as tf` and `from tapelab import ...`: the line that changes."""
        return ast.unparse(statement).startswith(("import tapelab", "from tapelab import"))

    @staticmethod
    def is_check(statement):
        return isinstance(statement, ast.Expr) and "check.exercise(" in ast.unparse(statement)

    def about_extras(self, tree):
        self.tapes |= {
            item.optional_vars.id
            for n in ast.walk(tree)
            if isinstance(n, ast.With)
            for item in n.items
            if isinstance(item.optional_vars, ast.Name)
            and "GradientTape(" in ast.unparse(item.context_expr)
        }
        attribute_of = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        local = {
            n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        local |= {
            a.arg
            for n in ast.walk(tree)
            if isinstance(n, ast.arguments)
            for a in (*n.args, *n.kwonlyargs)
        }
        for n in ast.walk(tree):
            if isinstance(n, ast.Name) and isinstance(n.ctx, (ast.Load, ast.Del)):
                if n.id in EXTRA_NAMES or n.id in self.missing - local:
                    return True
                if n.id in self.tapes and id(n) not in attribute_of:
                    return True
            if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("tapelab."):
                return True
            if isinstance(n, ast.Attribute):
                if n.attr in EXTRA_ATTRIBUTES:
                    return True
                if (
                    isinstance(n.value, ast.Name)
                    and n.value.id == "tf"
                    and not hasattr(tensorflow, n.attr)
                ):
                    return True
            if isinstance(n, ast.keyword) and n.arg in EXTRA_ARGUMENTS:
                return True
        return False


@contextlib.contextmanager
def one_stream_of_random_numbers(monkeypatch):
    """TensorFlow draws what tapelab draws; nobody shuffles."""
    tensor = lambda x: tensorflow.constant(x.numpy())

    def drawn(f):
        return functools.wraps(f)(lambda *args, **kwargs: tensor(f(*args, **kwargs)))

    with monkeypatch.context() as patch:
        for name in ("normal", "uniform", "truncated_normal"):
            patch.setattr(tensorflow.random, name, drawn(getattr(tapelab.random, name)))
        patch.setattr(tensorflow.random, "set_seed", tapelab.random.set_seed)
        patch.setattr(
            tensorflow.keras.utils, "set_random_seed", tapelab.keras.utils.set_random_seed
        )
        for name in (
            "GlorotUniform",
            "GlorotNormal",
            "HeUniform",
            "HeNormal",
            "RandomNormal",
            "RandomUniform",
        ):
            ours, theirs = (
                getattr(m.keras.initializers, name, None) for m in (tapelab, tensorflow)
            )
            if ours and theirs:
                make = lambda self, shape, dtype=None, ours=ours, **_: tensor(ours()(shape))
                patch.setattr(theirs, "__call__", make)
        digits = tapelab.keras.datasets.mnist.load_data  # the same files, without a download
        patch.setattr(tensorflow.keras.datasets.mnist, "load_data", digits)
        for dataset in (tensorflow.data.Dataset, tapelab.data.Dataset):
            patch.setattr(dataset, "shuffle", lambda self, *args, **kwargs: self)
        yield


def outputs(lesson, tf):
    """What each cell prints, or the exception it raises."""
    names, found = {"tf": tf, "__name__": "lesson"}, []
    for _, source, may_raise in lesson.cells:
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out), mock.patch.dict(sys.modules, tapelab=tf):
                exec(compile(source, "<cell>", "exec"), names)
        except Exception as e:
            if not may_raise:
                raise
            found.append(Raised(e))
            continue
        text = out.getvalue()
        for private, public in PUBLIC.items():
            text = text.replace(private, public)
        # Messages are better here, classes the same.
        found.append(re.sub(r"(\w+Error\b:?).*", r"\1", text))
    return found


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_lesson(path, monkeypatch):
    if "tapelab.distributed" in path.read_text("utf-8"):
        pytest.importorskip("dask", reason="this lesson's set-up needs dask (extra `dask`)")
    lesson = Lesson(path)
    with one_stream_of_random_numbers(monkeypatch):
        tapelab.random.set_seed(0)
        want = outputs(lesson, tensorflow)
        tapelab.random.set_seed(0)
        got = outputs(lesson, tapelab)
    for (number, source, _), a, b in zip(lesson.cells, want, got):
        where = f"cell {number} of {path.name}:\n{source}"
        if isinstance(a, Raised) or isinstance(b, Raised):
            assert isinstance(a, Raised) and isinstance(b, Raised), f"{a!r} and {b!r} in {where}"
            assert type(a.error).__name__ in b.names, f"{a!r} and {b!r} in {where}"
            continue
        words = [re.sub(r"[\s\[\]]+", " ", NUMBER.sub("#", text)) for text in (a, b)]
        assert words[0] == words[1], where
        x, y = (np.array([float(n) for n in NUMBER.findall(text)]) for text in (a, b))
        np.testing.assert_allclose(y, x, rtol=1e-3, atol=1.01e-4, err_msg=where)


def test_lessons_are_compared():
    """The rule leaves out extras, and not everything."""
    counts = {p.stem: len(Lesson(p).cells) for p in LESSONS}
    assert sum(counts.values()) > 4 * len(LESSONS), counts
