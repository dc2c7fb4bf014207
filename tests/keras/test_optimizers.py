"""Optimizers: their formulas, written out in float64, and what an update may not do."""

import numpy as np
import pytest

import tapelab as tf

optimizers = tf.keras.optimizers
GRADIENTS = [
    np.array(g) for g in ([0.3, -1.5, 0.0], [0.1, 2.0, 1e-7], [-0.7, 0.5, 3.0], [1.0, 1.0, 1.0])
]
START = np.array([1.0, -2.0, 0.5])


def sgd(momentum=0.0, nesterov=False):
    w, m = START.copy(), 0.0
    for g in GRADIENTS:
        m = momentum * m - 0.1 * g
        w = w + (momentum * m - 0.1 * g if nesterov else m)
    return w


def adam(beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, decay=0.0):
    w, m, v, top = START.copy(), 0.0, 0.0, 0.0
    for t, g in enumerate(GRADIENTS, 1):
        w = w - 0.1 * decay * w
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        top = np.maximum(top, v) if amsgrad else v
        rate = 0.1 * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        w = w - rate * m / (np.sqrt(top) + epsilon)
    return w


def rmsprop(rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    w, v, a, m = START.copy(), 0.0, 0.0, 0.0
    for g in GRADIENTS:
        v, a = rho * v + (1 - rho) * g**2, rho * a + (1 - rho) * g
        m = momentum * m + 0.1 * g / np.sqrt(v - (a**2 if centered else 0) + epsilon)
        w = w - m
    return w


def adagrad(epsilon=1e-7):
    w, s = START.copy(), 0.1
    for g in GRADIENTS:
        s = s + g**2
        w = w - 0.1 * g / np.sqrt(s + epsilon)
    return w


FORMULAS = [
    (lambda: optimizers.SGD(0.1), sgd()),
    (lambda: optimizers.SGD(0.1, momentum=0.9), sgd(0.9)),
    (lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True), sgd(0.9, True)),
    (lambda: optimizers.Adam(0.1), adam()),
    (lambda: optimizers.Adam(0.1, beta_1=0.5, beta_2=0.9, epsilon=1e-3), adam(0.5, 0.9, 1e-3)),
    (lambda: optimizers.Adam(0.1, amsgrad=True, beta_2=0.5), adam(beta_2=0.5, amsgrad=True)),
    (lambda: optimizers.AdamW(0.1), adam(decay=0.004)),
    (lambda: optimizers.RMSprop(0.1), rmsprop()),
    (
        lambda: optimizers.RMSprop(0.1, rho=0.5, momentum=0.3, centered=True),
        rmsprop(0.5, 0.3, centered=True),
    ),
    (lambda: optimizers.Adagrad(0.1), adagrad()),
]


@pytest.mark.parametrize("make, expected", FORMULAS)
def test_formula(make, expected):
    # Float32, a matrix and a scalar: three variables, two flat arrays.
    v, m, s = (
        tf.Variable(START),
        tf.Variable(START.astype("f")[:2].reshape(1, 2)),
        tf.Variable(np.float32(0.5)),
    )
    optimizer = make()
    for g in GRADIENTS:
        f = g.astype("f")
        optimizer.apply_gradients(
            [(tf.constant(g), v), (tf.constant(f[:2].reshape(1, 2)), m), (tf.constant(f[2]), s)]
        )
    np.testing.assert_allclose(v, expected, rtol=1e-7)
    np.testing.assert_allclose(m, expected[None, :2], rtol=1e-4)
    np.testing.assert_allclose(s, expected[2], rtol=1e-4)
    assert int(optimizer.iterations) == 4


@pytest.mark.parametrize("make, expected", FORMULAS)
def test_one_update_moves_against_the_gradient_and_leaves_earlier_tensors_alone(make, expected):
    v = tf.Variable([1.0, -2.0])
    seen = [v.value(), v + 0.0, tf.transpose(v)]
    held, copies = v._t, [t.numpy() for t in seen]
    with tf.GradientTape() as tape:
        y = v * v
    optimizer = make()
    for _ in range(3):
        optimizer.apply_gradients([(tf.constant([1.0, -1.0]), v)])
    for t, a in zip(seen, copies):
        np.testing.assert_array_equal(t, a)
    np.testing.assert_array_equal(held, [1, -2])
    np.testing.assert_array_equal(tape.gradient(y, v), [2, -4])
    assert v.numpy()[0] < 1 and v.numpy()[1] > -2


