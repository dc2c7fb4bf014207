"""GradientTape: a list of what happened, walked backwards.

While a tape is open, each primitive that touches something the tape tracks adds one record
`(primitive, attributes, output, inputs)` to a list. `gradient` walks the list backwards, iteratively,
once, keeping a cotangent per tensor. How records lie in the list is written in `records`.
"""

import contextlib
import enum

import numpy as np

from . import jacobian, nest
from .dtypes import as_dtype
from .errors import InvalidArgumentError, NotATensorError, ShapeError, shape_mismatch
from .events import Memory, here
from .primitive import P, bare, shape, unbroadcast
from .records import WIDTH, fives
from .tensor import IndexedSlices, Tensor, Variable, active, as_source, beside, zero_array


def get_logger():
    """The logger of this package's warnings, to redirect or silence them.

    >>> import tapelab as tf
    >>> tf.get_logger().name
    'tapelab'
    """
    import logging  # where it is used: importing this package does not wait for it

    return logging.getLogger("tapelab")


class UnconnectedGradients(enum.Enum):
    """What stands for the gradient of an unconnected source: None, or zeros of its shape."""

    NONE = "none"
    ZERO = "zero"


class GradientTape:
    """Records operations and computes gradients from the record.

    Args:
      persistent: whether the tape may be asked more than once. A persistent tape holds its record
        (and every tensor in it) until it is deleted.
      watch_accessed_variables: whether trainable variables are watched when they are read.
      lines: whether to remember the line of the program of each record, for `check_numerics` and
        the table (the stack is looked through at each).

    >>> import tapelab as tf
    >>> w = tf.Variable(3.0)
    >>> with tf.GradientTape() as tape:
    ...     loss = w ** 2
    >>> tape.gradient(loss, w)
    <tf.Tensor: shape=(), dtype=float32, numpy=6.0>
    """

    def __init__(self, persistent=False, watch_accessed_variables=True, *, lines=False):
        self._persistent = persistent
        self._watch_accessed = watch_accessed_variables
        self._lines = lines
        self._records = None  # None: never entered, or used up
        self._tracked = frozenset()  # ids of the tensors whose derivatives can be asked for
        self._watched = {}  # id -> tensor: keeps what was watched alive, and its id unique
        self._variables = {}  # id -> (variable, ids of the boxes it was seen holding)
        self._recording = self._entered = False
        self._some_none = False  # the answer given last had a None in it
        self._complex = False  # complex numbers are on the tape
        self._memory = Memory()  # for explanations

    # -- life

    def __enter__(self):
        if self._recording:
            raise ValueError(
                "Tape is still recording, This can happen if you try to re-enter an already-active tape."
            )
        if self._records is None:
            if self._entered:
                self._memory = Memory()
            self._clear()
        self._memory.block = here()
        self._entered = self._recording = True
        active.tapes = (*active.tapes, self)
        return self

    def __exit__(self, *exception):
        if self._recording:
            self._stop()

    def _stop(self):
        self._recording = False
        tapes = active.tapes
        innermost = tapes[-1:] == (self,)
        active.tapes = tapes[:-1] if innermost else tuple(t for t in tapes if t is not self)

    def _clear(self):
        self._records, self._tracked, self._watched, self._variables = [], set(), {}, {}
        if self._lines:
            from .inspection import PlacedRecords

            self._records = PlacedRecords()

    def _release(self):
        """Let go of every tensor; the variables stay, with the ids of their boxes."""
        self._records, self._tracked, self._watched = None, frozenset(), {}

    @contextlib.contextmanager
    def stop_recording(self):
        """A context in which this tape (and no other) does not record.

        Raises RuntimeError when the tape was never entered or is used up, ValueError when it is closed.
        """
        if self._records is None:
            raise RuntimeError("Trying to stop recording a tape which is not recording.")
        if not self._recording:
            raise ValueError("Tape is not recording.")
        self._stop()
        try:
            yield
        finally:
            if not self._recording and self._records is not None:
                self._recording = True
                active.tapes = (*active.tapes, self)

    def reset(self):
        """Forget everything recorded and watched, and go on recording. ValueError when closed."""
        if not self._recording:
            raise ValueError("Tape is not recording.")
        self._memory.note("reset")
        self._clear()

    # -- watching

    def watch(self, tensor):
        """Track a tensor or variable, or a structure of them, from here on.

        Raises ValueError for anything without an identity (ndarray, number, None). Dtypes that
        are not floating only get a logged warning: their gradients are None.
        """
        for t in nest.flatten(tensor):
            if not isinstance(t, (Tensor, Variable)):
                raise ValueError(
                    f"Passed in object {t!r} of type '{type(t).__name__}', not tf.Tensor or tf.Variable "
                    f"or ExtensionType. Wrap it first: x = tf.constant(...), then tape.watch(x)."
                )
            if not (t.dtype.is_floating or t.dtype.is_complex):
                get_logger().warning(
                    "The dtype of the watched tensor must be floating (e.g. tf.float32), got %r",
                    t.dtype,
                )
            self._memory.watched.setdefault(id(t), here())
            if self._records is None:
                if self._entered:
                    continue
                raise AttributeError(
                    "This tape has not recorded yet: enter it first (with tf.GradientTape() as tape:), "
                    "then tape.watch(x)."
                )
            if not self._recording and self in active.tapes:
                continue
            if isinstance(t, Variable):
                if self._records and id(t._t) not in self._tracked:
                    t._t = Tensor(t._t._a)  # a new box: what was read before is not watched
                self._watch_variable(t)
            elif self._recording or not self._entered:
                self._watch_tensor(t)

    def _watch_tensor(self, t):
        self._watched[id(t)] = t  # the tape keeps it alive, and so its id unique
        kind = t._a.dtype.kind
        if kind in "fc":
            self._tracked.add(id(t))
            self._complex |= kind == "c"

    def _watch_variable(self, v):
        box = v._t
        _, boxes = self._variables.setdefault(id(v), (v, []))
        if id(box) not in boxes:
            boxes.append(id(box))
            self._watch_tensor(box)

    def _accessed(self, v):
        """A variable was read while this tape was recording."""
        if id(v._t) not in self._tracked and (
            id(v) in self._variables or v._trainable and self._watch_accessed
        ):
            self._watch_variable(v)

    def watched_variables(self):
        """The variables watched so far, in the order of their creation."""
        return tuple(sorted((v for v, _ in self._variables.values()), key=lambda v: v._uid))

    # -- what leaves the tape's sight, remembered for `explain`

    def _assigned(self, variable, source):
        """`source` was written into a variable."""
        if id(source) in self._tracked:
            self._memory.note("assign", [id(source)], [variable], variable.name)

    def _left(self, tensor):
        """A tensor's value went to NumPy or Python."""
        if id(tensor) in self._tracked:
            self._memory.note("left", [id(tensor)])

    def _cut(self, p, z, inputs):
        """`z` came from an operation without a gradient; what follows can still be asked about `z`."""
        tracked = [id(x) for x in inputs if id(x) in self._tracked]
        if tracked:
            self._memory.note("cut", tracked, z if type(z) is tuple else [z], p.name)
            if p is not P.stop_gradient and z._a.dtype.kind in "fc":
                self._watch_tensor(z)

    def explain(self, target, source):
        """Why the gradient of `target` with respect to `source` is None, or how they are connected.

        Works on a tape that has answered, too. Costs the ordinary tape nothing. Gradient functions of
        one's own are called: only they know whether they return None.

        Args:
          target, source: one tensor or variable each.
        Returns:
          An `Explanation` with `connected`, `reason`, `message`, `place`, `fix` and `path`; it prints
          well and shows well in JupyterLab.
        Raises:
          TypeError: something that is neither tensor nor variable.

        >>> import tapelab as tf
        >>> x = tf.constant(3.0)
        >>> with tf.GradientTape() as tape:
        ...     y = x * x
        >>> tape.explain(y, x).connected
        False
        """
        from .explain import explain

        return explain(self, _single(target, "target"), _single(source, "source"))

    # -- looking inside; see `tapelab.inspection`

    def __len__(self):
        """Number of records held now."""
        return len(self._records or ()) // WIDTH

    def __bool__(self):
        return True  # an empty tape is still a tape

    def __iter__(self):
        """The records, as objects with operation, inputs, outputs, shapes, dtypes, bytes, place."""
        from .inspection import records

        return iter(records(self))

    @property
    def nbytes(self):
        """Bytes of memory that the tape keeps alive."""
        from .inspection import held

        return held(self)

    def __repr__(self):
        from .inspection import title

        return f"<{title(self)}>"

    def __str__(self):
        from .inspection import table, text_table

        return text_table(*table(self))

    def _repr_html_(self):
        from .inspection import html_table, table

        return html_table(*table(self))

    def graph(self, names=None):
        """A drawing of the records as SVG (needs igraph, extra `lab`); `names` labels tensors."""
        from .inspection import graph

        return graph(self, names)

    def check_numerics(self, target=None, sources=None):
        """The first operation whose value, or gradient, became NaN or infinite.

        Values are checked in the order of recording; if all are finite and a target is given, its
        gradient is pulled back record by record and checked too. Ask before the tape is used up, or
        use a persistent one; the line is known when the tape was made with `lines=True`.

        Returns:
          A `Numerics` with `finite`, `phase`, `operation`, `inputs`, `place`, `message`, `remedy`.

        >>> import tapelab as tf
        >>> x = tf.Variable(100.0)
        >>> with tf.GradientTape() as tape:
        ...     y = tf.math.log(1 + tf.exp(x))
        >>> tape.check_numerics().operation
        'Exp'
        """
        from .inspection import check_numerics

        self._check_usable()
        return check_numerics(
            self, None if target is None else _single(target, "target"),
            None if sources is None else [as_source(s) for s in nest.flatten(sources)],
        )  # fmt: skip

    def profile(self, target, repeats=3):
        """Time and bytes of each kind of operation, forward and backward; a table that prints.

        Every record is run again on its own inputs, so an ordinary tape needs no bookkeeping; ask
        before the tape is used up.
        """
        from .inspection import profile

        self._check_usable()
        return profile(self, _single(target, "target"), repeats)

    # -- asking

    def gradient(
        self,
        target,
        sources,
        output_gradients=None,
        unconnected_gradients=UnconnectedGradients.NONE,
    ):
        """The gradient of the sum of `target` with respect to `sources`.

        Args:
          target: tensor, variable, or a structure of them; their elements are summed.
          sources: tensor, variable, or a structure of them.
          output_gradients: cotangents of the targets, ones by default.
          unconnected_gradients: 'none' or 'zero' for sources that the target does not depend on.
        Returns:
          A structure like `sources`: tensors of the sources' shape and dtype, None (or zeros) where
          unconnected, `IndexedSlices` where rows were gathered from a source.
        Raises:
          RuntimeError: a non-persistent tape that has answered already, or was never entered.
          TypeError: a target of None, or sources that are not tensors or variables.
          ValueError: an unknown `unconnected_gradients`, or None among the output gradients.

        >>> import tapelab as tf
        >>> x = tf.Variable(2.0)
        >>> with tf.GradientTape() as tape:
        ...     y = x * [3.0, 4.0]
        >>> float(tape.gradient(y, x))
        7.0
        """
        zero = _wants_zeros(unconnected_gradients)
        self._check_usable()
        if target is None:
            raise NotATensorError(
                "Argument `target` should be a list or nested structure of Tensors, Variables or "
                "CompositeTensors to be differentiated, but received None."
            )
        # Rows as a target (an inner tape's gradient of a gather): their sum is that of the values.
        targets = [
            as_source(t.values if isinstance(t, IndexedSlices) else t) for t in nest.flatten(target)
        ]
        flat, packed = nest.taken_apart(sources)
        flat = [s if isinstance(s, Variable) else as_source(s) for s in flat]
        seeds = self._seeds(targets, output_gradients, flat)
        with _Asked(self, targets) as records:
            found = self._pull(records, seeds, flat)
            self._some_none = any([g is None for g in found])
        if zero:
            found = [_zeros(s) if g is None else g for s, g in zip(flat, found)]
        return packed(found)

    def _check_usable(self):
        if self._records is None:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or "
                "jacobians). Use tf.GradientTape(persistent=True) to ask again, or ask once for all "
                "sources: tape.gradient(y, [a, b])."
            )

    def _seeds(self, targets, output_gradients=None, sources=()):
        """id of each target -> its cotangent, as tensors; only of what can lead to a source."""
        given = [] if output_gradients is None else nest.flatten(output_gradients)
        if len(given) > len(targets):
            # TensorFlow says nothing; a learner who picks a row this way gets a wrong answer.
            get_logger().warning(
                "output_gradients has %d entries for %d target(s); the surplus is ignored. A list means "
                "one entry for each target; weights for the components of one target go into one "
                "tensor: tf.constant([...]).", len(given), len(targets),
            )  # fmt: skip
        seeds = {}
        for i, target in enumerate(targets):
            t = target._t if isinstance(target, Variable) else target
            if t._a.dtype.kind == "O":
                continue  # strings have no gradient, not even with respect to themselves
            if i < len(given):
                g = beside(given[i], t._a.dtype)
                if g._a.dtype != t._a.dtype and id(t) in self._tracked:
                    raise InvalidArgumentError(
                        f"cannot compute the gradient: output_gradients[{i}] was expected to be a "
                        f"{t.dtype.name} tensor, like its target, but is a {g.dtype.name} tensor."
                    )
                if g._a.shape != t._a.shape:
                    if _stretches(g._a.shape, t._a.shape):
                        g = P.broadcast_to(g, shape=t._a.shape)
                    elif id(t) in self._tracked and not _stretches(t._a.shape, g._a.shape):
                        raise shape_mismatch(
                            f"the gradient, output_gradients[{i}],", t._a.shape, g._a.shape
                        )
            else:
                a = t._a
                g = Tensor(a.dtype.type(1) if a.shape == () else np.ones(a.shape, a.dtype))
            k = id(t)
            if k not in self._tracked and id(target) not in map(id, sources):
                continue  # not a source itself; but it may be the value that a source holds
            seeds[k] = (t, g) if k not in seeds else (t, seeds[k][1] + g)
        return seeds

    def _boxes(self, source):
        """The ids of the tensors whose cotangents make up the gradient of a source."""
        if not isinstance(source, Variable):
            return (id(source),)
        _, boxes = self._variables.get(id(source), (source, ()))
        now = id(source._t)
        return boxes if now in boxes else (*boxes, now)

    def _pull(self, records, seeds, sources, extra=0):
        """Walk backwards from the seeds; the cotangents of the sources (None: not reached)."""
        boxes = [self._boxes(s) for s in sources]
        wanted = set().union(*boxes)
        boxed = bool(active.tapes)
        cotangents = {k: g if boxed else g._a for k, (_, g) in seeds.items()}
        walk(
            records, cotangents, self._needed(records, wanted), wanted, extra, boxed, self._complex,
            self._memory.note,
        )  # fmt: skip
        result = []
        for found in boxes:
            total = None
            for k in found:
                g = cotangents.get(k)
                if g is not None:
                    total = g if total is None else add_cotangents(g, total)  # rows read first come first
            if type(total) is ndarray or isinstance(total, np.generic):
                total = Tensor(total)
            result.append(total)
        return result

    def _needed(self, records, wanted):
        """The ids of tensors between the sources and the end of the tape: the walk visits no other."""
        if wanted >= self._watched.keys():
            return self._tracked
        needed = wanted & self._tracked
        for _, attrs, z, x, y in fives(records):
            if attrs is None:
                if id(x) in needed or y is not None and id(y) in needed:
                    needed.add(id(z))
            elif any(id(t) in needed for t in x):
                needed.update(map(id, z if type(z) is tuple else (z,)))
        return needed

    def jacobian(
        self, target, sources, unconnected_gradients=UnconnectedGradients.NONE,
        parallel_iterations=None, experimental_use_pfor=True, *, direction=None, memory_budget=None,
    ):  # fmt: skip
        """The derivative of every element of `target` with respect to every element of `sources`.

        Args:
          target: one tensor. sources: tensor, variable, or a structure of them.
          unconnected_gradients: as for `gradient`.
          parallel_iterations, experimental_use_pfor: as in TensorFlow; setting them asks for a
            persistent tape and changes nothing else.
          direction: 'reverse' (a pass per stack of target elements), 'forward' (per stack of source
            elements), or None for the cheaper one.
          memory_budget: bytes that the cotangents in flight may take (default 16 MiB); the result is
            the only array of full size.
        Returns:
          A structure like `sources` of tensors of shape target.shape + source.shape.
        Raises:
          RuntimeError: as for `gradient`; or settings that need a persistent tape.
          TypeError: a structure of targets. ValueError: an unknown direction.

        >>> import tapelab as tf
        >>> x = tf.Variable([1.0, 2.0])
        >>> with tf.GradientTape() as tape:
        ...     y = x * x
        >>> tape.jacobian(y, x).numpy().tolist()
        [[2.0, 0.0], [0.0, 4.0]]
        """
        zero = _wants_zeros(unconnected_gradients)
        self._check_usable()
        target = _single(target, "target")
        flat, packed = nest.taken_apart(sources)
        flat = [as_source(s) for s in flat]
        self._check_loop("jacobian", parallel_iterations, experimental_use_pfor)
        jacobian.check(direction, memory_budget)
        with _Asked(self, [target]) as records:
            if not self._sees(target):
                found = [None] * len(flat)  # also with respect to itself
            else:
                found = jacobian.full(self, records, target, flat, direction, memory_budget)
        if zero:
            found = [_zeros(s, target.shape) if j is None else j for s, j in zip(flat, found)]
        return packed(found)

    def batch_jacobian(
        self, target, source, unconnected_gradients=UnconnectedGradients.NONE,
        parallel_iterations=None, experimental_use_pfor=True, *, direction=None, memory_budget=None,
        verify=False,
    ):  # fmt: skip
        """The Jacobian of each batch item's target with respect to the same item's source.

        Args:
          target: tensor of shape (b, ...). source: tensor of shape (b, ...).
          direction, memory_budget: as for `jacobian`.
          verify: check (by one more backward pass) that items of the batch do not interact.
        Returns:
          Tensor of shape (b, target.shape[1:], source.shape[1:]). Where items interact, the numbers
          are sums over the batch, as in TensorFlow.
        Raises:
          ValueError: rank below 2, different first dimensions, or items that interact (`verify`).
          RuntimeError: as for `jacobian`.

        >>> import tapelab as tf
        >>> x = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
        >>> with tf.GradientTape() as tape:
        ...     y = x * x
        >>> tape.batch_jacobian(y, x, verify=True).numpy().tolist()
        [[[2.0, 0.0], [0.0, 4.0]], [[6.0, 0.0], [0.0, 8.0]]]
        """
        zeros = _wants_zeros(unconnected_gradients)
        self._check_usable()
        target, source = _single(target, "target"), _single(source, "source")
        for x in (source, target):
            if len(x.shape) < 2:
                raise ValueError(
                    f"Shape {x.shape} must have rank at least 2: the first axis counts batch items."
                )
        if target.shape[0] != source.shape[0]:
            raise ValueError(
                f"Need first dimension of target shape ({target.shape}) and source shape "
                f"({source.shape}) to match."
            )
        self._check_loop("batch_jacobian", parallel_iterations, experimental_use_pfor)
        jacobian.check(direction, memory_budget)
        with _Asked(self, [target]) as records:
            found = None
            if self._sees(target) and 0 not in target.shape:
                found = jacobian.per_item(self, records, target, source, direction, memory_budget)
            if verify and found is not None:
                jacobian.check_items(self, records, target, source, found)
        if found is None:
            like = source if zeros else target  # integers keep their dtype
            return Tensor(np.zeros(target.shape + source.shape[1:], like.dtype._np))
        return found

    def _sees(self, target):
        """Whether a Jacobian's target is on the tape; reading a variable puts it there."""
        if isinstance(target, Variable):
            return target._trainable and self._watch_accessed or id(target) in self._variables
        return id(target) in self._tracked

    def _check_loop(self, what, parallel_iterations, pfor):
        if not self._persistent and (not pfor or parallel_iterations is not None):
            raise RuntimeError(
                f"GradientTape must be created with persistent=True to compute the {what} with eager "
                f"execution enabled and with experimental_use_pfor set to False or parallel_iterations set."
            )


