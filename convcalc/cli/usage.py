"""Messages about a command or an option that does not exist."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from shlex import quote
from typing import Any

from convcalc.language.shipped import shipped_names
from convcalc.problems import printable
from convcalc.spelling import nearest

#: What other programs call a command.
_ELSEWHERE = {
    **dict.fromkeys(["summary", "summarize", "params", "layers", "info"], "shapes"),
    **dict.fromkeys(["macs", "count", "profile", "cost", "costs"], "flops"),
    **dict.fromkeys(["plot", "view", "visualize", "render", "picture"], "draw"),
    **dict.fromkeys(["validate", "lint", "test", "ci"], "check"),
    **dict.fromkeys(["list", "ls", "models", "networks"], "zoo"),
    **dict.fromkeys(["init", "create", "start", "begin"], "new"),
    **dict.fromkeys(["optimize", "search", "fit"], "solve"),
    **dict.fromkeys(["compare", "delta"], "diff"),
    **dict.fromkeys(["convert", "trace", "decompile"], "import"),
    **dict.fromkeys(["cat", "print"], "show"),
    **dict.fromkeys(["peak", "arena", "ram"], "memory"),
    **dict.fromkeys(["roofline", "latency", "time"], "balance"),
    **dict.fromkeys(["receptive", "rf"], "field"),
}


def no_command(word: str, commands: Sequence[str]) -> str:
    """The message about a word that is no command: which command was meant, or belongs before it.

    >>> no_command("net.yaml", ["shapes"])
    "'net.yaml' is a file, not a command; to read it: convcalc shapes net.yaml"
    """
    shown = printable(word, 200)
    what, command = _what_it_is(word)
    if what:
        aim = "read" if command == "shapes" else command
        typed = f"convcalc {command} {quote(shown)}"
        return f"'{shown}' is a {what}, not a command; to {aim} it: {typed}"
    meant = [_ELSEWHERE[word]] if word in _ELSEWHERE else nearest(word, [*commands, "version"])
    if meant:
        return f"No such command: {shown}. Did you mean {' or '.join(meant)}?"
    return f"No such command: {shown}. `convcalc help` lists them all"


def _what_it_is(word: str) -> tuple[str, str]:
    """What a word is if it is no command, and the command that most people want of that."""
    if os.path.isdir(word) or word.endswith(("/", os.sep)):
        return "folder", "check"
    if "*" in word:
        return "pattern", "check"
    if os.path.exists(word) or word == "-" or re.search(r"[/\\]|\.[A-Za-z]\w*\Z", word):
        return "file", "shapes"
    return ("network", "shapes") if word in shipped_names() else ("", "")


def explain_option(error: Any, given: Sequence[str], names: Sequence[str]) -> None:
    """Adds to a NoSuchOption which options may have been meant.

    given  the arguments as written
    names  the options that exist
    """
    name: str = error.option_name
    # The error holds only the `-f` of `-format`.
    word = next((text for text in given if text.startswith(name)), name).partition("=")[0]
    error.possibilities = None
    if name[1:2].isdigit():
        error.message = (
            f"{printable(word)} is read as an option: no figure is below 0, and a name that"
            " begins with '-' goes behind '--'."
        )
        return
    close = nearest(word.lstrip("-"), [option[2:] for option in names if option[:2] == "--"])
    error.message = f"No such option: {printable(word)}"
    if close:
        error.message += f". Did you mean {' or '.join(f'--{option}' for option in close)}?"


def explain_missing(error: Any, command: str, given: Sequence[str]) -> None:
    """Adds to a MissingParameter what may stand there."""
    missing = getattr(error.param, "name", "")
    if missing == "file":
        error.message = f"A network that ships will do: convcalc {command} lenet"
    elif missing == "layer":
        file = next((text for text in given if not text.startswith("-")), "")
        error.message = f"`convcalc shapes {printable(quote(file), 200)}` prints their names"


def explain_place(error: Any, given: Sequence[str], commands: Sequence[str]) -> None:
    """Adds to a NoSuchOption before the command that options go behind it."""
    command = next((text for text in given if text in commands), "")
    if command:
        option = printable(error.option_name)
        error.possibilities = None
        error.message = f"{option} goes behind the command: convcalc {command} ... {option}"
