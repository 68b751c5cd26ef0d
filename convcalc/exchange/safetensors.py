"""`.safetensors` files: a JSON header with the place of every array, and then their bytes.

Source: the format's description in the repository of the safetensors package.
"""

from __future__ import annotations

import json
from typing import Any

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Tensor
from convcalc.problems import ConvcalcError, printable, refused

#: The format's own limit on its header, in bytes.
_LONGEST_HEADER = 100_000_000
_TYPES = {
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "I16": ("int16", 2),
    "I8": ("int8", 1),
    "U64": ("uint64", 8),
    "U32": ("uint32", 4),
    "U16": ("uint16", 2),
    "U8": ("uint8", 1),
}


def read_tensors(file: ModelFile) -> dict[str, Tensor]:
    """Where the arrays of a file lie, by name, in the order of the file's bytes.

    Arrays of types without numbers, such as truth values, are left out. Raises ConvcalcError with
    status 2 for a damaged file.
    """
    if len(file.data) < 8:
        raise _damaged(file, "it is shorter than the length of its header")
    length = int.from_bytes(file.data[:8], "little")
    if length > min(len(file.data) - 8, _LONGEST_HEADER):
        raise _damaged(file, f"its header of {length} bytes does not fit into it")
    try:
        header = json.loads(bytes(file.data[8 : 8 + length]))
    except (ValueError, RecursionError):
        raise _damaged(file, "its header is not JSON") from None
    if not isinstance(header, dict):
        raise _damaged(file, "its header is not a mapping")
    entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
    tensors = {}
    for name, entry in entries:
        tensor = _tensor(file, name, entry, 8 + length)
        if tensor is not None:
            tensors[name] = tensor
    return dict(sorted(tensors.items(), key=lambda item: item[1].offset))


def _tensor(file: ModelFile, name: str, entry: Any, start: int) -> Tensor | None:
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (TypeError, KeyError, ValueError):
        raise _damaged(file, f"{printable(name)} has no type, shape and place") from None
    sizes = [begin, end, *shape] if isinstance(shape, list) else [None]
    whole = all(type(size) is int and 0 <= size < 2**63 for size in sizes)
    if not whole or not isinstance(dtype, str):
        raise _damaged(file, f"{printable(name)} has no type, shape and place")
    if dtype not in _TYPES:
        return None
    known, width = _TYPES[dtype]
    if not begin <= end <= len(file.data) - start:
        raise _damaged(file, f"{printable(name)} lies beyond its end")
    elements = 1
    for size in shape:
        elements *= size
    if end - begin != elements * width:
        raise _damaged(file, f"{printable(name)} has more or fewer bytes than its shape")
    return Tensor(file, start + begin, end - begin, known, tuple(shape))


def _damaged(file: ModelFile, reason: str) -> ConvcalcError:
    return refused("bad-model", f"{file.name} is no safetensors file: {reason}")
