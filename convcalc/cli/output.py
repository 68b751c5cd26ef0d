"""Writes output to a terminal, to a pipe, or to a file, which it replaces atomically."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from convcalc.cli.guard import discard_output, in_actions, in_log, refuse
from convcalc.problems import printable
from convcalc.render.table import (
    Part,
    Table,
    csv_text,
    escaped,
    latex_comment,
    latex_text,
    markdown_text,
    plain_text,
    wrapped,
)

#: What is written for the runner of GitHub Actions to obey: the one text that it may.
COMMANDS = "commands"
#: The formats that a file's suffix stands for.
SUFFIXES = {
    ".csv": "csv",
    ".dot": "dot",
    ".html": "html",
    ".json": "json",
    ".jsonl": "jsonl",
    ".md": "markdown",
    ".mmd": "mermaid",
    ".pdf": "pdf",
    ".png": "png",
    ".sarif": "sarif",
    ".svg": "svg",
    ".tex": "latex",
    ".xml": "junit",
}
TABLE_FORMATS = ("table", "plain", "json", "csv", "markdown", "latex")


def emit_table(table: Table, style: str, output: str | None) -> None:
    """Writes a table in the format `style`."""
    if style == "csv":
        emit(csv_text(table), output, "csv")
    else:
        emit_parts([table], style, output)


def emit_parts(parts: Sequence[Part], style: str, output: str | None) -> None:
    """Writes tables and lines one below the other; `table` draws them to a terminal's width."""
    if style == "table" and output is None and terminal():
        from convcalc.render.terminal import print_table

        for part in parts:
            if isinstance(part, str):
                emit_lines(part, None)
            else:
                print_table(part)
        sys.stdout.flush()
        return
    text = {"markdown": markdown_text, "latex": latex_text}.get(style, plain_text)
    line = {"latex": latex_comment, "markdown": escaped}.get(style, str)
    emit("".join([line(part) if isinstance(part, str) else text(part) for part in parts]), output)


def emit_json(data: Mapping[str, object], output: str | None) -> None:
    """Writes data as JSON."""
    from convcalc.render.jsons import json_text

    emit(json_text(data), output, "json")


def emit_lines(text: str, output: str | None) -> None:
    """Writes text; on a terminal, wraps lines that are too long for it.

    A wrapped line continues below the text behind its label, such as `Counts: ...`.
    """
    if output is None and terminal():
        from shutil import get_terminal_size

        width = get_terminal_size().columns
        lines = []
        for line in text.splitlines():
            label = re.match(r" *(\w+: +)", line)
            lines.append(wrapped(line, width, hanging=len(label[1]) if label else 2))
        text = "".join([f"{line}\n" for line in lines])
    emit(text, output)


def terminal() -> bool:
    """Whether standard output is a terminal that understands escape sequences, and no log."""
    if in_actions():
        return False
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def emit(text: str, output: str | None, syntax: str = "text") -> None:
    """Writes text to standard output, or to a file that is replaced atomically.

    In a step of GitHub Actions, nothing on standard output is a command to the runner.

    syntax  "text", "json", "csv" or "xml", so that it stays that; or COMMANDS
    """
    if syntax != COMMANDS and (output is None or _is_stream(output)):
        text = in_log(text, syntax)
    if output is None:
        _write_out(text)
        return
    refuse_empty(output)
    from convcalc.safe_files import replace_file

    try:
        replace_file(output, text)
    except OSError as error:
        refuse(f"--output {printable(output, 200)} cannot be written: {reason(error)}")


def emit_bytes(data: bytes, output: str) -> None:
    """Writes a file that is no text; it is replaced atomically."""
    refuse_empty(output)
    from convcalc.safe_files import replace_file

    try:
        replace_file(output, data)
    except OSError as error:
        refuse(f"--output {printable(output, 200)} cannot be written: {reason(error)}")


def chosen_format(style: str | None, output: str | None, formats: Sequence[str]) -> str:
    """The format that --format or else the suffix of --output names; the first one by default.

    A suffix that stands for another command's format is refused; `.txt`, no suffix and what is no
    regular file, such as /dev/stdout, stand for none.
    """
    if style is not None:
        from convcalc.cli.options import read_word

        return read_word("--format", style, formats)
    if output is None or _is_stream(output):
        return formats[0]
    suffix = os.path.splitext(output)[1].lower()
    if suffix in {"", ".txt"}:
        return formats[0]
    known = {suffix_of: name for suffix_of, name in SUFFIXES.items() if name in formats}
    if suffix not in known:
        refuse(
            f"--output {printable(output, 200)}: this command does not write {printable(suffix)}",
            f"one of {', '.join(known)}; or name the format: --format {formats[0]}",
        )
    return known[suffix]


def refuse_terminal(what: str, output: str | None, suffix: str) -> None:
    """Refuses to print on a terminal what nobody reads there."""
    if output is None and terminal():
        refuse(f"{what} needs a file", f"--output net{suffix}; `| cat` prints it all the same")


def refuse_same(output: str, file: str) -> None:
    """Refuses to write over the file that is read."""
    with suppress(OSError, ValueError):
        if os.path.samefile(output, file):
            refuse(f"--output {printable(output, 200)} is the file that is read", "another name")


def _is_stream(path: str) -> bool:
    """Whether a path is no file, such as /dev/stdout."""
    return os.path.exists(path) and not os.path.isfile(path)


def refuse_empty(output: str | None) -> None:
    """Refuses `--output ''`, which an empty variable in a script gives."""
    if output == "":
        refuse("--output names no file", "--output report.txt, or leave it out")


def _write_out(text: str) -> None:
    if sys.stdout is None:
        refuse("standard output is closed")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        # Replace what the encoding lacks by something similar, or by an escape.
        text = text.translate(_PLAINER).encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        refuse(f"standard output cannot be written: {reason(error)}")


def reason(error: OSError) -> str:
    """The reason of an error, for the middle of a sentence."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


#: What stands for a character that the encoding of standard output does not have.
_PLAINER = str.maketrans(
    {
        **dict(zip("\u25a1\u00b7\u25a0\u25aa\u00d7", "o.#+x", strict=True)),
        "█": "#",
        **dict.fromkeys("▏▎▍▌▋▊▉", None),
        "…": ".",
    }
)
