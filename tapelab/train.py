"""tf.train: checkpoints, one .npz file each. Only arrays are stored, nothing is unpickled."""

import contextlib
import functools
import os
import re

import numpy as np

from . import _files
from .errors import NotFoundError
from .tensor import Tensor, Variable, as_tensor, constant, integer

_ALIASES = "_CHECKPOINTABLE_OBJECT_GRAPH"  # the entry of a file that says what else its names are called


def _join(path, name):
    return f"{path}/{name}" if path else name


def _children(x):
    """What an object holds, by name: (name, object) pairs; None for what holds nothing."""
    if isinstance(x, dict):
        return [(str(k), x[k]) for k in sorted(x, key=str)]
    if isinstance(x, (list, tuple)):
        return [(str(i), v) for i, v in enumerate(x)]
    if hasattr(x, "assign"):
        return None
    if isinstance(x, Checkpoint):
        root = [("root", x._root)] if hasattr(x._root, "assign") else _children(x._root) or []
        return root + [(k, v) for k, v in sorted(vars(x).items()) if k not in ("_root", "_count", "_awaits")]
    if hasattr(x, "_tracked"):  # Keras layers and metrics: what add_weight made, what they hold
        own = [(str(i), v) for i, v in enumerate(x._weights)]
        return own + [(k, v) for k, v in vars(x).items() if _belongs(x, k, v)]
    if hasattr(x, "_flatten"):
        return [(k, v) for k, v in sorted(vars(x).items()) if k not in ("_name", "_awaits")]
    if isinstance(getattr(x, "variables", None), (list, tuple)):  # optimizers
        return [(str(i), v) for i, v in enumerate(x.variables)]
    return None


def _belongs(layer, name, value):
    """Whether a layer's attribute is part of it: a variable, a layer, a container; no metric."""
    held = name in layer._tracked and not (
        hasattr(value, "_tracked") and not hasattr(value, "trainable_weights")
    )
    return held or hasattr(value, "assign") or hasattr(value, "apply_gradients")


def _parts(x):
    """What has the attributes that `_children` names: the object, or a checkpoint and its root."""
    return (x, x._root) if isinstance(x, Checkpoint) else () if hasattr(x, "assign") else (x,)


class _Graph:
    """What a checkpoint reaches: the variables and their holders, each under its shortest path."""

    def __init__(self, root):
        self.nodes, self.edges, paths = {"": root}, {}, {id(root): ""}
        todo = [("", _children(root))]
        for path, children in todo:
            self.edges[path] = []
            for name, x in children:
                if id(x) not in paths:
                    inner = [] if hasattr(x, "assign") else _children(x)
                    if inner is None:
                        continue
                    paths[id(x)] = at = _join(path, name)
                    if at in self.nodes:
                        raise ValueError(
                            f"Two things would be stored as {at!r}: rename a key or attribute."
                        )
                    self.nodes[at] = x
                    todo.append((at, inner))
                self.edges[path].append((name, paths[id(x)]))
        self.variables = {path: x for path, x in self.nodes.items() if hasattr(x, "assign")}

    def aliases(self):
        """The other names: name -> path."""
        several = {_join(path, name): at for path in self.edges for name, at in self.edges[path]}
        return {name: at for name, at in several.items() if name != at}

    def common(self, known, aliases):
        """(path here, name there) of what is here and known in a file, along every way to it."""
        todo = [("", "")]
        met = set(todo)
        for here, there in todo:
            for name, at in self.edges[here]:
                name = _join(there, name)
                pair = at, aliases.get(name, name)
                if pair[1] in known and pair not in met:
                    met.add(pair)
                    todo.append(pair)
        return todo


def _watching(kind, *methods):
    """A list or dict that tells the checkpoint restored before when something is put into it."""

    def telling(method):
        @functools.wraps(method)
        def put(self, *args, **kwargs):
            result = method(self, *args, **kwargs)
            if "_awaits" in vars(self):
                self._awaits.match()
            return result

        return put

    copied = {"__reduce__": lambda self: (kind, (kind(self),))}
    return type(kind.__name__, (kind,), {m: telling(getattr(kind, m)) for m in methods} | copied)


_WATCHING = {
    list: _watching(list, "append", "extend", "insert", "__setitem__", "__iadd__"),
    dict: _watching(dict, "__setitem__", "update", "setdefault", "__ior__"),
}


