"""Random programs: a hypothesis strategy that writes Python source with tapes in it.

A program is text, so a failure prints something to paste into a test. While it is written it is
also run on tapelab without a tape, only to know the shapes that the next statement can use.
"""

import keyword

import numpy as np
from hypothesis import strategies as st

import tapelab

NICE = [-2.0, -1.5, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0]
SHAPES = [
    (),
    (),
    (1,),
    (2,),
    (3,),
    (2, 3),
    (3, 2),
    (2, 2),
    (1, 3),
    (2, 1),
    (3, 3),
    (2, 2, 3),
    (1, 1),
    (0,),
    (0, 2),
]

UNARY = (
    "tf.abs tf.negative tf.square tf.exp tf.sin tf.cos tf.tanh tf.sigmoid tf.nn.relu tf.nn.relu6 tf.nn.elu "
    "tf.nn.selu tf.nn.softplus tf.nn.softsign tf.nn.leaky_relu tf.nn.silu tf.math.expm1 tf.sign tf.identity "
    "tf.stop_gradient tf.round tf.floor tf.math.ceil tf.zeros_like tf.ones_like tf.math.erf tf.math.erfc "
    "tf.math.log_sigmoid tf.sinh tf.cosh tf.atan tf.asinh tf.math.reciprocal_no_nan tf.nn.gelu tf.math.conj"
).split()
# These jump, at whole numbers and halves.
JUMPS = ("tf.round", "tf.floor", "tf.math.ceil", "tf.sign", "tf.int", "tf.bool")

