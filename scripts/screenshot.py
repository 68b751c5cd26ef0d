"""Draws what a terminal shows as an SVG picture, for the README.

    python scripts/screenshot.py

The commands run in a pseudo-terminal, so the picture shows exactly what a user sees.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

REPOSITORY = Path(__file__).resolve().parent.parent
PICTURE = REPOSITORY / "docs" / "tour.svg"
#: A model comes in, a mistake is located, what it costs, what changed.
COMMANDS = (
    "convcalc import model.onnx -o model.yaml && tail -n 9 model.yaml",
    "sed 's/kernel: 3, padding: 1}/kernel: 3}/' model.yaml > bad.yaml; convcalc check bad.yaml",
    "convcalc flops model.yaml --by kind --top 2",
    "convcalc diff model.onnx model.yaml --set-new width=48 --top 1",
)
WIDTH = 104
#: Variables that change what a terminal shows.
_UNWANTED = {"CI", "GITHUB_ACTIONS", "NO_COLOR"}


def main() -> None:
    """Writes the picture."""
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE.relative_to(REPOSITORY))


def outputs(commands: Sequence[str]) -> list[str]:
    """What each command shows on a colour terminal, beside the ONNX file of a ResNet-18."""
    with TemporaryDirectory() as folder:
        _run("convcalc export resnet18 --output model.onnx", folder)
        return [_run(command, folder) for command in commands]


def _run(command: str, folder: str) -> str:
    environment = {
        **{key: value for key, value in os.environ.items() if key not in _UNWANTED},
        "COLORTERM": "truecolor",
        "COLUMNS": str(WIDTH),
        "PYTHONPATH": str(REPOSITORY),
        "TERM": "xterm-256color",
    }
    program = f'convcalc() {{ {shlex.quote(sys.executable)} -m convcalc "$@"; }}\n'
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
    with subprocess.Popen(
        ["bash", "-c", program + command],  # noqa: S607 - the user's shell
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=environment,
    ) as process:
        os.close(theirs)
        written = b""
        while chunk := _read(ours):
            written += chunk
    os.close(ours)
    if process.returncode > 1:  # 1 is a mistake in a file
        raise SystemExit(f"{command} ended with status {process.returncode}")
    return written.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """The next bytes, or none if the other end is closed."""
    try:
        return os.read(terminal, 65536)
    except OSError:  # on Linux: the other end is closed
        return b""


def picture() -> str:
    """The commands and what they show as SVG; the same text gives the same bytes."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for number, (command, output) in enumerate(zip(COMMANDS, outputs(COMMANDS), strict=True)):
        if number:
            console.print()
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        console.print(Text.from_ansi(output.rstrip("\n")))
    return console.export_svg(title="convcalc", unique_id="convcalc")


if __name__ == "__main__":
    main()
