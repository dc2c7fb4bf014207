"""tf.keras.Model and Sequential: layers that can be trained, evaluated, summarised and saved."""

import inspect
import os
import time

import numpy as np

from .. import _files, nest
from ..math import add_n
from ..tape import GradientTape
from ..tensor import Tensor, as_tensor, integer
from . import losses as losses_module
from . import metrics as metrics_module
from . import optimizers
from .base_layer import (
    KerasTensor,
    Layer,
    _Scope,
    _Unmade,
    leaves,
    map_leaves,
    placeholders,
    shapes_of,
)
from .callbacks import CallbackList, History, Progress
from .data import batches_of, split
from .layers import InputLayer
from .registry import unique_name, warn
from .utils import unpack_x_y_sample_weight


def _spread(structure, names):
    """A list, a dictionary or one thing for all, as a list in the order of the outputs' names."""
    if isinstance(structure, dict) and set(structure) <= set(names):
        return [structure.get(name) for name in names]
    if isinstance(structure, (list, tuple)) and len(structure) == len(names):
        return list(structure)
    if isinstance(structure, (list, tuple, dict)):
        got = list(structure) if isinstance(structure, dict) else f"{len(structure)} parts"
        raise ValueError(f"The outputs are {names}; labels, losses or metrics do not fit: {got}.")
    return [structure] * len(names)


class _CompiledLoss:
    """What `compile(loss=...)` was given, for models with one output or several."""

    def __init__(self, loss, weights, names_of):
        empty = isinstance(loss, (list, tuple, dict)) and not loss
        self.losses = None if empty else map_leaves(losses_module.as_loss, loss)
        self.weights, self.names_of, self.means = weights, names_of, {}

    def __call__(self, y, y_pred, sample_weight=None):
        names = self.names_of(y_pred)
        if y is None:
            raise ValueError(
                "There are no labels for the loss: give `y`, or batches of (x, y). A model that makes its "
                "own loss with `add_loss` is compiled without one."
            )
        if names is None:
            loss, weight = leaves(self.losses)[0], (leaves(self.weights) or [None])[0]
            if loss is None:
                raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
            value = loss(y, y_pred, sample_weight)
            return value if weight is None else value * weight
        total, each = [], (self.losses, y, y_pred, self.weights, sample_weight)
        for name, loss, *data, weight, w in zip(names, *[_spread(part, names) for part in each]):
            if loss is not None:
                value = loss(*data, w)
                if name not in self.means:
                    self.means[name] = metrics_module.Mean(name=f"{name}_loss")
                self.means[name].update_state(value, _batch_size(data[1]))
                total.append(value if weight is None else value * weight)
        return add_n(total)


