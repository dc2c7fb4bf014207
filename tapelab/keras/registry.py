"""Names: how a string becomes an object, and how an object gets its default name."""

import collections
import re
import warnings

from ..events import caller

_used: collections.Counter = collections.Counter()


def snake_case(name):
    """The name Keras derives from a class's.

    >>> snake_case("GlobalAveragePooling2D"), snake_case("LeakyReLU")
    ('global_average_pooling2d', 'leaky_re_lu')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", name).lower()


def unique_name(base):
    """`base`, then `base_1`, `base_2`, ... for the objects of a class that got no name."""
    count = _used[base]
    _used[base] += 1
    return f"{base}_{count}" if count else base


def clear_session(free_memory=True):
    """Let the names of layers and models start again without numbers."""
    _used.clear()


def warn(text):
    """A UserWarning that shows the line of the user's program."""
    frame = caller()
    seen = frame.f_globals.setdefault("__warningregistry__", {})
    place = frame.f_code.co_filename, frame.f_lineno
    warnings.warn_explicit(text, UserWarning, *place, registry=seen)


def lookup(what, identifier, table, make=True):
    """The object that a string, class, callable or None stands for.

    Args:
      what: the kind of object, for the message. table: name -> class or function.
      make: whether classes are instantiated with their defaults.
    Raises:
      ValueError: an unknown name, or something that cannot be called.
    """
    found = identifier
    if isinstance(identifier, str):
        found = table.get(identifier, table.get(snake_case(identifier)))
    if found is None and identifier is not None or found is not None and not callable(found):
        known = ", ".join(sorted(k for k in table if k == k.lower()))
        raise ValueError(
            f"Could not interpret {what} identifier: {identifier}. Known names: {known}; an object "
            "or a function will do as well."
        )
    return found() if make and isinstance(found, type) else found


def table_of(namespace, base):
    """Name -> class, for the subclasses of `base` in a module's namespace."""
    found = {}
    for name, value in namespace.items():
        is_class = isinstance(value, type) and issubclass(value, base) and value is not base
        if is_class and not name.startswith("_"):
            found[name] = found[snake_case(name)] = value
    return found
