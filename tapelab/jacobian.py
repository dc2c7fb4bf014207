"""Jacobians in one batched pass, in chunks that bound memory, in the cheaper direction.

Backwards, a stack of unit cotangents goes through the recorded rules together: one pass gives as
many rows as the stack is high. Forwards, the pull-back itself is recorded once (it is linear in
its cotangent) and a stack of unit tangents is pulled back through that: as many columns as the
stack is high. Neither needs a second table of rules.
"""

import numpy as np

from .primitive import P, shape
from .records import entries
from .tensor import Tensor, Variable, active

BUDGET = 16 * 2**20  # bytes that a chunk's cotangents may take, by default
TALLEST = 256  # rows in a chunk at most: beyond, the cache is lost and nothing is gained
FORWARD_FACTOR = 3  # a forward column costs about as much as three backward rows


def box(x):
    """The tensor a variable holds now; a tensor itself."""
    return x._t if isinstance(x, Variable) else x


def check(direction, budget):
    """ValueError for settings that are none; asked before a tape is used up."""
    if direction not in (None, "forward", "reverse"):
        raise ValueError(
            f"direction must be 'forward', 'reverse' or None (the cheaper), got {direction!r}."
        )
    if budget is not None and not (isinstance(budget, (int, float)) and budget > 0):
        raise ValueError(f"memory_budget must be a positive number of bytes, got {budget!r}.")


def full(tape, records, target, sources, direction, budget):
    """d target / d source for each source: tensors of shape target.shape + source.shape, or None."""
    t = box(target)
    rows = t._a.size
    columns = sum(box(s)._a.size for s in sources)
    way = _forward if _goes_forward(records, rows, columns, direction) else _reverse
    return way(tape, records, t, sources, t._a.shape, lambda s: box(s)._a.shape, _units, budget)


def per_item(tape, records, target, source, direction, budget):
    """The same for items of a batch that do not interact: shape (b, target[1:], source[1:]), or None."""
    t, s = box(target), box(source)
    rows, columns = (int(np.prod(x._a.shape[1:])) for x in (t, s))
    inner = t._a.shape[1:]
    way = _forward if _goes_forward(records, rows, columns, direction) else _reverse
    width = lambda s: box(s)._a.shape[1:]
    return way(tape, records, t, [source], inner, width, _item_units, budget)[0]


def check_items(tape, records, target, source, result):
    """ValueError when items of a batch interact, so that `result` mixes them.

    One extra pull-back with a random cotangent: if items are independent, each item's cotangent
    depends on that item's rows only, and the per-item Jacobians must reproduce it.
    """
    t = box(target)
    b = t._a.shape[0]
    weights = np.random.default_rng(0).standard_normal(t._a.shape).astype(t._a.dtype)
    (pulled,) = tape._pull(records, {id(t): (t, Tensor(weights))}, [source])
    if pulled is None:
        return
    expected = np.einsum(
        "bm,bmn->bn", weights.reshape(b, -1), result._a.reshape(b, weights[0].size, -1)
    )
    off = np.abs(pulled._a.reshape(b, -1) - expected)
    scale = np.abs(pulled._a).max() + np.abs(expected).max() + 1e-30
    worst = float(off.max(initial=0) / scale)
    if not worst < 1e4 * np.finfo(t._a.dtype).eps:
        item = int(np.argmax(off.max(axis=1)))
        raise ValueError(
            f"batch_jacobian: the items of the batch interact (a target item depends on other source items; "
            f"seen at item {item}, off by {worst:.1e} of the largest entry). The per-item Jacobian is not "
            f"defined then; use tape.jacobian, or remove what mixes the batch (a sum over axis 0, batch "
            f"normalisation in training mode, ...)."
        )


def _goes_forward(records, rows, columns, direction):
    if direction is not None:
        return direction == "forward"
    if rows <= FORWARD_FACTOR * columns:
        return False
    # A user's gradient function need not be linear in its cotangent: never transpose one unasked.
    return all(p.batched for p, _, _, _ in entries(records))


