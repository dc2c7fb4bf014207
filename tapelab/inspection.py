"""Looking inside a tape: its records, its graph, where a NaN was born, what each operation costs.

All of it is worked out on request from the records; an ordinary tape does nothing extra. Lines of
the program are known on a tape made with `GradientTape(lines=True)`.
"""

import html
import itertools
import time
from functools import partial

import numpy as np

from .events import here
from .records import entries, single
from .tape import densify, walk
from .tensor import only


class PlacedRecords(list):
    """Records that remember the line each was made on (for `GradientTape(lines=True)`)."""

    def __init__(self):
        super().__init__()
        self.places = []

    def extend(self, entry):
        """Add a record, with its place."""
        self.places.append(here())
        super().extend(entry)


class Record:
    """One recorded operation.

    Attributes:
      index: position on the tape. operation: TensorFlow's name of it. inputs, outputs: tuples of
        tensors. attributes: its settings. shapes, dtypes: of the outputs. bytes: held for the outputs
        (0 for views of memory that an earlier record holds). place: its line, or None.
    """

    __slots__ = ("index", "primitive", "attributes", "outputs", "inputs", "place")

    def __init__(self, index, entry, place=None):
        self.index, self.place = index, place
        self.primitive, attributes, self.outputs, self.inputs = entry
        self.attributes = {k: v for k, v in attributes.items() if k != "saved"}

    @property
    def operation(self):
        """TensorFlow's name of the operation."""
        return self.primitive.name

    @property
    def shapes(self):
        """Shapes of the outputs."""
        return tuple(t.shape for t in self.outputs)

    @property
    def dtypes(self):
        """Dtypes of the outputs."""
        return tuple(t.dtype for t in self.outputs)

    @property
    def bytes(self):
        """Bytes held for the outputs; none for a view of an input."""
        given = {id(_owner(t._a)) for t in self.inputs}
        owners = {id(a): a.nbytes for a in (_owner(t._a) for t in self.outputs)}
        return sum(n for key, n in owners.items() if key not in given)

    def __repr__(self):
        ins = ", ".join(f"{t.dtype.name}{list(t.shape)}" for t in self.inputs)
        outs = ", ".join(f"{t.dtype.name}{list(t.shape)}" for t in self.outputs)
        return f"<Record {self.index}: {self.operation}({ins}) -> {outs}>"


def _owner(a):
    """The array whose memory a view shows; the array itself otherwise."""
    while isinstance(a, np.ndarray) and isinstance(a.base, np.ndarray):
        a = a.base
    return a


def records(tape):
    """The tape's records as `Record` objects; none when it has let go of them."""
    places = getattr(tape._records, "places", itertools.repeat(None))
    found = zip(entries(tape._records or []), places)
    return [Record(i, entry, place) for i, (entry, place) in enumerate(found)]


def held(tape):
    """Bytes of memory the tape keeps alive: every array it refers to, counted once."""
    arrays = {}
    for _, attributes, outputs, inputs in entries(tape._records or []):
        for a in (*[t._a for t in (*outputs, *inputs)], *attributes.get("saved", ())):
            a = _owner(a)
            arrays[id(a)] = a.nbytes
    for t in tape._watched.values():
        arrays.setdefault(id(_owner(t._a)), t._a.nbytes)
    return sum(arrays.values())


def size_text(n):
    """A number of bytes for people: 3.1 kB, 2.0 MB."""
    for unit in ("bytes", "kB", "MB"):
        if n < 1000 or unit == "MB":
            return f"{n} bytes" if unit == "bytes" else f"{n:.1f} {unit}"
        n /= 1000
    raise AssertionError


# ---------------------------------------------------------------- as a table


def rows(tape):
    """The table of a tape: (number, operation, inputs, output, bytes, line) as text."""
    number = {}
    for i, t in enumerate(tape._watched.values()):
        number[id(t)] = f"w{i}"
    out = []
    for r in records(tape):
        for t in r.outputs:
            number[id(t)] = f"#{r.index}"
        ins = ", ".join(number.get(id(t)) or _value(t) for t in r.inputs)
        outs = ", ".join(f"{t.dtype.name} {tuple(t.shape)}" for t in r.outputs)
        out.append(
            (
                f"#{r.index}",
                r.operation,
                ins,
                outs,
                size_text(r.bytes),
                str(r.place.line) if r.place else "",
            )
        )
    return out


def _value(t):
    return (
        f"{float(t._a):g}"
        if t._a.ndim == 0 and t._a.dtype.kind in "fiu"
        else f"const {tuple(t._a.shape)}"
    )