class _Asked:
    """The records to walk; a non-persistent tape stops recording first and lets go afterwards."""

    __slots__ = ("tape", "targets")

    def __init__(self, tape, targets):
        self.tape, self.targets = tape, targets

    def __enter__(self):
        tape = self.tape
        if not tape._persistent:
            if tape._recording:
                tape._stop()
            tape._memory.keep(tape, self.targets)  # now: later none of this is in the cache
        elif tape._recording:
            get_logger().warning(
                "Calling GradientTape.gradient on a persistent tape inside its context is "
                "significantly less efficient than calling it outside the context (it causes the "
                "gradient ops to be recorded on the tape, leading to increased CPU and memory "
                "usage). Only call it inside the context if you want to trace the gradient to "
                "compute higher order derivatives."
            )
            return tape._records[:]  # what the walk records is not walked
        return tape._records

    def __exit__(self, *exception):
        tape = self.tape
        if not tape._persistent:
            if tape._some_none and tape._memory.shadow is None:
                tape._memory.keep(tape, self.targets, some_none=True)
            tape._release()


ndarray = np.ndarray


def _stretches(shape, to):
    """Whether an array of one shape broadcasts to the other."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1]))


def _single(x, what):
    if isinstance(x, (list, tuple, dict)):
        raise NotATensorError(
            f"'{type(x).__name__}' object has no attribute 'shape': `{what}` must be one tensor here; "
            f"call once for each."
        )
    return as_source(x)


def _wants_zeros(value):
    if value is UnconnectedGradients.NONE:
        return False
    try:
        return UnconnectedGradients(value) is UnconnectedGradients.ZERO
    except ValueError:
        raise ValueError(
            f"Unknown value for unconnected_gradients: {value!r}. Use 'none' or 'zero'."
        ) from None


def _zeros(source, front=(), skip=0):
    """Zeros for an unconnected source, behind the axes of a Jacobian's target if there is one."""
    return Tensor(zero_array((*front, *source.shape[skip:]), source.dtype._np))


