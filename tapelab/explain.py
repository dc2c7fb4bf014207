"""Why a gradient is None: the reason, the place, and the fix.

An ordinary tape keeps, besides its records, only what is rare: where it was entered, where
something was watched, and the few events that cut a path (an assignment, a value that left through
NumPy, an operation without a gradient). `explain` puts these together with the records. What no
record can show, because it was never recorded, is read from the program text around the block.
"""

import ast
import html
import linecache
from dataclasses import dataclass

from .events import Place, caller, outline
from .tensor import Variable


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


def _downstream(graph, start):
    """ids of everything computed from `start`, and how each was first reached."""
    reached = {k: None for k in start}
    for n, (_, outs, ins) in enumerate(graph):
        if any(i in reached for i in ins):
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


def _path(graph, reached, end):
    """Operations from source to target along first arrivals."""
    names = []
    while reached.get(end) is not None:
        name, _, ins = graph[reached[end]]
        names.append(name)
        end = next(
            i for i in ins if i in reached and (reached[i] is None or reached[i] < reached[end])
        )
    return tuple(reversed(names))


# ---------------------------------------------------------------- the program around the block


class Text:
    """What the program text says: which names feed which, and where."""

    def __init__(self, place, frame):
        self.filename = place.filename if place else frame.f_code.co_filename
        self.block, self.stopped, self.assignments = None, [], []
        try:
            tree = ast.parse("".join(linecache.getlines(self.filename)))
        except (SyntaxError, ValueError):
            tree = ast.Module([], [])
        line = place.line if place else 0
        scope = tree
        for node in ast.walk(tree):
            if (
                isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                and node.lineno <= line <= node.end_lineno
            ):
                scope = node
        for node in ast.walk(scope):
            if (
                isinstance(node, ast.With)
                and node.lineno <= line < node.body[0].lineno + 1
                and node.lineno >= (self.block.lineno if self.block else 0)
            ):
                self.block = node
        self._collect(scope)
        self.names = {**frame.f_globals, **frame.f_locals}
        self.now = frame.f_lineno if frame.f_code.co_filename == self.filename else 10**9

    def _collect(self, scope):
        self.loops = [n for n in ast.walk(scope) if isinstance(n, (ast.For, ast.While))]
        for node in ast.walk(scope):
            if _assigns(node):  # v.assign_add(x): what v holds depends on x now
                used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                self.assignments.append(
                    (node.lineno, {node.func.value.id}, used, node, node.end_lineno)
                )
            if isinstance(node, ast.With) and "stop_recording" in ast.dump(
                node.items[0].context_expr
            ):
                self.stopped.append((node.lineno, node.end_lineno))
            value = getattr(node, "value", None)
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
                targets = [node.target]
            elif isinstance(node, ast.For):
                targets, value = [node.target], node.iter
            else:
                continue
            if value is None:
                continue
            out = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            used = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
            if isinstance(node, ast.AugAssign):
                used |= out
            self.assignments.append((node.lineno, out, used, value, node.end_lineno))
        self.assignments.sort(key=lambda a: a[0])

    def name_of(self, thing):
        """The shortest name of an object, if possible one that the block uses; or None."""
        found = [n for n, v in self.names.items() if v is thing and not n.startswith("_")]
        nodes = ast.walk(self.block) if self.block else ()
        block = {n.id for n in nodes if isinstance(n, ast.Name)}
        found = [n for n in found if n in block] or found
        return min(found, key=len) if found else None

    def last(self, name, before=None):
        """The last assignment to a name before a line (default: before now)."""
        limit = self.now if before is None else before
        rows = [a for a in self.assignments if name in a[1] and a[0] < limit]
        return rows[-1] if rows else None

    def rebinding(self, name):
        """The assignment that made a name something else from its own value: x = x + 1, or None.

        In a loop, it may stand below the block and have happened in the round before.
        """
        row = self.last(name)
        if row is not None and name in row[2]:
            return row
        around = [
            n for n in self.loops if self.block and n.lineno < self.block.lineno <= n.end_lineno
        ]
        for loop in around:
            for row in self.assignments:
                if loop.lineno <= row[0] <= loop.end_lineno and name in row[1] and name in row[2]:
                    return row
        return None

    def inside(self, line):
        """Whether a line is in the tape's block."""
        return self.block is not None and self.block.lineno < line <= self.block.end_lineno

    def in_stop(self, line):
        """Whether a line is under stop_recording."""
        return any(a < line <= b for a, b in self.stopped)

    def feeds(self, source, target):
        """(whether `source` feeds `target` by the text, lines on the way that use it); (None, []) unknown."""
        if source is None or target is None:
            return None, []
        todo, seen, lines, related, known = [(target, None)], set(), [], source == target, False
        while todo:
            name, before = todo.pop()
            row = self.last(name, before)
            if row is None or (row[0], name) in seen:
                continue
            known = True
            seen.add((row[0], name))
            if source in row[2]:
                related = True
                lines.append(row[0])
            todo += [(n, row[0] if n not in row[1] else row[0]) for n in row[2] if n != source]
            # In a loop, what feeds a name may stand below it.
            todo += [(n, None) for n in row[2] if n != source and self.last(n, row[0]) is None]
        return (related if known else None), sorted(set(lines))

    def place(self, line):
        """A line of this text as a Place."""
        return Place(self.filename, line)


