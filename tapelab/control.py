"""Control flow and functions: in eager mode they are Python's own, called by TensorFlow's names."""

import contextlib
import functools
import inspect
import sys
import time
import types

import numpy as np

from . import nest
from .array import concat, stack, unstack
from .dtypes import TensorShape, as_dtype
from .errors import DtypeError, InvalidArgumentError, OutOfRangeError, ShapeError
from .primitive import P
from .tensor import (
    Tensor,
    Variable,
    active,
    as_tensor,
    beside,
    convert_to_tensor,
    function_of,
    integer,
    ints,
    numpy_dtype,
    zero_array,
)  # fmt: skip

# ---------------------------------------------------------------- functions


class TensorSpec:
    """The shape and dtype of a tensor; None stands for any size, a shape of None for any rank.

    >>> import tapelab as tf
    >>> tf.TensorSpec([None, 2], tf.float32).is_compatible_with(tf.zeros([3, 2]))
    True
    """

    def __init__(self, shape, dtype="float32", name=None):
        self.shape, self.dtype, self.name = TensorShape(shape), as_dtype(dtype), name

    @classmethod
    def from_tensor(cls, tensor, name=None):
        """The spec that a tensor has."""
        return cls(tensor.shape, tensor.dtype, name)

    from_spec = from_tensor

    @property
    def rank(self):
        """Number of axes, or None."""
        return self.shape.rank

    def is_compatible_with(self, spec_or_tensor):
        """Whether a tensor, or something with shape and dtype, fits."""
        x = spec_or_tensor if hasattr(spec_or_tensor, "shape") else as_tensor(spec_or_tensor)
        return self.dtype == x.dtype and self.shape.is_compatible_with(x.shape)

    def __eq__(self, other):
        if not isinstance(other, TensorSpec):
            return NotImplemented
        return (self.shape, self.dtype, self.name) == (other.shape, other.dtype, other.name)

    def __hash__(self):
        return hash((self.shape, self.dtype))

    def __repr__(self):
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


class Function:
    """What `tf.function` returns: the Python function, called eagerly, inputs checked."""

    def __init__(self, f, input_signature=None):
        functools.update_wrapper(self, f)
        self.python_function, self.input_signature = f, input_signature
        if input_signature is not None:
            if not isinstance(input_signature, (list, tuple)):
                raise TypeError(
                    f"input_signature must be either a tuple or a list, got {type(input_signature)}."
                )
            for spec in nest.flatten(input_signature):
                if not isinstance(spec, TensorSpec):
                    raise TypeError(
                        "input_signature must be a possibly nested sequence of TensorSpec objects, got "
                        f"{spec!r}."
                    )

    def __call__(self, *args, **kwargs):
        if self.input_signature is not None:
            args, kwargs = self._checked(args, kwargs)
        return _returned(self.python_function(*args, **kwargs))

    def _checked(self, args, kwargs):
        """The arguments as tensors; TypeError when they do not fit the signature."""
        specs, name = self.input_signature, getattr(self, "__name__", "the function")
        try:
            bound = inspect.signature(self.python_function).bind(*args, **kwargs)
            given = len(bound.args)
            bound.apply_defaults()
            if given > len(specs) or len(bound.args) < len(specs):
                raise TypeError(f"{name} takes {len(specs)} arguments, got {given}")
            fitted = [
                _fitted(x, spec, f"argument {i} of {name}")
                for i, (x, spec) in enumerate(zip(bound.args, specs))
            ]
        except (TypeError, ValueError) as e:
            raise TypeError(
                f"Binding inputs to tf.function failed by its input_signature: {e}"
            ) from None
        return (*fitted, *bound.args[len(specs) :]), bound.kwargs

    def get_concrete_function(self, *args, **kwargs):
        """The function itself: there is no graph to make, so it is the same for every signature."""
        return self

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return Function(types.MethodType(self.python_function, instance), self.input_signature)


