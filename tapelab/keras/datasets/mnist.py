"""The MNIST handwritten digits, whole and offline, from the original IDX files.

MNIST is by Yann LeCun and Corinna Cortes, derived from NIST's Special Databases 1 and 3,
under CC BY-SA 3.0. The files are in ``data/`` beside this module.

Reading is done here, byte by byte of a published format, so that no file is ever unpickled
and a damaged file is an error instead of a quietly wrong lesson.
"""

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path

import numpy as np

__all__ = ["load_data", "read_idx"]

# File, shape, SHA-256 of the uncompressed bytes, in the order load_data returns them.
_FILES = (
    (
        "train-images-idx3-ubyte",
        (60000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    (
        "train-labels-idx1-ubyte",
        (60000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    (
        "t10k-images-idx3-ubyte",
        (10000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    (
        "t10k-labels-idx1-ubyte",
        (10000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
_DATA = Path(__file__).parent / "data"
_REINSTALL = (
    "reinstall tapelab, or in a git checkout restore the file with "
    "`git checkout -- tapelab/keras/datasets/data`"
)
# The third byte of an IDX file names the type; numbers are big-endian.
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CHUNK = 1 << 20


def read_idx(path, *, shape=None, sha256=None, advice="get the file again from where it came"):
    """Reads one IDX file, plain or gzipped, into a new array.

    IDX is the format of the MNIST files: two zero bytes, a byte for the type, a byte for the
    number of dimensions, each dimension as a big-endian 32-bit integer, then the values in C
    order (http://yann.lecun.com/exdb/mnist/, "the IDX file format"). Whether the file is
    gzipped is read from its first bytes, not from its name.

    Args:
      path: the file, a string or path object.
      shape: the shape the file must have, a tuple, or None to accept what its header says.
      sha256: the SHA-256 the uncompressed bytes must have, in hexadecimal, or None.
      advice: what the reader of an error message should do about a bad file.

    Returns:
      A writable array in native byte order: uint8, int8, int16, int32, float32 or float64.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file is no IDX file, is truncated, has bytes to spare, or has not the
        shape or checksum asked for. The message names the file and what was expected.

    Example:

    >>> import os, tempfile
    >>> from tapelab.keras.datasets.mnist import read_idx
    >>> file = os.path.join(tempfile.mkdtemp(), "pairs-idx2-ubyte")
    >>> with open(file, "wb") as f:
    ...     _ = f.write(bytes([0, 0, 8, 2,  0, 0, 0, 1,  0, 0, 0, 2,  7, 9]))
    >>> read_idx(file)
    array([[7, 9]], dtype=uint8)
    """
    path = Path(path)

    def bad(what):
        return ValueError(f"{path}: {what}. Nothing was loaded; {advice}.")

    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. Nothing was loaded; {advice}.")
    with open(path, "rb") as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
    digest = hashlib.sha256()
    with gzip.open(path, "rb") if gzipped else open(path, "rb") as file:

        def take(count):
            # In pieces: a corrupt header may ask for far more than there is.
            data = bytearray()
            while len(data) < count:
                try:
                    piece = file.read(min(_CHUNK, count - len(data)))
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    raise bad(f"the gzip stream is damaged or truncated ({error})") from error
                if not piece:
                    break
                data += piece
            digest.update(data)
            return data

        magic = take(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES:
            raise bad(
                f"not an IDX file: it begins with {bytes(magic).hex(' ') or 'nothing'}, expected "
                "00 00, a type (08, 09, 0b, 0c, 0d or 0e) and a number of dimensions"
            )
        dtype, ndim = np.dtype(_IDX_TYPES[magic[2]]), magic[3]
        header = take(4 * ndim)
        if len(header) < 4 * ndim:
            raise bad(f"truncated: its header ends before its {ndim} dimensions are named")
        found = tuple(int(n) for n in np.frombuffer(header, ">u4"))
        if shape is not None and found != tuple(shape):
            raise bad(f"its header says shape {found}, expected {tuple(shape)}")
        expected = math.prod(found) * dtype.itemsize
        data = take(expected)
        if len(data) < expected:
            raise bad(
                f"truncated: {len(data)} bytes of data, expected {expected} for shape {found} "
                f"of {dtype.name}"
            )
        # Reaching the end also makes gzip compare its own checksum.
        if take(1):
            raise bad(f"longer than the {expected} bytes that shape {found} of {dtype.name} needs")
    if sha256 is not None and digest.hexdigest() != sha256:
        raise bad(
            f"altered or damaged: the SHA-256 of its content is {digest.hexdigest()}, "
            f"expected {sha256}"
        )
    array = np.frombuffer(data, dtype).reshape(found)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def load_data(path="mnist.npz"):
    """Loads the whole of MNIST, as ``tf.keras.datasets.mnist.load_data`` does, offline.

    Args:
      path: in Keras, the name under which the download is cached. There is no download
        here, so a name that ends in ``.npz`` changes nothing. A directory is read instead
        of the files in the package: it must hold the four IDX files, gzipped (``.gz``) or
        not, and they are checked in the same way.

    Returns:
      ``(x_train, y_train), (x_test, y_test)``: uint8 arrays of shapes (60000, 28, 28),
      (60000,), (10000, 28, 28) and (10000,); pixels 0 (background) to 255, labels 0 to 9.
      The arrays are new at each call and yours to change.

    Raises:
      FileNotFoundError: a file, or the directory ``path``, is missing.
      ValueError: a file is not what it should be, down to the checksum (SHA-256) of its
        bytes. The message names the file, what was expected, and what to do.

    Example:

    >>> import tapelab as tf
    >>> (x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
    >>> x_train.shape, x_train.dtype, y_train[:5]
    ((60000, 28, 28), dtype('uint8'), array([5, 0, 4, 1, 9], dtype=uint8))
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        directory, advice = Path(name), "put the original MNIST file there"
    elif name.endswith(".npz"):
        directory, advice = _DATA, _REINSTALL
    else:
        raise FileNotFoundError(
            f"{name}: there is no such directory. Leave `path` out to load the files that come "
            "with tapelab, or give a directory that holds the four MNIST IDX files."
        )
    arrays = []
    for stem, shape, sha256 in _FILES:
        file = directory / f"{stem}.gz"
        if not file.exists() and (directory / stem).exists():
            file = directory / stem
        arrays.append(read_idx(file, shape=shape, sha256=sha256, advice=advice))
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train), (x_test, y_test)
