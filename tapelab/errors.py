"""Error classes with TensorFlow's names, and the sentences that explain what went wrong.

A user who catches ``tf.errors.InvalidArgumentError`` or ``ValueError`` around TensorFlow code
catches the same thing here; the message adds the shapes, the dtypes and the way out.
"""


class OpError(Exception):
    """An operation could not be carried out; ``.message`` says why."""

    def __init__(self, message=""):
        super().__init__(message)
        self.message = message
        self.op = self.node_def = None


class InvalidArgumentError(OpError):
    """An operation was given values, shapes or dtypes that it cannot work on."""


class DtypeError(InvalidArgumentError, TypeError):
    """Dtypes that an operation cannot work on, or that do not mix.

    TensorFlow raises TypeError or InvalidArgumentError, by its code path; this class is both.
    """


class ShapeError(InvalidArgumentError, ValueError):
    """Shapes or axes that an operation cannot work on.

    TensorFlow raises ValueError or InvalidArgumentError, by its code path; this class is both.
    """


class ConversionError(DtypeError, ValueError):
    """A tensor of one dtype where another was asked for."""


class FailedPreconditionError(OpError):
    """The system is not in the state that the operation needs."""


class NotFoundError(OpError):
    """Something asked for by name does not exist."""


class OutOfRangeError(OpError):
    """An iteration went past the end."""


class UnimplementedError(OpError, NotImplementedError):
    """The operation exists, but not for these arguments.

    TensorFlow's gradients raise NotImplementedError; this class is both.
    """


class NotATensorError(TypeError, AttributeError):
    """Something that has no identity on a tape (a number, None, a generator) was used as one.

    TensorFlow raises TypeError or AttributeError here, by accident of its code path;
    this class is both.
    """


# TensorFlow's kernels call dtypes by their C++ names; its messages are searched for by them.
CPP_NAMES = {"float16": "half", "float32": "float", "float64": "double"}


def dtype_mismatch(op, index, expected, got, shapes=()):
    """InvalidArgumentError for two tensors of different dtype, with the cast that mends it."""
    exp, act = (CPP_NAMES.get(d.name, d.name) for d in (expected, got))
    where = f" (shapes {' and '.join(str(tuple(s)) for s in shapes)})" if shapes else ""
    return ConversionError(
        f"cannot compute {op} as input #{index}(zero-based) was expected to be a {exp} tensor but is "
        f"a {act} tensor [Op:{op}]{where}. Two dtypes never mix silently: convert one side, for "
        f"example tf.cast(x, tf.{expected.name})."
    )


def shape_mismatch(op, a, b):
    """InvalidArgumentError for two shapes that do not broadcast together."""
    fmt = lambda s: "[" + ",".join(map(str, s)) + "]"
    return ShapeError(
        f"Incompatible shapes: {fmt(a)} vs. {fmt(b)} [Op:{op}]. Shapes are compared from the last "
        f"axis backwards; two sizes fit when they are equal or one of them is 1. "
        f"tf.reshape or tf.expand_dims can line them up."
    )


def wrong_dtype(op, dtype):
    """InvalidArgumentError for a dtype on which an operation is not defined."""
    return ConversionError(
        f"Value for attr 'T' of {CPP_NAMES.get(dtype.name, dtype.name)} is not in the list of allowed "
        f"values for {op} [Op:{op}]: it is not defined on {dtype.name} tensors. "
        f"Convert first, for example tf.cast(x, tf.float32)."
    )
