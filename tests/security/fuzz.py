"""Runs commands on hostile files and reports each promise that is broken.

    python -m tests.security.fuzz --count 200000
    python -m tests.security.fuzz --seed 7 --case 1234

Each case changes a shipped file, draws a command with options and a format, and runs it in this
process under limits of time and memory. A seed and a number make the same case again.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import resource
import shlex
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import NamedTuple
from xml.etree import ElementTree as ET

from tests.cli.runner import Result, run
from tests.security.hostile import CONFIGS, SECRET, corpus, mutated, prepare

#: What a command may take of a stranger's file, beside what the process has at the start.
SECONDS = 10
MEMORY = 10**9

#: Exit statuses of a good file, of a wrong one, and of wrong usage. 3 is a mistake in convcalc.
STATUSES = (0, 1, 2)


class Case(NamedTuple):
    """One case: the files by name, and the command's arguments."""

    files: dict[str, str]
    arguments: tuple[str, ...]
    in_actions: bool


# What is drawn.

_TABLES = ("table", "plain", "json", "csv", "markdown")
_ROWS = (("--depth", "1"), ("--expand",), ("--sort", "params"), ("--top", "3"))
_COLUMNS = ("--columns", "params,macs,intensity,field")
_STEP = (("--training",), ("--training", "--optimizer", "adam"))
_COUNTS = (
    ("--as", "fvcore"),
    ("--as", "thop", "--partial"),
    ("--compare",),
    ("--double-channels",),
    ("--kernel", "5"),
    ("--scale-channels", "1/2"),
    ("--double-padding",),
    ("--valid-taps",),
)
_BYTES = (("--dtype", "int8"), ("--weights", "float16"))

#: For each command its formats and its options.
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]] = {
    "shapes": (_TABLES, (*_ROWS, ("--by", "kind"), _COLUMNS)),
    "flops": (_TABLES, (*_ROWS, *_COUNTS, *_STEP, ("--by", "kind"), _COLUMNS)),
    "memory": (_TABLES, (*_STEP, *_BYTES, ("--order", "least"), ("--concat-in-place",))),
    "field": (_TABLES, (*_ROWS, ("--unit", "0"))),
    "balance": (_TABLES, (*_ROWS, *_BYTES)),
    "explain": (("plain", "json"), ()),
    "reconcile": (("plain", "json"), ()),
    "diff": (_TABLES, (("--expand",), ("--top", "2"))),
    "check": (
        ("text", "concise", "json", "github", "junit", "sarif", "markdown"),
        (("--fail-on", "macs>1M"), ("--exit-zero",)),
    ),
    "lock": ((), ()),
    "lock --check": (("text", "json"), ()),
}
_SHARED = (
    ("--input", "3x32x32"),
    ("--input", "a=3x9x9"),
    ("--batch", "7"),
    ("--batch", "1000000007"),
    ("--set", "width=0.5"),
    ("--set", "n=1000000"),
    ("--set", "w=::error::"),
)


def case(seed: int, number: int, texts: Sequence[str], words: Sequence[str]) -> Case:
    """The case with this number."""
    random = Random(f"{seed}/{number}")
    # Short files take less time, and have as many kinds of mistakes.
    place = min(random.randrange(len(texts)), random.randrange(len(texts)))
    original = texts[place]
    text = mutated(original, random, words)
    name = random.choice(
        ("net.yaml",) * 8 + ("::error::x.yaml", "##[error]x.yaml", "a b\u202e.yaml")
    )
    files = {name: text}
    command = random.choice(tuple(COMMANDS))
    formats, options = COMMANDS[command]
    arguments = command.split()
    if command == "diff":
        files["old.yaml"] = original
        arguments += random.choice((["old.yaml", name], [name, "old.yaml"]))
    elif command in ("check", "lock", "lock --check") and random.random() < 0.5:
        config = random.choice(CONFIGS)
        files["convcalc.yaml"] = mutated(config, random, words) if random.random() < 0.7 else config
        if command == "lock --check" or random.random() < 0.3:
            files["convcalc.lock"] = _lock(random, words)
    elif command == "explain":
        arguments += [name, random.choice(("conv0", "dense0", "0", "stage0.conv0", "relu0", "*"))]
    elif command == "reconcile":
        arguments += [name, random.choice(("1000", "4.1G", "0", "123456789", "macs", "1e400"))]
    else:
        arguments.append(name)
    if formats and random.random() < 0.7:
        arguments += ["--format", random.choice(formats)]
    for option in random.sample(options, min(len(options), random.choice((0, 0, 1, 2)))):
        arguments += option
    if random.random() < 0.08 and "lock" not in command:
        arguments += random.choice(_SHARED)
    return Case(files, tuple(arguments), random.random() < 0.5)


_LOCK = """convcalc.lock 1
network net.yaml
  input input: 3x8x8
  layer conv0: conv 4 3x3 -> 4x6x6, params 112, macs 3,888
  total params: 112
"""


def _lock(random: Random, words: Sequence[str]) -> str:
    lines = _LOCK.splitlines(keepends=True)
    for _ in range(random.choice((0, 1, 3))):
        place = random.randrange(len(lines))
        lines[place] = lines[place].replace(random.choice("0123:, >x"), random.choice(words), 1)
    return "".join(lines)


# What is promised.


