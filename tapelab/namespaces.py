"""The public names that live in another file than their namespace, and the names that are absent.

Every file of the vocabulary is a namespace (`tf.math` is math.py). What TensorFlow offers in
several places is one object here too; this table says where else. And a name that TensorFlow has
and tapelab has not raises an AttributeError that says so, with what to use instead.
"""

import importlib
import sys

SHARED = {
    "math": {
        "array": "top_k unsorted_segment_sum segment_sum",
        "segments": "bincount confusion_matrix in_top_k invert_permutation is_non_decreasing "
        "is_strictly_increasing segment_max segment_mean segment_min segment_prod unsorted_segment_max "
        "unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n",
        "special": "digamma erfcinv erfinv lbeta lgamma ndtri polygamma zeta",
        "linalg": "l2_normalize",
        "nn": "log_softmax softmax softsign zero_fraction",
    },
    "nn": {
        "array": "top_k", "segments": "in_top_k", "special": "log_poisson_loss",
        "linalg": "l2_normalize",
        "math": "log_sigmoid sigmoid softplus tanh",
    },
    "linalg": {"clip": "global_norm", "array": "eye", "nn": "l2_normalize"},
    "debugging": {},
    "dtypes": {"math": "cast complex saturate_cast"},
}  # fmt: skip

_RAGGED = "tensors are rectangular here; pad with tf.pad and mark the padding with tf.sequence_mask"
_SPARSE = "tensors are dense here; tf.IndexedSlices appears as the gradient of tf.gather"
_GRAPH = "everything runs eagerly here: call the function and look at the result"
_FILES = "read and write files with Python (open, pathlib) or numpy.load and numpy.save"
_CSV = "read tables with numpy.loadtxt and slice them with tf.data.Dataset.from_tensor_slices"
_ONE = "there is one CPU here"
_STRINGS = "use Python's strings; tf.string tensors can only be stored and printed"
_LINALG = "scipy.linalg has it for values; write its gradient with tf.custom_gradient"
_SPECIAL = "scipy.special has it for values; write its gradient with tf.custom_gradient"

ABSENT = {
    "": {
        "placeholder": "pass values to functions as arguments", "Session": _GRAPH, "Graph": _GRAPH,
        "InteractiveSession": _GRAPH, "global_variables_initializer": "variables have their value at once",
        "get_variable": "use tf.Variable(initial_value)", "get_default_graph": _GRAPH, "Operation": _GRAPH,
        "assign": "use variable.assign(value)", "assign_add": "use variable.assign_add(value)",
        "to_float": "use tf.cast(x, tf.float32)", "to_int32": "use tf.cast(x, tf.int32)",
        "log": "it is tf.math.log", "log1p": "it is tf.math.log1p", "ceil": "it is tf.math.ceil",
        "mod": "it is tf.math.mod", "rsqrt": "it is tf.math.rsqrt", "reduce_std": "it is tf.math.reduce_std",
        "reduce_variance": "it is tf.math.reduce_variance", "cumprod": "it is tf.math.cumprod",
        "diag": "it is tf.linalg.diag", "trace": "it is tf.linalg.trace", "cholesky": "it is tf.linalg.cholesky",
        "erf": "it is tf.math.erf", "relu": "it is tf.nn.relu", "softmax": "it is tf.nn.softmax",
        "mul": "it is tf.multiply", "sub": "it is tf.subtract", "neg": "it is tf.negative",
        "div": "it is tf.divide", "arange": "it is tf.range",
        "gradient": "ask a tape, tape.gradient(y, x)", "watch": "tell a tape, tape.watch(x)",
        "stop_recording": "tell a tape, tape.stop_recording()",
        "sum": "it is tf.reduce_sum", "mean": "it is tf.reduce_mean",
        "max": "it is tf.reduce_max, or tf.maximum of two tensors", "dot": "it is tf.tensordot(x, y, 1)",
        "min": "it is tf.reduce_min, or tf.minimum of two tensors", "random_normal": "it is tf.random.normal",
        "random_uniform": "it is tf.random.uniform", "set_random_seed": "it is tf.random.set_seed",
        "enable_eager_execution": "eager execution is all there is",
        "sparse": _SPARSE, "SparseTensor": _SPARSE, "ragged": _RAGGED, "RaggedTensor": _RAGGED,
        "VariableSynchronization": _ONE, "VariableAggregation": _ONE,
        "distribute": f"{_ONE}: leave out the strategy, its scope and run", "tpu": _ONE, "dtensor": _ONE, "io": _FILES, "strings": _STRINGS,
        "compat": "only TensorFlow 2's own names are here", "raw_ops": "use the public functions",
        "lite": "there is nothing to deploy; train in TensorFlow with the same code",
        "saved_model": "store variables with tf.train.Checkpoint",
        "lookup": "use a Python dict", "queue": "use Python's queue", "feature_column": "prepare features with NumPy",
        "signal": "numpy.fft has it for values; write its gradient with tf.custom_gradient",
        "summary": "collect numbers in a list and plot them with matplotlib", "audio": _FILES, "xla": _GRAPH,
        "profiler": "use Python's cProfile", "bfloat16": "use tf.float16", "autograph": _GRAPH,
        "sets": "use Python's sets", "experimental": "experimental names of TensorFlow are left out",
        "quantization": "use tf.cast", "types": "tf.Tensor and tf.Variable are classes",
        "version": "it is tf.__version__", "bitcast": "use x.numpy().view(dtype)",
    },
    "math": dict.fromkeys("igamma igammac betainc special bessel_i0 bessel_i1 bessel_i0e".split(), _SPECIAL),
    "linalg": {name: _LINALG for name in "eig eigvals expm lu logm sqrtm schur LinearOperator".split()},
    "nn": {
        "conv3d": "convolve images with tf.nn.conv2d", "ctc_loss": "it is left out",
        "softmax_cross_entropy_with_logits_v2": "it is tf.nn.softmax_cross_entropy_with_logits",
        "rnn_cell": "write the loop in Python", "sampled_softmax_loss": "use the full softmax loss",
        "nce_loss": "use tf.nn.sigmoid_cross_entropy_with_logits on words and samples drawn with NumPy",
    },
    "random": {
        "log_uniform_candidate_sampler": "draw with numpy.random.Generator.choice",
        "stateless_split": "draw from several tf.random.Generator.from_seed(seed)",
    },
    "train": {
        "AdamOptimizer": "it is tf.keras.optimizers.Adam", "GradientDescentOptimizer": "it is tf.keras.optimizers.SGD",
        "Example": _FILES, "Coordinator": "use Python's threading",
        "ExponentialMovingAverage": "use average.assign(decay * average + (1 - decay) * variable)",
    },
    "config": {
        "set_visible_devices": _ONE, "set_memory_growth": _ONE, "set_soft_device_placement": _ONE,
        "threading": "NumPy's BLAS reads OPENBLAS_NUM_THREADS",
        "enable_op_determinism": "it is so already; tf.random.set_seed repeats the random numbers",
    },
    "debugging": dict.fromkeys(
        "enable_traceback_filtering disable_traceback_filtering".split(), "tracebacks are whole here"
    ),
    "data": {"Options": "leave it out: there is nothing to choose", "TFRecordDataset": _FILES, "experimental": _CSV, "FixedLengthRecordDataset": _FILES},
    "image": {"*": "prepare images with Pillow and NumPy, tf.data.Dataset.map and tf.random"},
}  # fmt: skip


