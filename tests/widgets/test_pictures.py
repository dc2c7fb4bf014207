"""Each widget of the lessons: its controls change what is shown, and the numbers are right."""

import asyncio
import re

import numpy as np
import pytest

import tapelab as tf
from tapelab import widgets
from tapelab.widgets.nones import CASES
from tapelab.widgets.orders import derivatives

NUMBER = r"-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)"

EXPLORERS = {
    "tangent": widgets.tangent,
    "gradient_descent": widgets.gradient_descent,
    "tape_stepper": lambda: widgets.tape_stepper(lambda x, w: tf.square(x * w), x=3.0, w=2.0),
    "vector_weights": widgets.vector_weights,
    "tape_memory": widgets.tape_memory,
    "log1pexp": widgets.log1pexp,
    "clip_circle": widgets.clip_circle,
    "exploding_gradient": widgets.exploding_gradient,
    "taylor": widgets.taylor,
    "jacobian_heatmap": widgets.jacobian_heatmap,
    "newton": widgets.newton,
}


def move(explorer, **values):
    """Set controls one after the other; each must change the picture. Returns the alt text."""
    for name, value in values.items():
        before = explorer.html.value
        assert explorer.controls[name].value != value, f"{name} is {value} already"
        explorer.controls[name].value = value
        assert explorer.error is None, explorer.alt
        assert explorer.html.value != before, f"{name} changes nothing"
    return explorer.alt


def number(pattern, text):
    """The number in `text` at the place marked # in `pattern`."""
    found = re.search(re.escape(pattern).replace(r"\#", f"({NUMBER})"), text)
    assert found, f"{pattern!r} is not in {text!r}"
    return float(found[1])


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_changes_the_picture(name):
    explorer = EXPLORERS[name]()
    assert explorer.error is None, explorer.alt
    for key, control in explorer.controls.items():
        if isinstance(control.value, bool):
            move(explorer, **{key: not control.value})
        elif hasattr(control, "options"):
            move(explorer, **{key: control.options[-1]})
        else:
            step = control.step if control.value < control.max else -control.step
            move(explorer, **{key: control.value + 3 * step})


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_ends_of_every_slider_can_be_drawn(name):
    explorer = EXPLORERS[name]()
    for control in explorer.controls.values():
        if hasattr(control, "max"):
            first = control.value
            for value in (control.min, control.max):
                control.value = value
                assert explorer.error is None, explorer.alt
            control.value = first


def test_tangent():
    explorer = widgets.tangent()
    alt = move(explorer, x=0.0)
    assert "the value is 0.5000 and the slope 0.2500" in alt
    assert "value is 1.0000 and the slope 1.0000" in move(explorer, curve="exp(x)")
    assert "value is 2.2500 and the slope -3.0000" in move(explorer, curve="x²", x=-1.5)
    cubes = widgets.tangent({"x³": lambda x: x**3}, x=2.0)
    assert "value is 8.0000 and the slope 12.0000" in cubes.alt


@pytest.mark.parametrize(
    "rate, verdict", [(0.1, "converges"), (0.9, "converges"), (1.1, "diverges")]
)
def test_gradient_descent(rate, verdict):
    explorer = widgets.gradient_descent()
    explorer.controls["rate"].value = rate
    explorer.controls["start"].value = 2.0
    explorer.controls["steps"].value = 12
    weight = 2.0 * (1 - 2 * rate) ** 12  # each step multiplies w by 1 - 2 rate
    assert number("w = # and the loss", explorer.alt) == pytest.approx(weight, rel=1e-3)
    assert number("loss is #. It", explorer.alt) == pytest.approx(weight**2, rel=1e-3)
    assert verdict in explorer.alt


def test_tape_stepper_forward_and_backward():
    explorer = widgets.tape_stepper(lambda x, w: tf.square(x * w) + w, x=3.0, w=2.0)
    assert explorer.controls["step"].max == 6
    assert "Mul makes t1 = 6." in move(explorer, step=1)
    assert "Square makes t2 = 36." in move(explorer, step=2)
    assert "AddV2 makes y = 38." in move(explorer, step=3)
    # The addition hands 1 to w before the product does: contributions add up.
    assert "dy/dy = 1 into dy/dt2 = 1 and dy/dw = 1." in move(explorer, step=4)
    assert "Square turns dy/dt2 = 1 into dy/dt1 = 12." in move(explorer, step=5)
    assert "Mul turns dy/dt1 = 12 into dy/dx = 24 and dy/dw = 37." in move(explorer, step=6)


