"""Draws the terminal output of convcalc as an SVG picture, for the README.

    python scripts/screenshot.py

The command runs in a pseudo-terminal, so the picture shows exactly what a user sees.
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

REPOSITORY = Path(__file__).resolve().parent.parent
PICTURE = REPOSITORY / "docs" / "shapes.svg"
COMMAND = ("shapes", "vgg16")
WIDTH = 80


def main() -> None:
    """Writes the picture."""
    PICTURE.write_text(picture(terminal_output(COMMAND, WIDTH)), encoding="utf-8")
    print(PICTURE.relative_to(REPOSITORY))


def terminal_output(command: tuple[str, ...], width: int) -> str:
    """The output of a convcalc command on a colour terminal of this width."""
    environment = {
        **{key: value for key, value in os.environ.items() if key != "NO_COLOR"},
        "COLORTERM": "truecolor",
        "COLUMNS": str(width),
        "PYTHONPATH": str(REPOSITORY),
        "TERM": "xterm-256color",
    }
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "convcalc", *command],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        env=environment,
    ) as process:
        os.close(theirs)
        written = b""
        while chunk := _read(ours):
            written += chunk
    os.close(ours)
    if process.returncode:
        raise SystemExit(f"the command ended with status {process.returncode}")
    return written.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """The next bytes, or none if the other end is closed."""
    try:
        return os.read(terminal, 65536)
    except OSError:  # on Linux: the other end is closed
        return b""


def picture(output: str) -> str:
    """The command and its output as SVG; the same text gives the same bytes."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.assemble(("$ ", "bold green"), "convcalc " + " ".join(COMMAND)))
    console.print(Text.from_ansi(output.rstrip("\n")))
    return console.export_svg(title="convcalc", unique_id="convcalc")


if __name__ == "__main__":
    main()