# What of tf.keras has a second name in tf.
KERAS = {
    "keras": "", "initializers": "initializers", "losses": "losses", "metrics": "metrics",
    "optimizers": "optimizers", "zeros_initializer": "initializers.Zeros",
    "ones_initializer": "initializers.Ones", "constant_initializer": "initializers.Constant",
    "random_normal_initializer": "initializers.RandomNormal",
    "random_uniform_initializer": "initializers.RandomUniform",
}  # fmt: skip


def refuse(module, prefix):
    """Give a module a `__getattr__` that explains which name is missing."""
    known = ABSENT.get(prefix, {})
    path = f"tf.{prefix}." if prefix else "tf."

    def __getattr__(name):
        if name in KERAS and not prefix:  # imported when first asked for
            found = importlib.import_module(f"{module.__name__}.keras")
            for part in filter(None, KERAS[name].split(".")):
                found = getattr(found, part)
            return found
        if name.startswith("__"):
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        text = f"tapelab has no {path}{name}"
        if name in known:
            text += f": {known[name]}."
        else:
            # of tf.keras, what a file imports from elsewhere is no part of the namespace
            inside = f"{__package__}.keras" if prefix.startswith("keras") else ""
            names = [
                n for n, v in vars(module).items()
                if not n.startswith("_") and (getattr(v, "__module__", None) or "").startswith(inside)
            ]  # fmt: skip
            import difflib

            near = difflib.get_close_matches(name, names, 3, 0.75)
            if near:
                text += f"; did you mean {' or '.join(path + n for n in near)}?"
            if "*" in known:
                text += f"{' Otherwise' if near else ''}: {known['*']}."
            elif not near:
                text += f". It has what gradient tapes need of TensorFlow; dir({path[:-1]}) lists the names."
        # In `from tapelab.keras.layers import LSTM` Python puts its own words for those of an
        # AttributeError; those of an ImportError it leaves.
        caller = sys._getframe(1)
        import opcode

        if caller.f_code.co_code[caller.f_lasti] == opcode.opmap["IMPORT_FROM"]:
            raise ImportError(text, name=module.__name__)
        raise AttributeError(text, name=name, obj=module)

    module.__getattr__ = __getattr__


def complete(package):
    """Fill in the shared names and the refusals; called once, when the package is imported."""
    for place, sources in SHARED.items():
        module = sys.modules[f"{package}.{place}"]
        for source, names in sources.items():
            for name in names.split():
                if not hasattr(module, name):
                    setattr(module, name, getattr(sys.modules[f"{package}.{source}"], name))
    # Python's and NumPy's names are no part of a namespace, only of the file.
    sys.modules[package].__dir__ = lambda: sorted({*vars(sys.modules[package]), *KERAS})
    for place in NAMESPACES:
        refuse(sys.modules[f"{package}.{place}" if place else package], place)


NAMESPACES = (
    "", "math", "linalg", "nn", "random", "data", "debugging", "image", "train", "config", "test", "errors",
    "autodiff", "nest", "bitwise", "dtypes",
)  # fmt: skip
