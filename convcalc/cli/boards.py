"""`--device BOARD`: the limits that a board's memory sets."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.guard import refuse
from convcalc.problems import printable

Board = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="BOARD",
        help="Fit into the RAM and the flash of this board. It is the name of one that"
        " ships, or a file.",
    ),
]


def memory_of(board: str) -> dict[str, str]:
    """The most that metrics may be on a board, as a limit is written."""
    from convcalc.language.device import read_device

    device = read_device(board)
    most = {"tflm_arena": device.ram, "tflm_weights": device.flash}
    found = {metric: _amount(value) for metric, value in most.items() if value}
    if not found:
        message = f"--device {printable(board, 200)}: it states neither ram nor flash"
        refuse(message, "--device stm32f746")
    return found


def _amount(value: int) -> str:
    """Bytes, in KiB where that is exact."""
    return f"{value // 1024}KiB" if value % 1024 == 0 else f"{value}B"
