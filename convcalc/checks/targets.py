"""Which networks are checked or locked: files, folders, globs, and the entries of convcalc.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from convcalc.diagnostics import UNUSABLE, ConvcalcError, Problem, Span, printable
from convcalc.graph import Limit

#: The file that says which networks are checked, and what they may cost.
CONFIG_NAME = "convcalc.yaml"


class Rules(NamedTuple):
    """What convcalc.yaml says of a network.

    budget  upper limits that must be kept
    warn    upper limits that only warn
    growth  by how much totals may grow over convcalc.lock
    dtype   what a number takes in memory, where a limit does not say
    sets    where each argument of `set` is written, by name
    """

    budget: tuple[Limit, ...] = ()
    warn: tuple[Limit, ...] = ()
    growth: tuple[Limit, ...] = ()
    dtype: str = "float32"
    sets: Mapping[str, Span] = {}


class Target(NamedTuple):
    """A network to look at.

    file     the path to open, or the name of a shipped network
    args     what `--set` or convcalc.yaml's `set` gives it, as texts
    variant  the args as text, in the order in which they are written: "width=0.5"
    rules    the limits of convcalc.yaml that hold for it; None where it names the file nowhere
    """

    file: str
    args: Mapping[str, str] = {}
    variant: str = ""
    rules: Rules | None = None


def variant_text(args: Mapping[str, str]) -> str:
    """Arguments as `--set` takes them, joined by blanks.

    >>> variant_text({"width": "0.5", "classes": "10"})
    'width=0.5 classes=10'
    """
    return " ".join([f"{name}={value}" for name, value in args.items()])


def expand(files: Sequence[str]) -> list[str]:
    """Folders and globs as the specs in them, each once; convcalc.yaml is no spec.

    Raises ConvcalcError with status 2 where a glob matches nothing, or a folder holds nothing.
    """
    found: list[str] = []
    for file in files:
        if os.path.isdir(file):
            found += _specs_in(file)
        elif any(mark in file for mark in "*?[") and not os.path.exists(file):
            found += _matches(file)
        else:
            found.append(file)
    return list(dict.fromkeys(found))


def _matches(pattern: str) -> list[str]:
    import glob

    matches = [path for path in glob.glob(pattern, recursive=True) if _is_spec(path)]
    if not matches:
        raise refused("no-match", f"nothing matches {printable(pattern, 200)}")
    return sorted(matches)


def _is_spec(path: str) -> bool:
    return os.path.basename(path) != CONFIG_NAME and not os.path.isdir(path)


def _specs_in(folder: str) -> list[str]:
    shown = printable(folder, 200)
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        message = f"the folder {shown} cannot be read: {error.strerror}"
        raise refused("unusable-file", message) from None
    specs = [
        os.path.join(folder, name)
        for name in names
        if name.endswith((".yaml", ".yml")) and name != CONFIG_NAME
    ]
    if not specs:
        raise refused("no-match", f"the folder {shown} holds no .yaml file")
    return specs


def refused(code: str, message: str, help_text: str = "") -> ConvcalcError:
    """Wrong usage, without a place in a file: exit status 2."""
    facts = (("help", help_text),) if help_text else ()
    return ConvcalcError([Problem(code, message, None, facts)], UNUSABLE)
