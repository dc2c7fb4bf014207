"""Names: how a string or a dict becomes an object, and how an object gets its default name."""

import collections
import inspect
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


class Configured:
    """What can be made again from its arguments, which attributes of the same names hold."""

    def get_config(self):
        """The arguments that make such an object, as far as attributes of their names hold them."""
        found, classes = {}, [c for c in type(self).__mro__[:-1] if "__init__" in vars(c)]
        for c in classes:
            parameters = inspect.signature(c.__init__).parameters.values()
            own = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
            found = {k: serialize(vars(self)[k]) for k in own if k in vars(self)} | found
            if all(p.kind is not p.VAR_KEYWORD for p in parameters):  # no way to give more
                break
        return found

    @classmethod
    def from_config(cls, config):
        """A new object of what `get_config` returned."""
        return cls(**config)


def serialize(x):
    """What stands for an object in a config: a dict; for a function of Keras's, its name.

    >>> import tapelab as tf
    >>> tf.keras.initializers.serialize(tf.keras.initializers.Constant(2.0))["config"]
    {'value': 2.0}
    """
    if isinstance(x, Configured):
        place, name = type(x).__module__, type(x).__name__
        keras = place.removeprefix("tapelab.").replace(".schedules", ".optimizers.schedules")
        module, registered = (None, name) if keras == place else (keras, None)
        return {
            "module": module, "class_name": name, "config": x.get_config(), "registered_name": registered,
        }  # fmt: skip
    named = (getattr(x, "__module__", None) or "").startswith("tapelab.")
    return x.__name__ if named and inspect.isfunction(x) else x


def deserialize(what, config, table):
    """An object of what `serialize` returned. ValueError for a class that is not in the table."""
    classes = {k: v for k, v in table.items() if isinstance(v, type)}
    name, arguments = config.get("class_name"), config.get("config", {})
    if not isinstance(name, str) or name not in classes or not isinstance(arguments, dict):
        raise ValueError(
            f"Could not interpret {what} config: {config}. A config has 'class_name', one of "
            f"{sorted(k for k in classes if k != k.lower())}, and 'config', the arguments by name."
        )
    return classes[name].from_config(arguments)


def lookup(what, identifier, table, make=True):
    """The object that a string, dict (see `serialize`), class, callable or None stands for.

    Args:
      what: the kind of object, for the message. table: name -> class or function.
      make: whether classes are instantiated with their defaults.
    Raises:
      ValueError: an unknown name, or something that cannot be called.
    """
    if isinstance(identifier, dict) and "class_name" in identifier:
        return deserialize(what, identifier, table)
    found = identifier
    if isinstance(identifier, str):
        found = table.get(identifier, table.get(snake_case(identifier)))
    if found is None and identifier is not None or found is not None and not callable(found):
        known = ", ".join(sorted(k for k in table if k == k.lower()))
        raise ValueError(
            f"Could not interpret {what} identifier: {identifier}. Known names: {known}; an object "
            "or a function will do as well."
        )
    made = found() if make and isinstance(found, type) else found
    if made is not None and not callable(made) and not isinstance(made, Configured):
        raise ValueError(f"Could not interpret {what} identifier: {identifier} makes {made}, no function.")
    return made


def table_of(namespace, base):
    """Name -> class, for the subclasses of `base` in a module's namespace."""
    found = {}
    for name, value in namespace.items():
        is_class = isinstance(value, type) and issubclass(value, base) and value is not base
        if is_class and not name.startswith("_"):
            found[name] = found[snake_case(name)] = value
    return found
