"""Runs commands on hostile files and reports each promise that is broken.

    python -m tests.security.fuzz --count 200000
    python -m tests.security.fuzz --seed 7 --case 1234

Each case changes files of the repository (networks, models of other programs, convcalc.yaml, a
lock, a device, arrays), draws a command with options and a format, and runs it in this process
under limits of processor time and memory. A seed and a number make the same case again.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.cli.runner import Result, run
from tests.security.drawing import Case, Material, case
from tests.security.project import Project, in_project
from tests.security.promises import broken, value_of

#: What a command may take of a stranger's file, beside what the process has at the start: seconds
#: of processor time, and bytes.
SECONDS = 10
MEMORY = 10**9
#: Seconds by the clock after which a command that computes nothing waits for something.
WAITING = 120
#: The longest file that a command may write.
FILE_SIZE = 64 * 2**20
#: Operations of a network that `verify` is let run: NumPy does them in a second.
OPERATIONS = 10**8

#: Where a step of GitHub Actions has its summary.
_SUMMARY = "summary.md"


class TooSlowError(BaseException):
    """The command did not end in time; no handler of the command may catch it."""


@contextmanager
def limited() -> Iterator[None]:
    """Stops what takes too long, too much memory or too much of the disk."""

    def stop(number: int, _: object) -> None:
        what = f"{WAITING} s of waiting" if number == signal.SIGALRM else f"{SECONDS} s"
        raise TooSlowError(f"more than {what}")

    signals = (signal.SIGPROF, signal.SIGALRM)
    before = [signal.signal(one, stop) for one in signals]
    memory, size = (resource.getrlimit(w) for w in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, memory[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, size[1]))
    # By processor time: other programs may keep the machine busy.
    signal.setitimer(signal.ITIMER_PROF, SECONDS, 1)
    signal.setitimer(signal.ITIMER_REAL, WAITING, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, memory)
        resource.setrlimit(resource.RLIMIT_FSIZE, size)
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def outcome(asked: Case, project: Project) -> tuple[Result, list[str]]:
    """What a command left behind, and the promises that it broke."""
    project.write(asked.files)
    os.environ.pop("GITHUB_ACTIONS", None)
    if asked.in_actions:
        os.environ["GITHUB_ACTIONS"] = "true"
        os.environ["GITHUB_STEP_SUMMARY"] = _SUMMARY
    arguments = asked.arguments
    result = Result(0, "", "")
    found: list[str] = []
    try:
        if arguments[:1] in (("verify",), ("run",)) and not _runs_quickly(asked):
            arguments = (*arguments, "--max-memory", "1kB")
        with limited():
            result = run(*arguments, stdin=asked.stdin)
        texts = [_text(name) for name in (value_of("--output", arguments), _SUMMARY)]
        found += broken(result, arguments, texts, in_actions=asked.in_actions)
        if arguments[:1] == ("lock",) and "--check" not in arguments and not result.status:
            found += _written_lock(asked)
    except TooSlowError as error:
        found.append(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, it was not handled
        found.append(f"{type(error).__name__}: {error}")
    os.environ.pop("GITHUB_STEP_SUMMARY", None)
    writes = (*asked.writes, _SUMMARY)
    found += [f"{name} was changed" for name in project.restore(asked.files, writes)]
    return result, found


def _text(name: str) -> str:
    """The text that a command wrote into a file; "" for arrays, and where there is none."""
    path = Path(name)
    if not name or name.endswith(".npz") or not path.is_file():
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def _runs_quickly(asked: Case) -> bool:
    """Whether running a network takes little, or it cannot be read at all."""
    file = asked.arguments[1]
    shared = [part for pair in asked.shared for part in pair]
    with limited():
        result = run("flops", file, *shared, "--format", "json", stdin=asked.stdin)
    if result.status:
        return True
    totals = json.loads(result.out)["totals"]
    return bool(totals["flops"] <= OPERATIONS)


def _written_lock(asked: Case) -> list[str]:
    """What is wrong with a lock that was written: it must hold for the same networks."""
    with limited():
        result = run("lock", "--check", *asked.arguments[1:], stdin=asked.stdin)
    return [] if not result.status else [f"a lock that does not hold: {result.err[:200]!r}"]


class Failure(NamedTuple):
    """A promise that was broken by the case of this number."""

    number: int
    arguments: tuple[str, ...]
    what: str


def fuzz(seed: int, numbers: Sequence[int]) -> tuple[Counter[int], list[Failure]]:
    """How often each exit status came, and the cases that broke a promise."""
    statuses = Counter[int]()
    failures = []
    with in_project() as project:
        material = Material(project)
        for number in numbers:
            asked = case(seed, number, material)
            result, found = outcome(asked, project)
            statuses[result.status] += 1
            for what in found:
                failures.append(Failure(number, asked.arguments, what))
                print_failure(failures)
    return statuses, failures


def print_failure(failures: Sequence[Failure]) -> None:
    """Prints the last failure, if it is one of the first of its sort."""
    last = failures[-1]
    if sum(one.what == last.what for one in failures) <= 5:
        command = shlex.join(last.arguments)
        print(f"--case {last.number}: {last.what}: convcalc {command}"[:1000], flush=True)


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
    print(
        f"seed {given.seed}, {len(numbers)} cases from {given.first} on in"
        f" {time.monotonic() - start:.0f} s: {len(failures)} broken promises;"
        f" exit statuses {dict(sorted(statuses.items()))}"
    )
    return 1 if failures else 0


def show(seed: int, number: int) -> int:
    """One case in full."""
    with in_project() as project:
        asked = case(seed, number, Material(project))
        for name, data in {**asked.files, "standard input": asked.stdin}.items():
            if data:
                print(f"----- {name}\n{data.decode('utf-8', 'backslashreplace')}")
        variable = "GITHUB_ACTIONS=true " if asked.in_actions else ""
        print(f"$ {variable}convcalc {shlex.join(asked.arguments)}")
        start = time.process_time()
        result, found = outcome(asked, project)
        seconds = time.process_time() - start
    print(
        f"{result.out}{result.err}----- status {result.status}, {seconds:.1f} s of processor time,"
        f" broken: {found or 'none'}"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