def _watched(x, status):
    """A list or dict, and those inside it, as such that tell a status; anything else as it is."""
    if type(x) not in _WATCHING:
        return x
    pairs = x.items() if type(x) is dict else enumerate(x)
    inner = {k: _watched(v, status) for k, v in pairs}
    x = _WATCHING[type(x)](inner if type(x) is dict else inner.values())
    vars(x)["_awaits"] = status
    return x


class Checkpoint:
    """Saves the variables of modules, layers, models and optimizers, and restores them.

    Args:
      root: an object to save. kwargs: more of them, by name. Attributes set later are saved, too.

    >>> import tapelab as tf, tempfile
    >>> v = tf.Variable(1.0)
    >>> ckpt = tf.train.Checkpoint(step=v)
    >>> path = ckpt.write(tempfile.mkdtemp() + "/here")
    >>> v.assign(5.0), ckpt.restore(path).assert_consumed() and float(v)
    (<tf.Variable 'Variable:0' shape=() dtype=float32, numpy=1.0>, 1.0)
    """

    def __init__(self, root=None, **kwargs):
        for name, x in (kwargs if root is None else {"root": root, **kwargs}).items():
            if not hasattr(x, "assign") and _children(x) is None:
                raise ValueError(
                    f"`Checkpoint` was expecting {name} to be a trackable object, got {x!r}. It "
                    "keeps variables and what holds them: modules, layers, models, optimizers, "
                    "checkpoints, lists, dicts. A number can be kept as "
                    "tf.Variable(number, trainable=False)."
                )
        self._root, self._count = root, Variable(np.int64(0), name="save_counter", trainable=False)
        vars(self).update(kwargs)

    save_counter = property(lambda self: self._count, doc="How often `save` was called: a variable.")

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if "_awaits" in vars(self):  # restored before it was set
            self._awaits.match()

    def write(self, file_prefix, options=None):
        """Write the variables to `file_prefix`.npz; returns `file_prefix`."""
        path, graph = _files.path_of(file_prefix), _Graph(self)
        for v in graph.variables.values():
            if hasattr(v, "settle"):
                v.settle()
        values = {name: as_tensor(v)._a for name, v in graph.variables.items()}
        if aliases := list(graph.aliases().items()):
            values[_ALIASES] = np.array(aliases)
        _files.write_arrays(path + ".npz", values)
        return path

    def save(self, file_prefix, options=None):
        """Write a numbered checkpoint; `latest_checkpoint` finds it. Returns its path."""
        prefix = _files.path_of(file_prefix)
        path = self.write(f"{prefix}-{int(self._count) + 1}")
        self._count.assign_add(1)
        return path

    def read(self, save_path, options=None):
        """Assign the variables of a checkpoint, as `restore`."""
        return self.restore(save_path)

    def restore(self, save_path, options=None):
        """Assign the variables stored in a checkpoint; None changes nothing.

        Variables that modules and layers make later get their stored values when they are made.

        Returns:
          A status: `assert_consumed()` raises AssertionError if a stored value found no variable.
        Raises:
          NotFoundError: no such checkpoint. ValueError: a stored value of another shape.
        """
        path = None if save_path is None else _found(save_path)
        status = _Status(self, *(({}, {}) if path is None else _read(path)))
        status.match()
        if number := re.search(r"-(\d+)$", path or ""):
            self._count.assign(max(int(self._count), int(number[1])))  # `save` goes on from there
        return status


def _value(name, stored, v):
    """A stored array as what can be assigned to the variable. ValueError for another shape or dtype."""
    own = v._t._a
    if not v.shape.is_compatible_with(stored.shape):
        raise ValueError(
            f"Received incompatible tensor with shape {stored.shape} when attempting to restore variable "
            f"with shape {v.shape} and name {name}."
        )
    if stored.dtype.kind == "S" and own.dtype.kind == "O":
        return Tensor(stored.astype(object))
    if stored.dtype != own.dtype:
        raise ValueError(
            f"Received a tensor of dtype {stored.dtype} when attempting to restore variable {name} of "
            f"dtype {v.dtype}."
        )
    return Tensor(stored[()])


