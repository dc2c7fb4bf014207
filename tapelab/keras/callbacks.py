"""tf.keras.callbacks: what happens between the steps of training, among it the progress bar."""

import sys
import time

import numpy as np

from ..tensor import Tensor, function_of, integer, number
from .registry import warn

HOOKS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "train_batch", "test", "test_batch", "predict", "predict_batch")
    for when in ("begin", "end")
]


class Callback:
    """Base class: override the hooks you need. `self.model` and `self.params` are set by then.

    The hooks are on_train_begin, on_epoch_begin, on_train_batch_begin, on_test_begin,
    on_test_batch_begin, on_predict_begin, on_predict_batch_begin, and the same with end. They take
    the number of the epoch or batch if there is one, and `logs`: name of metric -> value so far.
    on_batch_begin and on_batch_end are those of training.

    >>> import tapelab as tf
    >>> class Print(tf.keras.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch}: {sorted(logs)}")
    >>> model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(tf.ones([4, 2]), tf.ones([4, 1]), callbacks=[Print()], verbose=0)
    epoch 0: ['loss']
    """

    model = params = None

    def set_model(self, model):
        """Called once, before training."""
        self.model = model

    def set_params(self, params):
        """Called once, before training, with 'epochs' and 'steps'."""
        self.params = params


for _name in HOOKS:
    setattr(Callback, _name, lambda self, *args, **kwargs: None)


class CallbackList:
    """Calls the hooks that were overridden, and no others."""

    def __init__(self, callbacks, model, epochs, steps, progress=None):
        for c in callbacks:
            if isinstance(c, type) or not hasattr(c, "set_model"):
                raise TypeError(f"`callbacks` are objects of classes like Callback, not {c!r}.")
            c.set_model(model)
            c.set_params({"epochs": epochs, "steps": steps, "verbose": 0})
        if progress is not None:
            progress.epochs, progress.steps = epochs, steps
        every = [*callbacks, *([progress] if progress is not None else [])]
        for hook in HOOKS:
            names = dict.fromkeys((hook, hook.replace("train_batch", "batch")))
            calls = [
                getattr(c, n) for c in every for n in names
                if getattr(type(c), n, None) is not getattr(Callback, n, None) or n in vars(c)
            ]  # fmt: skip
            setattr(self, hook, _all(calls) if calls else _nothing)


def _all(calls):
    def run(*args):
        logs = {k: float(v) if isinstance(v, Tensor) and not v._a.ndim else v for k, v in args[-1].items()}
        for call in calls:
            call(*args[:-1], logs)  # what a callback adds is there for those after it

    return run


def _nothing(*args):
    pass


class History(Callback):
    """What `fit` returns: `.history`, name -> list of values, and `.epoch`, their numbers."""

    def __init__(self):
        self.history, self.epoch = {}, []

    def on_epoch_end(self, epoch, logs=None):
        """Write down the epoch's values."""
        self.epoch.append(epoch)
        for k, v in (logs or {}).items():
            self.history.setdefault(k, []).append(v)


