"""Data sets that come inside the package, so that a lesson needs no network."""

from . import mnist

__all__ = ["mnist"]
