"""Writes data as JSON, the stable interface: integers are exact, keys are only added."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TypeGuard


def json_text(data: Mapping[str, object]) -> str:
    """Data as JSON: a line for each key, and for each object of a list."""
    return "".join(_lines(data, "")) + "\n"


def _lines(data: Mapping[str, object], indent: str) -> Iterator[str]:
    inner = indent + "  "
    start = "{\n"
    for key, value in data.items():
        yield f"{start}{inner}{_one(key)}: "
        start = ",\n"
        if isinstance(value, dict) and any(_is_layered(part) for part in value.values()):
            yield from _lines(value, inner)
        elif _is_layered(value):
            yield "[\n" + ",\n".join([f"{inner}  {_one(item)}" for item in value]) + f"\n{inner}]"
        else:
            yield _one(value)
    yield f"\n{indent}}}"


def _is_layered(value: object) -> TypeGuard[list[dict[str, object]]]:
    """Whether a value is a list of objects, such as a network's layers."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


_one = json.JSONEncoder(ensure_ascii=False).encode
