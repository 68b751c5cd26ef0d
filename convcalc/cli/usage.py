"""The message about an option that does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.problems import printable
from convcalc.spelling import nearest


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


def explain_place(error: Any, given: Sequence[str], commands: Sequence[str]) -> None:
    """Adds to a NoSuchOption before the command that options go behind it."""
    command = next((text for text in given if text in commands), "")
    if command:
        option = printable(error.option_name)
        error.possibilities = None
        error.message = f"{option} goes behind the command: convcalc {command} ... {option}"
