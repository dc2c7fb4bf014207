"""What holds for every test: no tape may be left recording."""

import pytest

from tapelab.tensor import active


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than ten seconds")


@pytest.fixture(autouse=True)
def no_tape_is_left_open():
    yield
    left, active.tapes = active.tapes, ()
    assert not left, "a test left a tape recording"
