"""tf.Module: an object that finds the variables among its attributes."""

import functools
import re

from .control import name_scope
from .tensor import Variable


def _snake(name):
    name = re.sub(r"[^a-zA-Z0-9]", "_", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def _inside(value):
    """A container's elements; None for what is no container."""
    if isinstance(value, dict):
        return [value[k] for k in sorted(value, key=str)]
    return list(value) if isinstance(value, (list, tuple)) else None


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

    def __init__(self, name=None):
        if name is not None and not (isinstance(name, str) and name.isidentifier()):
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

    def _flatten(self, recursive=True, predicate=lambda x: True):
        """What the attributes hold, own things first, then those of the modules among them."""
        found, seen, queue = [], {id(self)}, [self]
        while queue:
            module, queue = queue[0], queue[1:]
            attributes = vars(module)
            waiting = [attributes[k] for k in sorted(attributes) if k not in ("_name", "_awaits")]
            submodules = []
            while waiting:
                x, waiting = waiting[0], waiting[1:]
                inside = _inside(x)
                if inside is not None:
                    waiting = inside + waiting
                elif isinstance(x, (Variable, Module)) or hasattr(x, "trainable_variables"):
                    if id(x) in seen:
                        continue
                    seen.add(id(x))
                    if predicate(x):
                        found.append(x)
                    if isinstance(x, Module):
                        submodules.append(x)
                    elif not isinstance(x, Variable):  # a Keras layer knows its own
                        waiting = [*x.variables, *waiting]
                elif hasattr(x, "assign") and hasattr(x, "trainable") and id(x) not in seen:
                    seen.add(id(x))
                    if predicate(x):
                        found.append(x)
            if recursive:
                queue = submodules + queue
        return found

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
