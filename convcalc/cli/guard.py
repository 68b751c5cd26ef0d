"""What every command does about errors: the message, and the exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import NoReturn, ParamSpec

from convcalc.problems import ConvcalcError, Problem, refused

#: Something in convcalc itself went wrong.
INTERNAL = 3
#: What a shell gives a command that was interrupted.
INTERRUPTED = 130

P = ParamSpec("P")


def guarded(command: Callable[P, int]) -> Callable[P, None]:
    """Turns a function that returns an exit status into a command.

    Every error becomes a message on standard error and a status; nothing becomes a traceback.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            status = command(*args, **kwargs)
        except ConvcalcError as error:
            tell_problems(error.problems)
            status = error.status
        except BrokenPipeError:
            forget_output()
            status = 0
        except KeyboardInterrupt:
            tell("\ninterrupted\n")
            status = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the outermost place: nothing may pass
            status = _internal(error)
        sys.exit(status)

    return run


def _internal(error: Exception) -> int:
    if os.environ.get("CONVCALC_DEBUG"):
        raise error
    tell(
        f"error[internal]: {type(error).__name__}: {error}\n"
        "This is a mistake in convcalc, not in your file. Please report it with the command and the"
        " file; CONVCALC_DEBUG=1 shows where it happened.\n"
    )
    return INTERNAL


def tell(text: str) -> None:
    """Writes to standard error; where that is closed or full the exit status alone must do."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):
        sys.stderr = None


def tell_problems(problems: Sequence[Problem], after: str = "") -> None:
    """Draws problems on standard error, to its width where that is a terminal."""
    from convcalc.render.diagnostics import diagnostics_text

    width = 0
    if os.environ.get("TERM") != "dumb":
        with suppress(AttributeError, OSError, ValueError):  # closed, or no terminal
            width = os.get_terminal_size(sys.stderr.fileno()).columns
    tell(diagnostics_text(problems, width=width or None) + after)


def forget_output() -> None:
    """Points standard output at nothing, so that Python's exit does not write to it again."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)


def unusable(message: str, help_text: str = "") -> NoReturn:
    """Refuses an option's value: exit status 2."""
    raise refused("bad-option", message, help_text)
