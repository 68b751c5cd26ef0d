"""Arrays in `.npy` and `.npz` files. Files are never unpickled, and replaced as a whole."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from convcalc.exchange.arrays import ArraySource, Header
from convcalc.executor.arrays import Array
from convcalc.problems import UNUSABLE, ConvcalcError, Problem, Subject
from convcalc.safe_files import replacing


def refused(path: str | Path, reason: str, code: str = "bad-array-file") -> ConvcalcError:
    """The error for a file of arrays that cannot be used."""
    return ConvcalcError([Problem(code, reason, subject=Subject(file=str(path)))], UNUSABLE)


def unsuitable(dtype: Any) -> str:
    """Why a network cannot take values of this type; empty if it can."""
    if dtype.kind in "fiu":
        return ""
    what = {"O": "Python objects", "c": "complex numbers", "b": "truth values"}.get(dtype.kind)
    return f"holds {what or f'values of type {dtype}'}, not numbers"


class ArrayFile:
    """An `.npz` file whose headers are read and whose values are not.

    headers  shape and type of every array, by name
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.headers: dict[str, Header] = {}
        with _reading(path), zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as stream:
                    self.headers[member.removesuffix(".npy")] = _header(stream)

    def read(self, name: str) -> Array:
        """The values of one array."""
        with (
            _reading(self.path),
            zipfile.ZipFile(self.path) as archive,
            archive.open(f"{name}.npy") as stream,
        ):
            return _values(stream)


def open_arrays(path: str | Path) -> ArraySource:
    """The arrays in an `.npz` or `.safetensors` file; none of them is read yet."""
    if os.fspath(path).endswith(".safetensors"):
        from convcalc.exchange.files import open_model
        from convcalc.exchange.safetensors import read_tensors
        from convcalc.exchange.tensors import TensorArrays

        return TensorArrays(read_tensors(open_model(os.fspath(path))))
    return ArrayFile(path)


def array_headers(path: str | Path) -> dict[str, Header]:
    """Shape and type of the arrays in an `.npz` file by name; the name is "" in an `.npy` file."""
    with _reading(path):
        if zipfile.is_zipfile(path):
            return ArrayFile(path).headers
        with open(path, "rb") as stream:
            return {"": _header(stream)}


def read_arrays(path: str | Path) -> dict[str, Array]:
    """The arrays in an `.npz` file by name; the name is "" in an `.npy` file."""
    with _reading(path):
        if zipfile.is_zipfile(path):
            file = ArrayFile(path)
            return {name: file.read(name) for name in file.headers}
        with open(path, "rb") as stream:
            _header(stream)
            stream.seek(0)
            return {"": _values(stream)}


def _values(stream: IO[bytes]) -> Array:
    value: Array = npy.read_array(stream, allow_pickle=False)
    return value


#: Bytes of the longest header that NumPy accepts.
LONGEST_HEADER = 10_000


def _header(stream: IO[bytes]) -> Header:
    version = npy.read_magic(stream)
    # NumPy reads a header of any length, even of gigabytes, before it refuses it.
    start = stream.tell()
    if int.from_bytes(stream.read(2 if version == (1, 0) else 4), "little") > LONGEST_HEADER:
        raise ValueError("the header is too long")
    stream.seek(start)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(stream)
    else:
        shape, _, dtype = npy.read_array_header_2_0(stream)
    return Header(shape, dtype)


@contextmanager
def _reading(path: str | Path) -> Iterator[None]:
    """Turns every error of reading a file into a ConvcalcError."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        # Opening a pipe blocks, and /dev/zero never ends.
        raise refused(path, "is not a regular file", "no-such-file")
    try:
        yield
    except ConvcalcError:
        raise
    except FileNotFoundError:
        raise refused(path, "there is no such file", "no-such-file") from None
    except IsADirectoryError:
        raise refused(path, "is a folder", "no-such-file") from None
    except OSError as error:
        raise refused(path, error.strerror or "cannot be read", "no-such-file") from None
    except ValueError as error:
        # NumPy's message for arrays of Python objects; those would have to be unpickled.
        if "pickle" in str(error) or "Object arrays" in str(error):
            raise refused(path, "holds Python objects, which are never read") from None
        raise refused(path, "is no complete .npy or .npz file") from None
    except (NotImplementedError, RecursionError):
        raise refused(path, "is no complete .npy or .npz file") from None
    except RuntimeError as error:
        # zipfile raises it for a member that needs a password.
        raise refused(path, f"cannot be read: {error}") from None
    except MemoryError:
        raise refused(path, "needs more memory than there is", "no-memory") from None
    except Exception:  # noqa: BLE001 - NumPy, zipfile and zlib raise many errors for broken files
        raise refused(path, "is no complete .npy or .npz file") from None


def write_npz(path: str | Path, arrays: Iterable[tuple[str, Array]]) -> int:
    """Writes arrays one at a time, so that an iterable may generate each when it is needed.

    Returns their number. The same arrays give the same bytes: members have a fixed date.
    """
    count = 0
    try:
        with (
            replacing(os.fspath(path)) as stream,
            zipfile.ZipFile(stream, "w", allowZip64=True) as archive,
        ):
            for name, value in arrays:
                member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
                with archive.open(member, "w", force_zip64=True) as inside:
                    npy.write_array(inside, np.asanyarray(value), allow_pickle=False)
                count += 1
    except OSError as error:
        raise refused(path, error.strerror or "cannot be written", "cannot-write") from None
    return count
