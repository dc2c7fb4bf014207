"""tf.keras.backend: what programs still ask of it. What it computed is in tf.* itself."""

from .registry import clear_session  # noqa: F401 (Keras has it here and in utils)


def epsilon():
    """1e-7, what keeps losses and optimizers from dividing by zero."""
    return 1e-7


def floatx():
    """The dtype of weights, 'float32'."""
    return "float32"