def test_a_gradient_of_none_leaves_a_variable_and_its_state_alone():
    alone, v, w = tf.Variable([3.0]), tf.Variable([3.0]), tf.Variable([1.0, 1.0])
    single, both = optimizers.Adam(0.1), optimizers.Adam(0.1)
    for k in range(6):
        g = tf.constant([1.0]) if k % 2 else None
        single.iterations.assign(k)
        if g is not None:
            single.apply_gradients([(g, alone)])
            both.apply_gradients([(g, v), (tf.constant([1.0, 2.0]), w)])
        else:
            with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
                both.apply_gradients([(g, v), (tf.constant([1.0, 2.0]), w)])
    np.testing.assert_allclose(v, alone, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mean_that_shrinks_to_less_than_a_normal_number_becomes_zero(dtype):
    v, optimizer = tf.Variable(tf.ones(2, dtype)), optimizers.SGD(0.1, momentum=0.9)
    optimizer.apply([tf.ones(2, dtype)], [v])
    momentum, smallest = optimizer._groups[0].slots["momentum"], np.finfo(dtype).smallest_normal
    momentum[0] = smallest
    for _ in range(98):
        optimizer.apply([tf.zeros(2, dtype)], [v])
    assert 0 < momentum[0] < smallest
    optimizer.apply([tf.zeros(2, dtype)], [v])  # the hundredth
    np.testing.assert_allclose(momentum, [0, -0.1 * 0.9**99], rtol=1e-5)


def test_small_numbers_of_half_precision_are_kept():
    v, optimizer = tf.Variable(tf.ones(1, tf.float16)), optimizers.SGD(1.0, momentum=0.5)
    for _ in range(100):
        optimizer.apply([tf.constant([2.0**-20], tf.float16)], [v])
    assert optimizer._groups[0].slots["momentum"][0] == -(2.0**-19)


def test_values_assigned_between_updates_count():
    v, w = tf.Variable([1.0, 2.0]), tf.Variable([5.0])
    optimizer = optimizers.SGD(0.5)
    optimizer.apply([tf.ones([2]), tf.ones([1])], [v, w])
    v.assign([10.0, 20.0])
    optimizer.apply([tf.ones([2]), tf.ones([1])], [v, w])
    assert v.numpy().tolist() == [9.5, 19.5] and w.numpy().tolist() == [4.0]


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"clipnorm": 1.0}, [0.6, 0.8, 1.0]),
        ({"clipvalue": 1.0}, [1, 1, 1]),
        ({"global_clipnorm": 6.5}, [1.5, 2, 6]),
    ],
)
def test_clipping(options, expected):
    v, w = tf.Variable([0.0, 0.0]), tf.Variable([0.0])
    optimizers.SGD(1.0, **options).apply([tf.constant([3.0, 4.0]), tf.constant([12.0])], [v, w])
    np.testing.assert_allclose(-np.concatenate([v, w]), expected, rtol=1e-6)


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_clipping_spreads_a_nan_over_the_gradient(clip):
    v = tf.Variable([1.0, 2.0])
    optimizers.SGD(0.1, **{clip: 1.0}).apply([tf.constant([np.nan, 1.0])], [v])
    assert np.isnan(v.numpy()).all()


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop"])
def test_names_are_the_classes_in_any_case(name):
    for spelled in (name, name.lower(), name.upper()):
        assert type(optimizers.get(spelled)) is getattr(optimizers, name)
    one = optimizers.get(name)
    paths = [f"{one.name}/iteration", f"{one.name}/learning_rate"]
    assert [v.path for v in one.variables] == paths


def test_gathered_rows_add_up():
    v = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.gather(v, [0, 2, 0])
    optimizers.SGD(0.5).apply_gradients([(tape.gradient(y, v), v)])
    assert v.numpy().tolist() == [0.0, 2.0, 2.5]