class _Status:
    """What becomes of the values of a checkpoint."""

    def __init__(self, checkpoint, stored, aliases):
        self._checkpoint, self._aliases = checkpoint, aliases
        self._known, self._waiting = stored.keys(), dict(stored)
        split = [name.split("/") for name in (*stored, *aliases)]
        self._paths = {"/".join(parts[:i]) for parts in split for i in range(len(parts) + 1)}

    def match(self):
        """Assign the values whose variables are there; the others wait for theirs to be made."""
        graph = _Graph(self._checkpoint)
        common, values = graph.common(self._paths, self._aliases), {}
        holders = [y for x in graph.nodes.values() for y in _parts(x) if hasattr(y, "__dict__")]
        fitting = [(here, name) for here, name in common if name in self._waiting]
        try:
            for here, name in fitting:
                value = _value(name, self._waiting[name], graph.nodes[here])
                values.setdefault(here, value)
        except ValueError:
            for x in holders:
                vars(x).pop("_awaits", None)
            raise
        for here, value in values.items():
            graph.nodes[here].assign(value)
        for _, name in fitting:
            self._waiting.pop(name, None)
        for x in holders:
            if self._waiting:
                vars(x)["_awaits"] = self
            elif vars(x).get("_awaits") is self:
                del vars(x)["_awaits"]
        for here, there in common:  # a list that lacks something shall tell when it gets it
            for x in _parts(graph.nodes[here]):
                x = x if isinstance(x, (list, dict)) else getattr(x, "__dict__", {})
                for k, v in list(x.items() if isinstance(x, dict) else enumerate(x)):
                    if type(v) not in _WATCHING or (inside := _join(there, k)) not in self._paths:
                        continue
                    if any(n.startswith(f"{inside}/") for n in self._waiting):
                        (dict if isinstance(x, dict) else list).__setitem__(x, k, _watched(v, self))

    def _missing(self):
        if not self._known:
            return []
        graph = _Graph(self._checkpoint)
        found = {here for here, name in graph.common(self._paths, self._aliases) if name in self._known}
        return sorted(graph.variables.keys() - found)

    def assert_consumed(self):
        """AssertionError unless every stored value and every variable found its partner."""
        unused, missing = sorted(self._waiting), self._missing()
        if unused or missing:
            raise AssertionError(
                f"Unresolved: stored but not here {unused}; here but not stored {missing}."
            )
        return self

    def assert_existing_objects_matched(self):
        """AssertionError unless every variable found a stored value."""
        if missing := self._missing():
            raise AssertionError(f"Not in the checkpoint: {missing}.")
        return self

    def expect_partial(self):
        """Nothing is warned about anyway."""
        return self


def _found(path):
    """The path of a checkpoint; a directory stands for the latest in it."""
    path = _files.path_of(path)
    return path if os.path.exists(path + ".npz") else latest_checkpoint(path) or path


def _read(path):
    """What is stored, name -> array, and the other names, name -> path."""
    path = _found(path)
    try:
        stored = _files.read_arrays(path + ".npz")
    except FileNotFoundError:
        raise NotFoundError(
            f"Unsuccessful: no checkpoint {path!r} (no such file with .npz)."
        ) from None
    return stored, dict(stored.pop(_ALIASES, np.empty((0, 2))).tolist())


def list_variables(ckpt_dir_or_file):
    """(name, shape) of everything in a checkpoint."""
    return [(name, list(a.shape)) for name, a in sorted(_read(ckpt_dir_or_file)[0].items())]


def load_variable(ckpt_dir_or_file, name):
    """One stored value as an array."""
    stored, aliases = _read(ckpt_dir_or_file)
    name = functools.reduce(lambda at, k: aliases.get(_join(at, k), _join(at, k)), name.split("/"), "")
    if name not in stored:
        raise NotFoundError(f"Key {name} not found in checkpoint; it has {sorted(stored)}.")
    return constant(stored[name]).numpy()


def latest_checkpoint(checkpoint_dir, latest_filename=None):
    """The path of the numbered checkpoint written last, or None."""
    found = _numbered(checkpoint_dir)
    return max(found)[2] if found else None


def _numbered(directory, name=r".*"):
    """(time written, number, path) of the numbered checkpoints in a directory."""
    found = []
    directory = _files.path_of(directory)
    for file in os.listdir(directory) if os.path.isdir(directory) else ():
        if m := re.fullmatch(rf"({name}-(\d+))\.npz", file):
            written = os.stat(os.path.join(directory, file)).st_mtime_ns
            found.append((written, int(m[2]), os.path.join(directory, m[1])))
    return found


