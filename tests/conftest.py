"""What holds for every test: BLAS on one thread, and no tape may be left recording."""

import os

import pytest

# As in `make test`, also for `pytest` alone: threads of BLAS would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tapelab.tensor import active  # reads it


@pytest.fixture(autouse=True)
def no_tape_is_left_open():
    yield
    left, active.tapes = active.tapes, ()
    assert not left, "a test left a tape recording"
