"""tf.keras: layers, models, losses, metrics and optimizers, what lessons and guides need."""

import sys

from .. import __version__, namespaces
from . import (
    activations,
    backend,
    callbacks,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
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

# Attributes that programs import as modules.
sys.modules[f"{optimizers.__name__}.schedules"] = optimizers.schedules
sys.modules[preprocessing.image.__name__] = preprocessing.image

_OWN = "write it as a subclass of tf.keras.layers.Layer"
_ARITHMETIC = (
    "use the operators + - * / on tensors and on what layers return, or a Layer of your own"
)
_PILLOW = "read and prepare images with Pillow and NumPy"
_PROGRAM = "save_weights and load_weights keep the weights; the model is your program"
namespaces.ABSENT |= {
    "keras": {
        "applications": "there are no trained networks here; build one of tf.keras.layers",
        "saving": _PROGRAM,
        "mixed_precision": "a layer computes in the dtype it is given, as in Dense(10, dtype='float16')",
    },
    "keras.layers": {
        "*": _OWN,
        **dict.fromkeys("LSTM GRU SimpleRNN MultiHeadAttention".split(), _OWN),
        "Conv1D": "it is Conv2D with kernel_size=(1, k) of x[:, None], images of height 1",
        **dict.fromkeys("Multiply Subtract multiply subtract".split(), _ARITHMETIC),
    },
    "keras.backend": {"*": "what it computed is in tf.* itself"},
    "keras.models": {
        "*": _PROGRAM,
        "clone_model": "make it anew by the function that made it, then set_weights(model.get_weights())",
    },
    "keras.losses": {"*": "any function of y_true and y_pred will do"},
    "keras.metrics": {"*": "any function of y_true and y_pred will do, or a subclass of Metric"},
    "keras.optimizers": {
        "*": "take another optimizer, or assign to the variables yourself",
        "legacy": "the optimizers are in tf.keras.optimizers itself",
    },
    "keras.optimizers.schedules": {"*": "write it as a subclass of LearningRateSchedule"},
    "keras.callbacks": {
        "TensorBoard": "plot the history that model.fit returns with matplotlib",
        "*": "write it as a subclass of tf.keras.callbacks.Callback",
    },
    "keras.initializers": {"*": "any function of shape and dtype will do"},
    "keras.regularizers": {"*": "any function of the weight will do"},
    "keras.constraints": {"*": "any function of the weight will do"},
    "keras.activations": {"*": "any function of a tensor will do"},
    "keras.datasets": {"*": "only MNIST comes inside, as tf.keras.datasets.mnist; read other data with NumPy"},
    "keras.ops": {
        **dict.fromkeys("nn numpy linalg math core".split(), "its functions are in tf.keras.ops itself"),
        "image": "tf.image has resize and the like",
        "*": "write it with the functions that dir(tf.keras.ops) lists",
    },
    "keras.random": {"*": "draw with numpy.random.Generator"},
    "keras.preprocessing.image": {"*": _PILLOW},
    "keras.preprocessing": {
        "image_dataset_from_directory": _PILLOW,
        "sequence": "copy the lists into numpy.zeros((number, longest), int), row by row",
        "text": "number the words with a Python dict",
    },
    "keras.utils": {
        "plot_model": "model.summary() prints the layers",
        **dict.fromkeys(
            ("serialize_keras_object", "deserialize_keras_object"),
            "tf.keras.layers.serialize and deserialize, with custom_objects, do it for layers",
        ),
        "get_file": "nothing is downloaded here; give the path of a file of your own",
        "register_keras_serializable": f"leave it out: {_PROGRAM}",
        **dict.fromkeys("Sequence PyDataset".split(), "fit takes any iterable of batches"),
        **dict.fromkeys("load_img img_to_array save_img image_dataset_from_directory".split(), _PILLOW),
        "pad_sequences": "copy the lists into numpy.zeros((number, longest), int), row by row",
    },
}
for _name in ("", "activations", "backend", "callbacks", "constraints", "datasets", "initializers", "layers",
              "losses", "metrics", "models", "ops", "optimizers", "optimizers.schedules", "random", "regularizers",
              "preprocessing", "preprocessing.image", "utils"):  # fmt: skip
    _path = f"keras.{_name}".rstrip(".")
    namespaces.refuse(sys.modules[f"tapelab.{_path.replace('optimizers.', '')}"], _path)