class CheckpointManager:
    """Keeps the last `max_to_keep` checkpoints in a directory, those of earlier runs included.

    Args:
      max_to_keep: a positive integer, or None to keep all. checkpoint_name: how files' names begin.
      step_counter, checkpoint_interval: a variable, and by how much it must have grown since the last
        checkpoint for `save` to write one. init_fn: called by `restore_or_initialize` if there is none.

    >>> import tapelab as tf, tempfile
    >>> v = tf.Variable(1.0)
    >>> manager = tf.train.CheckpointManager(tf.train.Checkpoint(v=v), tempfile.mkdtemp(), max_to_keep=3)
    >>> path = manager.save()
    >>> v.assign(5.0), manager.restore_or_initialize() == path and float(v)
    (<tf.Variable 'Variable:0' shape=() dtype=float32, numpy=1.0>, 1.0)
    """

    def __init__(
        self, checkpoint, directory, max_to_keep, keep_checkpoint_every_n_hours=None,
        checkpoint_name="ckpt", step_counter=None, checkpoint_interval=None, init_fn=None,
    ):  # fmt: skip
        if not isinstance(checkpoint, Checkpoint):
            raise TypeError(f"`checkpoint` must be a tf.train.Checkpoint, got {checkpoint!r}.")
        if max_to_keep is not None and integer(max_to_keep, "max_to_keep", "CheckpointManager") < 1:
            raise ValueError(
                f"Expected a positive integer or `None` for `max_to_keep`, got {max_to_keep}."
            )
        if keep_checkpoint_every_n_hours is not None:
            raise ValueError(
                "`keep_checkpoint_every_n_hours` is not kept here: max_to_keep=None keeps all checkpoints."
            )
        if checkpoint_interval is not None and not hasattr(step_counter, "assign"):
            raise ValueError(
                "`step_counter`, a variable, should be passed if `checkpoint_interval` is not None."
            )
        self._checkpoint, self._keep, self._init = checkpoint, max_to_keep, init_fn
        self._directory, self._name = _files.path_of(directory), checkpoint_name
        self._steps, self._interval, self._last = step_counter, checkpoint_interval, None
        self.checkpoints = [path for *_, path in sorted(self._here())]

    checkpoint = property(lambda self: self._checkpoint, doc="The `Checkpoint` that is saved.")
    directory = property(lambda self: self._directory, doc="Where checkpoints are.")
    checkpoint_interval = property(lambda self: self._interval, doc="Steps between two checkpoints.")

    def _here(self):
        return _numbered(self._directory, re.escape(self._name))

    @property
    def latest_checkpoint(self):
        """The path of this manager's checkpoint written last, or None."""
        return self.checkpoints[-1] if self.checkpoints else None

    def restore_or_initialize(self):
        """Restore the latest checkpoint and return its path; without one, call `init_fn`: None."""
        if self.latest_checkpoint is not None:
            self._checkpoint.restore(self.latest_checkpoint)
            self._last = None if self._steps is None else int(self._steps)
        elif self._init is not None:
            self._init()
        return self.latest_checkpoint

    def save(self, checkpoint_number=None, check_interval=True, options=None):
        """Write a checkpoint and remove those that are too many; returns its path.

        Numbers go on from the largest in the directory, so that nothing is overwritten. With a
        `checkpoint_interval`, None is returned while too few steps have been made since the last.
        """
        step = None if self._interval is None else int(self._steps)
        if check_interval and None not in (step, self._last) and step < self._last + self._interval:
            return None
        prefix = os.path.join(self._directory, self._name)
        if checkpoint_number is None:
            used = [number for _, number, _ in self._here()]
            count = self._checkpoint.save_counter
            count.assign(max(int(count), *used, 0))
            path = self._checkpoint.save(prefix)
        else:
            number = integer(checkpoint_number, "checkpoint_number", "CheckpointManager.save")
            path = self._checkpoint.write(f"{prefix}-{number}")
        self._last = step
        self.checkpoints = [p for p in self.checkpoints if p != path] + [path]
        while self._keep and len(self.checkpoints) > self._keep:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.checkpoints.pop(0) + ".npz")
        return path