class LambdaCallback(Callback):
    """A callback of functions: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))`."""

    def __init__(self, **functions):
        for name, function in functions.items():
            if name.replace("on_batch", "on_train_batch") not in HOOKS:
                raise ValueError(f"There is no hook {name}. The hooks are: {', '.join(HOOKS)}.")
            if function is not None:
                function_of(function, name)
                setattr(self, name, function)


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch: `schedule(epoch, learning_rate)` returns it, a float.

    >>> import tapelab as tf
    >>> halve = tf.keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    >>> model.compile(tf.keras.optimizers.SGD(0.5), "mse")
    >>> model.fit([[1.0]], [[2.0]], epochs=2, callbacks=[halve], verbose=0).history["learning_rate"]
    [0.25, 0.125]
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        """Set the learning rate."""
        optimizer = self.model.optimizer
        rate = float(optimizer.learning_rate)
        try:
            rate = self.schedule(epoch, rate)
        except TypeError:  # one that takes the epoch alone
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
        optimizer.learning_rate = rate
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch, logs=None):
        """Note the learning rate."""
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class EarlyStopping(Callback):
    """Stop training when a value has not become better for `patience` epochs.

    Args:
      monitor: name of the value. min_delta: what counts as better.
      mode: 'min', 'max' or 'auto', which goes by the name.
      restore_best_weights: whether the weights of the best epoch are put back.
    """

    def __init__(
        self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
        restore_best_weights=False, start_from_epoch=0,
    ):  # fmt: skip
        if not isinstance(monitor, str) or mode not in ("auto", "min", "max"):
            raise ValueError(
                "EarlyStopping watches the value named `monitor`, and `mode` is 'auto', 'min' or 'max'. "
                f"Received: monitor={monitor!r}, mode={mode!r}"
            )
        self.monitor, self.min_delta = monitor, abs(number(min_delta, "min_delta", "EarlyStopping"))
        self.patience = integer(patience, "patience", "EarlyStopping")
        self.start_from_epoch = integer(start_from_epoch, "start_from_epoch", "EarlyStopping")
        self.baseline = None if baseline is None else number(baseline, "baseline", "EarlyStopping")
        self.verbose, self.restore_best_weights = verbose, restore_best_weights
        rising = (
            mode == "max"
            or mode == "auto"
            and any(w in monitor for w in ("acc", "precision", "recall", "auc"))
        )
        self.sign = 1 if rising else -1
        self.on_train_begin()

    def on_train_begin(self, logs=None):
        """Forget earlier training."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        """Compare with the best so far."""
        if self.monitor not in (logs or {}):
            warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs or {})}"
            )
            return
        if epoch < self.start_from_epoch:
            return
        value = logs[self.monitor]
        better = lambda than: than is None or self.sign * (value - than) > self.min_delta
        self.wait += 1
        if better(self.best):
            if better(self.baseline):
                self.wait = 0
            self.best, self.best_epoch = value, epoch
            self.best_weights = self.model.get_weights() if self.restore_best_weights else None
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch, self.model.stop_training = epoch, True

    def on_train_end(self, logs=None):
        """Put the best weights back."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)


class Progress(Callback):
    """The bar (verbose=1) or the line per epoch (verbose=2) that `fit` prints to stdout."""

    def __init__(self, verbose):
        self.verbose, self.bar, self.epochs, self.steps = verbose, None, 1, None

    @staticmethod
    def line(steps, seconds, logs):
        """Print what was reached in how many steps, in how long."""
        per_step = seconds / max(1, steps)
        each = (
            f"{per_step:.0f}s"
            if per_step >= 1
            else f"{1e3 * per_step:.0f}ms"
            if per_step >= 1e-3
            else f"{1e6 * per_step:.0f}us"
        )
        print(
            " - ".join(
                [f"{steps}/{steps}", f"{seconds:.0f}s", f"{each}/step", *Progress.values(logs)]
            )
        )

    @staticmethod
    def values(logs):
        """Names and values, ready to print."""
        shown = [(k, float(v)) for k, v in logs.items() if np.ndim(getattr(v, "_a", v)) == 0]
        return [f"{k}: {v:.4f}" if abs(v) > 1e-3 else f"{k}: {v:.4e}" for k, v in shown]

    def on_epoch_begin(self, epoch, logs=None):
        """Begin a bar where there is a terminal or a notebook, and tqdm to draw it."""
        if self.verbose and self.epochs > 1:
            print(f"Epoch {epoch + 1}/{self.epochs}")
        self.start, self.count, self.shown = time.perf_counter(), 0, 0.0
        if self.verbose == 1 and (sys.stdout.isatty() or "ipykernel" in sys.modules):
            try:
                from tqdm import tqdm
            except ImportError:
                return
            layout = "{n_fmt}/{total_fmt} {bar:20} {elapsed}{postfix}"
            self.bar = tqdm(total=self.steps, file=sys.stdout, bar_format=layout, leave=False)

    def on_train_batch_end(self, batch, logs=None):
        """Move the bar, a few times a second."""
        self.count += 1
        if self.bar is not None and time.perf_counter() - self.shown > 0.25:
            self.shown = time.perf_counter()
            self.bar.set_postfix_str(
                " - ".join(self.values(dict(sorted(logs.items())))), refresh=False
            )
            self.bar.update(self.count - self.bar.n)

    def on_epoch_end(self, epoch, logs=None):
        """End the bar with a line."""
        self.close()
        if self.verbose:
            self.line(self.count, time.perf_counter() - self.start, logs or {})

    def close(self):
        """Leave no bar open, also when training was stopped."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