def test_no_gradients_at_all_are_no_step():
    v, optimizer = tf.Variable(1.0), optimizers.SGD(0.5)
    assert optimizer.apply([], []) is None and optimizer.apply([]) is None
    assert not optimizer.built and int(optimizer.iterations) == 0
    with pytest.raises(ValueError):  # as in Keras
        optimizer.apply_gradients([])
    optimizer.apply([tf.constant(1.0)], [v])
    optimizer.apply([], [v])
    assert float(v) == 0.5 and int(optimizer.iterations) == 1


def test_what_cannot_be_applied_changes_nothing():
    v, w, other = tf.Variable([1.0, 2.0]), tf.Variable([3.0]), tf.Variable(0.0)
    optimizer = optimizers.Adam(0.1)
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        optimizer.apply_gradients([(None, v)])
    with pytest.raises(ValueError, match="already be built"):
        optimizer.apply([tf.ones([2])])
    optimizer.build([v, w])
    for gradients, message in (
        ([(tf.ones([1]), w), (tf.ones([3]), v)], r"\(3,\).*\(2,\)"),
        ([(tf.ones([1]), w), (tf.constant(1.0), other)], "Unknown variable"),
    ):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
            optimizer.apply_gradients(gradients)
    with pytest.raises(ValueError, match="2 gradients for 1 variables"):
        optimizer.apply([tf.ones([2]), tf.ones([1])], [v])
    assert (
        v.numpy().tolist() == [1, 2]
        and w.numpy().tolist() == [3]
        and int(optimizer.iterations) == 0
    )


def test_constraints_are_applied_after_the_update():
    layer = tf.keras.layers.Dense(
        2, kernel_constraint="non_neg", bias_constraint=tf.keras.constraints.MaxNorm(1)
    )
    layer(tf.ones([1, 3]))
    optimizers.SGD(10.0).apply([tf.ones([3, 2]), tf.constant([3.0, -4.0])], layer.weights)
    assert (layer.kernel.numpy() == 0).all()
    np.testing.assert_allclose(np.linalg.norm(layer.bias), 1, rtol=1e-5)


def test_the_state_can_be_looked_at_saved_and_restored():
    def steps(optimizer, v, n):
        for k in range(n):
            optimizer.apply([tf.constant([1.0, -2.0]) * (k + 1.0)], [v])

    v = tf.Variable([1.0, 1.0], name="v")
    optimizer = optimizers.Adam(0.1)
    steps(optimizer, v, 1)
    names = [x.path.rpartition("/")[2] for x in optimizer.variables]
    assert names == ["iteration", "learning_rate", "v_0_momentum", "v_0_velocity"]
    np.testing.assert_allclose(optimizer.variables[2], [0.1, -0.2], rtol=1e-6)
    np.testing.assert_allclose(optimizer.variables[3], [0.001, 0.004], rtol=1e-5)
    momentum = optimizer.variables[2].value
    stored = [x.numpy() for x in optimizer.variables]
    middle = v.numpy()
    steps(optimizer, v, 3)
    np.testing.assert_allclose(momentum, [0.1, -0.2], rtol=1e-6)  # read earlier, unchanged
    w, other = tf.Variable(middle), optimizers.Adam(0.5)
    other.build([w])
    for x, value in zip(other.variables, stored):
        x.assign(value)
    steps(other, w, 3)
    np.testing.assert_allclose(v, w, rtol=1e-6)


def test_learning_rates():
    optimizer = optimizers.SGD(0.5)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    optimizer.learning_rate.assign(2 * optimizer.learning_rate)
    assert float(optimizer.learning_rate) == 0.5
    scheduled, v = (
        optimizers.SGD(optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.5])),
        tf.Variable(0.0),
    )
    for _ in range(3):
        scheduled.apply([tf.constant(1.0)], [v])
    assert float(v) == -2 and float(scheduled.learning_rate) == 0.5
    with pytest.raises(TypeError, match="not settable"):
        scheduled.learning_rate = 1.0