class _CompiledMetrics(metrics_module.Metric):
    """What `compile(metrics=...)` was given: one metric whose result is a dictionary."""

    def __init__(self, given, weighted, names_of):
        super().__init__(name="compile_metrics")
        for m in leaves((given or [], weighted or [])):
            metrics_module._known(m)
        self.given, self.names_of, self.found = (given, weighted), names_of, None

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch; the first one tells what 'accuracy' means."""
        names = self.names_of(y_pred)
        parts = lambda s: [s] if names is None else _spread(s, names)
        truths, predictions, weights = parts(y_true), parts(y_pred), parts(sample_weight)
        if self.found is None:
            found = {}  # name -> metric, number of the output, whether it is weighted
            for given, weighted in zip(self.given, (False, True)):
                for i, several in enumerate(parts(given)):
                    for m in leaves(several or []):
                        m = metrics_module.for_shapes(m, truths[i], predictions[i])
                        name = m.name if names is None else f"{names[i]}_{m.name}"
                        name = f"weighted_{name}" if weighted and name in found else name
                        found[name] = m, i, weighted
            self.found = found
        for m, i, weighted in self.found.values():
            m.update_state(truths[i], predictions[i], weights[i] if weighted else None)

    def result(self):
        """Name -> value."""
        return {name: m.result() for name, (m, *_) in (self.found or {}).items()}

    def reset_state(self):
        """Start anew."""
        for m in leaves(self.given if self.found is None else self.found):
            if isinstance(m, metrics_module.Metric):
                m.reset_state()


class Model(Layer):
    """A layer with `fit`, `evaluate`, `predict`, `summary` and weights that can be saved.

    Either a subclass with its layers as attributes and a `call` method, or, with inputs and outputs
    made by calling layers on `tf.keras.Input`, the function from the ones to the others.

    >>> import tapelab as tf
    >>> inputs = tf.keras.Input(shape=(3,))
    >>> outputs = tf.keras.layers.Dense(1, kernel_initializer="ones")(inputs)
    >>> model = tf.keras.Model(inputs, outputs)
    >>> model(tf.constant([[1.0, 2.0, 3.0]])).numpy().tolist()
    [[6.0]]
    """

    loss = None  # what `compile` was given

    def __init__(self, inputs=None, outputs=None, name=None, trainable=True, dtype=None, **kwargs):
        functional = inputs is not None
        if functional != (outputs is not None):
            raise TypeError(
                "A model is made of inputs and outputs, tf.keras.Model(inputs, outputs), or of "
                "neither, as a subclass with a `call` method."
            )
        if functional and name is None and type(self) is Model:
            name = unique_name("functional")
        super().__init__(name=name, trainable=trainable, dtype=dtype, **kwargs)
        self.optimizer = self._compiled_loss = self._compiled_metrics = self._graph = None
        self.stop_training = False
        if functional:
            self._trace(inputs, outputs)

    # -- models made of inputs and outputs

    def _trace(self, inputs, outputs):
        """Find what leads from inputs to outputs, in an order in which it can be computed."""
        one = lambda t: t[0] if isinstance(t, list) and len(t) == 1 else t
        inputs, outputs = one(inputs), one(outputs)
        for t in leaves(inputs) + leaves(outputs):
            if not isinstance(t, KerasTensor):
                raise ValueError(
                    f"All `inputs` and `outputs` values must be KerasTensors. Received: {t!r}"
                )
        tensors = lambda *x: [t for t in nest.flatten(x) if isinstance(t, KerasTensor)]
        known, nodes, seen, todo = {id(t) for t in leaves(inputs)}, {}, [], tensors(outputs)[::-1]
        while todo:
            t = todo.pop()
            if id(t) in known:
                seen += [t.layer] if hasattr(t, "layer") else []
                continue
            if t.node is None:
                raise ValueError(
                    f"`inputs` not connected to `outputs`: {t!r} is needed to compute the outputs, "
                    "but is not among the inputs."
                )
            function, args, kwargs, made = t.node
            known.update(id(z) for z in leaves(made))
            nodes[leaves(made)[0].serial] = t.node
            seen.append(function)
            todo += tensors(args, kwargs)[::-1]
        nodes = [nodes[k] for k in sorted(nodes)]
        # The order of the layers, and so that of the weights, is Keras's: by the longest way to the
        # outputs, and where that is equal, as they are met from there.
        steps, depth = {}, {}
        for function, args, kwargs, made in reversed(nodes):
            n = max(steps.get(leaves(made)[0].serial, 0), depth.get(id(function), 0))
            depth[id(function)] = n
            for t in tensors(args, kwargs):
                serial = leaves(t.node[3])[0].serial if t.node else t.serial
                steps[serial] = max(n + 1, steps.get(serial, 0))
        first = [t for t in leaves(inputs) if hasattr(t, "layer")]
        depth |= {id(t.layer): steps.get(t.serial, 0) for t in first}
        inner = [t.layer for t in first if t.layer not in seen] + seen
        inner = {id(x): x for x in inner if isinstance(x, Layer)}
        self._graph_layers = (*sorted(inner.values(), key=lambda x: -depth[id(x)]),)
        vars(self).update(
            _graph=(inputs, nodes, outputs), inputs=leaves(inputs), outputs=leaves(outputs),
            input=inputs, output=outputs, built=True,
            input_shape=shapes_of(inputs), output_shape=shapes_of(outputs),
        )  # fmt: skip

    def call(self, inputs, training=None, mask=None):
        """Compute. Subclasses define this; a model of inputs and outputs runs its layers."""
        if self._graph is None:
            raise NotImplementedError(
                f"Model {type(self).__name__} does not have a `call()` method implemented."
            )
        expected, nodes, outputs = self._graph
        if isinstance(inputs, dict) and not isinstance(expected, dict):
            names = [t.name for t in leaves(expected)]
            if missing := [name for name in names if name not in inputs]:
                raise ValueError(
                    f"Missing data for input {missing[0]!r}. You passed a data dictionary with keys "
                    f"{list(inputs)}. Expected the following keys: {names}"
                )
            inputs = [inputs[name] for name in names]
        if isinstance(expected, dict) and isinstance(inputs, dict):
            inputs = [inputs[k] for k in expected]
        given, wanted = leaves(inputs), leaves(expected)
        if len(given) != len(wanted):
            raise ValueError(
                f"Model {self.name} expects {len(wanted)} input(s), but it received {len(given)}."
            )
        values = {id(t): _of_rank(x, t.shape, self) for t, x in zip(wanted, given)}
        get = lambda t: values[id(t)] if isinstance(t, KerasTensor) else t
        for function, args, kwargs, made in nodes:
            z = function(*map_leaves(get, args), **map_leaves(get, kwargs))
            for t, value in zip(leaves(made), leaves(z)):
                values[id(t)] = value
        return map_leaves(get, outputs)

    def build(self, input_shape):
        """Make the weights for inputs of this shape, batch included (None for unknown sizes)."""
        own = self._graph is None and type(self).call is not Model.call
        if own and input_shape is not None and not self._called:
            self.built = True
            self._symbolic_call((placeholders(input_shape),), {})

    def _build_for(self, args, kwargs):
        if type(self).build in (Model.build, Sequential.build):
            self.built = True  # the layers inside build themselves when they are called
        else:
            super()._build_for(args, kwargs)

    @property
    def layers(self):
        """The layers directly inside the model."""
        return self._inner()

    def get_layer(self, name=None, index=None):
        """The layer of that name or index. ValueError when there is none."""
        if (name is None) == (index is None):
            raise ValueError("Provide either a layer name or layer index at `get_layer`.")
        layers = self.layers
        for i, layer in enumerate(layers):
            if name == layer.name or name is None and index in (i, i - len(layers)):
                return layer
        raise ValueError(
            f"No such layer: {name if index is None else index}. Existing layers are: "
            f"{[x.name for x in layers]}."
        )

    # -- training

    def compile(
        self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None,
        weighted_metrics=None, run_eagerly=False, steps_per_execution=1, jit_compile="auto",
        auto_scale_loss=True,
    ):  # fmt: skip
        """Say how to train: optimizer, loss and metrics, each by name or as an object.

        Args:
          loss: name, function or `Loss`; for several outputs a list or dictionary of them.
          metrics: list of names, functions or `Metric`s; 'accuracy' goes by the shapes.
        Raises:
          ValueError: an unknown name.
        """
        self.optimizer = optimizers.get(optimizer)
        self._compiled_loss = _CompiledLoss(loss, loss_weights, self._names_of)
        self._compiled_metrics = (
            _CompiledMetrics(metrics, weighted_metrics, self._names_of)
            if metrics or weighted_metrics
            else None
        )
        vars(self)["_loss_tracker"] = metrics_module.Mean(name="loss")
        self.loss = loss

    def _names_of(self, y_pred):
        """Names of the outputs, if there are several: keys, or layers that make them, or numbers."""
        if isinstance(y_pred, dict) or not isinstance(y_pred, (list, tuple)):
            return list(y_pred) if isinstance(y_pred, dict) else None
        made = [t.node and t.node[0] for t in leaves(self._graph[2])] if self._graph else y_pred
        return [f.name if isinstance(f, Layer) else str(i) for i, f in enumerate(made)]

    @property
    def compiled(self):
        """Whether `compile` was called."""
        return self._compiled_loss is not None

    @property
    def metrics(self):
        """The loss, the metrics that the model and its layers hold, the compiled ones."""
        held = [
            m
            for layer in self._flatten_layers()
            for m in layer._held()
            if isinstance(m, metrics_module.Metric)
        ]
        first = [self._loss_tracker] if self.compiled else []
        compiled = [self._compiled_metrics] if self._compiled_metrics is not None else []
        parts = list(self._compiled_loss.means.values()) if self.compiled else []
        parts = parts if len(parts) > 1 else []  # one alone is the loss
        return first + [m for m in held if m is not self._compiled_metrics] + parts + compiled

    @property
    def metrics_names(self):
        """The names of `metrics`; the compiled ones are together 'compile_metrics'."""
        return [m.name for m in self.metrics]

    def reset_metrics(self):
        """Start all metrics anew."""
        for m in self.metrics:
            m.reset_state()

    def get_metrics_result(self):
        """Name -> value of every metric."""
        found = {}
        for m in self.metrics:
            value = m.result()
            found.update(value if isinstance(value, dict) else {m.name: value})
        return found

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The compiled loss plus what layers added; override it to train on something else."""
        found = list(self.losses)
        if self._compiled_loss is not None and leaves(self._compiled_loss.losses) != [None]:
            found.insert(0, self._compiled_loss(y, y_pred, sample_weight))
        if not found:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        return found[0] if len(found) == 1 else add_n(found)

    def _loss_on(self, x, y, y_pred, sample_weight, training):
        """`compute_loss`, told about training if its signature has that."""
        takes = "training" in inspect.signature(self.compute_loss).parameters
        told = {"training": training} if takes else {}
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **told)

    def compiled_loss(self, y, y_pred, sample_weight=None, regularization_losses=None):
        """`compute_loss`, as older programs call it. It has the layers' losses in it, given or not."""
        loss = self._loss_on(None, y, y_pred, sample_weight, True)
        self._loss_tracker.update_state(loss, _batch_size(y_pred))
        return loss

    compiled_metrics = property(
        lambda self: self._compiled_metrics or _CompiledMetrics(None, None, self._names_of),
        doc="What `compile(metrics=...)` was given, with `update_state`, as older programs call it.",
    )

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the compiled metrics; return all results."""
        if self._compiled_metrics is not None:
            self._compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def train_step(self, data):
        """One step on one batch, a tuple (x, y) or (x, y, sample_weight); returns name -> value."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, **self._told(True))
            loss = self._loss_on(x, y, y_pred, sample_weight, True)
        self._loss_tracker.update_state(loss, _batch_size(x))
        variables = self.trainable_weights
        if variables:
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        else:
            warn(
                "The model does not have any trainable weights. (A tf.Variable as an attribute is "
                "not one: use self.add_weight, or tf.keras.Variable.)"
            )
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data):
        """Loss and metrics on one batch; returns name -> value."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, **self._told(False))
        loss = self._loss_on(x, y, y_pred, sample_weight, False)
        self._loss_tracker.update_state(loss, _batch_size(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data):
        """Predictions for one batch."""
        return self(unpack_x_y_sample_weight(data)[0], **self._told(False))

    def _told(self, training):
        """The keyword `training`, as in Keras only for a model whose `call` has it."""
        return {} if self._training_at is None else {"training": training}

    def fit(
        self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None,
        validation_split=0.0, validation_data=None, shuffle=True, class_weight=None,
        sample_weight=None, initial_epoch=0, steps_per_epoch=None, validation_steps=None,
        validation_batch_size=None, validation_freq=1,
    ):  # fmt: skip
        """Train for a number of epochs.

        Args:
          x, y: arrays or tensors; or x alone, a `tf.data.Dataset` or other iterable of batches.
          batch_size: 32 for arrays. verbose: 0 silent, 1 a bar, 2 a line per epoch.
          validation_split: the last fraction of the arrays is kept for validation.
          validation_data: (x, y) or an iterable of batches. steps_per_epoch: batches in an epoch.
        Returns:
          A `History`; `.history` holds a list per metric.
        Raises:
          ValueError: not compiled, or arrays of different lengths.
        """
        self._check_compiled("fit")
        epochs, initial_epoch, validation_freq = (
            integer(n, what, "fit")
            for n, what in (
                (epochs, "epochs"), (initial_epoch, "initial_epoch"), (validation_freq, "validation_freq"),
            )
        )  # fmt: skip
        if validation_freq < 1:
            raise ValueError(f"`validation_freq` must be positive, got {validation_freq}.")
        if validation_split:
            (x, y, sample_weight), validation_data = split((x, y, sample_weight), validation_split)
        train = batches_of(x, y, sample_weight, batch_size, shuffle, class_weight, steps_per_epoch)
        inside = (x for x in self._flatten_layers() if not isinstance(x, Model))
        if self._training_at is None and any(x._training_at is not None for x in inside):
            warn(
                f"`call` of {type(self).__name__} has no argument `training`, so that fit cannot "
                "tell the layers inside (Dropout, BatchNormalization, ...) that this is training: "
                "write `def call(self, inputs, training=None)`."
            )
        history = History()
        verbose = 1 if verbose == "auto" else verbose
        progress = Progress(verbose)
        hooks = CallbackList(
            [*leaves(callbacks or []), history], self, epochs, train.steps, progress
        )
        self.stop_training = False
        vars(self)["history"] = history  # also when Ctrl-C ends the training
        try:
            hooks.on_train_begin({})
            for epoch in range(initial_epoch, epochs):
                self.reset_metrics()
                hooks.on_epoch_begin(epoch, {})
                logs = {}
                for step, data in enumerate(train.epoch()):
                    hooks.on_train_batch_begin(step, {})
                    logs = self.train_step(data)
                    hooks.on_train_batch_end(step, logs)
                    if self.stop_training:
                        break
                logs = _numbers(logs)
                if validation_data is not None and (epoch + 1) % validation_freq == 0:
                    parts = (
                        validation_data
                        if isinstance(validation_data, (list, tuple))
                        else (validation_data,)
                    )
                    found = self.evaluate(
                        *parts[:2], sample_weight=parts[2] if len(parts) > 2 else None, verbose=0,
                        batch_size=validation_batch_size or batch_size, steps=validation_steps,
                        return_dict=True, _callbacks=hooks,
                    )  # fmt: skip
                    logs |= {f"val_{k}": v for k, v in found.items()}
                hooks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            hooks.on_train_end(logs if epochs > initial_epoch else {})
        finally:
            progress.close()
        return history

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None,
        callbacks=None, return_dict=False, _callbacks=None,
    ):  # fmt: skip
        """Loss and metrics on data: a number, a list (loss first), or a dictionary."""
        self._check_compiled("evaluate")
        data = batches_of(x, y, sample_weight, batch_size, steps=steps)
        hooks = _callbacks or CallbackList(leaves(callbacks or []), self, 1, data.steps)
        self.reset_metrics()
        self.stop_evaluating = False
        hooks.on_test_begin({})
        logs, step, start = {}, -1, time.perf_counter()
        for step, batch in enumerate(data.epoch()):
            hooks.on_test_batch_begin(step, {})
            logs = self.test_step(batch)
            hooks.on_test_batch_end(step, logs)
            if self.stop_evaluating:
                break
        if step < 0:
            raise ValueError("There is nothing to evaluate: `x` yielded no batch.")
        found = _numbers(logs, in_order=True)
        hooks.on_test_end(found)
        if verbose:
            Progress.line(step + 1, time.perf_counter() - start, dict(sorted(found.items())))
        if return_dict:
            return dict(sorted(found.items()))
        return list(found.values()) if len(found) > 1 else next(iter(found.values()))

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """The model's output for all of x, as an array (or a structure of them), batch by batch."""
        data = batches_of(x, None, None, batch_size, steps=steps)
        hooks = CallbackList(leaves(callbacks or []), self, 1, data.steps)
        start, found = time.perf_counter(), []
        self.stop_predicting = False
        hooks.on_predict_begin({})
        for step, batch in enumerate(data.epoch()):
            hooks.on_predict_batch_begin(step, {})
            found.append(map_leaves(lambda t: t._a, self.predict_step(batch)))
            hooks.on_predict_batch_end(step, {"outputs": found[-1]})
            if self.stop_predicting:
                break
        if not found:
            raise ValueError("There is nothing to predict: `x` yielded no batch.")
        hooks.on_predict_end({})
        if verbose:
            Progress.line(len(found), time.perf_counter() - start, {})
        columns = [np.concatenate(parts) for parts in zip(*map(leaves, found))]
        rest = iter(columns)
        return map_leaves(lambda _: next(rest), found[0])

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One training step; its loss and metrics."""
        self._check_compiled("train_on_batch")
        self.reset_metrics()
        data = next(
            iter(batches_of(x, y, sample_weight, 1 << 62, class_weight=class_weight).epoch())
        )
        return _as_list(_numbers(self.train_step(data), in_order=True), return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Loss and metrics on one batch."""
        self._check_compiled("test_on_batch")
        self.reset_metrics()
        data = next(iter(batches_of(x, y, sample_weight, 1 << 62).epoch()))
        return _as_list(_numbers(self.test_step(data), in_order=True), return_dict)

    def predict_on_batch(self, x):
        """The output for one batch, as an array."""
        return map_leaves(
            lambda t: np.array(t._a), self.predict_step((map_leaves(as_tensor, x),))
        )

    def _check_compiled(self, method):
        own = type(self).train_step is not Model.train_step
        if not self.compiled and not own:
            raise ValueError(f"You must call `compile()` before calling `{method}()`.")
        if self.optimizer is None and not own and method in ("fit", "train_on_batch"):
            raise ValueError(f"`{method}()` needs an optimizer, and `compile()` was given None.")

    # -- looking at it

    def get_config(self):
        """A model has none: it is a program, and `save_weights` keeps its weights."""
        raise NotImplementedError(f"{type(self).__name__}.get_config: {Model.get_config.__doc__}")

    def summary(self, line_length=None, print_fn=None, show_trainable=False):
        """Print the layers, the shapes of their outputs and the numbers of their parameters."""
        rows = [("Layer (type)", "Output Shape", "Param #", *["Trainable"] * show_trainable)]
        for layer in self.layers:
            shape = layer.output_shape
            built = layer.built and not (layer.weights == [] and shape is None and layer._inner())
            shown = "?" if shape is None else str(shape)
            rows.append(
                (
                    f"{layer.name} ({type(layer).__name__})",
                    shown,
                    f"{layer.count_params():,}" if built else "0 (unbuilt)",
                    "-" if not layer.weights else "Y" if layer.trainable else "N",
                )[: len(rows[0])]
            )
        widths = [max(map(len, column)) + 2 for column in zip(*rows)]
        if line_length:
            line_length = integer(line_length, "line_length", "summary")
            widths[0] += max(0, line_length - sum(widths) - 4)

        def rule(left, mid, right, stroke):
            return left + mid.join(stroke * w for w in widths) + right

        def row(r, edge):
            cells = [
                f" {r[0]:<{widths[0] - 1}}",
                f" {r[1]:<{widths[1] - 1}}",
                f"{r[2]:>{widths[2] - 1}} ",
                *[f"{text:^{width}}" for text, width in zip(r[3:], widths[3:])],
            ]
            return edge + edge.join(cells) + edge

        lines = [
            f'Model: "{self.name}"',
            rule("┏", "┳", "┓", "━"),
            row(rows[0], "┃"),
            rule("┡", "╇", "┩", "━"),
        ]
        for i, r in enumerate(rows[1:]):
            lines += [rule("├", "┼", "┤", "─")] * bool(i) + [row(r, "│")]
        lines.append(rule("└", "┴", "┘", "─"))
        state = self.optimizer.variables if self.optimizer and self.optimizer.built else []
        for what, found in (
            ("Total", self.weights + state), ("Trainable", self.trainable_weights),
            ("Non-trainable", self.non_trainable_weights), *[("Optimizer", state)] * bool(state),
        ):  # fmt: skip
            n, size = sum(v._t._a.size for v in found), sum(v._t._a.nbytes for v in found)
            lines.append(f" {what} params: {n:,} ({_bytes(size)})")
        for line in lines:
            (print_fn or print)(line)

    # -- saving

    def save_weights(self, filepath, overwrite=True):
        """Write the weights to a file, whole or not at all, as NumPy's npz (whatever its name).

        Raises ValueError when there are no weights yet, FileExistsError with `overwrite=False`.
        """
        if not self.built:
            raise ValueError(
                f"Model {self.name} has no weights to save: it is not built yet. Call it on data, "
                "or build(input_shape)."
            )
        path = _files.path_of(filepath)
        if not overwrite and os.path.exists(path):
            raise FileExistsError(f"{path} exists. Choose another name, or overwrite=True.")
        _files.write_arrays(path, self._named_arrays())

    def load_weights(self, filepath, skip_mismatch=False):
        """Replace the weights by those of a file that `save_weights` wrote.

        Args:
          skip_mismatch: leave alone what has no match in the file, by position, name and shape.
        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file is damaged, or another model's. Then no weight has changed.
        """
        path = _files.path_of(filepath)
        if not os.path.isfile(path):
            raise FileNotFoundError(f"{path}: there is no such file. No weight was changed.")
        expected = self._named_arrays()
        if not self.built:
            raise ValueError(
                f"Model {self.name} has no weights yet, so that {path} cannot be loaded into it. "
                "Call it on data, or build(input_shape), first."
            )
        with open(path, "rb") as file:
            if file.read(4) == b"\x89HDF":
                raise ValueError(
                    f"{path} is an HDF5 file, as TensorFlow writes them; tapelab reads what its own "
                    "save_weights wrote. In TensorFlow, numpy.savez(path, *model.get_weights()) "
                    "writes arrays that set_weights takes. No weight was changed."
                )
        try:
            found = _files.read_arrays(path)
        except ValueError as e:
            raise ValueError(f"{e} No weight was changed; save it again.") from e
        fits = lambda k: k in found and found[k].shape == expected[k].shape
        if list(found) != list(expected) and not skip_mismatch:
            missing = [k for k in expected if k not in found] or [
                k for k in found if k not in expected
            ]
            raise ValueError(
                f"{path} holds the weights of another model: {len(found)} arrays for "
                f"{len(expected)} weights, the first difference at "
                f"{missing[0] if missing else 'their order'}. No weight was changed."
            )
        for key, a in () if skip_mismatch else expected.items():
            b = found[key]
            if not fits(key) or a.dtype != b.dtype:
                raise ValueError(
                    f"{path} holds the weights of another model: {key} is {b.dtype} of shape "
                    f"{b.shape} there, and {a.dtype} of shape {a.shape} here. No weight was "
                    "changed."
                )
        for v, key in zip(self.weights, expected):
            if fits(key):
                v.assign(found[key])

    def _named_arrays(self):
        return {f"{i:04d} {v.name}": v._t._a for i, v in enumerate(self.weights)}