def _fitted(x, spec, what):
    """An argument, or a structure of them, as tensors that fit their specs."""
    if not isinstance(spec, TensorSpec):
        keys = lambda s: set(s) if isinstance(s, dict) else len(s)
        if type(spec) is not type(x) or keys(spec) != keys(x):
            raise TypeError(f"Can not cast {x} to {spec} ({what}).")
        parts = zip(nest._children(x), nest._children(spec))
        return nest._rebuild(x, [_fitted(part, s, what) for part, s in parts])
    t = beside(x, spec.dtype._np)
    if not spec.is_compatible_with(t):
        raise TypeError(
            f"Can not cast TensorSpec(shape={tuple(t.shape)}, dtype={t.dtype!r}) to {spec} ({what})."
        )
    return t


def _returned(result):
    """What leaves a tf.function is a tensor; numbers become tensors, None stays."""
    known = (Tensor, type(None))
    return nest.map_structure(
        lambda x: x if isinstance(x, known) or not isinstance(x, CONVERTED) else as_tensor(x),
        result,
    )


CONVERTED = (Variable, bool, int, float, complex, str, np.ndarray, np.generic)


def function(
    func=None, input_signature=None, autograph=True, jit_compile=None, reduce_retracing=False,
    experimental_implements=None, experimental_autograph_options=None, experimental_attributes=None,
    experimental_relax_shapes=None, experimental_compile=None, experimental_follow_type_hints=None,
):  # fmt: skip
    """A function that runs as it is written: there is no graph, every call runs the Python code.

    As TensorFlow with `tf.config.run_functions_eagerly(True)`. An `input_signature` is checked
    (TypeError); the other arguments are accepted and change nothing.

    >>> import tapelab as tf
    >>> @tf.function
    ... def double(x):
    ...     return x + x
    >>> double(tf.constant(2.0)).numpy().item()
    4.0
    """
    if func is None:
        return lambda f: function(f, input_signature)
    return Function(func, input_signature)


def _decorator(call, func, Tout):
    """`func`, or whatever is decorated, as a function of tensors that goes through `call`."""
    bind = lambda f: functools.wraps(f)(lambda *args: call(f, args, Tout))
    return bind if func is None else bind(func)


def _results(result, Tout, convert):
    """What a Python function returned, as a tensor of dtype `Tout` or a list of them."""
    if Tout is None or isinstance(Tout, (list, tuple)):
        Tout = Tout or []
        one = not isinstance(result, (list, tuple))
        result = [result] * (result is not None) if one else result
        if len(result) != len(Tout):
            raise InvalidArgumentError(
                f"The function returned {len(result)} values, but Tout has {len(Tout)} dtypes "
                f"[Op:EagerPyFunc]"
            )
        return list(map(convert, result, Tout))
    return convert(result, Tout)


def py_function(func=None, inp=None, Tout=None, name=None):
    """`func(*inp)` with its results as tensors of the dtypes `Tout`; gradients flow through.

    Without `inp` (and `func`) a decorator: `@tf.py_function(Tout=tf.float32)`.
    """
    if inp is None:
        return _decorator(py_function, func, Tout)
    return _results(func(*[as_tensor(x) for x in inp]), Tout, convert_to_tensor)


def numpy_function(func=None, inp=None, Tout=None, stateful=True, name=None):
    """`func` called with NumPy arrays, its results as tensors of `Tout`; no gradient passes.

    Without `inp` (and `func`) a decorator: `@tf.numpy_function(Tout=tf.float32)`.
    """
    if inp is None:
        return _decorator(numpy_function, func, Tout)
    values = [as_tensor(x).numpy() for x in inp]
    result = func(*[x if isinstance(x, bytes) else np.asarray(x) for x in values])

    def convert(r, dtype):
        d = numpy_dtype(dtype)
        return as_tensor(r if d.kind == "O" else np.asarray(r, d))

    return _results(result, Tout, convert)


# ---------------------------------------------------------------- conditions and loops