def test_schedules():
    decay = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    stairs = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True)
    cosine = optimizers.schedules.CosineDecay(0.0, 10, alpha=0.1, warmup_target=0.2, warmup_steps=5)
    found = [[float(s(k)) for k in (0, 5, 10, 25)] for s in (decay, stairs, cosine)]
    half = (0.9 * (1 + np.cos(np.pi / 2)) / 2 + 0.1) * 0.2
    expected = [
        0.1 * 0.5 ** np.array([0, 0.5, 1, 2.5]),
        [0.1, 0.1, 0.05, 0.025],
        [0, 0.2, half, 0.02],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.Adam(wrong=1), lambda: optimizers.Adam(clipnorm=1.0, clipvalue=1.0),
        lambda: optimizers.SGD(momentum=2.0), lambda: optimizers.SGD(clipnorm=-1.0),
    lambda: optimizers.get("nope"),
        lambda: optimizers.schedules.PiecewiseConstantDecay([1], [1.0]),
    ],
)  # fmt: skip
def test_impossible_optimizers_are_refused(make):
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize("name", ["sgd", "SGD", "adam", "adamw", "AdamW", "rmsprop", "RMSprop"])
def test_names_of_optimizers_are_keras_names(name):
    assert type(optimizers.get(name)).__name__.lower() == name.lower()


def test_an_unknown_optimizer_lists_the_names():
    with pytest.raises(ValueError, match="Known names: adagrad, adam, adamw, rmsprop, sgd;"):
        optimizers.get("rm_sprop")


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.5, momentum=0.9, nesterov=True, clipnorm=1.0),
        optimizers.Adam(amsgrad=True),
        optimizers.AdamW(weight_decay=0.5),
        optimizers.RMSprop(optimizers.schedules.CosineDecay(0.5, 10, warmup_target=1.0), rho=0.5),
        optimizers.Adagrad(optimizers.schedules.PiecewiseConstantDecay([1], [1.0, 0.5])),
    ],
)
def test_an_optimizer_is_made_again_of_its_config(optimizer):
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    v, w = tf.Variable(1.0), tf.Variable(1.0)
    for o, x in ((optimizer, v), (again, w)):
        o.apply([tf.constant(2.0)], [x])
    assert float(v) == float(w)


def test_configs_have_keras_arguments():
    config = optimizers.SGD(0.25, name="x").get_config()
    assert config == {
        "name": "x", "learning_rate": 0.25, "weight_decay": None, "clipnorm": None,
        "clipvalue": None, "global_clipnorm": None, "momentum": 0.0, "nesterov": False,
    }  # fmt: skip
    rest = {"use_ema": False, "ema_momentum": 0.99, "gradient_accumulation_steps": None}
    assert optimizers.SGD.from_config(config | rest).get_config() == config  # what Keras writes
    with pytest.raises(ValueError, match=r"\['use_ema'\] \(a callback can"):
        optimizers.SGD(use_ema=True)
    with pytest.raises(AttributeError, match="it is `learning_rate`"):
        optimizers.SGD().lr  # noqa: B018


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: optimizers.SGD("fast"), "`learning_rate` should be float"),
        (lambda: optimizers.SGD(None), "`learning_rate` should be float"),
        (lambda: optimizers.SGD([0.1, 0.2]), "`learning_rate` should be float"),
        (lambda: optimizers.SGD(weight_decay="a"), "`weight_decay` must be a single number"),
        (lambda: optimizers.Adam(beta_1="a"), "`beta_1` must be a single number"),
        (lambda: optimizers.Adam(beta_2=1.0), r"`beta_2` of Adam must be in \[0, 1\)"),
        (lambda: optimizers.Adam(beta_2=[1.0]), r"`beta_2` of Adam must be in \[0, 1\)"),
        (lambda: optimizers.get(lambda: 3), "It is no Optimizer"),
        (lambda: optimizers.schedules.CosineDecay("a", 1), "`initial_learning_rate` must be"),
        (lambda: optimizers.schedules.PiecewiseConstantDecay(3, [1.0]), "must be a list of numbers"),
        (lambda: optimizers.schedules.PiecewiseConstantDecay(["a"], [1.0, 2.0]), "`boundaries` must"),
        (lambda: optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)("a"), "Cast string"),
    ],
)
def test_what_is_no_number_is_refused_when_it_is_given(make, message):
    with pytest.raises((TypeError, ValueError, tf.errors.UnimplementedError), match=message):
        make()