# Not defined everywhere: their arguments are made safe half of the time, NaN compared otherwise.
PARTIAL = (
    "tf.math.log tf.sqrt tf.math.rsqrt tf.math.reciprocal tf.math.log1p tf.asin tf.acos tf.atanh "
    "tf.acosh tf.tan "
    "tf.math.lgamma tf.math.digamma"
).split()
BINARY = (
    "{a} + {b}|{a} - {b}|{a} * {b}|{a} / {b}|tf.maximum({a}, {b})|tf.minimum({a}, "
    "{b})|tf.pow(tf.abs({a}) + 0.5, {b})"
    "|tf.math.squared_difference({a}, {b})|tf.math.divide_no_nan({a}, {b})|tf.math.multiply_no_nan({a}, {b})"
    "|tf.atan2({a}, {b} + 2.5)|tf.math.xlogy({a}, tf.abs({b}))|{a} // {b}|{a} % {b}|tf.where({a} > "
    "{b}, {a}, {b})"
    "|tf.math.xdivy({a}, {b})|tf.math.xlog1py({a}, tf.abs({b}))|tf.where({a} <= 0.5, {b}, {a} * 2.0)"
    "|tf.add_n([{a}, {b}])|tf.stack([{a}, {b}])|tf.clip_by_value({a}, -0.75, {b})|tf.add({a}, "
    "{b})|tf.multiply({a}, {b})"
).split("|")
REDUCE = (
    "tf.reduce_sum tf.reduce_mean tf.reduce_prod tf.reduce_max tf.reduce_min tf.reduce_logsumexp "
    "tf.math.reduce_variance tf.math.reduce_std tf.math.reduce_euclidean_norm tf.norm"
).split()
AXIS = (
    "tf.cumsum({a}, axis={k})|tf.math.cumprod({a}, axis={k})|tf.cumsum({a}, axis={k}, "
    "exclusive=True, reverse=True)"
    "|tf.nn.softmax({a}, axis={k})|tf.nn.log_softmax({a}, axis={k})|tf.reverse({a}, "
    "[{k}])|tf.roll({a}, 1, {k} % {a}.shape.rank)"
    "|tf.expand_dims({a}, {k})|tf.concat([{a}, {a} * 2.0], {k})|tf.stack([{a}, -{a}], "
    "axis={k})|tf.sort({a}, axis={k})"
    "|tf.unstack({a}, axis={k})[-1]|tf.split({a}, [1, -1], axis={k})[1]|tf.gather({a}, [0, 0], axis={k})"
    "|tf.repeat({a}, 2, axis={k})|tf.linalg.normalize({a}, axis={k})[0]"
    "|tf.math.l2_normalize({a}, axis={k})|tf.clip_by_norm({a}, 1.5, axes=[{k}])|tf.nn.moments({a}, [{k}])[1]"
    "|tf.cast(tf.argmax({a}, axis={k}), {a}.dtype)|tf.math.top_k({a}, "
    "1)[0]|tf.cast(tf.argsort({a}, axis={k}), {a}.dtype)"
).split("|")
SHAPELY = (
    "tf.reshape({a}, [-1])|tf.transpose({a})|{a}[0]|{a}[..., "
    "-1]|{a}[None]|{a}[::-1]|{a}[:1]|{a}[1:]|tf.squeeze({a})"
    "|tf.broadcast_to({a}, [2] + {a}.shape)|tf.tile({a}, [2] * {a}.shape.rank)|tf.pad({a}, [[1, "
    "0]] * {a}.shape.rank)"
    "|tf.cast({a}, tf.float32)|tf.cast({a}, tf.float64)|tf.cast({a}, "
    "tf.int32)|tf.boolean_mask({a}, {a} > 0.0)"
    "|tf.linalg.diag({a})|tf.linalg.diag_part({a})|tf.linalg.trace({a})|tf.linalg.band_part({a}, 0, -1)"
    "|tf.tensordot({a}, {a}, 1)|tf.matmul({a}, {a}, transpose_b=True)|tf.matmul({a}, "
    "{a})|tf.linalg.matvec({a}, {a}[0])"
    "|tf.einsum('...i,...i->...', {a}, {a})|tf.linalg.inv(tf.matmul({a}, {a}, transpose_b=True) + "
    "tf.eye({a}.shape[0], dtype={a}.dtype))"
    "|tf.gather({a}, [1, 0, 1])|tf.gather_nd({a}, [[0], [1]])|tf.clip_by_norm({a}, "
    "1.0)|tf.convert_to_tensor({a})"
    "|tf.tensor_scatter_nd_update({a}, [[0]], {a}[1:2] * 3.0)|tf.tensor_scatter_nd_add({a}, [[1]], {a}[:1])"
    "|tf.math.segment_sum({a}, tf.range({a}.shape[0]) // 2)|tf.reduce_all({a} > "
    "0.0)|tf.size({a})|{a} ** 2|{a} ** 3.0"
    "|2.0 ** {a}|1.0 - {a}|2.0 / ({a} + 5.0)|{a} * 0.5|{a} * 2|3 - "
    "{a}|tf.nn.l2_loss({a})|tf.meshgrid({a}, {a})[0]"
    "|tf.math.unsorted_segment_max({a}, tf.zeros({a}.shape[:1], tf.int32), 1)|tf.linalg.det({a})|abs({a})"
    "|tf.where({a} > 0.0, tf.sqrt({a}), 0.0)|tf.map_fn(lambda r: r * r, {a})|tf.foldl(lambda s, r: "
    "s * r, {a})"
    "|tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid({a}), "
    "logits={a})|tf.linalg.set_diag({a}, {a}[0])"
    "|tf.nn.softmax_cross_entropy_with_logits(labels=tf.nn.softmax({a}), logits={a} * "
    "2.0)|tf.scan(lambda s, r: s + r, {a})"
    "|tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.zeros({a}.shape[:-1], tf.int32), logits={a})"
    "|tf.identity_n([{a}, {a} * 2.0])[1]|tf.linspace({a}[0], 2.0, 3)|tf.complex({a}, {a} * "
    "2.0)|tf.saturate_cast({a}, tf.int8)"
    "|tf.math.real(tf.complex({a}, {a}) * tf.complex({a}, 1.0 - {a}))|tf.abs(tf.complex({a}, {a} + 1.0))"
).split("|")