def cond(pred, true_fn=None, false_fn=None, name=None):
    """`true_fn()` if the condition holds, else `false_fn()`; only that one is called.

    Raises TypeError for a branch that is not callable, ValueError for a condition that is not one value.

    >>> import tapelab as tf
    >>> tf.cond(tf.constant(2.0) > 1.0, lambda: "larger", lambda: "not larger")
    'larger'
    """
    function_of(true_fn, "true_fn"), function_of(false_fn, "false_fn")
    if as_tensor(pred)._a.size != 1:
        raise ShapeError(f"`pred` of tf.cond must be one value, got {pred!r}.")
    return true_fn() if pred else false_fn()


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """The function of the first condition that holds, called; else `default()`.

    Raises TypeError for a condition that is no tensor, InvalidArgumentError when nothing holds and
    there is no default, or when `exclusive` and more than one does. `strict` changes nothing.
    """
    if not isinstance(pred_fn_pairs, (list, tuple)) or any(
        not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in pred_fn_pairs
    ):
        raise TypeError(f"pred_fn_pairs must be a list of (tensor, function), got {pred_fn_pairs!r}.")
    for p, _ in pred_fn_pairs:
        if not isinstance(p, (Tensor, Variable)):
            raise TypeError(
                f"pred must be a Tensor, got: {p!r}. Compare tensors, or use Python's if."
            )
    holding = [f for p, f in pred_fn_pairs if p] if exclusive and default is not None else ()
    if len(holding) > 1:  # without a default, TensorFlow does not look either
        raise InvalidArgumentError("More than one condition evaluated as True [Op:Case]")
    chosen = next((f for p, f in pred_fn_pairs if p), default)
    if chosen is None:
        raise InvalidArgumentError("None of conditions evaluated as True [Op:Case]")
    return function_of(chosen, "pred_fn_pairs")()


def switch_case(branch_index, branch_fns, default=None, name="switch_case"):
    """The function number `branch_index`, called; `default` (or the last) when there is none such.

    Raises TypeError for an index that is no integer tensor, ValueError for keys other than 0, 1, 2, ...
    """
    if not isinstance(branch_index, (Tensor, Variable)):
        raise TypeError(
            f"'branch_index' must be a Tensor, got {type(branch_index)}. A Python number indexes a list."
        )
    if not isinstance(branch_fns, (dict, list, tuple)) or not branch_fns:
        raise TypeError(f"branch_fns must be a list or dict of functions, got {branch_fns!r}.")
    if as_tensor(branch_index)._a.dtype.kind not in "iu":
        raise DtypeError(f"'branch_index' must be an integer Tensor, got {branch_index.dtype!r}.")
    if isinstance(branch_fns, dict):
        pairs = list(branch_fns.items())
    elif all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in branch_fns):
        pairs = list(branch_fns)
    else:
        pairs = list(enumerate(branch_fns))
    table, keys = dict(pairs), [k for k, _ in pairs]
    if set(keys) != set(range(len(keys))):
        raise ValueError(
            f"branch indices (keys) must form contiguous range of [0 to {len(keys)}) but found {keys}"
        )
    return function_of(table.get(int(branch_index), default or table[max(table)]), "branch_fns")()


def while_loop(
    cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True,
    swap_memory=False, maximum_iterations=None, name=None,
):  # fmt: skip
    """Calls `body` on the loop variables as long as `cond` of them holds; returns the last ones.

    >>> import tapelab as tf
    >>> [int(n) for n in tf.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), [0, 0])]
    [4, 6]
    """
    if isinstance(loop_vars, (list, tuple)) and not loop_vars:
        raise ValueError("'loop_vars' must be provided: without any, nothing would change.")
    loop_vars = nest.map_structure(lambda x: as_tensor(x) if isinstance(x, Variable) else x, loop_vars)
    function_of(cond, "cond"), function_of(body, "body")
    several = isinstance(loop_vars, (list, tuple))
    turns = 0
    while (maximum_iterations is None or turns < maximum_iterations) and cond(
        *loop_vars if several else (loop_vars,)
    ):
        found = body(*loop_vars) if several else body(loop_vars)
        if several:
            if not isinstance(found, (list, tuple)):
                raise TypeError(
                    f"body must return a list or tuple of {len(loop_vars)} loop variables, got "
                    f"{type(found).__name__}; a single one is [value]."
                )
            nest.assert_same_structure(list(loop_vars), list(found), check_types=False)
        loop_vars = found
        turns += 1
    return nest.map_structure(lambda x: x if isinstance(x, TensorArray) else as_tensor(x), loop_vars)


