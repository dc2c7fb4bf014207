"""Why a gradient is None: the reason, the place, and the fix.

An ordinary tape keeps, besides its records, only what is rare: where it was entered, where
something was watched, and the few events that cut a path (an assignment, a value that left through
NumPy, an operation without a gradient). `explain` puts these together with the records. What no
record can show, because it was never recorded, is read from the program text around the block.
"""

import ast
import contextlib
import html
import linecache
import sys
from collections import namedtuple
from dataclasses import dataclass
from types import ModuleType

from .events import Place, caller, outline, shadow
from .tensor import Tensor, Variable, only


@dataclass(frozen=True)
class Explanation:
    """Connected or not; if not, the reason, the place and the fix. Prints; shows in JupyterLab.

    Attributes:
      connected: whether the gradient is a number. reason: a short name of the cause ('' if connected).
      message: the cause in a sentence. place: the line (a `Place`) or None. fix: code that mends it.
      path: the operations from source to target, when connected.
    """

    connected: bool
    reason: str
    message: str
    place: Place | None = None
    fix: str = ""
    path: tuple = ()

    def __str__(self):
        if self.connected:
            return f"connected: {self.message}"
        lines = [f"None, because {self.message}"]
        if self.place is not None:
            lines.append(f"  where: {self.place}")
        if self.fix:
            lines.append("  fix:   " + self.fix.replace("\n", "\n         "))
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self):
        e = html.escape
        if self.connected:
            steps = " &rarr; ".join(f"<code>{e(p)}</code>" for p in self.path)
            return (
                f'<div style="border-left:4px solid #009E73;padding:4px 12px"><b>Connected.</b> '
                f"{e(self.message)}<br>{steps}</div>"
            )
        where = (
            f"<br><b>Where:</b> {e(self.place.name)}, line {self.place.line}" if self.place else ""
        )
        if self.place and self.place.text:
            where += f": <code>{e(self.place.text)}</code>"
        fix = (
            "<br><b>Fix:</b> <pre "
            f"style='display:inline-block;margin:0;vertical-align:top'>{e(self.fix)}</pre>"
            if self.fix
            else ""
        )
        return (
            f'<div style="border-left:4px solid #D55E00;padding:4px 12px"><b>None</b>, because '
            f"{e(self.message)}{where}{fix}</div>"
        )


# ---------------------------------------------------------------- the graph of a tape


def _downstream(graph, start, cuts=()):
    """ids of everything computed from `start`, and how each was first reached.

    `cuts` are the steps that do not count: ids of a record's outputs, and of the input left aside.
    """
    reached = {k: None for k in start}
    for n, (_, outs, ins) in enumerate(graph):
        if any(i in reached and (outs, i) not in cuts for i in ins):
            for o in outs:
                reached.setdefault(o, n)
    return reached


def _upstream(graph, start):
    """ids of everything `start` was computed from, by records."""
    needed = set(start)
    for _, outs, ins in reversed(graph):
        if any(o in needed for o in outs):
            needed.update(ins)
    return needed


def _path(graph, reached, end, cuts):
    """Operations from source to target along first arrivals."""
    names = []
    while (n := reached.get(end)) is not None:
        name, outs, ins = graph[n]
        names.append(name)
        before = (i for i in ins if i in reached and (outs, i) not in cuts)
        end = next(i for i in before if reached[i] is None or reached[i] < n)
    return tuple(reversed(names))


# ---------------------------------------------------------------- the program around the block


# A binding in the program text: the names it gives (`out`) and those it takes (`used`).
Row = namedtuple("Row", ["line", "out", "used", "code", "end"])


