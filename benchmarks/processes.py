"""Each library in a process of its own: neither its threads nor its heap meet another's.

In one process, the threads that PyTorch or OpenBLAS leave spinning for milliseconds after a product
slow down whoever is next, by up to a half, and in one fixed order always the same one.
"""

import contextlib
import gc
import importlib
import multiprocessing
from dataclasses import replace

import numpy as np

from . import harness, peers


def _serve(pipe, module, name, library):
    """In the child: make the workloads with that library, then do what is asked of a contender."""
    peers.allowed.intersection_update({library})
    made = getattr(importlib.import_module(module), name)()
    works = made if isinstance(made, list) else [made]
    pipe.send([replace(w, contenders=list(w.contenders)) for w in works])
    gc.collect()
    gc.freeze()  # or each collection would visit the millions of objects that importing a peer made
    while True:
        i, contender, times = pipe.recv()
        f = works[i].contenders[contender]
        if times:
            pipe.send(harness.turn(f, *times))
        else:
            found = f()
            pipe.send(None if found is None else np.asarray(found, np.float64))


class Remote:
    """A contender in another process."""

    def __init__(self, pipe, *who):
        self._pipe, self._who = pipe, who

    def _ask(self, *times):
        self._pipe.send((*self._who, times))
        return self._pipe.recv()

    def __call__(self):
        """The result of a call there, as an array."""
        return self._ask()

    def turn(self, warm, calls):
        """Seconds of a call, measured there."""
        return self._ask(warm, calls)


@contextlib.contextmanager
def workloads(make):
    """The workloads that function `make` of a benchmark makes, their contenders in processes."""
    start = multiprocessing.get_context("spawn")
    children, found = [], []
    try:
        for library in ("", *peers.installed()):  # '': NumPy and tapelab alone
            pipe, theirs = start.Pipe()
            args = (theirs, make.__module__, make.__name__, library)
            child = start.Process(target=_serve, args=args, daemon=True)
            child.start()
            theirs.close()
            children.append((child, pipe))
        for _, pipe in children:
            works = pipe.recv()
            found = found or [replace(w, contenders={}) for w in works]
            for i, (work, theirs) in enumerate(zip(found, works)):
                for name in theirs.contenders:
                    work.contenders.setdefault(name, Remote(pipe, i, name))
        yield found
    finally:
        for child, _ in children:
            child.terminate()
            child.join()
