"""Where output goes: a terminal, a pipe, or a file that is replaced as a whole."""

from __future__ import annotations

import os
import sys

from convcalc.cli.guard import forget_output, unusable
from convcalc.diagnostics import printable
from convcalc.render.table import Table, csv_text, markdown_text, plain_text

TABLE_FORMATS = ("table", "plain", "json", "csv", "markdown")


def emit_table(table: Table, style: str, output: str | None) -> None:
    """A table in one of its formats; on a terminal `table` is drawn to its width."""
    if style == "table" and output is None and terminal():
        from convcalc.render.terminal import print_table

        print_table(table)
        sys.stdout.flush()
        return
    texts = {"csv": csv_text, "markdown": markdown_text}
    emit(texts.get(style, plain_text)(table), output)


def terminal() -> bool:
    """Whether standard output is a terminal that can do more than a teletype."""
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(text: str, output: str | None) -> None:
    """Text to standard output, or to a file: written beside it and renamed, so never half of it."""
    if output is None:
        _write_out(text)
        return
    # A link stays one; what is neither a file nor a link, such as /dev/null, cannot be replaced.
    target = os.path.realpath(output)
    in_place = os.path.exists(target) and not os.path.isfile(target)
    partial = target if in_place else f"{target}.{os.getpid()}.partial"
    try:
        with open(partial, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        if not in_place:
            os.replace(partial, target)
    except OSError as error:
        unusable(f"--output {printable(output, 200)} cannot be written: {_reason(error)}")
    finally:
        if not in_place and os.path.exists(partial):
            os.remove(partial)


def _write_out(text: str) -> None:
    if sys.stdout is None:
        unusable("standard output is closed")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        # What cannot be shown becomes something like it, or an escape, instead of an error.
        text = text.translate(_PLAINER).encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_output()
        unusable(f"standard output cannot be written: {_reason(error)}")


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]


_PLAINER = str.maketrans({"█": "#", **dict.fromkeys("▏▎▍▌▋▊▉", None), "…": "."})
