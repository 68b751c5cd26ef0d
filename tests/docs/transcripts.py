"""What the documentation shows: files, commands with their output, and Python sessions.

Four kinds of fenced blocks mean something in the project's Markdown:

- `yaml`, when its first line is a comment that holds a file name (`# tiny.yaml`): that file;
- `console`: commands after `$ `, each followed by what it prints, in a folder with those files: of
  convcalc, `git`, `cp`, `cat FILE`, `sed -i 's/OLD/NEW/' FILE`, and `echo $?`;
- `pycon`: a Python session, run as a doctest in the same folder;
- `python`, when it starts with an import: a program, run where what it imports is installed.

    python -m tests.docs.transcripts [DOCUMENT...]

runs the commands of the documents (of all that the tests check, if none is named) and writes what
they print now into them. Read the difference before you commit it.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from convcalc.cli.main import main as convcalc_main
from tests.checks.diff.repository import ENVIRONMENT as GIT_ENVIRONMENT

REPOSITORY = Path(__file__).resolve().parents[2]
PROMPT = "$ "
#: The exit status of a mistake in convcalc itself, which no document is to show.
INTERNAL_ERROR = 3
_FENCE = re.compile(r"```(\w*)\s*\Z")
_FILE_NAME = re.compile(r"# ([\w-]+\.yaml)\Z", re.ASCII)


class Block(NamedTuple):
    """A fenced block: its language, its lines, and the number of the first one, counted from 1."""

    language: str
    line: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The block's content."""
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def commands(self) -> list[str]:
        """The commands of a console block."""
        return [line.removeprefix(PROMPT) for line in self.lines if line.startswith(PROMPT)]


def documents() -> list[Path]:
    """The Markdown files whose blocks are checked."""
    return [REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/**/*.md"))]


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a Markdown text."""
    found: list[Block] = []
    language: str | None = None
    start, lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if language is None:
            if fence:
                language, start, lines = fence[1], number + 1, []
        elif fence:
            found.append(Block(language, start, tuple(lines)))
            language = None
        else:
            lines.append(line)
    if language is not None:
        raise ValueError(f"the block at line {start} is never closed")
    return found


def files(found: Sequence[Block]) -> dict[str, str]:
    """The files among some blocks, by name."""
    named: dict[str, str] = {}
    for block in found:
        name = _FILE_NAME.match(block.lines[0]) if block.language == "yaml" else None
        if name:
            if name[1] in named:
                raise ValueError(f"line {block.line}: a second {name[1]}")
            named[name[1]] = block.text
    return named


def transcript(block: Block) -> str:
    """A console block's commands with what they print now, a blank line behind what is printed."""
    status = 0
    parts: list[str] = []
    for command in block.commands:
        if command == "echo $?":
            output = f"{status}\n"
        else:
            program, *arguments = shlex.split(command)
            if program == "convcalc":
                output, status = run(arguments)
            elif program in {"git", "cp"}:
                output, status = run_other(program, arguments)
            elif program in _TOOLS:
                output, status = _TOOLS[program](*arguments), 0
            else:
                known = "only convcalc, git, cp, cat, sed and 'echo $?' can be shown"
                raise ValueError(f"line {block.line}: {known}")
            if status == INTERNAL_ERROR:
                raise RuntimeError(f"{command}: {output}")
        shown = [f"{PROMPT}{command}", *[line.rstrip() for line in output.splitlines()]]
        parts.append("".join(f"{line}\n" for line in [*shown, *([""] if output else [])]))
    return "".join(parts).rstrip("\n") + "\n"


def _cat(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")


def _sed(flag: str, script: str, file: str) -> str:
    """Replaces a text by another one in a file, once in all."""
    _, old, new, _ = script.split("/")
    text = _cat(file)
    if flag != "-i" or old not in text:
        raise ValueError(f"sed {flag} '{script}' {file} changes nothing")
    Path(file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return ""


#: Programs beside convcalc that a document may show.
_TOOLS: dict[str, Callable[..., str]] = {"cat": _cat, "sed": _sed}


def run(arguments: Sequence[str]) -> tuple[str, int]:
    """What convcalc prints, its errors among it as on a terminal, and its exit status."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    saved = sys.argv, sys.stdout, sys.stderr
    sys.argv, sys.stdout, sys.stderr = ["convcalc", *arguments], printed, printed
    status = 0
    try:
        convcalc_main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv, sys.stdout, sys.stderr = saved
    printed.seek(0)
    return printed.read(), status


def run_other(program: str, arguments: Sequence[str]) -> tuple[str, int]:
    """What git or cp print, whatever the machine's own settings, and the exit status."""
    environment = {**os.environ, **GIT_ENVIRONMENT}
    done = subprocess.run(
        [shutil.which(program) or program, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.stdout.decode(), done.returncode


@contextmanager
def folder_with(named: dict[str, str]) -> Iterator[None]:
    """A temporary folder with some files, as the current one."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in named.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def renewed(text: str) -> str:
    """A Markdown text with the output of its commands as it is now."""
    found = blocks(text)
    lines = text.splitlines()
    for block in reversed(found):
        if block.language == "console":
            start = block.line - 1
            with folder_with(files(found)):
                shown = transcript(block)
            lines[start : start + len(block.lines)] = shown.splitlines()
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    """Renews documents in place."""
    for path in [Path(name) for name in sys.argv[1:]] or documents():
        text = path.read_text(encoding="utf-8")
        new = renewed(text)
        if new != text:
            path.write_text(new, encoding="utf-8")
            sys.stdout.write(f"{path} has changed\n")


if __name__ == "__main__":
    main()
