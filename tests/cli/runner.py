"""Running a command in this process, as a shell would: arguments in, texts and a status out."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from convcalc.cli.main import main


class Result(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


class _Pipe(io.TextIOWrapper):
    """Standard output that is no terminal, and that `sys.stdout.buffer` exists for."""

    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        if not isinstance(buffer, io.BytesIO):
            raise TypeError("a pipe made elsewhere")
        return buffer.getvalue().decode("utf-8")


def run(*arguments: str, stdin: bytes = b"") -> Result:
    """Runs `convcalc` with these arguments."""
    out, err = (_Pipe(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    standard_input = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    status: object = 0
    with (
        patch.object(sys, "argv", ["convcalc", *arguments]),
        patch.object(sys, "stdin", standard_input),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code
    return Result(int(str(status or 0)), out.text(), err.text())


def spec(folder: Path, text: str, name: str = "net.yaml") -> str:
    """Writes a spec and gives its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)