def broken(result: Result, asked: Case) -> Iterator[str]:
    """Each promise that a command broke."""
    both = result.out + result.err
    if result.status not in STATUSES:
        yield f"status {result.status}"
    if "error[internal]" in both or "Traceback (most recent" in both:
        yield "an internal error"
    if result.status == 2 and not both:
        yield "status 2 without a message"
    if SECRET in both:
        yield "shows a file that it must not show"
    given = asked.arguments
    style = given[given.index("--format") + 1] if "--format" in given else ""
    if result.out:
        try:
            _well_formed(result.out, style)
        except (ValueError, csv.Error, ET.ParseError) as error:
            yield f"{style} that cannot be read: {error}"
    if "\x1b" in both:
        yield "a control character"
    if asked.in_actions:
        commands = [line for line in re.split(r"[\r\n]", both) if _is_command(line)]
        if style in ("", "github") and given[:1] in (("check",), ("lock",)):
            commands = [line for line in commands if not _ANNOTATION.match(line)]
        if commands:
            yield f"a workflow command: {commands[0][:60]!r}"


_ANNOTATION = re.compile(r"::(error|warning|notice)( [a-zA-Z]+=|::)|::(group::|endgroup::)")


def _is_command(line: str) -> bool:
    return line.lstrip().startswith("::") or "##[" in line


def _well_formed(text: str, style: str) -> None:
    if style in ("json", "sarif"):
        json.loads(text)
    elif style == "junit":
        ET.fromstring(text)  # noqa: S314 - our own text
    elif style == "csv":
        lengths = {len(row) for row in csv.reader(io.StringIO(text), strict=True)}
        if len(lengths) > 1:
            raise ValueError("rows of different lengths")


# Running.


class TooSlowError(BaseException):
    """The command did not end in time; no handler of the command may catch it."""


@contextmanager
def limited() -> Iterator[None]:
    """Stops what takes too long or too much memory."""

    def stop(*_: object) -> None:
        raise TooSlowError

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, stop)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def outcome(asked: Case, project: Path) -> tuple[Result, list[str]]:
    """What a command left behind, and the promises that it broke."""
    for name, text in asked.files.items():
        # Surrogates cannot be in a file; a mutation may have cut a pair.
        (project / name).write_bytes(text.encode("utf-8", "replace"))
    os.environ.pop("GITHUB_ACTIONS", None)
    if asked.in_actions:
        os.environ["GITHUB_ACTIONS"] = "true"
    result = Result(0, "", "")
    try:
        with limited():
            result = run(*asked.arguments)
        found = list(broken(result, asked))
    except TooSlowError:
        found = [f"more than {SECONDS} s"]
    except Exception as error:  # noqa: BLE001 - whatever it is, it was not handled
        found = [f"{type(error).__name__}: {error}"]
    for name, text in asked.files.items():
        path = project / name
        if name != "convcalc.lock" and path.read_bytes() != text.encode("utf-8", "replace"):
            found.append(f"{name} was changed")
        path.unlink()
    with suppress(FileNotFoundError):
        (project / "convcalc.lock").unlink()
    return result, found


@contextmanager
def in_project() -> Iterator[Path]:
    """A project in a temporary folder, which is the current one."""
    before = Path.cwd()
    variables = {name: os.environ.get(name) for name in ("GITHUB_ACTIONS", "TOKEN")}
    os.environ["TOKEN"] = SECRET
    with tempfile.TemporaryDirectory() as folder:
        project = prepare(Path(folder))
        os.chdir(project)
        try:
            yield project
        finally:
            os.chdir(before)
            for name, value in variables.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def fuzz(seed: int, numbers: Sequence[int]) -> tuple[Counter[int], list[tuple[int, Case, str]]]:
    """How often each exit status came, and the cases that broke a promise."""
    texts = corpus()
    words = sorted({word for text in texts for word in re.findall(r"\S+", text)})
    statuses = Counter[int]()
    failures = []
    with in_project() as project:
        for number in numbers:
            asked = case(seed, number, texts, words)
            result, found = outcome(asked, project)
            statuses[result.status] += 1
            failures += [(number, asked, what) for what in found]
    return statuses, failures


def main() -> int:
    """Prints what was tried and what broke; 1 if anything did."""
    parser = ArgumentParser(prog="python -m tests.security.fuzz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--case", type=int, help="one case: prints its files and its output")
    given = parser.parse_args()
    if given.case is not None:
        return show(given.seed, given.case)
    numbers = range(given.first, given.first + given.count)
    start = time.monotonic()
    statuses, failures = fuzz(given.seed, numbers)
    seen = Counter[str]()
    for number, asked, what in failures:
        seen[what] += 1
        if seen[what] <= 5:
            print(f"--case {number}: {what}: convcalc {shlex.join(asked.arguments)}")
    print(
        f"seed {given.seed}, {len(numbers)} cases from {given.first} on in"
        f" {time.monotonic() - start:.0f} s: {len(failures)} broken promises;"
        f" exit statuses {dict(sorted(statuses.items()))}"
    )
    return 1 if failures else 0


def show(seed: int, number: int) -> int:
    """One case in full."""
    texts = corpus()
    words = sorted({word for text in texts for word in re.findall(r"\S+", text)})
    asked = case(seed, number, texts, words)
    for name, text in asked.files.items():
        print(f"----- {name}\n{text}")
    variable = "GITHUB_ACTIONS=true " if asked.in_actions else ""
    print(f"$ {variable}convcalc {shlex.join(asked.arguments)}")
    with in_project() as project:
        result, found = outcome(asked, project)
    print(f"{result.out}{result.err}----- status {result.status}, broken: {found or 'none'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
