"""MNIST is whole, offline, and an altered file never becomes a lesson."""

import gzip
import pickle
import shutil
import struct

import numpy as np
import pytest

from tapelab.keras.datasets import mnist

NAMES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


@pytest.fixture(scope="module")
def loaded():
    return mnist.load_data()


@pytest.fixture
def copies(tmp_path):
    """The four files in a directory of their own, to be damaged."""
    for name in NAMES:
        shutil.copy(mnist._DATA / name, tmp_path)
    return tmp_path


def idx(type_code, shape, payload):
    header = bytes([0, 0, type_code, len(shape)])
    return header + struct.pack(f">{len(shape)}I", *shape) + payload


def test_shapes_types_and_first_labels(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    assert x_train.shape == (60000, 28, 28) and y_train.shape == (60000,)
    assert x_test.shape == (10000, 28, 28) and y_test.shape == (10000,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]


def test_content_known_from_elsewhere(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    # The mean and deviation every MNIST example normalises with.
    assert round(x_train.mean() / 255, 4) == 0.1307
    assert round(x_train.std() / 255, 4) == 0.3081
    assert np.bincount(y_train).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]
    assert np.bincount(y_test).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]
    assert x_train.max() == x_test.max() == 255


def test_arrays_belong_to_the_caller(loaded):
    (x_train, _), _ = loaded
    (again, _), _ = mnist.load_data("mnist.npz")
    again[0] = 0
    assert x_train[0].any()


def test_a_directory_of_plain_files(copies, loaded):
    for name in NAMES:
        (copies / name[:-3]).write_bytes(gzip.decompress((copies / name).read_bytes()))
        (copies / name).unlink()
    for ours, theirs in zip(mnist.load_data(copies), loaded, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_truncated_file(copies, name, monkeypatch):
    content = (copies / name).read_bytes()
    only = [file for file in mnist._FILES if name.startswith(file[0])]
    monkeypatch.setattr(mnist, "_FILES", only)  # the whole ones before it take their time
    for keep in (0, 1, 10, len(content) // 2, len(content) - 1):
        (copies / name).write_bytes(content[:keep])
        with pytest.raises(ValueError, match=name) as error:
            mnist.load_data(str(copies))
        assert "Nothing was loaded" in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_truncated_before_compression(copies, name):
    content = gzip.decompress((copies / name).read_bytes())
    (copies / name).write_bytes(gzip.compress(content[:-1], 1))
    values = len(content) - (8 if "labels" in name else 16)
    with pytest.raises(ValueError, match=f"{name}: truncated: .* expected {values} for shape"):
        mnist.load_data(copies)


@pytest.mark.parametrize("name", NAMES)
def test_one_altered_byte(copies, name):
    content = bytearray(gzip.decompress((copies / name).read_bytes()))
    content[-1] ^= 1
    (copies / name).write_bytes(gzip.compress(content, 1))
    with pytest.raises(ValueError, match=f"{name}: altered or damaged: the SHA-256.*expected"):
        mnist.load_data(copies)


@pytest.mark.parametrize("at", [30, 1000, -6, -2])
def test_one_altered_byte_of_the_compressed_file(copies, at):
    content = bytearray((copies / NAMES[1]).read_bytes())
    content[at] ^= 0xFF
    (copies / NAMES[1]).write_bytes(content)
    with pytest.raises(ValueError, match=NAMES[1]):
        mnist.load_data(copies)


def test_bytes_to_spare(copies):
    content = gzip.decompress((copies / NAMES[3]).read_bytes())
    (copies / NAMES[3]).write_bytes(gzip.compress(content + b"\0"))
    with pytest.raises(ValueError, match="longer than the 10000 bytes"):
        mnist.load_data(copies)


def test_images_and_labels_exchanged(copies):
    (copies / NAMES[1]).rename(copies / "x")
    (copies / NAMES[0]).rename(copies / NAMES[1])
    (copies / "x").rename(copies / NAMES[0])
    with pytest.raises(ValueError, match=r"shape \(60000,\), expected \(60000, 28, 28\)"):
        mnist.load_data(copies)


@pytest.mark.parametrize(
    "content", [b"", b"\0\0", b"hello", pickle.dumps([1, 2]), b"\x00\x00\x07\x01\0\0\0\1\5"]
)
def test_not_an_idx_file(copies, content):
    (copies / NAMES[2]).write_bytes(content)
    with pytest.raises(ValueError, match="not an IDX file: it begins with"):
        mnist.load_data(copies)


def test_missing_file_says_which_and_what_to_do(copies):
    (copies / NAMES[2]).unlink()
    with pytest.raises(FileNotFoundError, match=NAMES[2]) as error:
        mnist.load_data(copies)
    assert "put the original MNIST file there" in str(error.value)


def test_a_package_without_its_data_says_to_reinstall(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "_DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match="reinstall tapelab"):
        mnist.load_data()


def test_a_wrong_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such directory"):
        mnist.load_data(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("type_code", "dtype"), [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")]
)
def test_every_type_of_the_format(tmp_path, type_code, dtype):
    values = np.array([[1, 2, 3], [4, 5, 100]], dtype)
    file = tmp_path / "values"
    file.write_bytes(idx(type_code, (2, 3), values.astype(f">{dtype}").tobytes()))
    read = mnist.read_idx(file)
    assert read.dtype == np.dtype(dtype) and read.flags.writeable
    np.testing.assert_array_equal(read, values)
    (tmp_path / "zipped").write_bytes(gzip.compress(file.read_bytes()))
    np.testing.assert_array_equal(mnist.read_idx(tmp_path / "zipped"), values)


def test_no_dimensions_and_empty_dimensions(tmp_path):
    file = tmp_path / "values"
    file.write_bytes(idx(8, (), b"\7"))
    assert mnist.read_idx(file).shape == () and mnist.read_idx(file) == 7
    file.write_bytes(idx(8, (0, 28), b""))
    assert mnist.read_idx(file).shape == (0, 28)


def test_a_header_that_promises_terabytes_is_refused_without_allocating(tmp_path):
    file = tmp_path / "huge"
    file.write_bytes(idx(14, (2**32 - 1, 2**32 - 1, 2**31), b"abc"))
    with pytest.raises(ValueError, match="truncated: 3 bytes of data"):
        mnist.read_idx(file)
    file.write_bytes(bytes([0, 0, 8, 200, 0, 0]))
    with pytest.raises(ValueError, match="its header ends before its 200 dimensions"):
        mnist.read_idx(file)
