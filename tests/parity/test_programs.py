"""Random programs do the same in TensorFlow and in tapelab.

`make parity` runs 10,000 of them; TAPELAB_PARITY_PROGRAMS sets another number, and
TAPELAB_PARITY_SEED other programs (without it they are the same every time, so that a failure can
be repeated). A mismatch is printed as a program; once mended it becomes a test with a name in
tests/test_parity_regressions.py.
"""

import os

import tensorflow
from compare import difference, quiet, run
from hypothesis import HealthCheck, given, note, seed, settings
from programs import programs

import tapelab

PROGRAMS = int(os.environ.get("TAPELAB_PARITY_PROGRAMS", "10000"))
SEED = int(os.environ.get("TAPELAB_PARITY_SEED", "1"))
quiet()


@seed(SEED)
@settings(
    max_examples=PROGRAMS,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
@given(programs())
def test_random_programs(source):
    note(source)
    found = difference(run(source, tensorflow), run(source, tapelab))
    assert found is None, f"{found}\n{source}"
