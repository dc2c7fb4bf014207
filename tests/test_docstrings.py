"""Every example in a docstring runs and prints what it says."""

import builtins
import doctest
import importlib
import pkgutil

import pytest

import tapelab


def examples():
    finder = doctest.DocTestFinder()
    for module in pkgutil.walk_packages(tapelab.__path__, "tapelab."):
        module = importlib.import_module(module.name)
        # tapelab.math would lend its examples another `round` than the reader's.
        names = {k: v for k, v in vars(module).items() if not hasattr(builtins, k)}
        for test in finder.find(module, module.__name__, globs=names):
            if test.examples:
                yield pytest.param(test, id=test.name)
    yield pytest.param(finder.find(tapelab, "tapelab", globs={})[0], id="tapelab")


@pytest.mark.parametrize("example", list(examples()))
def test_example(example):
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    runner.run(example, out=report.append, clear_globs=False)
    assert not report, "".join(report)
