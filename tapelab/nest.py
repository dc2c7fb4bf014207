"""Nested structures: lists, tuples, named tuples and dicts, flattened and put together again."""

from .dtypes import TensorShape


def _is_nested(x):
    return isinstance(x, (list, tuple, dict)) and not isinstance(x, TensorShape)


def is_nested(structure):
    """True for a list, tuple, named tuple or dict."""
    return _is_nested(structure)


def _children(x):
    return [x[k] for k in sorted(x)] if isinstance(x, dict) else list(x)


def flatten(structure, expand_composites=False):
    """The leaves from left to right; dicts in the order of their sorted keys.

    >>> flatten({"b": 1, "a": [2, (3, 4)]})
    [2, 3, 4, 1]
    """
    if not _is_nested(structure):
        return [structure]
    children = _children(structure)
    if not any(map(_is_nested, children)):  # most structures: a list of variables
        return children
    leaves, stack = [], [iter(children)]
    while stack:
        for child in stack[-1]:
            if _is_nested(child):
                stack.append(iter(_children(child)))
                break
            leaves.append(child)
        else:
            stack.pop()
    return leaves


def _rebuild(like, values):
    if isinstance(like, dict):
        found = dict(zip(sorted(like), values))
        return type(like)((k, found[k]) for k in like)
    if hasattr(like, "_fields"):
        return type(like)(*values)
    return tuple(values) if isinstance(like, tuple) else list(values)


def pack_sequence_as(structure, flat_sequence, expand_composites=False):
    """The structure with its leaves replaced from a flat sequence. ValueError when the count differs.

    >>> pack_sequence_as({"a": 0, "b": [0]}, [5, 6])
    {'a': 5, 'b': [6]}
    """
    flat = list(flat_sequence)
    expected = len(flatten(structure))
    if expected != len(flat):
        raise ValueError(
            f"Could not pack sequence. Structure had {expected} elements, but flat_sequence had "
            f"{len(flat)} elements."
        )
    if type(structure) in (list, tuple) and not any(map(_is_nested, structure)):
        return type(structure)(flat)
    leaves = iter(flat)

    def build(like):
        if not _is_nested(like):
            return next(leaves)
        return _rebuild(like, [build(child) for child in _children(like)])

    return build(structure)


def assert_same_structure(nest1, nest2, check_types=True, expand_composites=False):
    """ValueError when two structures differ, TypeError when only their types do."""
    one, two = _is_nested(nest1), _is_nested(nest2)
    if one != two or one and len(nest1) != len(nest2):
        raise ValueError(
            "The two structures don't have the same nested structure.\n\n"
            f"First structure: type={type(nest1).__name__} str={nest1}\n\n"
            f"Second structure: type={type(nest2).__name__} str={nest2}"
        )
    if one:
        if check_types and type(nest1) is not type(nest2):
            raise TypeError(
                f"The two structures don't have the same sequence type: {type(nest1)} and {type(nest2)}."
            )
        if isinstance(nest1, dict) and set(nest1) != set(nest2):
            raise ValueError(f"The two dictionaries don't have the same keys: {nest1} and {nest2}.")
        for a, b in zip(_children(nest1), _children(nest2)):
            assert_same_structure(a, b, check_types)


def map_structure(func, *structure, **kwargs):
    """Apply `func` to corresponding leaves of structures of the same form."""
    if not callable(func):
        raise TypeError(f"func must be callable, got: {func!r}")
    if not structure:
        raise ValueError("Must provide at least one structure")
    check_types = kwargs.pop("check_types", True)
    kwargs.pop("expand_composites", None)
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types)
    flat = zip(*map(flatten, structure))
    return pack_sequence_as(structure[0], [func(*leaves, **kwargs) for leaves in flat])
