"""Small programs, one idea each, give the same in TensorFlow and in tapelab."""

import importlib
import inspect
from pathlib import Path

import pytest
import tensorflow
from compare import attempt, difference, quiet

import tapelab

quiet()
FILES = sorted(p.stem for p in (Path(__file__).parent / "snippets").glob("*.py"))
SNIPPETS = [
    pytest.param(f, id=f"{name}-{f.__name__}")
    for name in FILES
    for f in vars(importlib.import_module(f"snippets.{name}")).values()
    if inspect.isfunction(f) and list(inspect.signature(f).parameters) == ["tf"]
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippet(snippet):
    found = difference(attempt(lambda: snippet(tensorflow)), attempt(lambda: snippet(tapelab)))
    assert found is None, found
