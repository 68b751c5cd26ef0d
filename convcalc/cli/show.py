"""`convcalc show`: the text of a network that ships with convcalc."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.guard import guarded, refuse
from convcalc.cli.output import emit, terminal
from convcalc.exchange.formats import format_of
from convcalc.language.load import find_source
from convcalc.problems import printable


@guarded
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Name a network that ships with convcalc, or a spec."),
    ],
) -> int:
    """Print the text of a shipped network.

    Examples:
      convcalc show resnet50
      convcalc show lenet > mynet.yaml

    On a terminal the text is coloured. `convcalc zoo` lists the networks, and `convcalc new` begins
    a spec of one's own.
    """
    if format_of(name) is not None:
        message = f"show prints specs, and {printable(name, 200)} is a model"
        refuse(message, f"`convcalc import {printable(name, 200)}` writes it as a spec")
    text = find_source(name).text
    if terminal():
        from convcalc.render.terminal import print_yaml

        print_yaml(text)
    else:
        emit(text, None)
    return 0
