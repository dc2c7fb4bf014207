"""Training to watch while it runs, with a stop button that works.

The training itself is a generator of the lesson's: it does one step, yields the numbers, does the
next. Between two steps the kernel is free, so buttons, other cells and sliders stay alive.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable, Iterator

import ipywidgets

from tapelab.widgets.explore import with_static_page
from tapelab.widgets.figure import BLUE, ORANGE, Picture, subplots

_PAUSE = 0.5  # seconds between two drawings, so that most of the time goes into training


def live_training(steps: Callable[[], Iterator[tuple[float, float]]], total: int) -> LiveTraining:
    """A panel that runs a training step by step: start, stop, progress, loss and accuracy.

    Args:
      steps: called without arguments when the training starts; returns an iterator that does
        one step of training and gives `(loss, accuracy)`, as a generator function does.
      total: how many steps there will be, for the progress bar.

    >>> def steps():
    ...     for n in range(3):
    ...         yield 1.0 / (n + 1), n / 2
    >>> training = live_training(steps, total=3)
    >>> training.run()
    >>> training.alt
    'After 3 of 3 steps the loss is 0.3333 and the accuracy is 100.0 %.'
    """
    return LiveTraining(steps, total)


class LiveTraining(ipywidgets.VBox):
    """What `live_training` returns.

    `start()` and `stop()` do what the buttons do: the training runs as an asyncio task in the
    notebook's own event loop. `run()` trains to the end at once, for a test or a script. `loss`
    and `accuracy` are lists of all steps so far; `running`, `alt`, `html` say what is shown.

    There is one training at a time: a new panel stops the one before it, which would go on unseen
    and without a button when its cell is run again.
    """

    _latest = staticmethod(lambda: None)  # a weak reference to the latest panel

    def __init__(self, steps, total):
        if (before := LiveTraining._latest()) is not None:
            before.stop()
        LiveTraining._latest = weakref.ref(self)
        self._make, self._steps, self.total = steps, None, total
        self._task: asyncio.Task | None = None
        self.loss: list[float] = []
        self.accuracy: list[float] = []
        self.alt = ""
        self.start_button = ipywidgets.Button(description="Start", button_style="primary")
        self.stop_button = ipywidgets.Button(description="Stop", disabled=True)
        self.progress = ipywidgets.IntProgress(max=total, description="Steps")
        self.status = ipywidgets.Label()
        self.html = ipywidgets.HTML()
        self.start_button.on_click(lambda button: self.start())
        self.stop_button.on_click(lambda button: self.stop())
        panel = [self.start_button, self.stop_button, self.progress, self.status]
        super().__init__([ipywidgets.HBox(panel), self.html])
        self.redraw()

    @property
    def running(self) -> bool:
        """Whether the training is going on in the background."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin, go on after a stop, or begin again after the end; returns at once.

        Raises:
          RuntimeError: outside a notebook, where no event loop runs; `run()` works everywhere.
        """
        if not self.running:
            loop = asyncio.get_running_loop()
            self._begin()
            self._task = loop.create_task(self._in_background())

    def stop(self) -> None:
        """Stop after the present step; `start()` goes on from there."""
        if self._task is not None:
            self._task.cancel()  # does nothing to a task that has ended

    def run(self) -> None:
        """Train to the end before returning; an error of the training is raised."""
        self._begin()
        while self._step():
            pass
        self._rest()

    async def _in_background(self):
        drawn = time.perf_counter()
        try:
            while self._step():
                await asyncio.sleep(0.001)  # zero would starve the messages of the buttons
                if time.perf_counter() - drawn > _PAUSE:
                    self.redraw()
                    drawn = time.perf_counter()
        except asyncio.CancelledError:
            pass  # the stop button
        except Exception as error:
            self._rest()
            self.status.value = f"{type(error).__name__}: {error}"
            return
        self._rest()

    def _begin(self):
        if self._steps is None:
            self._steps = self._make()
            self.loss, self.accuracy = [], []
        self.start_button.disabled, self.stop_button.disabled = True, False

    def _step(self):
        try:
            loss, accuracy = next(self._steps)
        except StopIteration:
            self._steps = None
            return False
        except Exception:
            self._steps = None
            raise
        self.loss.append(float(loss))
        self.accuracy.append(float(accuracy))
        self.progress.value = len(self.loss)
        self.status.value = f"loss {self.loss[-1]:.4f}, accuracy {100 * self.accuracy[-1]:.1f} %"
        return True

    def _rest(self):
        self.start_button.disabled, self.stop_button.disabled = False, True
        self.redraw()

    def redraw(self) -> None:
        """Draw loss and accuracy of all steps so far."""
        figure, (left, right) = subplots(1, 2, height=2.8)
        steps = range(1, len(self.loss) + 1)
        left.plot(steps, self.loss, color=BLUE)
        left.set(xlabel="step", ylabel="loss", title="Loss")
        right.plot(steps, [100 * a for a in self.accuracy], color=ORANGE)
        right.set(xlabel="step", ylabel="accuracy in %", title="Accuracy", ylim=(0, 102))
        for axes in (left, right):
            axes.set_xlim(0, self.total)
        alt = "The training has not started: two empty diagrams for loss and accuracy."
        if self.loss:
            alt = (
                f"After {len(self.loss)} of {self.total} steps the loss is {self.loss[-1]:.4f} "
                f"and the accuracy is {100 * self.accuracy[-1]:.1f} %."
            )
        picture = Picture(figure, alt)
        self.alt, self.html.value = picture.alt, picture.html

    def __repr__(self) -> str:
        return f"[Training panel. {self.alt}]"

    def _repr_mimebundle_(self, **kwargs):
        return with_static_page(self, self.html.value)