def test_tape_stepper_agrees_with_the_tape():
    sources = {
        "x": np.float32([[1, 2, 3]]),
        "w": np.ones((3, 2), np.float32),
        "b": np.float32([0, 1]),
    }

    def layer(x, w, b):
        return tf.reduce_sum(tf.nn.sigmoid(x @ w + b))

    explorer = widgets.tape_stepper(layer, **sources)
    with tf.GradientTape() as tape:
        watched = {name: tf.constant(value) for name, value in sources.items()}
        tape.watch(watched)
        y = layer(**watched)
    expected = tape.gradient(y, watched)
    found = explorer.story.cotangents[-1]
    for name, tensor in explorer.story.sources.items():
        np.testing.assert_allclose(found[id(tensor)].numpy(), expected[name].numpy(), rtol=1e-6)
    assert "3x2, norm" in move(explorer, step=explorer.controls["step"].max)


def test_tape_stepper_says_what_it_cannot_show():
    with pytest.raises(ValueError, match="0 operations were recorded"):
        widgets.tape_stepper(lambda x: x, x=1.0)


def test_vector_weights():
    explorer = widgets.vector_weights()
    assert "are 3.0 and 4.0; tape.gradient returns their sum, 7.0" in explorer.alt
    assert "are 3.0 and -1.5; tape.gradient returns their sum, 1.5" in move(explorer, w1=-1.5)


def test_tape_memory():
    explorer = widgets.tape_memory(layers=2, batch=16)
    once = number("holds # bytes after", explorer.alt.replace(",", ""))
    # The input, two products and two tanh of 16 x 64 floats; two matrices; the mean.
    assert once == 4 * (5 * 16 * 64 + 2 * 64 * 64 + 1)
    assert "0 after the first gradient" in explorer.alt
    assert "RuntimeError" in explorer.alt
    alt = move(explorer, persistent=True).replace(",", "")
    assert "answered" in alt
    assert number("tape holds # bytes.", alt) == once
    alt = move(explorer, batch=32).replace(",", "")
    assert number("holds # bytes after", alt) == once + 4 * 5 * 16 * 64


def test_log1pexp():
    explorer = widgets.log1pexp()
    assert "naive gradient is nan and the custom one is 1.0000" in move(explorer, x=100)
    assert "naive gradient is 0.5000 and the custom one is 0.5000" in move(explorer, x=0)
    assert number("nan from x = # on", explorer.alt) == 89.0  # exp overflows float32 at 88.7


def test_clip_circle():
    explorer = widgets.clip_circle(g=(3.0, -4.0), clip_norm=2.5)
    assert "norm 5.000" in explorer.alt
    assert "shortened to (1.500, -2.000): norm 2.500" in explorer.alt
    assert "stays as it is: norm 5.000" in move(explorer, clip_norm=5.0)


def test_exploding_gradient():
    explorer = widgets.exploding_gradient()
    w, length = 1.25, 12
    slope = 2 * (w**length - 0.5) * length * w ** (length - 1)
    assert number("largest gradient #.", explorer.alt) == pytest.approx(slope, rel=1e-3)
    assert "lost" in explorer.alt
    goal = 0.5 ** (1 / length)
    assert number("with clipping the weight ends at #,", explorer.alt) == pytest.approx(
        goal, abs=1e-3
    )
    calm = move(explorer, length=2)
    assert "lost" not in calm


def test_taylor():
    explorer = widgets.taylor()
    assert "order 0 on are 0.0000, 1.0000, -0.0000, -1.0000" in move(explorer, x=0.0, order=3)
    rough = number("off by at most #.", explorer.alt)
    assert rough == pytest.approx(np.sin(1) - (1 - 1 / 6), rel=0.02)
    assert number("off by at most #.", move(explorer, order=7)) < 1e-4
    assert derivatives(lambda x: x * x, 3.0, 4) == [9.0, 6.0, 2.0, 0.0, 0.0]


def test_jacobian_heatmap():
    explorer = widgets.jacobian_heatmap()
    p = np.exp([1.0, -0.5, 0.5, 0.0, -1.0])
    p /= p.sum()
    assert number("top left entry is # and", explorer.alt) == pytest.approx(
        p[0] - p[0] ** 2, abs=1e-4
    )
    assert number("would give, is #.", explorer.alt) == pytest.approx(0, abs=1e-4)
    assert "diagonal: no output depends" in move(explorer, layer="relu(x)")


def test_newton():
    explorer = widgets.newton()
    assert "Newton is at (0.000, 0.000), loss 0" in move(explorer, steps=12).replace("-0.", "0.")
    slow = number("loss #; Newton", explorer.alt)
    assert 0.01 < slow < 10
    assert number("loss #; Newton", move(explorer, steps=0)) == pytest.approx(
        0.5 * 1.5**2 + 5 * (1.5 - 0.2 * 1.5**2) ** 2, rel=1e-3
    )