class Text:
    """What the program text says: which names feed which, and where.

    Lines are counted through: in a notebook the cells that ran make one long text, in their order.
    """

    def __init__(self, place, frame):
        self.filename = place.filename if place else frame.f_code.co_filename
        self.block, self.stopped, self.rows = None, [], []
        self.starts, tree = {}, ast.Module([], [])
        lines = 0
        for name in sheets(self.filename, frame):
            self.starts[name] = lines
            text = linecache.getlines(name)
            try:
                part = ast.parse("".join(text))
            except (SyntaxError, ValueError):
                part = ast.Module([], [])
            tree.body += ast.increment_lineno(part, lines).body
            lines += len(text)
        line = self.line(place) if place else 0
        scope = tree
        for node in ast.walk(tree):
            if isinstance(node, _FUNCTIONS) and node.lineno <= line <= node.end_lineno:
                scope = node
        for node in ast.walk(scope):
            if (
                isinstance(node, ast.With)
                and node.lineno <= line < node.body[0].lineno + 1
                and node.lineno >= (self.block.lineno if self.block else 0)
            ):
                self.block = node
        self.tree = tree
        self._collect(scope)
        self.names = {**frame.f_globals, **frame.f_locals}
        if frame.f_code.co_name in ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"):
            self.names = frame.f_back.f_locals | self.names
        here = Place(frame.f_code.co_filename, frame.f_lineno)
        self.now = self.line(here) if here.filename in (self.filename, name) else 10**9

    def _collect(self, scope):
        nodes = list(_within(scope))
        self.loops = [n for n in nodes if isinstance(n, (ast.For, ast.While))]
        for node in nodes:
            value = getattr(node, "value", None)
            if _assigns(node):  # v.assign_add(x): what v holds depends on x now
                value, out = node, {node.func.value.id}
            elif isinstance(node, ast.Assign):
                out = _names(*node.targets)
            elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
                out = _names(node.target)
            elif isinstance(node, ast.For):
                out, value = _names(node.target), node.iter
            elif isinstance(node, _FUNCTIONS) and node is not scope:  # what a call of it may read
                out, value = {node.name}, node
            else:
                if isinstance(node, ast.With) and "stop_recording" in ast.dump(
                    node.items[0].context_expr
                ):
                    self.stopped.append((node.lineno, node.end_lineno))
                continue
            if value is not None:
                own = {n.arg for n in ast.walk(value) if isinstance(n, ast.arg)}
                used = _names(value) - own | (out if isinstance(node, ast.AugAssign) else set())
                self.rows.append(Row(node.lineno, out, used, value, node.end_lineno))
        self.rows.sort(key=lambda row: row.line)

    def line(self, place):
        """A place's line in this text, or -1 if it is elsewhere."""
        start = self.starts.get(place.filename)
        return -1 if start is None else start + place.line

    def place(self, line):
        """A line of this text as a Place."""
        name = max((n for n in self.starts if self.starts[n] < line), key=self.starts.get)
        return Place(name, line - self.starts[name])

    def name_of(self, thing, written=None):
        """The name of an object: one that the block uses, or as written in the question, or any."""
        found = [n for n, v in self.names.items() if v is thing and not n.startswith("_")]
        block = _names(self.block) if self.block else ()
        used = [n for n in found if n in block]
        if not used and written is not None and not written.isidentifier():
            return written
        return min(used or found, key=len, default=None)

    def root_of(self, thing, name):
        """The plain name to look for in the text: of the object, or of what holds it (model, weights)."""
        block = _names(self.block) if self.block else set()
        if name is not None and name in block:
            return name
        outer = {n for row in self.rows for n in row.out | row.used}
        for n in sorted(block) + sorted(outer - block):
            if n in self.names and _holds(self.names[n], thing) and self.names[n] is not thing:
                return n
        return name if name is None or name.isidentifier() else None

    def last(self, name, before=None):
        """The last assignment to a name before a line (default: before now)."""
        limit = self.now if before is None else before
        rows = [row for row in self.rows if name in row.out and row.line < limit]
        return rows[-1] if rows else None

    def rebinding(self, name):
        """The assignment that made a name something else from its own value: x = x + 1, or None.

        In a loop, it may stand below the block and have happened in the round before.
        """
        again = [row for row in [self.last(name)] if row is not None and name in row.used]
        around = [
            n for n in self.loops if self.block and n.lineno < self.block.lineno <= n.end_lineno
        ]
        for loop in around:
            for row in self.rows:
                if loop.lineno <= row.line <= loop.end_lineno and name in row.out & row.used:
                    again.append(row)
        for row in again[:1]:
            origins = [r for r in self.rows if r.line < row.line and name in r.out - r.used]
            made = ast.unparse(origins[-1].code) if origins else ""
            if (
                not made.startswith("tf.") or "Variable(" in made
            ):  # else a tensor from the beginning
                return row
        return None

    def replacement(self, written):
        """The statement that replaced an attribute or an item by a result: m.w = m.w - g, or None."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and written in map(ast.unparse, node.targets):
                if written in ast.unparse(node.value):
                    return Row(node.lineno, {written}, set(), node.value, node.end_lineno)
        return None

    def inside(self, line):
        """Whether a line is in the tape's block."""
        block = self.block
        return block is not None and block.body[0].lineno <= line <= block.end_lineno

    def in_stop(self, line):
        """Whether a line is under stop_recording."""
        return any(a < line <= b for a, b in self.stopped)

    def feeds(self, source, target):
        """Whether `source` feeds `target` by the text, and the rows between; (None, []) unknown."""
        if source is None or target is None:
            return None, []
        todo, above, hits, known = [(target, None, None)], {}, [], False
        while todo:
            name, before, child = todo.pop()
            row = self.last(name, before)
            if row is None:
                continue
            known, seen = True, id(row) in above
            above.setdefault(id(row), []).append(child)
            if seen:
                continue
            if source in row.used and self._same(source, row):
                hits.append(row)
            todo += [(n, row.line, row) for n in row.used if n != source]
            # In a loop, what feeds a name may stand below it.
            todo += [
                (n, None, row) for n in row.used if n != source and self.last(n, row.line) is None
            ]
        way, ahead = {}, list(hits)
        while ahead:
            row = ahead.pop()
            if row is not None and id(row) not in way:
                way[id(row)] = row
                ahead += above[id(row)]
        steps = [row for row in way.values() if not isinstance(row.code, (*_FUNCTIONS, ast.Lambda))]
        related = bool(hits) or source == target
        return (related if known else None), sorted(steps, key=lambda row: row.line)

    def _same(self, name, row):
        """Whether a name used above the block is still bound to the same thing."""
        bound = self.last(name)
        above = self.block is not None and row.end < self.block.lineno
        return not above or bound is None or bound.line <= row.line


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def sheets(filename, frame):
    """The files that make a program: the cells of a notebook in the order they ran, or one file."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    cells = getattr(getattr(shell, "compile", None), "_filename_map", {})
    if filename not in cells:
        return [filename]
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    running = frame and frame.f_code.co_filename  # the last, even where nobody counts
    return sorted(cells, key=lambda name: (name == running, cells[name]))


def _within(scope):
    """The nodes of a scope, without the insides of the functions defined in it."""
    todo = list(scope.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            todo += ast.iter_child_nodes(node)


def _names(*nodes):
    """The names in a piece of program."""
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def _holds(value, thing, size=1000):
    """Whether a list, a dict, a model ... contains an object."""
    todo, seen = [value], set()
    while todo and len(seen) < size:
        value = todo.pop(0)
        if value is thing:
            return True
        if id(value) in seen or isinstance(value, (Variable, Tensor, type, ModuleType)):
            continue
        if hasattr(value, "watched_variables"):  # a tape knows them all, and holds none
            continue
        seen.add(id(value))
        if isinstance(value, (list, tuple)):
            todo += value[:size]
        else:
            inside = value if isinstance(value, dict) else getattr(value, "__dict__", {})
            todo += list(inside.values())[:size]
    return False


def _assigns(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.attr.startswith(("assign", "scatter_", "update_state", "append", "extend"))
    )


def question(frame):
    """How the target and the source are written in the call that asks, as far as the text is there."""
    where = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    if None in where or where[1] - where[0] > 20:
        return None, None
    lines = linecache.getlines(frame.f_code.co_filename)[where[0] - 1 : where[1]]
    try:
        code = b"".join(line.encode() for line in lines)
        code = code[where[2] : len(code) - len(lines[-1].encode()) + where[3]]
        call = ast.parse(code.strip()).body[0].value
        given = {k.arg: k.value for k in call.keywords} | dict(zip(("target", "source"), call.args))
        found = [given[k] for k in ("target", "source")]
    except (SyntaxError, ValueError, LookupError, AttributeError):
        return None, None
    simple = (ast.Name, ast.Attribute, ast.Subscript)
    return tuple(ast.unparse(f) if isinstance(f, simple) else None for f in found)


# ---------------------------------------------------------------- the answer


def explain(tape, target, source):
    """The explanation of d target / d source on `tape`; see `GradientTape.explain`."""
    memory, frame = tape._memory, caller()
    text, written = Text(memory.block, frame), question(frame)
    names = text.name_of(source, written[1]) or "x", text.name_of(target, written[0]) or "y"
    live = tape._records is not None
    if not tape._entered:
        return Explanation(
            False,
            "never entered",
            "this tape has never recorded anything.",
            None,
            "with tf.GradientTape() as tape:\n    ...  # compute here",
        )
    for thing, name, what in ((source, names[0], "source"), (target, names[1], "target")):
        if not (thing.dtype.is_floating or thing.dtype.is_complex):
            return _not_float(memory, text, thing, name, what)
    shadows = shadow(tape._records) if live else memory.shadow
    starts, ends = set(tape._boxes(source)), set(tape._boxes(target))
    if not live:
        ends = ends if _still(memory, target) else set()
        starts = starts if _still(memory, source) else set()
    if shadows is None:
        if starts & memory.tracked and ends & memory.tracked:
            return Explanation(
                True, "", "the tape answered this already; ask a persistent tape for the path."
            )
        return _released(memory, names)
    graph = outline(shadows)
    tracked = tape._tracked if live else memory.tracked
    reached = _downstream(graph, starts & tracked)
    if not ends.isdisjoint(reached):
        if live and any(
            name == "CustomGradient" and not reached.keys().isdisjoint(ins) for name, _, ins in graph
        ):  # only the function itself can say whether it returns None
            with only(), contextlib.suppress(Exception):
                tape._pull(tape._records, tape._seeds([target]), [source])
        return _connected(memory, graph, starts & tracked, reached, ends & reached.keys(), names)
    return _why(tape, memory, text, graph, reached, starts, ends, tracked, source, target, names)


def _still(memory, thing):
    """After release: the object asked about is the one that was recorded, not another at its address."""
    if isinstance(thing, Variable):
        return True
    return any(ref() is thing for ref in memory.recorded)


def _connected(memory, graph, starts, reached, ends, names):
    nones = [e for e in memory.events if e.kind == "none"]
    cuts = {(e.made, i) for e in nones for i in e.inputs}
    through = _downstream(graph, starts, cuts)
    hit = next((e for e in ends if e in through), None)
    above = _upstream(graph, ends)
    for event in nones if hit is None else ():
        if any(i in reached and i in above for i in event.inputs):
            return Explanation(
                False,
                "custom gradient",
                f"the gradient function of {event.operation} returned None for "
                f"an argument on the way from {names[0]} to {names[1]}.",
                event.place,
                "return a tensor for that argument from grad_fn, or tf.zeros_like(argument) if the "
                "slope is 0",
            )
    path = _path(graph, through, hit, cuts)
    steps = f"{names[1]} depends on {names[0]}" + (
        " through " + " -> ".join(path) if path else ": it is the same tensor"
    )
    return Explanation(True, "", steps + ".", path=path)


def _not_float(memory, text, thing, name, what):
    wrong = thing.dtype.name
    event = next(
        (e for e in memory.events if e.kind == "cut" and any(r() is thing for r in e.outputs)), None
    )
    row = text.last(name) if text.name_of(thing) else None
    place = event.place if event else text.place(row.line) if row else memory.block
    if event:
        message = (
            f"{name} is the result of {event.operation}, which has no derivative: it has dtype "
            f"{wrong}, and a "
            f"small change of its input changes it by nothing or by a jump."
        )
        return Explanation(
            False,
            "integer dtype" if event.operation == "Cast" else "no gradient",
            message,
            place,
            "stay in floats up to the loss; use a smooth stand-in (softmax for argmax, sigmoid for a step)",
        )
    fix = f"{name} = tf.cast({name}, tf.float32)   # before the block; then tape.watch({name})"
    if what == "target":
        fix = "compute the target in float32"
    elif isinstance(thing, Variable):
        fix = f"{name} = tf.Variable(..., dtype=tf.float32)   # or begin with a float: 3.0 for 3"
    return Explanation(
        False,
        "integer dtype",
        f"{name}, the {what}, has dtype {wrong}; only floating point numbers have derivatives.",
        place,
        fix,
    )


def _released(memory, names):
    return Explanation(
        False,
        "released",
        f"this tape is not persistent and has answered already, so it has let go of "
        f"its record; nothing says how {names[1]} came from {names[0]}.",
        memory.answered,
        "with tf.GradientTape(persistent=True) as tape:\n    ...",
    )


def _why(tape, memory, text, graph, reached, starts, ends, tracked, source, target, names):
    s, t = names
    root = text.root_of(source, s)
    related, way = text.feeds(root, t if text.name_of(target) is not None else None)
    uses = [row for row in way if root in row.used]
    above = _upstream(graph, ends)
    # 1. What the tape saw: an event that takes something from the source's side.
    found = [e for e in memory.events if e.kind != "none" and any(i in reached for i in e.inputs)]
    crossing = [e for e in found if any(_came_from(tape, r(), above) for r in e.outputs)]
    if crossing or (found and related is not False and not (starts & above)):
        return _event(crossing or found, names)
    # 2. The target, or something on the way to it, was not computed in this tape's block.
    known = starts & tracked
    row = text.last(t) if text.name_of(target) is not None else None
    outside = None
    if not ends & tracked and row is not None and not isinstance(target, Variable):
        outside = _outside(memory, text, row, way, names, not known and source)
    if outside is not None and (known or outside.reason == "inner gradient outside"):
        return outside
    if outside is None and way and text.block is not None:
        if known or not any(text.inside(r.line) for r in uses):
            outside = _outside(memory, text, None, way, names, not known and source)
            if outside is not None and (known or _followed(tape, source)):
                return outside
    # 3. The source was never tracked.
    if not known:
        return _untracked(tape, memory, text, source, names, related, uses, row, outside)
    watched = next((memory.watched[k] for k in starts if k in memory.watched), None)
    if watched and related and not isinstance(source, Variable):
        early = [r.line for r in uses if r.line < text.line(watched)]
        if early:
            return Explanation(
                False,
                "watched too late",
                f"{s} was watched after it was used; a tape sees only what "
                f"happens after tape.watch.",
                text.place(early[-1]),
                f"tape.watch({s})   # as the first line of the block, before line "
                f"{text.place(early[-1]).line}",
            )
    again = text.rebinding(root) if related and not isinstance(source, Variable) else None
    return _rebound(text, again, s, root) if again else _unrelated(names, text, row, memory)


def _came_from(tape, thing, above):
    """Whether the target was computed from something an event gave."""
    if thing is None:
        return False
    return not above.isdisjoint(tape._boxes(thing))


def _event(found, names):
    """The cause among events."""
    s, t = names
    e = found[-1]
    code = _statement(e.place)
    if e.kind == "assign":
        name, fix = _unassigned(code)
        return Explanation(
            False,
            "state",
            f"a value computed from {s} was written into the variable {name or e.operation}: a tape "
            f"sees what a variable holds when it is read, not how it came to hold it.",
            e.place,
            fix or "compute a new tensor, and go on with that, instead of assigning",
        )
    if e.kind == "left":
        inside = _Inside()
        if code is not None and (not isinstance(code, ast.Expr) or _assigns(code.value)):
            code = inside.visit(code)
        return Explanation(
            False,
            "left through NumPy",
            f"a value computed from {s} left through NumPy or Python "
            f"(.numpy(), float(), np...); what is computed there leaves no record.",
            e.place,
            ast.unparse(code).split("\n")[0] + "   # stays on the tape"
            if inside.changed
            else "use the tf function instead: tf.reduce_mean for np.mean, tf.sin for np.sin, ...",
        )
    if e.operation == "StopGradient":
        return Explanation(
            False,
            "stop_gradient",
            f"tf.stop_gradient stands between {s} and {t}: it is there to cut the path.",
            e.place,
            "remove tf.stop_gradient if the gradient should flow",
        )
    if e.operation == "Cast":
        return Explanation(
            False,
            "integer dtype",
            f"a value computed from {s} was cast to a dtype that is not floating; "
            f"integers and booleans have no derivatives, also not after casting back.",
            e.place,
            "keep floats: tf.cast(x, tf.float32), or leave out the cast",
        )
    if e.operation in ("ZerosLike", "OnesLike"):
        return Explanation(
            False,
            "no gradient",
            f"{e.operation} takes only the shape of its input; what comes out is a constant.",
            e.place,
            "use the value itself, not its shape alone",
        )
    if e.operation == "RandomShuffle":
        return Explanation(
            False,
            "no gradient",
            "tf.random.shuffle has no gradient, although its result moves with its input.",
            e.place,
            "shuffle numbers, tf.random.shuffle(tf.range(n)), and tf.gather the rows that they name",
        )
    return Explanation(
        False,
        "no gradient",
        f"{e.operation} has no gradient: its result does not change, or jumps, when its "
        f"input moves a little.",
        e.place,
        "use a smooth stand-in (softmax for argmax, sigmoid for a comparison), or tf.grad_pass_through",
    )


def _statement(place):
    """The simple statement at a line of the program, or None."""
    try:
        tree = ast.parse("".join(linecache.getlines(place.filename)))
    except (SyntaxError, ValueError):
        return None
    simple = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return)
    nodes = [n for n in ast.walk(tree) if isinstance(n, simple)]
    return next((n for n in nodes if n.lineno <= place.line <= n.end_lineno), None)


def _unassigned(code):
    """What an assignment to a variable writes to, and the same with a tensor in its place."""
    signs = {"assign": "", "assign_add": "{} + ", "assign_sub": "{} - "}
    for call in ast.walk(code) if code is not None else ():
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
            continue
        value = ast.unparse(call.args[0])
        if call.func.attr in signs:
            name = ast.unparse(call.func.value)
            sign = signs[call.func.attr].format(name)
            if sign and not isinstance(call.args[0], (ast.Name, ast.Call, ast.Attribute)):
                value = f"({value})"
            return name, (
                f"z = {sign}{value}   # a new tensor instead of {name}.{call.func.attr}(...)\n"
                f"...   # and go on with z"
            )
        if call.func.attr == "Variable" and isinstance(code, ast.Assign):
            name = ast.unparse(code.targets[0])
            return name, f"{name} = {value}   # a tensor: a new variable would not know its past"
    return None, None


class _Inside(ast.NodeTransformer):
    """Rewrites NumPy's and Python's mathematics as tapelab's."""

    changed = False

    def visit_Call(self, node):
        node, f = self.generic_visit(node), node.func
        if isinstance(f, ast.Name) and f.id in ("float", "int") and len(node.args) == 1:
            return self._now(node.args[0])
        if not isinstance(f, ast.Attribute):
            return node
        if f.attr in ("numpy", "item", "tolist") and not node.args:
            return self._now(f.value)
        path = ast.unparse(f).split(".")
        if path[0] in ("np", "numpy", "math"):
            name = _counterpart(path[-1])
            if name is not None:
                node.func = ast.parse(name, mode="eval").body
                return self._now(node)
        if path[-1] in ("constant", "convert_to_tensor") and self.changed and len(node.args) == 1:
            return node.args[0]
        return node

    def _now(self, node):
        self.changed = True
        return node


