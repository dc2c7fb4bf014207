"""Files that are whole or not there: written beside the old one, then put in its place.

What only files need is imported when one is written or read: `import tapelab` does not wait for it.
"""

import contextlib
import io
import os

import numpy as np


def path_of(path):
    """A path that a user gives, as a string. TypeError for what is none."""
    try:
        return os.fsdecode(path)
    except TypeError:
        raise TypeError(f"A file has a path, a string or `Path`, not {path!r}.") from None


def write(path, content):
    """Bytes into a file. A full disk, an error or Ctrl-C leaves the old file, not half of the new."""
    import tempfile

    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes it private; this is an ordinary file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_arrays(path, arrays):
    """Name -> array into a file that numpy.load reads. Any name will do, and nothing is pickled."""
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, a in arrays.items():
            a = np.asarray(a)
            a = a.astype(np.bytes_) if a.dtype.kind == "O" else a  # strings
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, a, allow_pickle=False)
    write(path, content.getvalue())


def read_arrays(path):
    """Name -> array. ValueError for a file that is damaged or of another kind."""
    import zipfile

    try:
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    except Exception as e:  # zipfile and NumPy raise a dozen kinds
        raise ValueError(f"{path} is damaged, or was not written by tapelab ({e}).") from e