def _rows(elems, error=ValueError, stretch=False):
    """The rows of `elems`, each a structure like it; `stretch` repeats a single row as needed."""
    for x in nest.flatten(elems):
        if not len(
            np.shape(x._t._a if isinstance(x, Variable) else x._a if isinstance(x, Tensor) else x)
        ):
            raise error(
                f"elems must be 1+ dimensional Tensors, not scalars (they have no rows); got {x!r}."
            )
    flat = [unstack(x) for x in nest.flatten(elems)]
    if not flat:
        raise ValueError("elems must be a Tensor or a structure of at least one.")
    if stretch:
        most = max(map(len, flat))
        flat = [rows * most if len(rows) == 1 else rows for rows in flat]
    if len({len(rows) for rows in flat}) > 1:
        raise ValueError(
            f"elems have different first dimensions: {sorted({len(rows) for rows in flat})}."
        )
    return [nest.pack_sequence_as(elems, row) for row in zip(*flat)]


def _stacked(results, dtypes=None):
    """Structures of results, stacked; of those dtypes, which numbers take and tensors must have."""

    def convert(x, dtype):
        if dtype is None:
            return as_tensor(x)
        x = beside(x, dtype._np)
        if x.dtype != dtype:
            raise InvalidArgumentError(
                f"TensorArray dtype is {dtype.name} but fn returned a {x.dtype.name} tensor "
                "[Op:TensorListSetItem]. For tf.map_fn, say so: "
                f"fn_output_signature=tf.{x.dtype.name}."
            )
        return x

    columns = list(zip(*map(nest.flatten, results)))
    flat = [
        stack([convert(x, d) for x in column]) for column, d in zip(columns, dtypes or [None] * len(columns))
    ]
    return nest.pack_sequence_as(results[0], flat)


def map_fn(
    fn, elems, dtype=None, parallel_iterations=None, back_prop=True, swap_memory=False, infer_shape=True,
    name=None, fn_output_signature=None,
):  # fmt: skip
    """`fn` of each row of `elems` (a tensor or a structure of tensors), results stacked.

    Args:
      fn_output_signature: dtype (or structure of dtypes) of the results, when not those of `elems`.
    Raises:
      TypeError: fn is not callable. ValueError: no elements, or rows that do not match, or results of
      another shape than announced. InvalidArgumentError: results of another dtype.

    >>> import tapelab as tf
    >>> tf.map_fn(lambda row: tf.reduce_sum(row), tf.constant([[1.0, 2.0], [3.0, 4.0]])).numpy().tolist()
    [3.0, 7.0]
    """
    function_of(fn, "fn")
    given = fn_output_signature if fn_output_signature is not None else dtype
    spec = lambda d: d if isinstance(d, TensorSpec) else TensorSpec(None, d)
    specs = (
        nest.map_structure(spec, given)
        if given is not None
        else nest.map_structure(lambda x: spec(as_tensor(x).dtype), elems)
    )
    results = [fn(row) for row in _rows(elems)]
    if not results:
        sizes = lambda s: (0, *(n or 0 for n in s.shape.dims or ()))
        return nest.map_structure(lambda s: Tensor(zero_array(sizes(s), s.dtype._np)), specs)
    nest.assert_same_structure(specs, results[0])
    stacks = _stacked(results, [s.dtype for s in nest.flatten(specs)])
    for x, s in zip(nest.flatten(stacks), nest.flatten(specs)):
        if not s.shape.is_compatible_with(x.shape[1:]):
            raise ValueError(f"Incompatible shape for value ({x.shape[1:]}), expected ({s.shape})")
    return stacks


def vectorized_map(fn, elems, fallback_to_while_loop=True, warn=True):
    """`fn` of each row, results stacked; their dtype is free. A single row goes with all the others.

    >>> import tapelab as tf
    >>> tf.vectorized_map(lambda xy: xy[0] * xy[1], (tf.range(3), tf.constant([5]))).numpy().tolist()
    [0, 5, 10]
    """
    rows, _ = _rows(elems, IndexError, stretch=True), function_of(fn, "fn")
    if rows:
        return _stacked([fn(row) for row in rows])
    like = fn(nest.map_structure(lambda x: Tensor(np.zeros(x.shape[1:], as_tensor(x)._a.dtype)), elems))
    return nest.map_structure(lambda z: Tensor(np.zeros((0, *z.shape), z.dtype._np)), like)


