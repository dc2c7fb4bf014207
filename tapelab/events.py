"""What a tape remembers for explanations: the rare events, with their places in the program.

Nothing here happens for an ordinary recorded operation. `tapelab.explain` reads it.
"""

import linecache
import os
import sys
import weakref
from collections import namedtuple

import numpy as np

from .records import WIDTH, fives

# Frames of these packages are not the user's program.
_PACKAGES = tuple(os.path.dirname(f) + os.sep for f in (__file__, np.__file__))
LIMIT = 10_000  # events a tape remembers
SMALL = 200  # records of a used-up tape whose outline is kept in any case


class Place(namedtuple("Place", ["filename", "line"])):
    """A line of the user's program."""

    __slots__ = ()

    @property
    def text(self):
        """The line itself, or '' when the source is not at hand."""
        return linecache.getline(self.filename, self.line).strip()

    @property
    def name(self):
        """'cell 3' in a notebook, the file's name elsewhere."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        number = getattr(getattr(shell, "compile", None), "_filename_map", {}).get(self.filename)
        return os.path.basename(self.filename) if number is None else f"cell {number}"

    def __str__(self):
        return f"{self.name}, line {self.line}" + (f": {self.text}" if self.text else "")


# kind: 'assign' (into a variable), 'left' (to NumPy or Python), 'cut' (by an operation without a
#   gradient), 'none' (from a gradient function), 'reset'
# inputs: ids of tracked tensors that went in; outputs: weak references to what came out, made: its ids
Event = namedtuple("Event", ["kind", "place", "inputs", "outputs", "operation", "made"])


def caller():
    """The innermost frame of the user's program."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGES):
        frame = frame.f_back
    return frame


def here():
    """The innermost line of the user's program."""
    frame = caller()
    return Place(frame.f_code.co_filename, frame.f_lineno)


class Memory:
    """A tape's memory; alive beside its records, and what is left of them after release."""

    __slots__ = ("block", "events", "watched", "answered", "shadow", "recorded", "tracked")

    def __init__(self):
        self.block = None  # where the tape was entered
        self.events = []
        self.watched = {}  # id -> place
        self.shadow = None  # of a used-up tape: its records without tensors, if there were not too many
        self.answered = None  # or else where it answered
        self.recorded = ()  # weak references to its tensors; or else to those watched, and the targets
        self.tracked = set()

    def note(self, kind, inputs=(), outputs=(), operation="", function=None):
        """Remember an event, if there is room; its place is the function's, or where we are."""
        if len(self.events) < LIMIT:
            refs = tuple(weakref.ref(t) for t in outputs)
            code = getattr(function, "__code__", None)
            place = Place(code.co_filename, code.co_firstlineno) if code else here()
            self.events.append(
                Event(kind, place, tuple(inputs), refs, operation, tuple(map(id, outputs)))
            )

    def keep(self, tape, targets, some_none=False):
        """The tape will let go of its tensors: keep their shadow if it is small, or if a None came out.

        Every step of a training goes through here, so no more is done than has to be done now.
        """
        records, self.tracked = tape._records, tape._tracked
        if some_none or len(records) <= SMALL * WIDTH:
            self.shadow = shadow(records)
            made = [t for z in records[2::WIDTH] for t in (z if type(z) is tuple else (z,))]
        else:
            self.answered, made = here(), targets
        self.recorded = [*map(weakref.ref, made), *map(weakref.ref, tape._watched.values())]


def _ids(x):
    return tuple(map(id, x)) if type(x) is tuple else id(x)


def shadow(records):
    """What is left of records without their tensors: ids in all places but the primitives'."""
    places = [*map(id, records)]
    places[::WIDTH] = records[::WIDTH]
    for i, attrs in enumerate(records[1::WIDTH]):
        if attrs is not None:  # there may be tuples
            z, x = i * WIDTH + 2, i * WIDTH + 3
            places[z], places[x] = _ids(records[z]), _ids(records[x])
    return places


def outline(places):
    """The shadow of records as (operation, ids of outputs, ids of inputs)."""
    as_tuple = lambda ids: ids if type(ids) is tuple else (ids,)
    return [
        (p.name, as_tuple(z), as_tuple(x) if y == id(None) else (x, y))
        for p, _, z, x, y in fives(places)
    ]
