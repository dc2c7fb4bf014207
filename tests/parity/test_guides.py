"""What TensorFlow's guides call runs from the first line to the last and prints the same numbers."""

import contextlib
import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow
from compare import PUBLIC, quiet

import tapelab

quiet()
GUIDES = sorted((Path(__file__).parent / "guides").glob("*.py"))
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|inf|nan)(?![\w])")


def printed(path, tf):
    """What the script prints when its `import tensorflow` brings `tf`."""
    out, before = io.StringIO(), sys.modules["tensorflow"]
    sys.modules["tensorflow"] = tf
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(path.read_text(), str(path), "exec"), {"__name__": "guide"})
    finally:
        sys.modules["tensorflow"] = before
    text = out.getvalue()
    for private, public in PUBLIC.items():
        text = text.replace(private, public)
    return text


@pytest.mark.parametrize("path", GUIDES, ids=lambda p: p.stem)
def test_guide(path):
    want, got = printed(path, tensorflow), printed(path, tapelab)
    words = [re.sub(r"[\s\[\]]+", " ", NUMBER.sub("#", text)) for text in (want, got)]
    assert words[0] == words[1]
    a, b = (np.array([float(n) for n in NUMBER.findall(text)]) for text in (want, got))
    np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-4)


assert GUIDES, os.getcwd()
