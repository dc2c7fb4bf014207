"""tf.keras: layers, models, losses, metrics and optimizers, what lessons and guides need."""

import sys

from .. import namespaces
from . import (
    activations,
    callbacks,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    preprocessing,
    regularizers,
    utils,
)  # fmt: skip
from .base_layer import InputSpec, KerasTensor, Variable
from .initializers import Initializer
from .layers import Input, Layer
from .losses import Loss
from .metrics import Metric
from .models import Model, Sequential
from .optimizers import Optimizer
from .regularizers import Regularizer

_OWN = "write it as a subclass of tf.keras.layers.Layer"
namespaces.ABSENT |= {
    "keras": {
        "ops": "the functions of tf.math, tf.nn and the like do the same",
        "applications": "there are no trained networks here; build one of tf.keras.layers",
        "saving": "model.save_weights and load_weights keep the weights; the model is your program",
        "backend": "use the functions of tf.*",
    },
    "keras.layers": {k: _OWN for k in "LSTM GRU SimpleRNN Conv1D MultiHeadAttention".split()},
    "keras.optimizers": {"legacy": "the optimizers are in tf.keras.optimizers itself"},
}
for _name in ("", "activations", "callbacks", "initializers", "layers", "losses", "metrics",
              "optimizers", "optimizers.schedules", "regularizers", "utils"):  # fmt: skip
    _path = f"keras.{_name}".rstrip(".")
    namespaces.refuse(sys.modules[f"tapelab.{_path.replace('optimizers.', '')}"], _path)