def _height(records, sources, budget):
    """How many cotangents fit into the budget at once."""
    budget = BUDGET if budget is None else budget
    widest = 1
    for _, _, outputs, inputs in entries(records):
        widest = max(widest, sum(x._a.nbytes for x in (*outputs, *inputs)))
    per_row = 2 * widest + sum(box(s)._a.nbytes for s in sources)
    return int(min(max(budget // per_row, 1), TALLEST))


def _units(like, start, n):
    """Unit cotangents number `start` to `start + n` of a tensor's elements."""
    rows = np.zeros((n, like._a.size), like._a.dtype)
    rows[np.arange(n), start + np.arange(n)] = 1
    return Tensor(rows.reshape(n, *like._a.shape))


def _item_units(like, start, n):
    """The same for the elements of every batch item at once."""
    b = like._a.shape[0]
    rows = np.zeros((n, b, like._a.size // b if b else 0), like._a.dtype)
    rows[np.arange(n), :, start + np.arange(n)] = 1
    return Tensor(rows.reshape(n, *like._a.shape))


def _chunks(size, height):
    return [(start, min(height, size - start)) for start in range(0, size, height)]


def _reverse(tape, records, t, sources, row_shape, column_shape, units, budget):
    """Rows of the Jacobians, a stack of unit cotangents at a time."""
    size = int(np.prod(row_shape))
    stacks = _Stacks(len(sources), size)
    # Without rows one empty stack still tells which sources are connected.
    for start, n in _chunks(size, _height(records, sources, budget)) or [(0, 0)]:
        stacks.add(start, tape._pull(records, {id(t): (t, units(t, start, n))}, sources, extra=1))
    return [
        _rows_first(whole, row_shape, column_shape(s), units)
        for s, whole in zip(sources, stacks.whole())
    ]


def _rows_first(whole, row_shape, columns, units):
    """(rows, [batch,] columns) as ([batch,] row_shape, columns)."""
    if whole is None:
        return None
    if units is _item_units:
        n = whole._a.ndim
        whole = P.transpose(whole, perm=(1 - n, -n, *range(2 - n, 0)))
        return P.reshape(whole, shape=(whole._a.shape[0], *row_shape, *columns))
    return P.reshape(whole, shape=(*row_shape, *columns))


def _forward(tape, records, t, sources, row_shape, column_shape, units, budget):
    """Columns of the Jacobians: the recorded pull-back, pulled back."""
    from .tape import GradientTape, densify

    dummy = Tensor(np.ones(t._a.shape, t._a.dtype)[()])
    with GradientTape(persistent=True, watch_accessed_variables=False) as transpose:
        transpose.watch(dummy)
        found = [densify(g) for g in tape._pull(records, {id(t): (t, dummy)}, sources)]
    results = []
    for s, g in zip(sources, found):
        if g is None:
            results.append(None)
            continue
        columns = column_shape(s)
        size = int(np.prod(columns))
        stacks = _Stacks(1, size)
        for start, n in _chunks(size, _height(transpose._records, [dummy], budget)):
            seeds = {id(g): (g, units(box(s), start, n))}
            stacks.add(start, transpose._pull(transpose._records, seeds, [dummy], extra=1))
        (whole,) = stacks.whole()  # (columns, [batch,] rows)
        if whole is None:
            full_shape = t._a.shape + columns
            results.append(Tensor(np.zeros(full_shape, t._a.dtype)[()]))
            continue
        n = whole._a.ndim
        if units is _item_units:
            whole = P.transpose(whole, perm=(*range(1 - n, 0), -n))
            results.append(P.reshape(whole, shape=(*t._a.shape, *columns)))
        else:
            whole = P.transpose(
                P.reshape(whole, shape=(size, int(np.prod(row_shape)))), perm=(-1, -2)
            )
            results.append(P.reshape(whole, shape=(*row_shape, *columns)))
    return results


class _Stacks:
    """The chunks of each result: copied into one array as they come, or joined on the tape."""

    def __init__(self, count, size):
        self._size, self._arrays, self._parts = size, [None] * count, [[] for _ in range(count)]

    def add(self, start, found):
        """Take in the stack of cotangents that begins at row `start`."""
        for i, g in enumerate(found):
            if g is None:
                continue
            if active.tapes or g._a.shape[0] == self._size:  # to be recorded, or all in one chunk
                self._parts[i].append(g)
                continue
            if self._arrays[i] is None:  # the only array of full size
                self._arrays[i] = np.empty((self._size, *g._a.shape[1:]), g._a.dtype)
            self._arrays[i][start : start + g._a.shape[0]] = g._a

    def whole(self):
        """One tensor (rows, ...) per result; None where nothing came."""
        out = []
        for array, parts in zip(self._arrays, self._parts):
            if array is not None:
                out.append(Tensor(array))
            elif len(parts) > 1:
                out.append(P.concat(*parts, axis=-len(shape(parts[0]))))
            else:
                out.append(parts[0] if parts else None)
        return out