def _assigns(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.attr.startswith(("assign", "scatter_"))
    )


# ---------------------------------------------------------------- the answer


def explain(tape, target, source):
    """The explanation of d target / d source on `tape`; see `GradientTape.explain`."""
    memory = tape._memory
    text = Text(memory.block, caller())
    names = text.name_of(source) or "x", text.name_of(target) or "y"
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
    graph = outline(tape._records) if live else memory.outline
    starts, ends = _ids(tape, memory, source, live), _ids(tape, memory, target, live)
    if graph is None:
        if starts & memory.tracked and ends & memory.tracked:
            return Explanation(
                True, "", "the tape answered this already; ask a persistent tape for the path."
            )
        return _released(memory, names)
    if not live and not (_still(memory, target, ends) and _still(memory, source, starts)):
        ends = set() if not _still(memory, target, ends) else ends
        starts = set() if not _still(memory, source, starts) else starts
    tracked = tape._tracked if live else memory.tracked
    reached = _downstream(graph, starts & tracked)
    hit = next((e for e in ends if e in reached), None)
    if hit is not None:
        return _connected(memory, graph, reached, hit, names)
    return _why(tape, memory, text, graph, reached, starts, ends, tracked, source, target, names)


def _ids(tape, memory, thing, live):
    if not isinstance(thing, Variable):
        return {id(thing)}
    if live:
        return {id(b) for b in tape._boxes(thing)}
    return {*memory.boxes.get(id(thing), ()), id(thing._t)}


def _still(memory, thing, ids):
    """After release: the object asked about is the one that was recorded, not another at its address."""
    if isinstance(thing, Variable):
        return True
    ref = memory.alive.get(id(thing))
    return ref is not None and ref() is thing


