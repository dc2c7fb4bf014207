"""The peers that are installed, imported quietly. A benchmark leaves out those that are not."""

import contextlib
import functools
import importlib
import importlib.metadata
import io
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

NAMES = ("tensorflow", "torch", "jax", "autograd", "mygrad")
allowed = set(NAMES)  # narrowed by the command line


@functools.cache
def _module(name):
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(ImportError):
        return importlib.import_module(name)
    return None


def peer(name):
    """The module, or None when it is not installed or not asked for."""
    return _module(name) if name in allowed else None


def installed():
    """name -> version of every peer that is there and asked for; none is imported."""
    of = importlib.metadata.packages_distributions()
    return {n: importlib.metadata.version(of[n][0]) for n in NAMES if n in allowed and n in of}
