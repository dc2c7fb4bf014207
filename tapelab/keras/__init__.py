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

_WEIGHTS = "model.save_weights and load_weights keep the weights; the model is your program"
_OTHERS = "fashion_mnist cifar10 cifar100 imdb reuters boston_housing california_housing"
_OWN = "write it as a subclass of tf.keras.layers.Layer"
namespaces.ABSENT |= {
    "keras": {
        "ops": "the functions of tf.math, tf.nn and the like do the same",
        "applications": "there are no trained networks here; build one of tf.keras.layers",
        "saving": _WEIGHTS,
        "backend": "use the functions of tf.*",
        "random": "draw with tf.random.normal, tf.random.uniform and their like",
    },
    "keras.layers": {
        k: _OWN
        for k in "LSTM GRU SimpleRNN LSTMCell GRUCell SimpleRNNCell RNN Conv1D Conv3D "
        "MultiHeadAttention Attention TimeDistributed Bidirectional".split()
    },
    "keras.models": {"load_model": _WEIGHTS, "save_model": _WEIGHTS},
    "keras.callbacks": {"TensorBoard": "plot the history that model.fit returns with matplotlib"},
    "keras.datasets": {k: "the one here is tf.keras.datasets.mnist" for k in _OTHERS.split()},
    "keras.utils": {
        "plot_model": "model.summary() lists the layers",
        "get_file": "nothing is downloaded here; give the path of a file of your own",
    },
    "keras.optimizers": {"legacy": "the optimizers are in tf.keras.optimizers itself"},
}
for _name in ("", "activations", "callbacks", "datasets", "initializers", "layers", "losses",
              "metrics", "models", "optimizers", "optimizers.schedules", "regularizers", "utils"):  # fmt: skip
    _path = f"keras.{_name}".rstrip(".")
    namespaces.refuse(sys.modules[f"tapelab.{_path.replace('optimizers.', '')}"], _path)