def foldl(
    fn,
    elems,
    initializer=None,
    parallel_iterations=10,
    back_prop=True,
    swap_memory=False,
    name=None,
):
    """`fn(accumulated, row)` from the first row to the last.

    >>> import tapelab as tf
    >>> int(tf.foldl(lambda a, x: 10 * a + x, tf.constant([1, 2, 3])))
    123
    """
    return nest.map_structure(as_tensor, _fold(fn, _rows(elems, IndexError), initializer)[-1])


def foldr(
    fn,
    elems,
    initializer=None,
    parallel_iterations=10,
    back_prop=True,
    swap_memory=False,
    name=None,
):
    """`fn(accumulated, row)` from the last row to the first."""
    return nest.map_structure(as_tensor, _fold(fn, _rows(elems, IndexError)[::-1], initializer)[-1])


def _fold(fn, rows, initializer):
    function_of(fn, "fn")
    if initializer is None:
        if not rows:
            raise ValueError("elems has no rows: give an initializer to start from.")
        states, rows = [rows[0]], rows[1:]
    else:
        states = [nest.map_structure(as_tensor, initializer)]
    for row in rows:
        state = fn(states[-1], row)
        nest.assert_same_structure(states[-1], state)
        states.append(state)
    return states


def scan(
    fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False,
    infer_shape=True, reverse=False, name=None,
):  # fmt: skip
    """All the intermediate values of a fold, stacked.

    >>> import tapelab as tf
    >>> tf.scan(lambda a, x: a + x, tf.constant([1, 2, 3])).numpy().tolist()
    [1, 3, 6]
    """
    rows = _rows(elems, IndexError)
    states = _fold(fn, rows[::-1] if reverse else rows, initializer)
    first = states[0]
    if initializer is not None:
        del states[0]
        if not states:  # no rows
            return nest.map_structure(lambda x: Tensor(np.zeros((0, *x.shape), x.dtype._np)), first)
    return _stacked(states[::-1] if reverse else states, [x.dtype for x in nest.flatten(first)])


class TensorArray:
    """A list of tensors of one dtype, written and read by number: for loops that collect results.

    Args:
      dtype: of the tensors. size: how many. dynamic_size: whether writing behind the end enlarges it.
      clear_after_read: whether a tensor can be read only once. element_shape: of each, if known.
    Raises:
      OutOfRangeError: a number outside. InvalidArgumentError: another dtype, a second reading.
      ValueError: another shape than that of the tensors written before.

    >>> import tapelab as tf
    >>> found = tf.TensorArray(tf.float32, size=2)
    >>> for i in tf.range(2):
    ...     found = found.write(i, 2.0 * tf.cast(i, tf.float32))
    >>> found.stack().numpy().tolist()
    [0.0, 2.0]
    """

    def __init__(
        self, dtype, size=None, dynamic_size=False, clear_after_read=True, tensor_array_name=None,
        handle=None, flow=None, infer_shape=True, element_shape=None,
        colocate_with_first_write_call=True, name=None,
    ):  # fmt: skip
        if size is None:
            raise ValueError("Size must be declared for TensorArrays when eager execution is enabled.")
        self.dtype, self.dynamic_size = as_dtype(dtype), bool(dynamic_size)
        self.element_shape, self._infer = TensorShape(element_shape), infer_shape
        self._once, self._read = clear_after_read is not False, set()
        self._parts = [None] * integer(size, "size", "TensorArray")

    def size(self, name=None):
        """How many tensors there are room for, a tensor."""
        return as_tensor(len(self._parts))

    def _at(self, index, doing, end):
        i = integer(index, "index", "TensorArray")
        if i < 0:
            raise OutOfRangeError(f"{doing} negative indices (index {i}) is not allowed.")
        if i >= len(self._parts) and end:
            raise OutOfRangeError(f"{end.format(i)} size is: {len(self._parts)}.")
        return i

    def write(self, index, value, name=None):
        """Put a tensor at a place. Returns the array itself, as `ta = ta.write(i, x)` needs it."""
        end = "Tried to write to index {} but array is not resizeable and"
        i = self._at(index, "Writing to", "" if self.dynamic_size else end)
        x = convert_to_tensor(value, None if hasattr(value, "dtype") else self.dtype)
        if x.dtype != self.dtype:
            raise DtypeError(
                f"TensorArray dtype is {self.dtype.name} but Op is trying to write dtype {x.dtype.name}."
            )
        if not self.element_shape.is_compatible_with(x.shape):
            raise ShapeError(f"Incompatible shape for value ({x.shape}), expected ({self.element_shape}).")
        if self._infer:
            self.element_shape = x.shape
        self._parts += [None] * (i + 1 - len(self._parts))
        self._parts[i] = x
        return self

    def read(self, index, name=None):
        """The tensor at a place; zeros where nothing was written."""
        i = self._at(index, "Reading from", "Tried to read from index {} but array")
        if self._parts[i] is None and i in self._read:
            raise InvalidArgumentError(
                f"Could not read index {i} twice because it was cleared after a previous read (perhaps "
                "try setting clear_after_read = false?)"
            )
        x = self._zeros(self._parts[i])
        if self._once:
            self._parts[i] = None
            self._read.add(i)
        return x

    def _zeros(self, x):
        if x is None and not self.element_shape.is_fully_defined():
            raise ValueError(
                "Cannot convert a partially known TensorShape to a Tensor: nothing was written, and "
                f"element_shape is {self.element_shape}."
            )
        return Tensor(np.zeros(self.element_shape, self.dtype._np)) if x is None else x

    def stack(self, name=None):
        """All tensors as one, along a new first axis."""
        parts = [self._zeros(x) for x in self._parts]
        shape = self.element_shape if self.element_shape.is_fully_defined() else ()
        return stack(parts) if parts else Tensor(np.zeros((0, *shape), self.dtype._np))

    def concat(self, name=None):
        """All tensors as one, along their first axis."""
        return concat([self._zeros(x) for x in self._parts], 0)

    def gather(self, indices, name=None):
        """The tensors at some places as one, along a new first axis."""
        return stack([self.read(i) for i in ints(indices, "indices")])

    def unstack(self, value, name=None):
        """Fill the array with the rows of a tensor; it has then as many places as there are rows."""
        rows = unstack(as_tensor(value))
        if len(rows) > len(self._parts) and not self.dynamic_size:
            raise ShapeError(
                f"Cannot unstack {len(rows)} tensors into a TensorArray of static size {len(self._parts)}."
            )
        self.scatter(range(len(rows)), rows)
        del self._parts[len(rows) :]
        return self

    def scatter(self, indices, value, name=None):
        """Write the rows of a tensor to places."""
        for i, row in zip(ints(indices, "indices"), value):
            self.write(i, row)
        return self