_TF = {"array": "stack", "dot": "matmul", "power": "pow", "absolute": "abs", "fabs": "abs"}
_FLAT = {"argmax", "argmin", "argsort", "round", "rint", "floor", "ceil", "sign", "trunc"}


def _counterpart(name):
    """`tf.reduce_mean` for NumPy's `mean`; None if there is none that would pass a gradient."""
    import tapelab as tf

    for way in ("reduce_{}", "math.reduce_{}", "{}", "math.{}", "linalg.{}"):
        path, thing = way.format(_TF.get(name, name)), tf
        for part in path.split("."):
            thing = getattr(thing, part, None)
        if callable(thing) and name not in _FLAT:
            return "tf." + path
    return None


def _outside(memory, text, row, way, names, unwatched):
    """Something on the way was computed while the tape did not record: the explanation, or None.

    `row` is the target's line, if the tape did not record the target itself.
    """
    s, t = names
    rows = way or ([row] if row is not None else [])
    if (found := _stopped(text, rows)) is not None:
        return found
    if row is not None and text.inside(row.line):
        for e in memory.events:
            if e.kind == "reset" and text.line(e.place) > row.line:
                return Explanation(
                    False,
                    "reset",
                    f"tape.reset() came after {t} was computed and made the tape forget it.",
                    e.place,
                    f"compute {t} after tape.reset(), or do not reset",
                )
    rows = [r for r in rows if not text.inside(r.line)] if text.block is not None else []
    for r in rows:
        if _takes_gradient(r):
            return Explanation(
                False,
                "inner gradient outside",
                f"{_out(r)} is a gradient that was taken outside this tape's block, so "
                f"this tape did not record how it was computed.",
                text.place(r.line),
                f"with tf.GradientTape() as outer:\n    with tf.GradientTape() as inner:\n"
                f"        ...\n    {_out(r)} = {ast.unparse(r.code)}   # inside the outer block",
            )
    after = [r for r in rows if text.block.end_lineno < r.line]
    rows = after if row is not None and after else rows
    if not rows:
        return None
    first = rows[0]
    code = [text.place(line).text for line in sorted({r.line for r in rows})]
    code = [*code[:3], "..."] if first.line < text.block.lineno else ["...", *code[:3]]
    if unwatched is not False and not isinstance(unwatched, Variable):
        code.insert(0, f"tape.watch({s})")
    return Explanation(
        False,
        "outside the tape",
        f"{_out(first)} was computed outside the tape's block; only what happens between "
        f"`with` and the end of its block is recorded.",
        text.place(first.line),
        "with tf.GradientTape() as tape:\n    " + "\n    ".join(code),
    )