class Sequential(Model):
    """A model that is a chain of layers.

    Args:
      layers: list of layers, the first of which may be `tf.keras.Input(...)` to build at once;
        otherwise the weights are made at the first call.

    >>> import tapelab as tf
    >>> from tapelab.keras import layers
    >>> model = tf.keras.Sequential([layers.Dense(3, activation="relu"), layers.Dense(2)])
    >>> model(tf.ones([4, 5])).shape, [tuple(v.shape) for v in model.trainable_variables]
    (TensorShape([4, 2]), [(5, 3), (3,), (3, 2), (2,)])
    """

    _locks = False
    _chain = _Unmade()

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(trainable=trainable, name=name)
        self._chain, self._start = (), None
        if layers is not None and not hasattr(layers, "__iter__"):
            raise TypeError(f"`layers` must be a list of layers. Received: {layers!r}")
        for layer in layers or []:
            self.add(layer)

    def add(self, layer):
        """Append a layer. ValueError for anything else."""
        if isinstance(layer, KerasTensor) and hasattr(layer, "layer"):
            layer = layer.layer
        if not isinstance(layer, Layer):
            raise ValueError(
                "Only instances of `keras.Layer` can be added to a Sequential model. Received: "
                f"{layer} (of type {type(layer)})"
            )
        if any(layer.name == other.name for other in self._chain):
            raise ValueError(
                "All layers added to a Sequential model should have unique names. Name "
                f"'{layer.name}' is already the name of a layer in this model. Update the `name` "
                "argument to pass a unique name."
            )
        if isinstance(layer, InputLayer):
            if self._chain or self._start is not None:
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input "
                    f"shape; got {layer}."
                )
            self._begin(layer.output)
            return
        if not self._chain and self._start is None and layer._given_shape is not None:
            self.add(InputLayer(layer._given_shape))
        inside = layer.input if isinstance(layer, Model) and layer.built else None
        if not self._chain and self._start is None and isinstance(inside, KerasTensor):
            self.add(InputLayer(batch_shape=inside.shape, dtype=inside.dtype))
        before, self._chain = self._chain, (*self._chain, layer)
        if self._start is not None:
            try:
                self._go_on(layer)
            except BaseException:  # it does not fit: leave it out
                self._chain = before
                raise

    def _begin(self, tensor):
        """Call the layers, one after the other, on a KerasTensor: that builds them."""
        vars(self).update(_start=tensor, input=tensor, output=tensor)
        self._go_on(*self._chain)

    def _go_on(self, *layers):
        with _Scope(self):
            for layer in layers:
                vars(self)["output"] = layer(self.output)
        vars(self).update(
            built=bool(self._chain), inputs=[self.input], outputs=[self.output],
            input_shape=self.input.shape, output_shape=self.output.shape,
        )  # fmt: skip

    def pop(self):
        """Remove the last layer and return it."""
        if not self._chain:
            raise IndexError(f"There are no layers in model '{self.name}'.")
        *rest, layer = self._chain
        self._chain = tuple(rest)
        if self._start is not None:
            self._begin(self._start)
        return layer

    def call(self, inputs, training=None, mask=None):
        """Call the layers one after the other."""
        x = inputs if self._start is None else _of_rank(inputs, self._start.shape, self)
        for layer in self._chain:
            x = layer(x)
        return x

    def build(self, input_shape=None):
        """Make the weights for inputs of this shape, batch included (None for unknown sizes)."""
        if input_shape is not None and self._start is None and self._chain:
            self._begin(KerasTensor(input_shape))

    @property
    def layers(self):
        """The layers, in order."""
        return list(self._chain)


