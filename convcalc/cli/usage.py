"""What is said of an option that does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from convcalc.diagnostics import nearest, printable


class Command(TyperCommand):
    """A command that offers only options that are much like the one that it does not have."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)  # what cannot be parsed is lost from the list
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            # Whether its class is click's or typer's own depends on typer's version.
            if type(error).__name__ == "NoSuchOption":
                names = [name for option in self.params for name in option.opts]
                _explain(error, given, names)
            raise


def _explain(error: Any, given: Sequence[str], names: Sequence[str]) -> None:
    """Puts into a NoSuchOption what may have been meant."""
    name: str = error.option_name
    # Of `-format` only the `-f` is told.
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
