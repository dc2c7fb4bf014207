"""Pictures, explorers and quizzes: what every interactive figure of the lessons stands on."""

import html
import subprocess
import sys
import time

import ipywidgets
import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import tapelab as tf
from tapelab import check, widgets
from tapelab.widgets.quizzes import Quiz

ALT = 'A line that rises from 0 to 1, "steeply" & <straight>.'


def a_line():
    figure, axes = widgets.subplots()
    axes.plot([0, 1], [0, 1])
    return figure


def test_a_picture_keeps_its_description_in_every_form():
    bundle = widgets.Picture(a_line(), ALT)._repr_mimebundle_()
    assert bundle["text/plain"] == f"[Figure: {ALT}]"
    assert f'<img alt="{html.escape(ALT)}"' in bundle["text/html"]
    assert bundle["image/png"].startswith(b"\x89PNG")


def test_the_same_figure_gives_the_same_bytes():
    assert widgets.Picture(a_line(), ALT).png == widgets.Picture(a_line(), ALT).png


def test_few_colours_keep_the_palette():
    from PIL import Image

    figure, axes = widgets.subplots()
    for n in range(7):
        axes.fill_between([n, n + 1], 0, 1)
    axes.imshow(np.random.default_rng(0).normal(size=(9, 9)), cmap="PuOr_r", extent=(8, 9, 0, 1))
    import io

    raw = io.BytesIO()
    figure.savefig(raw, format="png", dpi=120, facecolor="white")
    exact = np.asarray(Image.open(raw).convert("RGB")).astype(int)
    kept = Image.open(io.BytesIO(widgets.Picture(figure, ALT).png)).convert("RGB")
    assert np.abs(np.asarray(kept) - exact).max() <= 24


@pytest.mark.parametrize("alt", ["", "a line", "figure of the loss over all the steps"])
def test_a_description_must_be_a_sentence(alt):
    with pytest.raises(ValueError, match="full sentences"):
        widgets.Picture(a_line(), alt)


def test_no_setting_of_matplotlib_changes():
    before = dict(matplotlib.rcParams)
    widgets.Picture(a_line(), ALT)
    assert dict(matplotlib.rcParams) == before


def test_showing_a_pyplot_figure_closes_it(capsys):
    from matplotlib import pyplot

    matplotlib.use("Agg")
    figure = pyplot.figure()
    widgets.show(figure, alt=ALT)
    assert not pyplot.fignum_exists(figure.number)
    assert capsys.readouterr().out == f"[Figure: {ALT}]\n"


