"""The path pictures: what is drawn, and what the tape says for each choice."""

import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

from tapelab import widgets
from tapelab.widgets.nested import PLACES
from tapelab.widgets.paths import path


def drawn(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_a_path_has_its_boxes_and_its_verdict():
    assert drawn(path("x -> x² -> y")) == ["x", "x²", "y", "a number"]


def test_a_cut_is_marked_where_it_is():
    assert drawn(path("x -/> np.mean -> y")) == ["x", "✕", "np.mean", "y", "None"]


def test_only_boxes_after_the_last_cut_are_reached():
    texts = path("a -/> b -> c -/> d").axes[0].texts
    boxes = {text.get_text(): text.get_bbox_patch() for text in texts if text.get_bbox_patch()}
    solid = [name for name, box in boxes.items() if box.get_linestyle() in ("-", "solid")]
    assert (list(boxes), solid) == (["a", "b", "c", "d"], ["d"])


def test_a_path_without_an_arrow_is_refused():
    with pytest.raises(ValueError, match="has no arrow"):
        path("x")


@pytest.mark.parametrize("source, watch, gradient", [
    ("tf.Variable(3.0)", "never", "6.0"),
    ("tf.Variable(3.0)", "after y = x²", "6.0"),
    ("tf.Variable(3.0, trainable=False)", "never", "None"),
    ("tf.Variable(3.0, trainable=False)", "before y = x²", "6.0"),
    ("tf.Variable(2.0) + 1.0", "never", "None"),
    ("tf.Variable(2.0) + 1.0", "before y = x²", "6.0"),
    ("tf.constant(3.0)", "never", "None"),
    ("tf.constant(3.0)", "before y = x²", "6.0"),
    ("tf.constant(3.0)", "after y = x²", "None"),
])  # fmt: skip
def test_watching(source, watch, gradient):
    explorer = widgets.watching()
    explorer.controls["source"].value = source
    explorer.controls["watch"].value = watch
    assert explorer.error is None
    assert explorer.alt.endswith(f"returns {gradient}.")


@pytest.mark.parametrize("where", PLACES)
def test_nesting(where):
    explorer = widgets.nesting()
    assert "the second comes out as 6.0" in explorer.alt
    explorer.controls["where"].value = where
    assert explorer.error is None
    second = "None" if where == "after the outer block" else "6.0"
    assert f"asked {where}" in explorer.alt
    assert f"comes out as {second}." in explorer.alt
