"""tf.Module: an object that finds the variables among its attributes."""

import functools
import re

from . import nest
from .control import name_scope


def _snake(name):
    name = re.sub(r"[^a-zA-Z0-9]", "_", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def _holds_variables(x):
    """Whether it is a module, or a Keras layer."""
    return isinstance(x, Module) or hasattr(x, "trainable_variables")


def _held(x, key=None, with_path=True):
    """The leaves of a module's attributes, with their paths (or without); the variables of a layer."""
    if not isinstance(x, Module):
        return [(("variables", i), v) for i, v in enumerate(x.variables)]
    found = []
    for name in sorted(vars(x), key=key):
        if name not in x._TF_MODULE_IGNORED_PROPERTIES:
            try:
                if with_path:
                    found += [((name, *at), leaf) for at, leaf in nest.with_paths(vars(x)[name])]
                else:
                    found += [((), leaf) for leaf in nest.flatten(vars(x)[name])]
            except Exception as e:
                raise ValueError(
                    f"Error processing property {name!r} of {vars(x)[name]!r}: {e}"
                ) from e
    return found


class Module:
    """Base class for things that own variables: they are found by themselves.

    Variables are collected from attributes in the order of the attributes' names, from lists,
    tuples and dicts among them, and from other modules.

    Raises ValueError for a name that is no Python identifier.

    >>> import tapelab as tf
    >>> class Line(tf.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.w, self.b = tf.Variable(5.0, name="w"), tf.Variable(0.0, name="b")
    ...     def __call__(self, x):
    ...         return self.w * x + self.b
    >>> [v.name for v in Line().trainable_variables]
    ['b:0', 'w:0']
    """

    _name = _scope = None
    _TF_MODULE_IGNORED_PROPERTIES = frozenset(["_name", "_scope", "_awaits"])  # a subclass may add some

    def __init__(self, name=None):
        if not isinstance(name, (str, type(None))):
            raise TypeError(f"The name of a module must be a string, not {name!r}.")
        if name is not None and not name.isidentifier():
            raise ValueError(
                f"{name!r} is not a valid module name. Module names must be valid Python identifiers."
            )
        self._name = name
        with name_scope(self.name) as scope:
            self._scope = name_scope(scope)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if "_awaits" in vars(self):  # a checkpoint restored before this attribute was set
            self._awaits.match()

    @property
    def name(self):
        """The name given, or the class's in snake_case."""
        return self._name or _snake(type(self).__name__)

    @property
    def name_scope(self):
        """A `tf.name_scope` with this module's name, behind that of the scope it was made in."""
        self._scope = self._scope or name_scope(f"{self.name}/")
        return self._scope

    @staticmethod
    def with_name_scope(method):
        """A method that runs inside the module's name scope."""

        @functools.wraps(method)
        def inside(self, *args, **kwargs):
            with self.name_scope:
                return method(self, *args, **kwargs)

        return inside

    def _flatten(
        self, recursive=True, predicate=None, attribute_traversal_key=None, with_path=False,
        expand_composites=False,
    ):  # fmt: skip
        """What the attributes hold, own things first, then what the modules among them hold.

        Args:
          recursive: look into modules, too. predicate: which things count; all by default.
          attribute_traversal_key: key by which the attributes' names are sorted.
          with_path: give (path, thing) pairs, where a path is a tuple of names, keys and indices; then a
            thing comes once for each path to it.
        Returns:
          An iterator. ValueError for a structure whose keys cannot be sorted.
        """
        seen, waiting = {id(self)}, [((), self, ())]
        while waiting:
            path, module, around = waiting.pop(0)
            inner, around = [], (*around, id(module))
            for at, x in _held(module, attribute_traversal_key, with_path):
                if not with_path and id(x) in seen:
                    continue
                seen.add(id(x))
                if predicate is None or predicate(x):
                    yield (path + at, x) if with_path else x
                if recursive and _holds_variables(x) and id(x) not in around:  # no circles
                    inner.append((path + at, x, around))
            waiting = inner + waiting

    @property
    def variables(self):
        """All variables, those of submodules included."""
        return tuple(self._flatten(predicate=lambda x: hasattr(x, "assign")))

    @property
    def trainable_variables(self):
        """The variables with `trainable=True`."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self):
        """The variables with `trainable=False`."""
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self):
        """All modules among the attributes, at any depth."""
        return tuple(self._flatten(predicate=lambda x: isinstance(x, Module)))
