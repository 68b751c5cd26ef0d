"""Turns every error of a command into a message and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import NoReturn, ParamSpec

from convcalc.problems import UNUSABLE, WRONG, ConvcalcError, Problem, refused

#: Exit status of a mistake in convcalc itself.
INTERNAL = 3
#: Exit status that a shell gives an interrupted command.
INTERRUPTED = 130

P = ParamSpec("P")


class DetailedError(ConvcalcError):
    """Problems after which more is written to standard error.

    details  that text for a width in columns, None where it is no terminal
    """

    def __init__(
        self, problems: Sequence[Problem], details: Callable[[int | None], str], status: int = WRONG
    ) -> None:
        super().__init__(problems, status)
        self.details = details


def guarded(command: Callable[P, int]) -> Callable[P, None]:
    """Turns a function that returns an exit status into a command.

    Every error becomes a message on standard error and a status; nothing becomes a traceback.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            status = command(*args, **kwargs)
        except ConvcalcError as error:
            report_error(error)
            status = error.status
        except MemoryError:
            message = "there is not enough memory for it"
            report_problems([Problem("no-memory", message)])
            status = UNUSABLE
        except BrokenPipeError:
            discard_output()
            status = 0
        except KeyboardInterrupt:
            write_error("\ninterrupted\n")
            status = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the last resort: no traceback
            status = _internal(error)
        sys.exit(status)

    return run


def _internal(error: Exception) -> int:
    if os.environ.get("CONVCALC_DEBUG"):
        raise error
    write_error(
        f"error[internal]: {type(error).__name__}: {error}\n"
        "This is a mistake in convcalc, not in your file. Please report it with the command and the"
        " file; CONVCALC_DEBUG=1 shows where it happened.\n"
    )
    return INTERNAL


def in_actions() -> bool:
    """Whether a runner of GitHub Actions started this command."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def in_log(text: str, syntax: str = "text") -> str:
    """A text for a log: in a step of GitHub Actions, nothing in it is a command to the runner."""
    if not in_actions():
        return text
    from convcalc.render.github import harmless

    return harmless(text, syntax)


def write_error(text: str) -> None:
    """Writes to standard error; if that is closed or full, the exit status has to do."""
    text = in_log(text)
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):
        sys.stderr = None


def report_problems(problems: Sequence[Problem], after: str = "", level: str = "error") -> None:
    """Writes problems to standard error, wrapped to its width if it is a terminal."""
    from convcalc.render.diagnostics import diagnostics_text

    write_error(diagnostics_text(problems, level, error_width(), error_colours()) + after)


def report_error(error: ConvcalcError) -> None:
    """Writes problems, and what is known besides, to standard error."""
    details = error.details(error_width()) if isinstance(error, DetailedError) else ""
    report_problems(error.problems, details)


def error_width() -> int | None:
    """The columns of standard error; None where it is no terminal."""
    width = 0
    if os.environ.get("TERM") != "dumb":
        with suppress(AttributeError, OSError, ValueError):  # closed, or not a terminal
            width = os.get_terminal_size(sys.stderr.fileno()).columns
    return width or None


def error_colours() -> bool:
    """Whether standard error is a terminal with colours, and NO_COLOR does not turn them off."""
    if os.environ.get("NO_COLOR") or in_actions() or error_width() is None:
        return False
    # The old console of Windows shows escape sequences as they are.
    return sys.platform != "win32" or "WT_SESSION" in os.environ


def discard_output() -> None:
    """Redirects standard output to the null device, so that Python does not flush it at exit."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)


def refuse(message: str, help_text: str = "") -> NoReturn:
    """Refuses the value of an option: exit status 2."""
    raise refused("bad-option", message, help_text)