HEAD = ("record", "operation", "inputs", "output", "holds", "line")


def text_table(head, body, title=""):
    """Columns of text, aligned."""
    widths = [max(map(len, column)) for column in zip(head, *body)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in (head, *body)]
    return "\n".join([title, *lines] if title else lines)


def html_table(head, body, title=""):
    """The same as an HTML table."""
    cells = lambda tag, row: "".join(
        f"<{tag} style='text-align:left'>{html.escape(c)}</{tag}>" for c in row
    )
    lines = "".join(f"<tr>{cells('td', row)}</tr>" for row in body)
    return (
        f"<table><caption>{html.escape(title)}</caption><tr>{cells('th', head)}</tr>{lines}</table>"
    )


def title(tape):
    """One line about a tape."""
    state = (
        "recording"
        if tape._recording
        else "closed"
        if tape._records is not None
        else ("used up" if tape._entered else "never entered")
    )
    kind = "persistent " if tape._persistent else ""
    counts = f"{len(tape)} records, {len(tape._watched)} watched, holds {size_text(held(tape))}"
    return f"{kind}GradientTape, {state}: {counts}"


def table(tape, limit=60):
    """(head, rows, title) with the middle of a long tape left out."""
    body = rows(tape)
    if len(body) > limit:
        gap = ("...", f"{len(body) - limit} more", "", "", "", "")
        body = [*body[: limit // 2], gap, *body[-(limit - limit // 2) :]]
    if all(not r[-1] for r in body):
        return HEAD[:-1], [r[:-1] for r in body], title(tape)
    return HEAD, body, title(tape)


# ---------------------------------------------------------------- as a graph


class Graph:
    """A drawing of a tape: watched tensors and constants flow through operations. Shows as SVG.

    The layered layout (Sugiyama) is igraph's.
    """

    def __init__(self, svg, alt):
        self.svg, self.alt = svg, alt

    def _repr_html_(self):
        return self.svg

    def __repr__(self):
        return f"<Graph: {self.alt}>"


def graph(tape, names=None, limit=200):
    """The `Graph` of a tape's records.

    Args:
      names: dict from a name to a tensor or variable, for labels. limit: most records drawn.
    Raises:
      ImportError: igraph is not installed. ValueError: more records than `limit`.
    """
    try:
        import igraph
    except ImportError:
        raise ImportError(
            "Drawing a tape's graph needs igraph: pip install 'tapelab[lab]'"
        ) from None
    found = records(tape)
    if len(found) > limit:
        raise ValueError(
            f"The tape has {len(found)} records, more than {limit}: draw a smaller program, or raise limit."
        )
    labels, edges, kinds, node = [], [], [], {}
    called = {}
    for n, v in (names or {}).items():
        called.update(dict.fromkeys(tape._boxes(v), n))
    for v, boxes in tape._variables.values():
        for k in boxes:
            called.setdefault(k, v.name.partition(":")[0])

    def leaf(t):
        if id(t) not in node:
            node[id(t)] = len(labels)
            shown = _value(t) if t._a.ndim == 0 else str(tuple(t.shape))
            labels.append(
                (called.get(id(t), "watched" if id(t) in tape._watched else "constant"), shown)
            )
            kinds.append("watched" if id(t) in tape._watched else "constant")
        return node[id(t)]

    for r in found:
        parents = [leaf(t) for t in r.inputs]
        here_ = len(labels)
        name = next((called[id(t)] for t in r.outputs if id(t) in called), "")
        labels.append((r.operation, name or ", ".join(str(tuple(t.shape)) for t in r.outputs)))
        kinds.append("operation")
        edges += [(p, here_) for p in parents]
        node.update({id(t): here_ for t in r.outputs})
    net = igraph.Graph(n=len(labels), edges=edges, directed=True)
    layout = net.layout_sugiyama(hgap=1, vgap=1) if labels else []
    xy = [(p[0], p[1]) for p in list(layout)[: len(labels)]]
    ops = [k for k in kinds if k == "operation"]
    listed = ", ".join(top for (top, _), k in zip(labels, kinds) if k == "operation")[:200]
    alt = f"A tape with {len(ops)} operations: {listed}."
    return Graph(_svg(labels, kinds, edges, xy, alt), alt)


_FILL = {"watched": "#56B4E9", "constant": "#DDDDDD", "operation": "#F0E442"}


def _svg(labels, kinds, edges, xy, alt):
    w, h, dx, dy = 110, 40, 126, 74
    if not xy:
        return (
            f'<svg role="img" aria-label="{html.escape(alt)}" width="200" height="30">'
            '<text x="5" y="20">empty tape</text></svg>'
        )
    x0, y0 = min(x for x, _ in xy), min(y for _, y in xy)
    at = [((x - x0) * dx + 8, (y - y0) * dy + 8) for x, y in xy]
    width, height = max(x for x, _ in at) + w + 8, max(y for _, y in at) + h + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{html.escape(alt)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" style="max-width:100%" '
        f'font-family="sans-serif" font-size="12" text-anchor="middle"><title>{html.escape(alt)}</title>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#767676"/></marker></defs>'
    ]
    for a, b in edges:
        (x1, y1), (x2, y2) = at[a], at[b]
        parts.append(
            f'<line x1="{x1 + w / 2:.0f}" y1="{y1 + h:.0f}" '
            f'x2="{x2 + w / 2:.0f}" y2="{y2:.0f}" stroke="#767676" '
            f'marker-end="url(#tip)"/>'
        )
    for (top, bottom), kind, (x, y) in zip(labels, kinds, at):
        parts.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{w}" height="{h}" rx="{4 if kind == "operation" else 18}" '
            f'fill="{_FILL[kind]}" stroke="#333"/>'
            f'<text x="{x + w / 2:.0f}" y="{y + 17:.0f}" font-weight="bold">'
            f"{html.escape(top[:16])}</text>"
            f'<text x="{x + w / 2:.0f}" y="{y + 32:.0f}">{html.escape(bottom[:18])}</text>'
        )
    return "".join(parts) + "</svg>"


# ---------------------------------------------------------------- where a NaN was born


class Numerics:
    """What `GradientTape.check_numerics` found.

    Attributes:
      finite: nothing was NaN or infinite. phase: 'value', 'gradient', or 'input' if it came from
        outside. record: the first operation that made a non-finite number from finite ones, or got
        one. message, remedy: in words and as code.
    """

    def __init__(
        self, phase="", record=None, message="all values and gradients are finite.", remedy=""
    ):
        self.finite = record is None
        self.phase, self.record, self.message, self.remedy = phase, record, message, remedy

    @property
    def operation(self):
        """Name of the operation, '' when all is finite."""
        return self.record.operation if self.record else ""

    @property
    def inputs(self):
        """The inputs of the operation."""
        return self.record.inputs if self.record else ()

    @property
    def place(self):
        """The line (on a tape made with lines=True), or None."""
        return self.record.place if self.record else None

    def __str__(self):
        if self.finite:
            return "finite: " + self.message
        lines = [f"not finite: {self.message}"]
        lines += [f"  input {i}: {_numbers(t)}" for i, t in enumerate(self.inputs)]
        lines.append(
            f"  where:   {self.place}"
            if self.place
            else "  where:   unknown; tf.GradientTape(lines=True) remembers lines"
        )
        if self.remedy:
            lines.append(f"  remedy:  {self.remedy}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self):
        colour = "#009E73" if self.finite else "#D55E00"
        style = f"border-left:4px solid {colour};padding:4px 12px"
        return f'<div style="{style}"><pre>{html.escape(str(self))}</pre></div>'


def _numbers(t):
    """A few numbers in six digits, which is what every processor agrees on; the range of many."""
    a = np.asarray(t._a)
    if a.size <= 6:
        exact = np.array([float(f"{v:.6g}") for v in a.ravel()]).reshape(a.shape)
        return f"{exact.tolist()}"
    return f"shape {a.shape}, from {np.nanmin(a):g} to {np.nanmax(a):g}"


def _bad(a):
    return a.dtype.kind in "fc" and not np.isfinite(a).all()


def _what(a):
    return "NaN" if np.isnan(a).any() else "infinite"


def check_numerics(tape, target=None, sources=None):
    """The first operation whose value, or whose gradient, is not finite."""
    found = records(tape)
    bad = [r for r in found if any(_bad(t._a) for t in r.outputs)]
    inner = next((r for r in bad if not any(_bad(t._a) for t in r.inputs)), None)
    if inner is not None:
        what = _what(next(t._a for t in inner.outputs if _bad(t._a)))
        which = f"{inner.operation} (record {inner.index})"
        message = f"the value of {which} became {what} from finite inputs."
        return Numerics("value", inner, message, _value_remedy(inner, found, what))
    if bad and any(_bad(t._a) for t in (bad[-1].outputs if target is None else [target])):
        return _brought_in(bad[0])
    if target is None:
        return Numerics(message="all values are finite.")
    hits = []
    cotangents = {k: g._a for k, (_, g) in tape._seeds([target]).items()}
    needed = tape._tracked
    if sources is not None:
        needed = tape._needed(tape._records, set().union(*map(tape._boxes, sources)))
    with only(), np.errstate(all="ignore"):
        for r in reversed(found):
            own = [cotangents.get(id(t)) for t in r.outputs]
            own_record = single(tape._records, r.index)
            walk(own_record, cotangents, needed, (), complex_too=tape._complex)
            came = [(t, densify(cotangents.get(id(t)))) for t in r.inputs]
            if any(g is not None and _bad(np.asarray(g)) for _, g in came):
                if not any(g is not None and _bad(np.asarray(g)) for g in own):
                    hits.append((r, own))
                    break
    if not hits:
        return Numerics()
    r, own = hits[0]
    if any(_bad(t._a) for t in r.inputs):
        return _brought_in(r)
    upstream = next(g for g in own if g is not None)
    which = f"{r.operation} (record {r.index})"
    message = f"the gradient of {which} is not finite; its value and its cotangent were."
    return Numerics("gradient", r, message, _gradient_remedy(r, found, upstream))


def _consumers(record, found):
    mine = {id(t) for t in record.outputs}
    return [r for r in found if any(id(t) in mine for t in r.inputs)]


def _brought_in(r):
    """What a record was given was not finite before the tape saw it."""
    i, t = next((i, t) for i, t in enumerate(r.inputs) if _bad(t._a))
    message = f"input {i} of {r.operation} (record {r.index}) was {_what(t._a)} from the beginning."
    remedy = (
        "the data, or a variable after an earlier step: look there, with np.isnan(x).any(), say"
    )
    return Numerics("input", r, message, remedy)


def _made_from(r, found):
    """The operations whose results went into a record, also through a slice or a reshape."""
    made = {id(t): m for m in found for t in m.outputs}
    near = [made[id(t)] for t in r.inputs if id(t) in made]
    far = [m for m in near if m.operation in ("StridedSlice", "Reshape", "GatherV2")]
    return {m.operation for m in near}.union(*(_made_from(m, found) for m in far))


def _value_remedy(r, found, what):
    after = _consumers(r, found)
    later = {c.operation for a in after for c in (a, *_consumers(a, found))}
    x, exact = r.inputs[0]._a, np.finfo(next(t._a.dtype for t in r.outputs if _bad(t._a)))
    if _feeds_where(r, found):
        return _SAFE_WHERE
    if r.operation == "Exp":
        if any(c.operation == "RealDiv" and "Sum" in _made_from(c, found) for c in found):
            return "tf.nn.softmax(x): it subtracts the maximum first, so nothing overflows"
        if "Log" in later and ("AddV2" in later or "Log1p" in later):
            return "tf.math.softplus(x) for log(1 + exp(x)): the same function without the overflow"
        if "Log" in later and "Sum" in later:
            return "tf.reduce_logsumexp(x) for log(sum(exp(x)))"
        if "RealDiv" in later and "AddV2" in later:
            return (
                "tf.tanh(x)" if "Sub" in later else "tf.sigmoid(x) for 1 / (1 + exp(-x))"
            ) + ": the same function without the overflow"
        most = f"{np.log(exact.max):.0f} ({exact.dtype})"
        return f"keep the argument of tf.exp below {most}, or work with logarithms"
    if r.operation == "Log":
        return _log_remedy(r, found)
    if r.operation == "Pow" and what == "infinite" and not (x == 0).any():
        return _TOO_LARGE.format(exact.dtype, float(exact.max))
    remedies = {
        "RealDiv": "tf.math.divide_no_nan(x, y); for e^x / sum(e^x) tf.nn.softmax(x)",
        "Reciprocal": "tf.math.divide_no_nan(1.0, x)",
        "Sqrt": "tf.sqrt(tf.maximum(x, 0.0))",
        "Rsqrt": "tf.math.rsqrt(tf.maximum(x, 1e-7))",
        "Pow": "keep the base away from 0 (negative exponents) or above 0 (fractional exponents)",
    }
    if r.operation in remedies:
        return remedies[r.operation]
    if what == "infinite" and r.operation in _GROWS:
        return _TOO_LARGE.format(exact.dtype, float(exact.max))
    return "look at the inputs above: one of them is outside what the operation is defined on"


_GROWS = {
    "Mul",
    "Square",
    "MatMul",
    "AddV2",
    "Sub",
    "Sum",
    "Prod",
    "Mean",
    "AddN",
    "Einsum",
    "Conv2D",
}
_TOO_LARGE = "the result is beyond what {} can hold, {:.1e}: smaller weights or steps, or float64"


def _log_remedy(r, found):
    """For a logarithm of 0, or of less."""
    if (r.inputs[0]._a < 0).any():
        return "a negative number has no logarithm: tf.math.log(tf.maximum(x, 1e-7))"
    made = _made_from(r, found)
    if "Softmax" in made:
        return "tf.nn.log_softmax(x), or a loss that takes logits (from_logits=True)"
    if "Sigmoid" in made:
        return "tf.math.log_sigmoid(x), or a loss that takes logits (from_logits=True)"
    return "tf.math.log(x + 1e-7), tf.math.log1p(x), or a loss that takes logits (from_logits=True)"


_SAFE_WHERE = (
    "tf.where computes both branches, and 0 times infinity is NaN. Make the argument safe first:\n"
    "           safe = tf.where(ok, x, 1.0); tf.where(ok, f(safe), 0.0)"
)


def _feeds_where(r, found):
    """Whether a tf.where comes anywhere after a record."""
    chain, seen = list(_consumers(r, found)), set()
    while chain:
        c = chain.pop()
        if c.operation == "SelectV2":
            return True
        if c.index not in seen:
            seen.add(c.index)
            chain += _consumers(c, found)
    return False


def _gradient_remedy(r, found, upstream):
    if np.any(np.asarray(upstream) == 0) and _feeds_where(r, found):
        return _SAFE_WHERE
    if r.operation == "Log":
        return _log_remedy(r, found)
    return {
        "Sqrt": "the slope of sqrt at 0 is infinite, also inside tf.norm and reduce_std: "
        "tf.sqrt(x + 1e-12), or the square instead",
        "CustomGradient": "look at the gradient function: it made this from finite numbers",
        "EuclideanNorm": "the norm has no slope at 0: add a small constant under the root",
        "Pow": "x ** p has no finite slope at 0 for p < 1: tf.pow(x + 1e-12, p)",
        "RealDiv": "tf.math.divide_no_nan(x, y)",
    }.get(
        r.operation,
        "look at the inputs above: the slope of the operation is infinite or undefined there",
    )


# ---------------------------------------------------------------- what it costs


class Profile:
    """Time and memory of a tape's operations; prints as a table, shows as one in JupyterLab.

    Attributes:
      rows: (operation, times recorded, forward seconds, backward seconds, bytes of results), the most
        expensive first.
    """

    def __init__(self, rows):
        self.rows = rows

    def _table(self):
        head = ("operation", "count", "forward ms", "backward ms", "share", "results")
        total = sum(f + b for _, _, f, b, _ in self.rows) or 1.0
        body = [
            (
                op,
                str(n),
                f"{1e3 * f:.3f}",
                f"{1e3 * b:.3f}",
                f"{100 * (f + b) / total:.0f} %",
                size_text(size),
            )
            for op, n, f, b, size in self.rows
        ]
        return head, body, "cost by operation (each run again on its recorded inputs)"

    def __str__(self):
        return text_table(*self._table())

    __repr__ = __str__

    def _repr_html_(self):
        return html_table(*self._table())


def profile(tape, target, repeats=3):
    """Run every recorded forward and rule again, and time them: a `Profile`.

    Only the operations themselves are timed, not Python between them. The least of `repeats` runs
    counts. Functions with a gradient of their own are timed backward only.
    """
    spent = {}
    with only(), np.errstate(all="ignore"):
        cotangents = {k: g._a for k, (_, g) in tape._seeds([target]).items()}
        for r in reversed(records(tape)):
            own_record = single(tape._records, r.index)
            arrays = [t._a for t in r.inputs]
            forward = (
                _least(partial(r.primitive.forward, *arrays, **r.attributes), repeats)
                if r.primitive.forward
                else 0.0
            )
            backward = 0.0
            if any(id(t) in cotangents for t in r.outputs):
                own = {id(t): cotangents[id(t)] for t in r.outputs if id(t) in cotangents}
                backward = _least(
                    lambda e=own_record, g=own: walk(e, dict(g), tape._tracked, ()), repeats
                )
                walk(own_record, cotangents, tape._tracked, ())
            row = spent.setdefault(r.operation, [0, 0.0, 0.0, 0])
            for i, v in enumerate((1, forward, backward, r.bytes)):
                row[i] += v
    ranked = sorted(((op, *row) for op, row in spent.items()), key=lambda r: -(r[2] + r[3]))
    return Profile(ranked)


def _least(f, repeats):
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - start)
    return best
