"""tf.train: checkpoints, one .npz file each. Only arrays are stored, nothing is unpickled."""

import contextlib
import os
import re

from . import _files
from .errors import NotFoundError
from .tensor import Tensor, as_tensor, constant


def _children(x):
    """What an object holds, by name: (name, object) pairs; None for what holds nothing."""
    if isinstance(x, dict):
        return [(str(k), x[k]) for k in sorted(x, key=str)]
    if isinstance(x, (list, tuple)):
        return [(str(i), v) for i, v in enumerate(x)]
    if hasattr(x, "assign"):
        return None
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
    return held or hasattr(value, "assign")


def _walk(objects):
    """(every variable under its path, each once; everything that can get variables later)."""
    found, holders, queue = {}, {}, [(name, x) for name, x in sorted(objects.items())]
    while queue:
        path, x = queue.pop(0)
        if id(x) in holders:
            continue
        holders[id(x)] = x
        if hasattr(x, "assign"):
            if path in found:
                raise ValueError(f"Two variables would be stored as {path!r}: rename a key or attribute.")
            found[path] = x
        queue = [(f"{path}/{k}", v) for k, v in _children(x) or ()] + queue
    plain = (dict, list, tuple)
    return found, [
        x for x in holders.values() if not isinstance(x, plain) and _children(x) is not None
    ]


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
        self._objects = dict(kwargs) if root is None else {"root": root, **kwargs}
        for name, x in self._objects.items():
            if not hasattr(x, "assign") and _children(x) is None:
                raise ValueError(
                    f"`Checkpoint` was expecting {name} to be a trackable object, got {x!r}. It "
                    "keeps variables and what holds them: modules, layers, models, optimizers, lists, "
                    "dicts. A number can be kept as tf.Variable(number, trainable=False)."
                )
        self._status, self.save_counter = None, 0
        for name, x in kwargs.items():
            setattr(self, name, x)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        if name.startswith("_"):
            return
        if hasattr(value, "assign") or _children(value) is not None:
            self._objects[name] = value  # an attribute is saved like what was given by name
            if self._status is not None:  # restored before it was set
                self._status.match()
        else:
            self._objects.pop(name, None)

    def write(self, file_prefix, options=None):
        """Write the variables to `file_prefix`.npz; returns `file_prefix`."""
        path = os.fspath(file_prefix)
        variables = _walk(self._objects)[0]
        for v in variables.values():
            if hasattr(v, "settle"):
                v.settle()
        values = {name: as_tensor(v)._a for name, v in variables.items()}
        _files.write_arrays(path + ".npz", values)
        return path

    def save(self, file_prefix, options=None):
        """Write a numbered checkpoint; `latest_checkpoint` finds it. Returns its path."""
        self.save_counter += 1
        return self.write(f"{os.fspath(file_prefix)}-{self.save_counter}")

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
        status = _Status(self._objects, {} if save_path is None else _read(save_path))
        status.match()
        self._status = status
        if number := re.search(r"-(\d+)$", os.fspath(save_path or "")):
            self.save_counter = max(self.save_counter, int(number[1]))  # `save` goes on from there
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

    def __init__(self, objects, stored):
        self._objects, self._known, self._waiting = objects, stored.keys(), dict(stored)

    def match(self):
        """Assign the values whose variables are there; the others wait for theirs to be made."""
        here, holders = _walk(self._objects)
        fitting = {name: here[name] for name in self._waiting.keys() & here.keys()}
        values = {}
        try:
            for name, v in fitting.items():
                values[name] = _value(name, self._waiting[name], v)
        except ValueError:
            for x in holders:
                vars(x).pop("_awaits", None)
            raise
        for name, v in fitting.items():
            v.assign(values[name])
            del self._waiting[name]
        for x in holders:
            if self._waiting:
                vars(x)["_awaits"] = self
            elif vars(x).get("_awaits") is self:
                del vars(x)["_awaits"]

    def _missing(self):
        return sorted(_walk(self._objects)[0].keys() - self._known) if self._known else []

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


def _read(path):
    try:
        return _files.read_arrays(os.fspath(path) + ".npz")
    except FileNotFoundError:
        raise NotFoundError(
            f"Unsuccessful: no checkpoint {os.fspath(path)!r} (no such file with .npz)."
        ) from None


def list_variables(ckpt_dir_or_file):
    """(name, shape) of everything in a checkpoint."""
    return [(name, list(a.shape)) for name, a in sorted(_read(ckpt_dir_or_file).items())]


def load_variable(ckpt_dir_or_file, name):
    """One stored value as an array."""
    stored = _read(ckpt_dir_or_file)
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
    for file in os.listdir(directory) if os.path.isdir(directory) else ():
        if m := re.fullmatch(rf"({name}-(\d+))\.npz", file):
            written = os.stat(os.path.join(directory, file)).st_mtime_ns
            found.append((written, int(m[2]), os.path.join(directory, m[1])))
    return found


class CheckpointManager:
    """Keeps the last `max_to_keep` checkpoints in a directory, those of earlier runs included."""

    def __init__(self, checkpoint, directory, max_to_keep, checkpoint_name="ckpt", **kwargs):
        self._checkpoint, self._keep = checkpoint, max_to_keep
        self._directory, self._name = os.fspath(directory), checkpoint_name
        self.checkpoints = [path for *_, path in sorted(self._here())]

    def _here(self):
        return _numbered(self._directory, re.escape(self._name))

    @property
    def latest_checkpoint(self):
        """The path of the checkpoint written last, or None."""
        return self.checkpoints[-1] if self.checkpoints else latest_checkpoint(self._directory)

    def save(self, checkpoint_number=None):
        """Write a checkpoint and remove those that are too many; returns its path.

        Numbers go on from the largest in the directory, so that nothing is overwritten.
        """
        prefix = os.path.join(self._directory, self._name)
        if checkpoint_number is None:
            used = [number for _, number, _ in self._here()]
            self._checkpoint.save_counter = max(self._checkpoint.save_counter, *used, 0)
            path = self._checkpoint.save(prefix)
        else:
            path = self._checkpoint.write(f"{prefix}-{int(checkpoint_number)}")
        self.checkpoints = [p for p in self.checkpoints if p != path] + [path]
        while self._keep and len(self.checkpoints) > self._keep:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.checkpoints.pop(0) + ".npz")
        return path