def test_a_step_interrupted_between_variables_does_not_spoil_the_next(monkeypatch):
    v, w = tf.Variable([1.0]), tf.Variable([1.0])
    optimizer = optimizers.SGD(0.5)
    replace = type(w)._replace

    def interrupted(self, *args):
        if self is w:
            raise KeyboardInterrupt
        return replace(self, *args)

    monkeypatch.setattr(type(w), "_replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        optimizer.apply([tf.ones([1]), tf.ones([1])], [v, w])
    monkeypatch.undo()
    optimizer.apply([tf.ones([1]), tf.ones([1])], [v, w])
    assert float(v[0]) == 0.0 and float(w[0]) == 0.5


@pytest.mark.parametrize("wrong", [["a", "b"], [1j, 2j]])
def test_a_gradient_of_another_kind_changes_nothing(wrong):
    v, optimizer = tf.Variable([1.0, 2.0]), optimizers.Adam()
    with pytest.raises(TypeError, match="gradient does not fit the float32 variable"):
        optimizer.apply([tf.constant(wrong)], [v])
    assert not optimizer.built and v.numpy().tolist() == [1.0, 2.0]


def test_an_optimizer_of_ones_own_that_changes_one_variable_after_the_other():
    class Momentum(tf.keras.optimizers.Optimizer):
        def build(self, variables):
            super().build(variables)
            self.moments = [self.add_variable_from_reference(v, name="m") for v in variables]
            self.factor = self.add_variable((), "ones", name="factor")

        def update_step(self, gradient, variable, learning_rate):
            m = self.moments[self._get_variable_index(variable)]
            m.assign(m * 0.5 - gradient)
            variable.assign_add(m * tf.cast(learning_rate * self.factor, m.dtype))

    v, w = tf.keras.Variable([1.0, 2.0], name="v"), tf.Variable(tf.constant([[3.0]], tf.float64), name="w")
    optimizer = Momentum(0.5, name="own", clipvalue=2.0)
    for _ in range(2):
        optimizer.apply_gradients([(tf.constant([[8.0]], tf.float64), w), (tf.constant([1.0, -1.0]), v)])
    assert v.numpy().tolist() == [-0.25, 3.25] and w.numpy().tolist() == [[0.5]]
    assert [x.path for x in optimizer.variables][2:] == ["own/w_0_m", "own/v_m", "own/factor"]
    assert optimizer.moments[0].dtype == "float64"

    v = tf.keras.Variable([1.0])
    decays = Momentum(0.5, weight_decay=0.1)
    decays.apply_gradients([(tf.constant([0.0]), v)])
    assert v.numpy() == np.float32(0.95)


@pytest.mark.parametrize("kind, options", [("Adam", {}), ("SGD", {}), ("SGD", {"momentum": 0.9})])
def test_the_step_of_an_optimizer_may_be_given_another_gradient(kind, options):
    plain = getattr(tf.keras.optimizers, kind)

    class Changed(plain):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient + 1.0, variable, learning_rate)

    found = []
    for make, more in ((Changed, 0.0), (plain, 1.0)):
        v, w, optimizer = tf.Variable([1.0, 2.0]), tf.Variable(3.0), make(0.1, **options)
        for i in range(3):
            grads = [tf.constant([1.0, -1.5]) * i + more, tf.constant(2.0 + more)]
            optimizer.apply_gradients(zip(grads, [v, w]))
        found.append([*v.numpy(), w.numpy()])
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_schedules_of_many_steps_at_once():
    schedules = tf.keras.optimizers.schedules
    steps = np.array([[0, 5], [10, 25]])
    for rate in (
        schedules.ExponentialDecay(0.1, 10, 0.5), schedules.InverseTimeDecay(0.1, 10, 1.0, staircase=True),
        schedules.PiecewiseConstantDecay([5], [1.0, 0.5]), schedules.CosineDecay(0.1, 10),
    ):  # fmt: skip
        many = rate(tf.constant(steps))
        assert many.dtype == tf.float32 and many.numpy().tolist() == [
            [float(rate(n)) for n in row] for row in steps.tolist()
        ]
    rates = schedules.InverseTimeDecay(1.0, 10, 1.0)([0, 5, 10]).numpy().tolist()
    assert rates == [1.0, np.float32(1 / 1.5), 0.5]