GROUPED = (
    "tf.math.segment_mean({a}, tf.range({a}.shape[0]) // 2)|tf.math.segment_prod({a}, tf.range({a}.shape[0]))"
    "|tf.math.unsorted_segment_min({a}, tf.range({a}.shape[0]) % 2, 2)"
    "|tf.math.unsorted_segment_sqrt_n({a}, tf.range({a}.shape[0]) - 1, 3)"
    "|tf.tensor_scatter_nd_max({a}, [[0]], {a}[1:2] * 2.0)|tf.tensor_scatter_nd_min({a}, [[0]], {a}[1:2] - 1.0)"
    "|tf.dynamic_partition({a}, tf.range({a}.shape[0]) % 2, 2)[0]|tf.gather_nd({a}, [[[0]], [[1]]])"
    "|tf.gather({a}, tf.zeros({a}.shape[:1] + [2], tf.int32), axis=-1, batch_dims=-1)"
    "|tf.pad({a}, [[1, 1]] * {a}.shape.rank, 'SYMMETRIC')|tf.pad({a}, [[0, 1]] * {a}.shape.rank, 'REFLECT')"
    "|tf.linalg.diag({a}, k=1)|tf.linalg.diag_part({a}, k=-1)|tf.linalg.set_diag({a}, {a}[0, 1:], k=1)"
    "|tf.einsum('ij,j->i', {a}, {a}[0])|tf.einsum('i,j->ij', {a}, {a} + 1.0)|tf.einsum('...i->...', {a})"
    "|tf.nn.conv2d(tf.reshape({a}, [1, -1, 1, 1]), tf.ones([2, 1, 1, 2], {a}.dtype), 1, 'SAME')"
    "|tf.nn.depthwise_conv2d(tf.reshape({a}, [1, -1, 1, 1]), tf.ones([2, 1, 1, 2], {a}.dtype), [1, 1, 1, 1], 'SAME')"
    "|tf.nn.max_pool2d(tf.reshape({a}, [1, -1, 1, 1]), [2, 1], [2, 1], 'SAME')"
    "|tf.nn.avg_pool2d(tf.reshape({a}, [1, -1, 1, 1]), [2, 1], 1, 'SAME')"
    "|tf.nn.log_poisson_loss({a}, {a} * 0.5)|tf.nn.scale_regularization_loss({a})|tf.truncatediv({a}, {a} + 5.0)"
    "|tf.math.l2_normalize(tf.complex({a}, {a} + 1.0))|tf.nn.dropout({a}, 0.0)|tf.reverse({a}, [0])"
    "|tf.vectorized_map(lambda r: r * 2.0, {a})|tf.math.cumulative_logsumexp({a})|tf.constant({a}) * 2.0"
).split("|")
# Mostly mistakes: what is compared is the class of the error, or that there is none.
SLIPS = (
    "tf.square({a} > 0.0)|tf.abs({a} > 0.0)|tf.cumsum({a} > 0.0)|tf.sort({a} > 0.0)|tf.add_n([{a} > 0.0] * 2)"
    "|({a} > 0.0) + ({a} > 0.0)|tf.maximum({a} > 0.0, {a} > 0.0)|tf.matmul([{a} > 0.0], [{a} > 0.0])"
    "|tf.sort(tf.complex({a}, {a}))|tf.argmax(tf.complex({a}, {a}))|tf.reduce_max(tf.complex({a}, {a}))"
    "|tf.math.is_nan(tf.complex({a}, {a}))|tf.nn.relu(tf.complex({a}, {a}))|tf.complex({a}, {a}) < 1.0"
    "|tf.linalg.inv(tf.cast({a}, tf.int32))|tf.math.segment_mean(tf.cast({a}, tf.int32), tf.range({a}.shape[0]))"
    "|tf.math.segment_max(tf.complex({a}, {a}), tf.range({a}.shape[0]))|tf.pad({a} > 0.0, [[1, 0]] * {a}.shape.rank)"
    "|tf.pad({a}, [[-1, 0]] * {a}.shape.rank)|tf.pad({a}, [[0, 9]] * {a}.shape.rank, 'REFLECT')"
    "|tf.gather_nd({a}, [[9]])|tf.gather_nd({a}, [0.0])|tf.gather_nd({a}, 0)|tf.scatter_nd([[0]], {a}, [2])"
    "|tf.tensor_scatter_nd_max({a}, [[9]], {a}[:1])|tf.tensor_scatter_nd_update({a}, [[0], [0]], {a}[:1])"
    "|tf.tensor_scatter_nd_add({a}, [[-1]], {a}[:1])|tf.dynamic_partition({a}, tf.range({a}.shape[0]), 2)"
    "|tf.einsum('i,i->i', {a}, {a}[:1])|tf.einsum('ij->ik', {a})|tf.one_hot([1], 2.5)|tf.expand_dims({a}, 0.5)"
    "|{a}[1.5:]|{a}[[0, 1], 0]|{a}[::0]|{a}[9]|{a}[:, :, :, 0]|tf.cumsum({a}, axis=1.5)|tf.reduce_sum({a}, axis=7)"
    "|tf.math.top_k({a}, -1)|tf.math.top_k({a}, 1.5)|tf.linspace({a}, {a}, 2.5)|tf.reshape({a}, [2.0])"
    "|tf.reshape({a}, [5])|tf.transpose({a}, [0, 0])|tf.reverse({a}, 0)|tf.concat([{a}, {a}], [0])|tf.split({a}, 4)"
    "|tf.matmul(np.ones([2, 2]), {a})|tf.matmul({a}, np.ones([2, 2]))|np.ones([2, 2]) @ {a}|{a} + [1.0, 2.0]"
    "|tf.tensordot({a}, np.ones([2, 2]), 1)|tf.saturate_cast({a} * 1e12, tf.int32)|tf.cast({a}, tf.bool)"
    "|bool({a})|float({a})|len({a})|{a} == tf.ones([7])|{a} != [1.0, 2.0]|{a} + np.arange(2)|{a} * np.float64(2)"
    "|tf.nn.bias_add({a}, {a})|tf.nn.softmax_cross_entropy_with_logits(tf.cast({a}, tf.int32), {a})"
    "|tf.nn.sigmoid_cross_entropy_with_logits(labels=np.ones({a}.shape), logits={a})"
    "|tf.nn.compute_average_loss({a})|tf.linalg.band_part({a}, 0.5, 0)|tf.linalg.diag_part({a}, k=9)"
    "|tf.math.unsorted_segment_sum({a}, [0, 1], 1)|tf.math.invert_permutation({a})|tf.linalg.solve({a}, {a})"
    "|tf.constant([1, True])|tf.constant([True, 1])|tf.constant({a}, tf.int32)|tf.Variable({a}).assign([7.0] * 7)"
    "|tf.Variable({a}).scatter_nd_add([[0]], {a}[:1])|tf.Variable({a}).assign_add(tf.cast({a}, tf.int32))"
).split("|")

