"""Is this machine ready for the lessons, and what to do if it is not: `python -m tapelab.ready`.

Lesson 00 shows the same report. It names versions only where one is too old, so that it reads the
same on every machine that is ready.
"""

import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

# What the extra `lab` brings and the lessons import; Pillow is spelled PIL in Python.
PACKAGES = (
    "jupyterlab", "ipywidgets", "anywidget", "matplotlib", "PIL", "igraph", "tqdm", "dask", "distributed",
)  # fmt: skip
OLDEST = (3, 11)  # the notebook may run in another Python than tapelab was installed into
MEMORY = 1.0  # GB: the training images as float32, and room to train
_INSTALL = "python -m pip install -e '.[lab]'  (in the folder of tapelab, then restart the kernel)"


def python():
    """Python is 3.11 or newer"""
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        return f"this is {version}; install a newer one, remove .venv and run: make lab"


def numpy():
    """NumPy is 2 or newer"""
    version = metadata.version("numpy")
    if int(version.partition(".")[0]) < 2:
        return f"this is {version}; run: python -m pip install --upgrade numpy"


def packages():
    """JupyterLab, widgets and pictures are installed"""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} cannot be found; run: {_INSTALL}"
    if int(metadata.version("ipywidgets").partition(".")[0]) < 8:
        return f"ipywidgets is too old; run: {_INSTALL}"


def extensions():
    """JupyterLab can show sliders and the drawing pad"""
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    for extension, package in (
        ("@jupyter-widgets/jupyterlab-manager", "jupyterlab_widgets"),
        ("anywidget", "anywidget"),
    ):
        if not any((folder / extension / "package.json").is_file() for folder in folders):
            return (
                f"it does not know {extension}; run: python -m pip install --force-reinstall "
                f"{package}  (then restart JupyterLab)"
            )


def pictures():
    """A picture can be drawn"""
    from tapelab.widgets.figure import Picture, subplots

    Picture(subplots(width=1, height=1)[0], "An empty pair of axes to try.")


def digits():
    """MNIST is here, all 70,000 digits, checksums right"""
    try:
        import_module("tapelab.keras.datasets.mnist").load_data()
    except (OSError, ValueError) as error:
        return str(error)


def memory():
    """There is enough free memory"""
    import psutil  # the notebook's kernel brings it

    free = psutil.virtual_memory().available / 1e9
    if free < MEMORY:
        return (
            f"{free:.1f} GB are free, {MEMORY:.0f} GB would be comfortable; close other programs "
            "and other notebooks (in JupyterLab: Kernel > Shut Down All Kernels)"
        )


def gradient():
    """A tape gives the right slope"""
    import tapelab as tf

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    slope = float(tape.gradient(y, x))
    if slope != 6.0:
        return f"it gives {slope} for x² at 3; reinstall tapelab: {_INSTALL}"


CHECKS = (python, numpy, packages, extensions, pictures, digits, memory, gradient)


def findings() -> list[tuple[str, str | None]]:
    """Every check as (what must hold, what to do about it or None).

    >>> from tapelab import ready
    >>> dict(ready.findings())["A tape gives the right slope"] is None
    True
    """
    found = []
    for check in CHECKS:
        try:
            problem = check()
        except Exception as error:  # a check that cannot even run is a finding, too
            problem = f"{type(error).__name__}: {error}; run: {_INSTALL}"
        found.append((check.__doc__ or check.__name__, problem))
    return found


def report(found: list[tuple[str, str | None]] | None = None) -> None:
    """Print one line per check: `ok`, or `TO DO` and what to do.

    >>> from tapelab import ready
    >>> ready.report([("The cat is in", None), ("The door is shut", "shut it")])
    ok     The cat is in
    TO DO  The door is shut: NO, shut it
    <BLANKLINE>
    1 of 2 checks asks for something: see TO DO.
    """
    found = findings() if found is None else found
    for what, problem in found:
        print(f"TO DO  {what}: NO, {problem}" if problem else f"ok     {what}")
    open_ = sum(problem is not None for _, problem in found)
    print()
    if open_ == 0:
        print("Everything is ready.")
    else:
        asks = "checks asks" if open_ == 1 else "checks ask"
        print(f"{open_} of {len(found)} {asks} for something: see TO DO.")


if __name__ == "__main__":
    all_found = findings()
    report(all_found)
    sys.exit(any(problem for _, problem in all_found))
