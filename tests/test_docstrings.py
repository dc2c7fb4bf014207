"""Every example in a docstring runs and prints what it says."""

import builtins
import doctest
import importlib
import pkgutil

import pytest

import tapelab

MODULES = [module.name for module in pkgutil.walk_packages(tapelab.__path__, "tapelab.")]


@pytest.mark.parametrize("name", ["tapelab", *MODULES])
def test_examples(name):
    module = importlib.import_module(name)
    # tapelab and tapelab.math would lend their examples another `round` than the reader's.
    names = {k: v for k, v in vars(module).items() if not hasattr(builtins, k)}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    report = []
    for example in doctest.DocTestFinder().find(module, name, globs=names):
        runner.run(example, out=report.append)
    assert not report, "".join(report)