def add_cotangents(a, b):
    """The sum of two cotangents; gathered rows stay rows as long as both are."""
    if type(a) is not IndexedSlices and type(b) is not IndexedSlices:
        return a + b
    if type(a) is type(b):
        # The walk meets the last gather first; the rows are listed in the order of reading.
        rows = -a.values._a.ndim
        return IndexedSlices(
            P.concat(b.values, a.values, axis=rows),
            P.concat(b.indices, a.indices, axis=-1),
            a.dense_shape,
        )
    return densify(a) + densify(b)


def densify(g):
    """A cotangent as array or tensor, never as rows."""
    if not isinstance(g, IndexedSlices):
        return g
    from .array import dense

    t = dense(g)
    return t if active.tapes else t._a


@np.errstate(all="ignore")
def walk(
    records,
    cotangents,
    needed,
    wanted,
    extra=0,
    boxed=False,
    complex_too=False,
    note=lambda *event: None,
):
    """Walk the records backwards, adding up a cotangent for every tensor in `needed`.

    Args:
      cotangents: id of tensor -> cotangent; starts with the seeds, ends with what was `wanted`.
      extra: leading axes of the cotangents (0, or 1 for a stack of them).
      boxed: rules get tensors (an outer tape is listening) instead of bare arrays.
      complex_too: some outputs may be complex. Rules are written for holomorphic functions; the
        cotangent of z = f(x) is conj(f'(x)) g, so g is conjugated before and after.
      note: called when a gradient function returns None for an input that needs a cotangent.
    """
    plain = not boxed and not complex_too
    pop, get = cotangents.pop, cotangents.get
    for y, x, z, attrs, p in fives(reversed(records)):
        if plain and attrs is None:
            # Most records: one or two inputs, no attributes, bare arrays. Written out, without the
            # tuples and keywords of the general case below, which takes 1.5 times as long
            # (`python -m benchmarks fast_paths`); the calculus is the same rules.
            k = id(z)
            g = pop(k, None)
            if g is None:
                continue
            if k in wanted:
                cotangents[k] = g
            if type(g) is IndexedSlices and not p.rows:
                g = densify(g)
            rules = p.rules
            rule = rules[0]
            key = id(x)
            a = x._a
            if y is None:
                if key in needed and rule is not None:
                    gx = rule(g, z._a, a)
                    prior = get(key)
                    cotangents[key] = gx if prior is None else add_cotangents(prior, gx)
                continue
            b = y._a
            if key in needed and rule is not None:
                gx = rule(g, z._a, a, b)
                # Two comparisons: mostly the first tells, and slicing costs more.
                if (type(gx) is ndarray or type(a) is ndarray) and gx.shape != a.shape:
                    if gx.shape[extra:] != a.shape:
                        gx = unbroadcast(gx, a.shape, extra)
                prior = get(key)
                cotangents[key] = gx if prior is None else add_cotangents(prior, gx)
            rule = rules[1]
            key = id(y)
            if key in needed and rule is not None:
                gx = rule(g, z._a, a, b)
                if (type(gx) is ndarray or type(b) is ndarray) and gx.shape != b.shape:
                    if gx.shape[extra:] != b.shape:
                        gx = unbroadcast(gx, b.shape, extra)
                prior = get(key)
                cotangents[key] = gx if prior is None else add_cotangents(prior, gx)
            continue
        inputs = x if attrs is not None else (x,) if y is None else (x, y)
        attrs = attrs or {}
        k = id(z)
        if p.joint:
            zs = z if type(z) is tuple else (z,)
            _walk_joint(p, attrs, zs, inputs, cotangents, needed, wanted, extra, boxed, note)
            continue
        if k not in cotangents:
            continue
        g = get(k) if k in wanted else pop(k)
        if type(g) is IndexedSlices and not p.rows:
            g = densify(g)
        turn = complex_too and not p.real and z._a.dtype.kind == "c"
        if turn:
            g = P.conj(g)
        args = (g, z, *inputs) if boxed else (g, z._a, *[x._a for x in inputs])
        for i, x in enumerate(inputs):
            key = id(x)
            if key not in needed:
                continue
            rule = p.rules[0] if p.variadic else p.rules[i]
            if rule is None:
                continue
            gx = rule(*args, index=i, **attrs) if p.variadic else rule(*args, **attrs)
            if turn:
                gx = P.conj(gx)
            if p.broadcasts and shape(gx)[extra:] != x._a.shape:
                gx = unbroadcast(gx, x._a.shape, extra)
            prior = get(key)
            cotangents[key] = gx if prior is None else add_cotangents(prior, gx)


