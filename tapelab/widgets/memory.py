"""What a tape holds in memory, and when it lets go."""

from __future__ import annotations

import ipywidgets

from tapelab.widgets.explore import Explorer
from tapelab.widgets.figure import BLUE, RED, subplots


def tape_memory(layers: int = 4, batch: int = 64) -> Explorer:
    """The bytes a tape keeps alive (`tape.nbytes`): after the forward pass and each gradient.

    Args:
      layers: matrix products at first, each of 64 x 64 with a tanh.
      batch: rows that go through them at first.

    Returns:
      An `Explorer` with the controls `persistent`, `layers` and `batch`.
    """
    import tapelab as tf

    def draw(persistent, layers, batch):
        weights = [tf.Variable(tf.eye(64) * 0.5) for _ in range(layers)]
        held = {}
        h = tf.ones([batch, 64])
        with tf.GradientTape(persistent=persistent) as tape:
            held["opened"] = tape.nbytes
            for w in weights:
                h = tf.tanh(h @ w)
            loss = tf.reduce_mean(h)
        held["forward"] = tape.nbytes
        tape.gradient(loss, weights)
        held["1st gradient"] = tape.nbytes
        try:
            tape.gradient(loss, weights)
            second = "The second gradient is answered, too"
        except RuntimeError:
            second = "The second gradient is refused with a RuntimeError"
        held["2nd gradient"] = tape.nbytes
        count = f"{2 * layers + 1} records"
        del tape
        held["del tape"] = 0

        figure, ax = subplots(height=3.2)
        kilobytes = [n / 1024 for n in held.values()]
        refused = "refused" in second
        ax.bar(list(held), kilobytes, color=[BLUE, BLUE, BLUE, RED if refused else BLUE, BLUE])
        for place, n in enumerate(kilobytes):
            ax.annotate(f"{n:,.0f} KiB", (place, n), ha="center", va="bottom")
        ax.set(xlabel="after this step", ylabel="held by the tape in KiB")
        ax.set_ylim(0, 1.15 * max(kilobytes))
        kind = "persistent" if persistent else "non-persistent"
        ax.set_title(f"{kind} tape, {count}" + (" (2nd gradient: RuntimeError)" if refused else ""))
        return figure, (
            f"A {kind} tape over {layers} layers and a batch of {batch} holds "
            f"{held['forward']:,} bytes after the forward pass, {held['1st gradient']:,} after the "
            f"first gradient. {second}; after it the tape holds {held['2nd gradient']:,} bytes."
        )

    return Explorer(
        draw,
        persistent=ipywidgets.Checkbox(False, indent=False),
        layers=ipywidgets.IntSlider(layers, min=1, max=12),
        batch=ipywidgets.IntSlider(batch, min=8, max=256, step=8),
    )
