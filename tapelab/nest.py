"""Nested structures: sequences, mappings and what says how to be taken apart, flattened and rebuilt."""

import functools
import operator
from collections import defaultdict
from collections.abc import Mapping, MappingView, Sequence

from .dtypes import TensorShape


@functools.lru_cache(1024)  # so that each class is looked up among the abstract ones once
def _comes_apart(kind):
    if issubclass(kind, (Sequence, Mapping, MappingView)):
        return not issubclass(kind, (str, bytes, TensorShape))
    return hasattr(kind, "__tf_flatten__")


def _is_nested(x):
    return _comes_apart(type(x))


def _any_nested(children):
    return any(map(_comes_apart, set(map(type, children))))  # a few types, of many children


def is_nested(seq):
    """True for a sequence, a mapping or its views, and an object with `__tf_flatten__`.

    A class of one's own (a dataclass, say) takes part with `__tf_flatten__(self)`, which returns
    (anything to remember, tuple of the parts), and a class method `__tf_unflatten__(remembered, parts)`.
    """
    return _is_nested(seq)


def _children(x):
    if isinstance(x, (list, tuple)):
        return x
    if isinstance(x, Mapping):
        return [x[k] for k in sorted(x)]
    return list(x) if isinstance(x, (Sequence, MappingView)) else list(x.__tf_flatten__()[1])


def flatten(structure, expand_composites=False):
    """The leaves from left to right; mappings in the order of their sorted keys.

    >>> flatten({"b": 1, "a": [2, (3, 4)]})
    [2, 3, 4, 1]
    """
    if not _is_nested(structure):
        return [structure]
    children = _children(structure)
    if not _any_nested(children):  # most structures: a list of variables
        return list(children)
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


def with_paths(structure, path=()):
    """Pairs (path, leaf), in the order of `flatten`; a path is a tuple of keys, field names and indices.

    >>> list(with_paths({"a": [5, 6]}))
    [(('a', 0), 5), (('a', 1), 6)]
    """
    if not _is_nested(structure):
        yield path, structure
        return
    children = _children(structure)
    keys = sorted(structure) if isinstance(structure, Mapping) else range(len(children))
    for key, child in zip(getattr(structure, "_fields", keys), children):
        yield from with_paths(child, (*path, key))


def _rebuild(like, values):
    kind = type(like)
    if isinstance(like, Mapping):
        found = dict(zip(sorted(like), values))
        found = {k: found[k] for k in like}
        return kind(like.default_factory, found) if kind is defaultdict else kind(found)
    if not isinstance(like, (Sequence, MappingView)):
        return kind.__tf_unflatten__(like.__tf_flatten__()[0], tuple(values))
    if hasattr(like, "_fields"):
        return kind(*values)
    return list(values) if isinstance(like, (range, MappingView)) else kind(values)


def pack_sequence_as(structure, flat_sequence, expand_composites=False):
    """The structure with its leaves replaced from a flat sequence. ValueError when the count differs,
    TypeError for what is no sequence.

    >>> pack_sequence_as({"a": 0, "b": [0]}, [5, 6])
    {'a': 5, 'b': [6]}
    """
    if isinstance(flat_sequence, (str, bytes)) or not hasattr(flat_sequence, "__iter__"):
        raise TypeError(
            f"Attempted to pack value: {flat_sequence!r} into a structure, but found incompatible type "
            f"`{type(flat_sequence)}` instead of a list."
        )
    flat = list(flat_sequence)
    expected = len(flatten(structure))
    if expected != len(flat):
        raise ValueError(
            f"Could not pack sequence. Structure had {expected} atoms, but flat_sequence had {len(flat)} "
            f"items. Structure: {structure}, flat_sequence: {flat}."
        )
    if type(structure) in (list, tuple) and not _any_nested(structure):
        return type(structure)(flat)
    leaves = iter(flat)

    def build(like):
        if not _is_nested(like):
            return next(leaves)
        return _rebuild(like, [build(child) for child in _children(like)])

    return build(structure)


def taken_apart(structure):
    """The leaves, as `flatten` gives them, and a function that puts others in their place."""
    if not _is_nested(structure):
        return [structure], operator.itemgetter(0)
    if type(structure) is list and not _any_nested(structure):
        return structure.copy(), list
    return flatten(structure), functools.partial(pack_sequence_as, structure)


def assert_same_structure(nest1, nest2, check_types=True, expand_composites=False):
    """ValueError when two structures differ, TypeError when only their types do."""
    one, two = _is_nested(nest1), _is_nested(nest2)
    if one and two and check_types and not _same_kind(nest1, nest2):
        raise TypeError(
            f"The two structures don't have the same nested structure: {type(nest1)} is not {type(nest2)}."
        )
    parts = (_children(nest1), _children(nest2)) if one and two else ((), ())
    if one != two or len(parts[0]) != len(parts[1]):
        raise ValueError(
            "The two structures don't have the same nested structure.\n\n"
            f"First structure: type={type(nest1).__name__} str={nest1}\n\n"
            f"Second structure: type={type(nest2).__name__} str={nest2}"
        )
    if one:
        if isinstance(nest1, Mapping) and isinstance(nest2, Mapping) and set(nest1) != set(nest2):
            raise ValueError(f"The two dictionaries don't have the same keys: {nest1} and {nest2}.")
        for a, b in zip(*parts):
            assert_same_structure(a, b, check_types)


def _same_kind(a, b):
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return True
    named = getattr(a, "_fields", None)
    return type(a) is type(b) or (
        named is not None
        and named == getattr(b, "_fields", None)
        and type(a).__name__ == type(b).__name__
    )


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
