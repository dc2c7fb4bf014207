"""The interactive pictures of the lessons; `pip install 'tapelab[lab]'` brings what they need.

Each name below is imported from its module when it is first used, so that a lesson pays only for
the pictures it shows.
"""

from importlib import import_module

_HOME = {
    "DrawingPad": "digits",
    "Explorer": "explore",
    "Picture": "figure",
    "clip_circle": "clipping",
    "detective": "nones",
    "drawing_pad": "digits",
    "exploding_gradient": "clipping",
    "gradient_descent": "descent",
    "jacobian_heatmap": "jacobians",
    "live_training": "training",
    "log1pexp": "stability",
    "nesting": "nested",
    "newton": "jacobians",
    "path": "paths",
    "quiz": "quizzes",
    "rules": "reading",
    "show": "figure",
    "spellings": "translation",
    "subplots": "figure",
    "tangent": "curves",
    "tape_memory": "memory",
    "tape_stepper": "stepper",
    "taylor": "orders",
    "vector_weights": "vector",
    "watching": "paths",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"tapelab.widgets has no {name!r}; it has {', '.join(__all__)}")
    try:
        module = import_module(f"tapelab.widgets.{_HOME[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("tapelab"):
            raise
        raise ModuleNotFoundError(
            f"tapelab.widgets.{name} needs {error.name}, which is not installed. "
            "Run: pip install 'tapelab[lab]'",
            name=error.name,
        ) from error
    return getattr(module, name)


def __dir__():
    return __all__
