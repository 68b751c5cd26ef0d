"""What is given to a public function: what it cannot take is refused with a ConvcalcError.

Type checkers see most of these mistakes earlier; a notebook has none.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from operator import index
from typing import Any

from convcalc.problems import ConvcalcError, printable, refused
from convcalc.quantities import DTYPES


def whole(name: str, value: Any, least: int | None = 1) -> int:
    """A whole number of any type, as Python's own; raises ConvcalcError where it is none.

    >>> whole("batch", 8)
    8
    """
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None or (least is not None and number < least):
        beyond = "" if least is None else f" from {least} on"
        raise _other(name, f"must be a whole number{beyond}", value)
    return number


def flag(name: str, value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise _other(name, "must be True or False", value)
    return value


def text(name: str, value: object) -> str:
    """A text."""
    if not isinstance(value, str):
        raise _other(name, "must be a str", value)
    return value


def instance(name: str, value: object, kind: type, wanted: str, help_text: str = "") -> None:
    """Refuses what is not of a class, of which `wanted` says what it is."""
    if not isinstance(value, kind):
        raise _other(name, f"must be {wanted}", value, help_text)


def path(name: str, value: Any, help_text: str = "") -> str:
    """A path as a text."""
    if not isinstance(value, str | os.PathLike):
        raise _other(name, "must be a path", value, help_text)
    found = os.fspath(value)
    if not isinstance(found, str):
        raise _other(name, "must be a path", value, help_text)
    return found


def mapping(name: str, value: object) -> Mapping[Any, Any]:
    """A mapping; an empty one for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _other(name, "must be a mapping", value)
    return value


def names(name: str, value: object) -> Sequence[str]:
    """A list of texts, and no text alone."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        help_text = f"write [{printable(repr(value), 40)}]" if isinstance(value, str) else ""
        raise _other(name, "must be a list of names", value, help_text)
    for one in value:
        if not isinstance(one, str):
            raise _other(name, "must be a list of names", value)
    return value


def word(code: str, what: str, value: object, words: Collection[str]) -> str:
    """One of some words; what is none has a code, and is called `what`.

    >>> word("unknown-dtype", "type of numbers", "int8", ["float32", "int8"])
    'int8'
    """
    if not isinstance(value, str) or value not in words:
        from convcalc.spelling import did_you_mean  # only a mistake needs it

        shown = value if isinstance(value, str) else repr(value)
        help_text = did_you_mean(value, words) if isinstance(value, str) else ""
        raise refused(code, f"no {what} is called '{printable(shown)}'", help_text)
    return value


def dtype(value: object) -> str:
    """The name of a type of numbers, of those that memory is measured in."""
    return word("unknown-dtype", "type of numbers", value, DTYPES)


def _other(name: str, wanted: str, value: object, help_text: str = "") -> ConvcalcError:
    message = f"{name} {wanted}, not {printable(repr(value))}"
    return refused("bad-option", message, help_text)
