"""What lesson 11 says about TensorFlow, PyTorch and JAX, said by these libraries themselves.

`make parity` has TensorFlow; in the environment of `make bench` all three are there:
`.venv-bench/bin/python -m pytest tests/parity/test_spellings.py`.
"""

import pytest

from tapelab.widgets.translation import LIBRARIES, SPELLINGS, answer


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("question", SPELLINGS)
def test_the_library_answers_as_claimed(question, library):
    pytest.importorskip({"TensorFlow": "tensorflow", "PyTorch": "torch", "JAX": "jax"}[library])
    spelling = SPELLINGS[question]
    assert answer(spelling.program(library)) == spelling.result(library)