def _connected(memory, graph, reached, hit, names):
    path = _path(graph, reached, hit)
    above = _upstream(graph, {hit})
    for event in memory.events:
        if event.kind == "none" and any(i in reached and i in above for i in event.inputs):
            return Explanation(
                False,
                "custom gradient",
                f"the gradient function of {event.operation} returned None for "
                f"an argument on the way from {names[0]} to {names[1]}.",
                event.place,
                "return a tensor for that argument from grad_fn, or tf.zeros_like(argument) if the "
                "slope is 0",
            )
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
    place = event.place if event else text.place(row[0]) if row else memory.block
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
    fix = f"{name} = tf.constant(10.0)" if what == "source" else "compute the target in float32"
    if what == "source":
        fix = f"{name} = tf.cast({name}, tf.float32)   # before the block; then tape.watch({name})"
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
    related, lines = text.feeds(text.name_of(source), text.name_of(target))
    above = _upstream(graph, ends)
    # 1. What the tape saw: an event that takes something from the source's side.
    found = [e for e in memory.events if e.inputs and any(i in reached for i in e.inputs)]
    crossing = [e for e in found if any(_came_from(tape, memory, r(), above) for r in e.outputs)]
    if crossing or (found and related is not False and not (starts & above)):
        return _event(crossing or found, bool(crossing), text, names)
    # 2. The target is no result of this tape's block.
    row = text.last(t) if text.name_of(target) is not None else None
    outside = _outside(tape, memory, text, row, ends, tracked, names, related)
    known = starts & tracked
    if outside is not None and (
        known or isinstance(source, Variable) and source._trainable or related
    ):
        if known or row is not None and ".gradient(" in ast.unparse(row[3]):
            return outside
    # 3. The source was never tracked.
    if not known:
        return _untracked(tape, memory, text, source, names, related, lines, row, outside)
    watched = next((memory.watched[k] for k in starts if k in memory.watched), None)
    if watched and related and not isinstance(source, Variable):
        early = [n for n in lines if n < watched.line]
        if early:
            return Explanation(
                False,
                "watched too late",
                f"{s} was watched after it was used; a tape sees only what "
                f"happens after tape.watch.",
                text.place(early[-1]),
                f"tape.watch({s})   # as the first line of the block, before line {early[-1]}",
            )
    if outside is not None:
        return outside
    return _unrelated(names, text, row, memory)


def _came_from(tape, memory, thing, above):
    """Whether the target was computed from something an event gave."""
    if thing is None:
        return False
    return bool(_ids(tape, memory, thing, tape._records is not None) & above)


