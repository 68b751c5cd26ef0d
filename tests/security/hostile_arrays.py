"""Files of arrays as an attacker or an accident writes them: right ones with changes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from math import prod
from random import Random
from typing import Any

import numpy as np
from numpy.lib import format as npy

from tests.security.hostile import SCALARS

#: Headers of an array, as they stand in a file.
_HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 3, 8, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3, 8, 8), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3, 8, 8), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1, 3, 8, 8), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (1, 3, 8, 8), }",
    "{'descr': '<U999999999', 'fortran_order': False, 'shape': (1, 3, 8, 8), }",
    "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (1, 3, 8, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1.5, 3, 8, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 3, 8, 8), }",
    "{'descr': '<f4', 'shape': (1, 3, 8, 8), }",
    "__import__('os').system('id')",
    "(" * 200,
    "{" * 3000,
    "",
)
#: Types of numbers, and of what is none.
_TYPES = ("<f8", ">f4", "<f2", "<i8", "|u1", "|b1", "<c8", "<U4", "<M8[s]", "|S3", "|V4")


def arrays_changed(arrays: Mapping[str, Any], random: Random) -> bytes:
    """An .npz file with none to two changes of its names, shapes, types, values or bytes."""
    changed = dict(arrays)
    raw: dict[str, bytes] = {}
    for _ in range(random.choice((0, 1, 1, 2))):
        if not changed:
            break
        name = random.choice(sorted(changed))
        kind = random.randrange(7)
        if kind == 0:
            del changed[name]
        elif kind == 1:
            changed[str(random.choice(SCALARS))] = changed[name]
        elif kind == 2:
            changed[name] = _reshaped(changed[name], random)
        elif kind == 3:
            changed[name] = np.zeros(changed[name].shape, random.choice(_TYPES))
        elif kind == 4:
            values = (np.nan, np.inf, 3e38, 1e-45, 0)
            changed[name] = np.full(changed[name].shape, random.choice(values), np.float32)
        elif kind == 5:
            raw[name] = _bytes_of(changed[name], random.choice(_HEADERS))
        else:
            raw[random.choice((f"{name}.txt", "../../x", "", "a" * 60_000))] = b"no array"
    data = _archive({name: _bytes_of(value) for name, value in changed.items()} | raw, random)
    return _bytes_changed(data, random) if random.random() < 0.3 else data


def array_changed(value: Any, random: Random) -> bytes:
    """An .npy file with another shape, type, header or content."""
    kind = random.randrange(5)
    if kind == 0:
        return _bytes_of(_reshaped(value, random))
    if kind == 1:
        return _bytes_of(np.zeros(value.shape, random.choice(_TYPES)))
    if kind == 2:
        return _bytes_of(value, random.choice(_HEADERS))
    data = _bytes_of(value)
    return _bytes_changed(data, random) if kind == 3 else data


def _reshaped(value: Any, random: Random) -> Any:
    shape = [*value.shape]
    axis = random.randrange(len(shape) + 1)
    shape[axis : axis + random.choice((0, 1))] = random.choice(([], [1], [2], [0], [7]))
    if prod(shape) > 2 * value.size + 100:
        return value
    return np.resize(value, shape) if value.size else np.zeros(shape, np.float32)


def _bytes_of(value: Any, header: str | None = None) -> bytes:
    """An array as the content of an .npy file, its header replaced if one is given."""
    stream = io.BytesIO()
    if header is None:
        npy.write_array(stream, np.asanyarray(value), allow_pickle=False)
    else:
        text = header.encode("latin1") + b"\n"
        stream.write(npy.magic(1, 0) + len(text).to_bytes(2, "little") + text)
        stream.write(np.asanyarray(value).tobytes())
    return stream.getvalue()


def _archive(members: Mapping[str, bytes], random: Random) -> bytes:
    stream = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            safe = f"{name}.npy".encode("utf-8", "replace").decode()
            member = zipfile.ZipInfo(safe[:60_000] or "x", (1980, 1, 1, 0, 0, 0))
            archive.writestr(member, data, method)
    return stream.getvalue()


def _bytes_changed(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    kind = random.randrange(4)
    if kind == 0:
        return data[: random.randint(0, len(data))]
    if kind == 1:
        return data + random.randbytes(100)
    # The directory of an archive is at its end, the header of an array at its beginning.
    near = random.choice((0, len(data) // 2, len(data) - min(200, len(data))))
    for _ in range(random.choice((1, 3, 20))):
        at = min(near + random.randrange(200), len(data) - 1)
        if at >= 0:
            changed[at] = random.choice((0, 1, 0x7F, 0xFF, random.randrange(256)))
    return bytes(changed)