def _of_rank(x, shape, model):
    """An input, with a last axis of length 1 added if that is what it lacks; ValueError if not."""
    if not hasattr(x, "shape"):
        raise ValueError(f"Inputs to a model should be tensors. Model '{model.name}' was called on {x!r}.")
    have = x._a.shape if isinstance(x, Tensor) else tuple(x.shape)
    if len(have) == len(shape):
        fits = all(n is None or m is None or n == m for n, m in zip(shape, have))
    elif len(have) == len(shape) - 1 and shape[-1] == 1:
        return x[..., None]
    elif len(have) == len(shape) + 1 and have[-1] == 1:
        return x[..., 0]
    else:
        fits = False
    if not fits:
        raise ValueError(
            f"Input 0 with name 'None' of layer '{model.name}' is incompatible with the layer: "
            f"expected shape={shape}, found shape={have}"
        )
    return x


def _batch_size(x):
    found = leaves(x)
    return found[0]._a.shape[0] if found and found[0]._a.ndim else 1


def _numbers(logs, in_order=False):
    found = {}
    for k, v in (
        logs.items() if in_order else sorted(logs.items())
    ):  # a compiled metric's result is a dictionary itself
        found.update(
            {n: _number(x) for n, x in v.items()} if isinstance(v, dict) else {k: _number(v)}
        )
    return found


def _number(value):
    a = value._a if isinstance(value, Tensor) else np.asarray(value)
    return float(a) if a.ndim == 0 else a


def _as_list(found, return_dict):
    return (
        found
        if return_dict
        else list(found.values())
        if len(found) > 1
        else next(iter(found.values()))
    )


def _bytes(n):
    size = float(n)
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"