def _event(found, crossing, text, names):
    """The cause among events: prefer one on a line that leads to the target."""
    s, t = names
    e = found[-1]
    if e.kind == "assign":
        return Explanation(
            False,
            "state",
            f"a value computed from {s} was written into the variable {e.operation}: a tape "
            f"sees what a variable holds when it is read, not how it came to hold it.",
            e.place,
            "z = v + x   # a new tensor instead of v.assign_add(x)\n...     # and go on with z",
        )
    if e.kind == "left":
        return Explanation(
            False,
            "left through NumPy",
            f"a value computed from {s} left through NumPy or Python "
            f"(.numpy(), float(), np...); what is computed there leaves no record.",
            e.place,
            "use the tf function instead: tf.reduce_mean for np.mean, tf.sin for np.sin, ...",
        )
    if e.kind == "none":
        return Explanation(
            False,
            "custom gradient",
            f"the gradient function of {e.operation} returned None.",
            e.place,
            "return a tensor for each argument that has a gradient from grad_fn",
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
    return Explanation(
        False,
        "no gradient",
        f"{e.operation} has no gradient: its result does not change, or jumps, when its "
        f"input moves a little.",
        e.place,
        "use a smooth stand-in (softmax for argmax, sigmoid for a comparison), or tf.grad_pass_through",
    )


def _outside(tape, memory, text, row, ends, tracked, names, related):
    """The target was not computed while the tape recorded: the explanation, or None."""
    s, t = names
    if ends & tracked or row is None or text.block is None:
        return None
    line = row[0]
    if text.inside(line) and text.in_stop(line):
        return Explanation(
            False,
            "recording stopped",
            f"{t} was computed under tape.stop_recording().",
            text.place(line),
            "move the line out of the stop_recording block",
        )
    reset = next((e for e in memory.events if e.kind == "reset" and e.place.line > line), None)
    if text.inside(line) and reset is not None:
        return Explanation(
            False,
            "reset",
            f"tape.reset() came after {t} was computed and made the tape forget it.",
            reset.place,
            f"compute {t} after tape.reset(), or do not reset",
        )
    if text.inside(line):
        return None
    if ".gradient(" in ast.unparse(row[3]) or ".jacobian(" in ast.unparse(row[3]):
        return Explanation(
            False,
            "inner gradient outside",
            f"{t} is a gradient that was taken outside this tape's block, so "
            f"this tape did not record how it was computed.",
            text.place(line),
            f"with tf.GradientTape() as outer:\n    with tf.GradientTape() as inner:\n        ...\n"
            f"    {ast.unparse(row[3])}   # inside the outer block",
        )
    return Explanation(
        False,
        "outside the tape",
        f"{t} was computed outside the tape's block; only what happens between "
        f"`with` and the end of its block is recorded.",
        text.place(line),
        f"with tf.GradientTape() as tape:\n    {text.place(line).text}",
    )


def _untracked(tape, memory, text, source, names, related, lines, row, outside):
    s, t = names
    use = next((n for n in lines if text.inside(n)), lines[0] if lines else None)
    place = text.place(use) if use else memory.block
    if related is False:
        return _unrelated(names, text, row, memory)
    stopped = [n for n in lines if text.inside(n) and text.in_stop(n)]
    if stopped:
        return Explanation(
            False,
            "recording stopped",
            f"{s} was used under tape.stop_recording().",
            text.place(stopped[0]),
            "move the line out of the stop_recording block",
        )
    reset = next((e for e in memory.events if e.kind == "reset"), None)
    if isinstance(source, Variable):
        if not source._trainable:
            return Explanation(
                False,
                "non-trainable",
                f"{s} is a variable with trainable=False: tapes watch only trainable "
                f"variables by themselves.",
                place,
                f"tape.watch({s})   # first line of the block\n{s} = tf.Variable(..., "
                "trainable=True)   # or this",
            )
        if not tape._watch_accessed:
            return Explanation(
                False,
                "not watched",
                f"the tape was made with watch_accessed_variables=False and {s} was not watched.",
                place,
                f"tape.watch({s})   # first line of the block",
            )
        if reset is not None:
            return Explanation(
                False,
                "reset",
                f"tape.reset() made the tape forget what had been computed from {s}.",
                reset.place,
                "compute after tape.reset(), or do not reset",
            )
        return outside or _unrelated(names, text, row, memory)
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
            f"tape.watch({s})   # first line of the block",
        )
    made = text.last(s) if text.name_of(source) else None
    if made is not None:
        code = ast.unparse(made[3])
        again = text.rebinding(s)
        if again is not None:
            return Explanation(
                False,
                "rebound name",
                f"the name {s} was bound to a new tensor: what is called {s} now is the "
                f"result of an operation, not the variable it was before, and no tape watches it.",
                text.place(again[0]),
                f"{s}.assign(...)   # changes the variable and keeps it: {s}.assign_add(1.0), say",
            )
        if outside is not None and related is None:
            return outside
        if "constant(" in code:
            return Explanation(
                False,
                "constant",
                f"{s} is a constant: tapes watch trainable variables by themselves, other "
                f"tensors only when told to.",
                place or text.place(made[0]),
                f"tape.watch({s})   # first line of the block",
            )
        if not text.inside(made[0]):
            return Explanation(
                False,
                "computed before the tape",
                f"{s} is a tensor that was computed before the block; the "
                f"tape sees a mere number, and nobody told it to watch.",
                text.place(made[0]),
                f"tape.watch({s})   # first line of the block; or move the line into the block",
            )
    return Explanation(
        False,
        "not watched",
        f"{s} is a tensor that the tape was never told to watch.",
        place,
        f"tape.watch({s})   # first line of the block",
    )


def _unrelated(names, text, row, memory):
    s, t = names
    return Explanation(
        False,
        "unrelated",
        f"{t} does not depend on {s}: no recorded operation leads from one to the other.",
        text.place(row[0]) if row else memory.block,
        "check the names; or ask for zeros: unconnected_gradients='zero'",
    )