def _stretched(g, x, name):
    """The gradient that a function of one's own returned for `x`, in the shape of `x`."""
    have, want = np.shape(bare(g)), x._a.shape
    if type(g) is IndexedSlices or have == want:
        return g
    if not _stretches(have, want):
        raise ShapeError(
            f"The gradient function of {name} returned a gradient of shape {list(have)} for an argument "
            f"of shape {list(want)}. A gradient has the shape of its argument."
        )
    own = g if isinstance(g, Tensor) else np.asarray(g, x._a.dtype)
    return P.broadcast_to(own, shape=want)


def _walk_joint(p, attrs, zs, inputs, cotangents, needed, wanted, extra, boxed, note):
    """One record with several outputs or a shared rule: all its cotangents go through one function."""
    asked = [id(x) in needed for x in inputs]
    if True not in asked or not any([id(z) in cotangents for z in zs]):
        return
    gs, stack = [], None
    for z in zs:
        g = cotangents.get(id(z)) if id(z) in wanted else cotangents.pop(id(z), None)
        g = densify(g)
        stack = shape(g)[:extra] if g is not None and extra else stack
        gs.append(g)
    for i, (g, z) in enumerate(zip(gs, zs)):
        if g is None:
            zero = np.zeros((stack or ()) + z._a.shape, z._a.dtype)[()]
            gs[i] = Tensor(zero) if boxed else zero
    if p.selective:
        attrs = attrs | {"needed": asked}
    known = (zs, inputs) if boxed else ([z._a for z in zs], [x._a for x in inputs])
    if p.batched:
        found = p.joint(gs, *known, **attrs)
    else:
        rows = [[g[k] for g in gs] for k in range(stack[0])] if extra else [gs]
        rows = [p.joint(row, *known, **attrs) for row in rows]
        # What a person wrote may be a number where the argument is a vector; sources get it as it is.
        name = attrs.get("name", p.name)
        rows = [
            [g if g is None or not extra and id(x) in wanted else _stretched(g, x, name)
             for g, x in zip(row, inputs)] for row in rows
        ]  # fmt: skip
        stacked = lambda r: None if r[0] is None else P.stack(*r, axis=-r[0].ndim - 1)
        found = [*map(stacked, zip(*rows))] if extra else rows[0]
    for x, gx, wants in zip(inputs, found, asked):
        if not wants:
            continue
        key = id(x)
        if gx is None:
            if not any(g is not None for other, g in zip(inputs, found) if other is x):
                note("none", [key], zs, attrs.get("name", p.name), attrs.get("grad_fn"))
            continue
        got = getattr(gx._a if isinstance(gx, Tensor) else gx, "dtype", x._a.dtype)
        if got is not x._a.dtype and got != x._a.dtype and key not in wanted:
            raise InvalidArgumentError(
                f"cannot compute the gradient: {attrs.get('name', p.name)} returned a gradient "
                f"of {as_dtype(got).name} for an argument of {x.dtype.name}. Convert it: "
                f"tf.cast(g, tf.{x.dtype.name})."
            )
        prior = cotangents.get(key)
        cotangents[key] = gx if prior is None else add_cotangents(prior, gx)