# ---------------------------------------------------------------- contexts and other statements


@contextlib.contextmanager
def _nothing():
    yield


class name_scope:
    """A context whose name stands before the names of variables and modules made in it.

    Scopes nest. A name that ends in "/" is taken as it is, "" leads out of all scopes.

    >>> import tapelab as tf
    >>> with tf.name_scope("layer") as scope:
    ...     w = tf.Variable(1.0, name="w")
    >>> scope, w.name
    ('layer/', 'layer/w:0')
    """

    def __init__(self, name):
        if not isinstance(name, str):
            raise ValueError("name for name_scope must be a string.")
        self._name = name

    @property
    def name(self):
        """The name given."""
        return self._name

    def __enter__(self):
        active.outer = (active.scope, active.outer)
        whole = not self._name or self._name.endswith("/")
        active.scope = self._name if whole else f"{active.scope}{self._name}/"
        return active.scope

    def __exit__(self, *exception):
        active.scope, active.outer = active.outer


def device(device_name):
    """A context that does nothing: everything runs on the CPU."""
    return _nothing()


def init_scope():
    """A context that does nothing: there is no graph to leave."""
    return _nothing()


def control_dependencies(control_inputs):
    """A context that does nothing: eager operations run in the order they are written."""
    for f in nest.flatten(control_inputs):
        if callable(f) and not isinstance(f, (Tensor, Variable)):
            f()
    return _nothing()


def executing_eagerly():
    """True, always."""
    return True


def group(*inputs, name=None):
    """None: in eager mode the inputs have run already."""


def no_op(name=None):
    """None."""


def tuple_(tensors, control_inputs=None, name=None):
    """The tensors, as they are."""
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(f"'tensors' must be a list, got {tensors!r}.")
    return tensors


def timestamp(name=None):
    """Seconds since 1970 as a float64 tensor."""
    return Tensor(np.float64(time.time()))