def test_detective():
    table = widgets.detective()
    assert list(table.rows) == list(CASES)
    sound = {"a variable": 6.0, "a watched constant": 6.0, "an intermediate result": 18.0}
    for name, row in table.rows.items():
        assert row.button.disabled
        assert row.guess.value == ""
        assert row.guess.label == "predict ..."
        row.guess.value = "a number" if name in sound else "None"
        assert not row.button.disabled
        row.button.click()
        shown = str(sound[name]) if name in sound else "None"
        assert f"Right: grad is {shown}." in row.html.value
        assert row.why.split("'")[0][:20] in row.html.value.replace("&#x27;", "'")
    assert table.score == (len(CASES), len(CASES))
    assert f"{len(CASES)} right of {len(CASES)}" in table.status.value


def test_detective_counts_wrong_guesses(caplog, capsys):
    table = widgets.detective()
    row = table.rows["an integer"]
    row.guess.value = "a number"
    row.button.click()
    assert "No: grad is None." in row.html.value
    assert table.score == (0, 1)
    assert capsys.readouterr() == ("", "")
    assert "None, or a number?" in table._repr_mimebundle_()["text/html"]


def losses(n=5, fail_at=None):
    def steps():
        for step in range(n):
            if step == fail_at:
                raise FloatingPointError("the loss is nan")
            yield 1 / (step + 1), step / n

    return steps


def test_training_at_once():
    training = widgets.live_training(losses(), total=5)
    assert "has not started" in training.alt
    training.run()
    assert training.alt == "After 5 of 5 steps the loss is 0.2000 and the accuracy is 80.0 %."
    assert training.progress.value == 5
    training.run()  # again, from the start
    assert len(training.loss) == 5
    with pytest.raises(FloatingPointError):
        widgets.live_training(losses(fail_at=2), total=5).run()


def test_training_in_the_background_stops_and_goes_on():
    async def session():
        training = widgets.live_training(losses(1000), total=1000)
        training.start_button.click()
        assert training.running
        assert not training.stop_button.disabled
        while len(training.loss) < 3:
            await asyncio.sleep(0.001)
        training.stop_button.click()
        while training.running:
            await asyncio.sleep(0.001)
        stopped = len(training.loss)
        assert 3 <= stopped < 1000
        assert f"After {stopped} of 1000 steps" in training.alt
        assert not training.start_button.disabled
        training.start()
        await asyncio.sleep(0.05)
        training.stop()
        await asyncio.sleep(0.05)
        assert len(training.loss) > stopped
        assert training.loss[stopped] == 1 / (stopped + 1)  # it went on, not began again

    asyncio.run(session())


def test_a_new_panel_stops_the_training_before_it():
    """As when its cell is run again: the old panel, with its Stop button, is gone from the page."""

    async def session():
        first = widgets.live_training(losses(10**6), total=10**6)
        first.start()
        while len(first.loss) < 3:
            await asyncio.sleep(0.001)
        second = widgets.live_training(losses(10**6), total=10**6)
        await asyncio.sleep(0.05)
        assert not first.running
        second.start()
        await asyncio.sleep(0.01)
        assert second.running
        second.stop()

    asyncio.run(session())


def test_training_shows_an_error():
    async def session():
        training = widgets.live_training(losses(fail_at=2), total=5)
        training.start()
        while training.running:
            await asyncio.sleep(0.001)
        return training

    training = asyncio.run(session())
    assert training.status.value == "FloatingPointError: the loss is nan"
    assert "After 2 of 5" in training.alt
    with pytest.raises(RuntimeError):
        training.start()  # no event loop outside a notebook


def test_drawing_pad():
    def probabilities(image):
        p = np.full(10, 0.05)
        p[int(image.sum()) % 10] = 0.55
        return p

    ink = np.zeros((28, 28))
    ink[3, :7] = 1
    explorer = widgets.drawing_pad(probabilities, saliency=lambda image: image * 2, image=ink)
    assert explorer.alt.startswith("The model reads the digit 7 with a probability of 55 %.")
    assert "largest at row 3, column 0" in explorer.alt
    pad = explorer.controls["digit"]
    pad.value = memoryview(bytes(784))  # as the browser sends it
    assert explorer.alt.startswith("Nothing is drawn yet. The model reads the digit 0")
    ink[5, 5] = 0.5
    pad.image = ink
    np.testing.assert_allclose(pad.image, ink, atol=1 / 255)
    with pytest.raises(ValueError, match="not \\(28,\\)"):
        pad.image = np.zeros(28)