def test_pyplot_is_not_imported_by_the_widgets():
    program = (
        "import sys; from tapelab import widgets; widgets.tangent(); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "False\n", run.stderr


def draw(w, kind):
    if w < 0:
        raise ValueError("w is < 0 & bad")
    figure, axes = widgets.subplots()
    axes.plot([0, 1], [0, w])
    return figure, f"A {kind} line that reaches {w:.1f} at x = 1."


@pytest.fixture
def explorer():
    return widgets.Explorer(
        draw,
        w=ipywidgets.FloatSlider(1.0, min=-3, max=3),
        kind=ipywidgets.Dropdown(options=["blue", "red"], description="which"),
    )


def test_moving_a_control_changes_picture_and_text(explorer):
    before = explorer.html.value
    explorer.controls["w"].value = 2.0
    assert explorer.alt == "A blue line that reaches 2.0 at x = 1."
    assert explorer.html.value != before
    assert f'alt="{explorer.alt}"' in explorer.html.value
    explorer.controls["kind"].value = "red"
    assert explorer.alt == "A red line that reaches 2.0 at x = 1."
    assert explorer.values == {"w": 2.0, "kind": "red"}


def test_an_error_of_draw_is_shown_and_goes_away(explorer):
    explorer.controls["w"].value = -1.0
    assert isinstance(explorer.error, ValueError)
    assert 'role="alert"' in explorer.html.value
    assert "ValueError: w is &lt; 0 &amp; bad" in explorer.html.value
    explorer.controls["w"].value = 1.0
    assert explorer.error is None
    assert "<img" in explorer.html.value


def test_every_control_has_a_label(explorer):
    assert explorer.controls["w"].description == "w"
    assert explorer.controls["kind"].description == "which"


@pytest.mark.parametrize("seconds, follows", [(0.0, True), (0.06, False)])
def test_only_a_fast_picture_follows_the_moving_slider(monkeypatch, seconds, follows):
    figure = a_line()

    class Instant:
        html = '<img alt="." src="">'
        alt = ALT

    monkeypatch.setattr("tapelab.widgets.explore.Picture", lambda figure, alt: Instant)
    slider = ipywidgets.FloatSlider(1.0)
    widgets.Explorer(lambda w: (time.sleep(seconds), (figure, ALT))[1], w=slider)
    assert slider.continuous_update is follows
    widgets.Explorer(lambda w: (figure, ALT), continuous=False, w=slider)
    assert slider.continuous_update is False


def test_a_page_without_a_kernel_shows_the_picture(explorer):
    bundle = explorer._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert bundle["text/html"] == explorer.html.value
    assert bundle["text/plain"] == (
        "[Interactive figure with w = 1, which = blue. A blue line that reaches 1.0 at x = 1.]"
    )


def test_the_picture_is_in_the_saved_state(explorer):
    state = ipywidgets.Widget.get_manager_state(widgets=[explorer.html])["state"]
    assert state[explorer.html.model_id]["state"]["value"] == explorer.html.value


QUESTION = check.Question(
    "99.q1",
    "Is `a < b`?",
    {"yes": "Because.", "`no`": "It is not <b>.", "who knows": "We do."},
    "yes",
)


def test_a_quiz_explains_each_choice():
    quiz = Quiz(QUESTION)
    assert quiz.choices.value is None
    assert quiz.html.value == ""
    quiz.choices.value = "yes"
    assert "Right." in quiz.html.value
    assert "Because." in quiz.html.value
    quiz.choices.value = "`no`"
    assert "Not quite." in quiz.html.value
    assert "It is not &lt;b&gt;." in quiz.html.value
    assert [label for label, _ in quiz.choices.options] == ["yes", "no", "who knows"]


def test_a_quiz_reads_well_on_paper():
    page = Quiz(QUESTION)._repr_mimebundle_()["text/html"]
    assert "Is <code>a &lt; b</code>?" in page
    assert "<li><code>no</code></li>" in page
    assert page.index("<details>") < page.index("Because.")


def test_a_name_that_is_not_there_is_told():
    with pytest.raises(AttributeError, match="has no 'tangents'"):
        _ = widgets.tangents
    assert "tangent" in dir(widgets)


@pytest.mark.parametrize("name", widgets.__all__)
def test_every_name_of_the_package_exists(name):
    assert callable(getattr(widgets, name))


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.patches", None)
    monkeypatch.delitem(sys.modules, "tapelab.widgets.clipping", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'tapelab\[lab\]'"):
        _ = widgets.clip_circle


def test_a_plain_figure_needs_no_house_style():
    assert "Figure" in repr(widgets.Picture(Figure(figsize=(1, 1)), ALT))


def test_a_single_curve_needs_no_choice():
    assert widgets.tangent({"x²": tf.square}).controls["curve"].layout.display == "none"
    assert widgets.tangent().controls["curve"].layout.display is None


def test_descent_that_has_not_moved_does_not_converge():
    explorer = widgets.gradient_descent(start=2.5)
    explorer.controls["steps"].value = 0
    assert explorer.alt.endswith("It has not moved.")
    explorer.controls["steps"].value = 10
    explorer.controls["rate"].value = 1.0
    assert explorer.alt.endswith("It gets nowhere.")  # from 2.5 to -2.5 and back