def _graph_only(what, instead):
    def refused(*args, **kwargs):
        raise RuntimeError(f"tf.{what} is not supported when eager execution is enabled. {instead}")

    refused.__name__ = what
    refused.__doc__ = f"Raises RuntimeError: {instead}"
    return refused


gradients = _graph_only("gradients", "Use tf.GradientTape instead.")
hessians = _graph_only("hessians", "Take tape.jacobian of the gradient of an inner tape.")


def RegisterGradient(op_type):
    """A decorator that returns its function: in eager mode use `tf.custom_gradient`."""
    if not isinstance(op_type, str):
        raise TypeError("op_type must be a string")
    return lambda f: f


def no_gradient(op_type):
    """Nothing: operations without a gradient are known already."""


def ensure_shape(x, shape, name=None):
    """`x`, checked to have a shape with None for sizes that are free. InvalidArgumentError otherwise."""
    x = as_tensor(x)
    if not TensorShape(shape).is_compatible_with(x._a.shape):
        raise InvalidArgumentError(
            f"Shape of tensor {list(x._a.shape)} is not compatible with expected shape "
            f"{TensorShape(shape)} [Op:EnsureShape]"
        )
    return P.identity(x)


def get_static_value(tensor, partial=False):
    """A tensor's value as a NumPy array; None for a variable, which has none once and for all."""
    if isinstance(tensor, Variable):
        return None
    return tensor.numpy() if isinstance(tensor, Tensor) else tensor


class _Slot:
    """A tensor's place in a structure that is printed; as wide as TensorFlow's, for lines break by width."""

    def __repr__(self):
        return "\0" * 4


def _plain(x, ends):
    if isinstance(x, str):
        return x
    if isinstance(x, Tensor) and x._a.dtype.kind == "O" and not x._a.ndim:
        return x._a[()].decode(errors="replace")
    from pprint import pformat

    texts = []

    def placed(v):
        if not isinstance(v, (Tensor, Variable)):
            return v
        texts.append(_text(as_tensor(v)._a, ends))
        return _Slot()

    between = pformat(nest.map_structure(placed, x)).split(repr(_Slot()))
    return "".join(a + b for a, b in zip(between, [*texts, ""]))


def _text(a, ends, depth=0):
    """An array without commas: of each axis `ends` items from the front and as many from the back."""
    if not np.ndim(a):
        return _element(np.asarray(a)[()])
    n = len(a)
    gap = "\n" * (a.ndim - 1) + " " * (depth + 1) if a.ndim > 1 else " "
    items = range(n) if ends < 0 or n <= 2 * ends else [*range(ends), None, *range(n - ends, n)]
    return "[" + gap.join("..." if i is None else _text(a[i], ends, depth + 1) for i in items) + "]"


def _element(v):
    if isinstance(v, bytes):
        return f'"{v.decode(errors="replace")}"'
    if v.dtype.kind != "f":
        return str(int(v) if v.dtype.kind == "b" else v)
    v = np.float32(v) if v.dtype.itemsize == 2 else v
    few, enough = (6, 9) if v.dtype.itemsize == 4 else (15, 17)
    text = f"{v:.{few}g}"
    return text if v.dtype.type(text) == v else f"{v:.{enough}g}"


def print_(*inputs, **kwargs):
    """Prints values to the standard error stream (or `output_stream`), tensors without decoration.

    Args:
      output_stream: a file such as sys.stdout, or "file:///path". sep: " " by default. end: newline.
      summarize: how many items of each axis are shown at both ends, 3 by default, -1 for all.

    >>> import tapelab as tf, sys
    >>> tf.print("x:", tf.range(9), output_stream=sys.stdout)
    x: [0 1 2 ... 6 7 8]
    """
    stream, sep, end = (
        kwargs.pop("output_stream", sys.stderr),
        kwargs.pop("sep", " "),
        kwargs.pop("end", "\n"),
    )
    ends = kwargs.pop("summarize", None)
    kwargs.pop("name", None)
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments for tf.print: {kwargs}")
    text = sep.join(_plain(x, 3 if ends is None else ends) for x in inputs) + end
    if isinstance(stream, str) and stream.startswith("file://"):
        with open(stream[len("file://") :], "a", encoding="utf-8") as f:
            f.write(text)
    else:
        stream.write(text)
        stream.flush()