CUSTOM = {
    "clipped": """@tf.custom_gradient
def clipped(x):
    return tf.identity(x), lambda g: tf.clip_by_norm(g, 0.5)
""",
    "halved": """@tf.custom_gradient
def halved(x):
    y = tf.sin(x)
    def grad(g):
        return g * y * 0.5
    return y, grad
""",
    "reversed_": """@tf.custom_gradient
def reversed_(x):
    return x * 1.0, lambda g: -g
""",
    "twice": """@tf.custom_gradient
def _pair(x):
    return (x * 2.0, tf.exp(-x * x)), lambda g, h: g * 3.0 + h
def twice(x):
    p, q = _pair(x)
    return p * q
""",
    "blocked": """@tf.custom_gradient
def blocked(x):
    return x * x, lambda g: None
""",
    "again": "again = tf.recompute_grad(lambda x: tf.tanh(x) * x)\n",
    "passed": "passed = tf.grad_pass_through(tf.round)\n",
}


class Writer:
    """The text of a program so far, and its values as tapelab has them."""

    def __init__(self, draw):
        self.draw, self.lines, self.indent, self.count = draw, [], 0, 0
        self.env = {"tf": tapelab, "np": np}
        self.sources, self.values, self.tapes, self.closed, self.dead = [], [], [], [], False

    def pick(self, options):
        return self.draw(st.sampled_from(options))

    def chance(self, percent):
        return self.draw(st.integers(0, 99)) < percent

    def write(self, line):
        self.lines += ["    " * self.indent + part for part in line.split("\n")]

    def name(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def try_(self, line):
        """Write a statement, and run it to know what it makes; after an error nothing follows."""
        self.write(line)
        try:
            with np.errstate(all="ignore"):
                exec(line, self.env)
        except Exception:
            self.dead = True

    # -- what a program is made of

    def numbers(self, shape, integers=False):
        n = int(np.prod(shape))
        if integers:
            flat = self.draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n))
        else:
            one = st.sampled_from(NICE) | st.floats(-3, 3).map(lambda v: round(v, 3) + 0.0)
            flat = self.draw(st.lists(one, min_size=n, max_size=n))
        return np.array(flat).reshape(shape).tolist()

    def source(self, dtype):
        name = self.name("x")
        shape = self.pick(SHAPES)
        kind = self.pick(["Variable", "Variable", "constant", "constant", "frozen", "integers"])
        what = f"{self.numbers(shape, kind == 'integers')!r}"
        empty = f", shape={list(shape)}" if 0 in shape else ""
        if kind == "integers":
            self.try_(f"{name} = tf.constant({what}, tf.int32{empty})")
        elif kind == "constant":
            self.try_(f"{name} = tf.constant({what}, {dtype}{empty})")
        else:
            value = f"tf.constant({what}, {dtype}{empty})"
            self.try_(
                f"{name} = tf.Variable({value}{', trainable=False' if kind == 'frozen' else ''})"
            )
        self.sources.append(name)
        self.values.append(name)

    def floats(self):
        found = []
        for n in self.values:
            x = self.env.get(n)
            if hasattr(x, "dtype") and x.dtype.is_floating:
                found.append(n)
        return found

    def plain(self, name):
        """Whether a value may be put in order: no NaN, and not empty."""
        a = np.asarray(self.env[name].numpy())
        return a.size > 0 and not np.isnan(a).any()

    def operand(self):
        """Mostly a recent float value."""
        floats = self.floats()
        if not floats or self.chance(3):
            return self.pick(self.values)
        return self.pick(floats[-3:]) if self.chance(60) else self.pick(floats)

    def partner(self, a):
        """Something to combine `a` with: mostly a value whose shape broadcasts, sometimes a number."""
        if self.chance(15):
            return repr(self.pick([*NICE, 2, -1]))
        shape = tuple(self.env[a].shape)
        fits = []
        for n in self.floats():
            try:
                np.broadcast_shapes(shape, tuple(self.env[n].shape))
            except ValueError:
                continue
            if self.env[n].dtype == self.env[a].dtype:
                fits.append(n)
        return self.pick(fits) if fits and not self.chance(3) else self.operand()

    def expression(self):
        a = self.operand()
        expression = self.made_of(a)
        return f"tf.identity({a})" if self.at_a_jump(a, expression) else expression

    def at_a_jump(self, a, expression):
        """Whether a rounding error in `a` could make another whole number of it: 15.999... or 16.

        Only of what was computed: the sources are the same numbers on both sides.
        """
        if a in self.sources or not any(f in expression for f in JUMPS):
            return False
        x = np.asarray(self.env[a].numpy()) if a in self.env else np.zeros(0)
        twice = 2 * np.real(x[np.isfinite(x)]).astype(float)
        return bool(np.any(np.abs(twice - np.round(twice)) < 1e-3 * (1 + np.abs(twice))))

    def made_of(self, a):
        kind = self.pick("uuuubbbbbbraasssgp" if self.plain(a) else "uuuup")
        if kind == "u":
            f = self.pick(UNARY)
            if "erf" in f and not np.isfinite(np.asarray(self.env[a].numpy())).all():
                f = "tf.identity"  # TensorFlow's erf of an infinity is NaN, or not, by its position
            return f"{f}({a})"
        if kind == "p":
            f = self.pick(PARTIAL)
            return (
                f"{f}(tf.sigmoid({a}) * 0.9 + 0.05)"
                if self.chance(50) and "acosh" not in f
                else f"{f}({a})"
            )
        if kind == "b":
            return self.pick(BINARY).format(a=a, b=self.partner(a))
        rank = len(self.env[a].shape)
        if kind == "r":
            axis = self.pick([None, -1, 0] + list(range(rank)))
            keep = ", keepdims=True" if self.chance(25) else ""
            return f"{self.pick(REDUCE)}({a}, axis={axis}{keep})"
        if kind == "a":
            return self.pick(AXIS).format(a=a, k=self.pick([-1, 0] + list(range(-rank, rank))))
        if kind == "g":
            return self.pick(GROUPED).format(a=a)
        return self.pick(SHAPELY).format(a=a)

    def statement(self, depth):
        if self.dead:
            return
        kind = self.draw(st.integers(0, 99))
        floats = self.floats()
        if not floats or kind < 72:
            self.assign(self.expression())
        elif kind < 77:
            f = self.pick(sorted(CUSTOM))
            if f not in self.env:
                self.prelude.append(CUSTOM[f])
                exec(CUSTOM[f], self.env)
            self.assign(f"{f}({self.operand()})")
        elif kind < 81:
            v = [n for n in self.sources if isinstance(self.env[n], tapelab.Variable)]
            if v:
                v = self.pick(v)
                how = self.pick(["assign", "assign_add", "assign_sub"])
                self.try_(
                    f"{v}.{how}({self.pick([f'{v} * 0.5', f'tf.ones_like({v})', f'tf.sin({v})'])})"
                )
        elif kind < 85:
            a = self.operand()
            branch = self.name("v")
            test = f"tf.reduce_sum({a}) > {self.pick([0.0, 1.0])}"
            self.try_(f"if {test}:\n    {branch} = {a} * 3.0\nelse:\n    {branch} = tf.exp(-{a})")
            self.values.append(branch)
        elif kind < 89:
            a, total = self.operand(), self.name("v")
            step = self.pick(
                [
                    f"{total} = {total} * {a} + 1.0",
                    f"{total} = tf.tanh({total} + {a})",
                    f"{total} += {a}",
                ]
            )
            self.try_(f"{total} = {a}\nfor _ in range({self.pick([0, 1, 3])}):\n    {step}")
            self.values.append(total)
        elif kind < 92 and self.tapes:
            self.write(f"{self.pick(self.tapes)}.watch({self.pick(self.values)})")
        elif kind < 94 and self.tapes:
            self.write(f"with {self.pick(self.tapes)}.stop_recording():")
            self.indent += 1
            self.assign(self.expression())
            self.indent -= 1
        elif kind < 95 and self.tapes:
            self.write(f"{self.pick(self.tapes)}.reset()")
        elif kind < 97:
            a = self.operand()
            if self.plain(a):
                self.write(f"out.append(attempt(lambda: {self.pick(SLIPS).format(a=a)}))")
        elif depth < 2:
            self.tape(depth + 1)
        else:
            self.assign(self.expression())

    def assign(self, expression):
        v = self.name("v")
        self.write(f"{v} = {expression}")
        try:
            with np.errstate(all="ignore"):
                exec(f"{v} = {expression}", self.env)
            self.values.append(v)
        except Exception:
            self.dead = True

    def tape(self, depth=0):
        name = self.name("tape")
        persistent = self.chance(50)
        options = ["persistent=True"] * persistent + [
            "watch_accessed_variables=False"
        ] * self.chance(12)
        self.write(f"with tf.GradientTape({', '.join(options)}) as {name}:")
        self.indent += 1
        for s in self.sources:
            kind = self.env.get(s)
            variable = isinstance(kind, tapelab.Variable)
            if self.chance(12 if variable else 85):
                self.write(f"{name}.watch({s})")
        self.tapes.append(name)
        first = len(self.values)
        for _ in range(self.draw(st.integers(1, 7 if depth == 0 else 4))):
            self.statement(depth)
        self.write("pass")
        self.tapes.remove(name)
        inside = persistent and self.chance(15)
        if inside:
            self.questions(name, persistent, first, depth)
        self.indent -= 1
        if not inside and not self.dead:
            self.questions(name, persistent, first, depth)

    def same_dtype(self, names):
        return len({self.env[n].dtype for n in names}) == 1 and self.env[names[0]].dtype.is_floating

    def questions(self, tape, persistent, first, depth):
        """Ask the tape; once, or several times when it is persistent (or to see it refuse)."""
        made = self.values[first:] or self.values
        several = self.draw(st.integers(1, 3)) if persistent else 2 if self.chance(10) else 1
        for _ in range(several):
            if self.dead:
                return
            target = self.pick(made[-3:])
            targets = f"[{target}, {self.pick(made)}]" if self.chance(10) else target
            if self.chance(3):
                targets = self.pick(self.values)
            n = self.draw(st.integers(1, max(1, len(self.sources))))
            chosen = [self.pick(self.sources) for _ in range(n)]
            if self.chance(15):
                chosen.append(self.pick(self.values))
            style = self.draw(st.integers(0, 9))
            sources = (
                chosen[0]
                if style < 4
                else f"[{', '.join(chosen)}]"
                if style < 8
                else (
                    "{" + ", ".join(f"'k{i}': {s}" for i, s in enumerate(chosen)) + "}"
                    if style == 8
                    else f"({', '.join(chosen)},)"
                )
            )
            more = self.pick(
                [
                    "",
                    "",
                    "",
                    ", unconnected_gradients='zero'",
                    ", unconnected_gradients=tf.UnconnectedGradients.ZERO",
                ]
            )
            g = self.name("g")
            kind = self.draw(st.integers(0, 99))
            if kind < 72 or targets.startswith("["):
                if self.chance(12) and targets == target:
                    up = self.pick(
                        [f"tf.ones_like({target}) * 2.0", f"{target}", f"tf.zeros_like({target})"]
                    )
                    more += f", output_gradients={up}"
                call = f"{tape}.gradient({targets}, {sources}{more})"
            elif kind < 95:
                # TensorFlow's loop (and not its pfor) stumbles over empty tensors and mixed dtypes.
                loop = persistent and self.same_dtype([targets, *chosen])
                if not all(np.size(self.env[n].numpy()) for n in [targets, *chosen]):
                    continue
                pfor = "" if self.chance(10) or not loop else ", experimental_use_pfor=False"
                if not persistent and not self.chance(15):
                    call = f"{tape}.gradient({targets}, {sources}{more})"
                else:
                    call = f"{tape}.jacobian({targets}, {sources}{more}{pfor})"
            else:
                pair = [self.env[targets], self.env[chosen[0]]]
                if not all(len(x.shape) and np.size(x.numpy()) for x in pair):
                    continue
                pfor = ", experimental_use_pfor=False" if persistent else ""
                call = f"{tape}.batch_jacobian({targets}, {chosen[0]}{pfor})"
            if depth:
                # a gradient that outer tapes may go on with
                self.write(f"{g} = attempt(lambda: {call})")
                self.write(f"out.append({g})")
                shape_like = chosen[0]
                if sources == shape_like and "jacobian" not in call:
                    v = self.name("v")
                    self.write(
                        f"{v} = {g} * 1.5 if isinstance({g}, tf.Tensor) else tf.ones_like({shape_like}) * 0.5"
                    )
                    try:
                        exec(f"{v} = tf.ones_like({shape_like}) * 0.5", self.env)
                        self.values.append(v)
                    except Exception:
                        self.dead = True
            else:
                if "jacobian" in call:
                    # A target that is no number has poles on the way; which way is gone differs.
                    sound = targets in self.env and np.isfinite(self.env[targets].numpy()).all()
                    where = "where finite" if sound else "where both are finite"
                    self.write(f"out.append({{{where!r}: attempt(lambda: {call})}})")
                else:
                    self.write(f"out.append(attempt(lambda: {call}))")

    def forward(self):
        """A program with a ForwardAccumulator instead of a tape."""
        floats = self.floats()
        if not floats:
            return self.tape()
        primal = self.pick(floats)
        name = self.name("acc")
        under = self.chance(30)
        if under:
            self.write("with tf.GradientTape(persistent=True) as outer:")
            self.indent += 1
            self.write(f"outer.watch({primal})")
        self.write(
            f"with tf.autodiff.ForwardAccumulator({primal}, tf.ones_like({primal}) * 0.5) as {name}:"
        )
        self.indent += 1
        first = len(self.values)
        for _ in range(self.draw(st.integers(1, 6))):
            if not self.dead:
                self.assign(self.expression())
        self.write("pass")
        self.indent -= 1
        made = self.values[first:]
        if not self.dead and made:
            target = self.pick(made[-3:])
            self.write(f"rate = attempt(lambda: tf.convert_to_tensor({name}.jvp({target})))")
            self.write("out.append({'where finite': rate})")
            if under:
                self.indent -= 1
                again = (
                    f"attempt(lambda: outer.gradient(rate, {primal}, unconnected_gradients='zero'))"
                )
                self.write(
                    f"if isinstance(rate, tf.Tensor):\n    out.append({{'where both are finite': {again}}})"
                )

    def program(self):
        self.prelude = []
        dtype = self.pick(["tf.float64"] * 4 + ["tf.float32"])
        for _ in range(self.draw(st.integers(1, 3))):
            self.source(dtype if not self.chance(2) else "tf.float16")
        setup, self.lines = self.lines, []
        if self.chance(12):
            self.forward()
        else:
            self.tape()
        last = self.values[-2:] if not self.dead else []
        body, self.lines = self.lines, []
        self.indent = 0
        for v in last:
            self.write(f"out.append({v})")
        return "\n".join([*self.prelude, *setup, *body, *self.lines, ""])


@st.composite
def programs(draw):
    """Programs as source text; they use `tf` and put what is compared into the list `out`."""
    return Writer(draw).program()


assert not keyword.iskeyword("out")