def _out(row):
    """What a row binds, as a learner would say it."""
    return ", ".join(sorted(row.out))


def _takes_gradient(row):
    code = ast.unparse(row.code)
    return ".gradient(" in code or ".jacobian(" in code


def _followed(tape, source):
    """Whether the tape would follow the source by itself, if only it were used in the block."""
    return isinstance(source, Variable) and source._trainable and tape._watch_accessed


def _stopped(text, rows):
    """The first of the rows that stands under stop_recording: the explanation, or None."""
    for row in rows:
        if text.inside(row.line) and text.in_stop(row.line):
            return Explanation(
                False,
                "recording stopped",
                f"{_out(row)} was computed under tape.stop_recording().",
                text.place(row.line),
                "move the line out of the stop_recording block",
            )
    return None


def _rebound(text, row, s, root):
    new = "a new tensor" if s == root else "something new"
    return Explanation(
        False,
        "rebound name",
        f"the name {root} was bound to {new}: what is called {s} now is the "
        f"result of an operation, not the variable it was before, and no tape watches it.",
        text.place(row.line),
        f"{s}.assign(...)   # changes the variable and keeps it: {s}.assign_add(1.0), say",
    )


def _untracked(tape, memory, text, source, names, related, uses, row, outside):
    s, t = names
    root = text.root_of(source, s)
    use = next((r for r in uses if text.inside(r.line)), uses[0] if uses else None)
    place = text.place(use.line) if use else memory.block
    if related is False:
        return outside or _unrelated(names, text, row, memory)
    if (found := _stopped(text, uses)) is not None:
        return found
    reset = next((e for e in memory.events if e.kind == "reset"), None)
    watch = f"tape.watch({s})   # first line of the block"
    if isinstance(source, Variable):
        if not source._trainable:
            made = f"\n{s} = tf.Variable(..., trainable=True)   # or this" * s.isidentifier()
            return Explanation(
                False,
                "non-trainable",
                f"{s} is a variable with trainable=False: tapes watch only trainable "
                f"variables by themselves.",
                place,
                watch + made,
            )
        if not tape._watch_accessed:
            return Explanation(
                False,
                "not watched",
                f"the tape was made with watch_accessed_variables=False and {s} was not watched.",
                place,
                watch,
            )
        if reset is not None:
            return Explanation(
                False,
                "reset",
                f"tape.reset() made the tape forget what had been computed from {s}.",
                reset.place,
                "compute after tape.reset(), or do not reset",
            )
        return outside or _another(text, s, t) or _unrelated(names, text, row, memory)
    if reset is not None and id(source) in memory.watched:
        return Explanation(
            False,
            "reset",
            f"tape.reset() made the tape forget that {s} was watched.",
            reset.place,
            f"tape.watch({s})   # again, after tape.reset()",
        )
    if id(source) in memory.watched:  # watched while recording was stopped, or after the block
        return Explanation(
            False,
            "watched too late",
            f"{s} was watched when the tape was not recording.",
            memory.watched[id(source)],
            watch,
        )
    again = None if s.isidentifier() else text.replacement(s)
    if again is not None:
        return _rebound(text, again, s, s)
    again = text.rebinding(root) if root is not None else None
    if again is not None:
        return _rebound(text, again, s, root)
    if outside is not None:
        return outside
    made = text.last(s) if text.name_of(source) == s else None
    if made is not None:
        if "constant(" in ast.unparse(made.code):
            return Explanation(
                False,
                "constant",
                f"{s} is a constant: tapes watch trainable variables by themselves, other "
                f"tensors only when told to.",
                place or text.place(made.line),
                watch,
            )
        if not text.inside(made.line):
            return Explanation(
                False,
                "computed before the tape",
                f"{s} is a tensor that was computed before the block; the "
                f"tape sees a mere number, and nobody told it to watch.",
                text.place(made.line),
                f"{watch}; or move the line into the block",
            )
    return Explanation(
        False,
        "not watched",
        f"{s} is a tensor that the tape was never told to watch.",
        place,
        watch,
    )


def _another(text, s, t):
    """The name of the source was given to another variable after the block: the explanation, or None."""
    made = text.last(s)
    if text.block is None or made is None or made.line <= text.block.end_lineno:
        return None
    if s not in _names(text.block) or ast.unparse(made.code).find("Variable(") < 0:
        return None
    return Explanation(
        False,
        "rebound name",
        f"the name {s} was given to another variable after {t} was computed; {t} depends on the "
        f"one before.",
        text.place(made.line),
        "run the block of the tape again, with the new variable",
    )


def _unrelated(names, text, row, memory):
    s, t = names
    zeros = "ask for zeros: unconnected_gradients='zero'"
    if row is not None and _takes_gradient(row) and text.inside(row.line):
        return Explanation(
            False,
            "unrelated",
            f"the gradient {t} is the same for every {s}: it was computed without a look at {s}.",
            text.place(row.line),
            zeros,
        )
    return Explanation(
        False,
        "unrelated",
        f"{t} does not depend on {s}: no recorded operation leads from one to the other.",
        text.place(row.line) if row else memory.block,
        f"check the names; or {zeros}",
    )
