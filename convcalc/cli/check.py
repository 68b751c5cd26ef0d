"""`convcalc check`: checks networks, their expectations and their limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.checks.project.check import check_networks
from convcalc.checks.project.findings import CheckedNetwork, worst_status
from convcalc.cli import options
from convcalc.cli.actions import annotated, errors_annotated, publish, repository_folder
from convcalc.cli.boards import Board, memory_of
from convcalc.cli.guard import (
    error_width,
    guarded,
    in_actions,
    refuse,
    report_problems,
    write_error,
)
from convcalc.cli.output import chosen_format, emit, terminal
from convcalc.cli.project import read_project
from convcalc.problems import WRONG, Span, printable
from convcalc.quantities import DTYPES

if TYPE_CHECKING:
    from convcalc.language.reading.limits import Limit

FORMATS = ("text", "concise", "json", "github", "junit", "sarif", "markdown")
#: How formats are written; the others are plain text.
_SYNTAX = {"json": "json", "sarif": "json", "junit": "xml"}
#: Problems of one code at one place that variants of a file report.
_MOST_ALIKE = 2
#: Formats that compare with the lock even if no growth is limited.
_COMPARING = ("json", "github", "markdown")


@guarded
def check(  # noqa: PLR0913, PLR0917 - an argument for each option
    files: options.Files = None,
    sets: options.Sets = None,
    input_: options.Input = None,
    max_layers: options.MaxLayers = options.MAX_LAYERS,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="LIMIT",
            help="Also fail beyond this limit: 'macs>+2%', 'macs>310M'. With a"
            " percentage it is over convcalc.lock. Repeatable.",
        ),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype",
            metavar="NAME",
            help="Count bytes in numbers of this type. It is about --fail-on and totals;"
            " by default that of the budget.",
        ),
    ] = None,
    config: options.Config = None,
    device: Board = None,
    allow_unknown: options.AllowUnknown = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REV",
            help="Annotate at lines that changed since this git revision. With --format github;"
            " in a pull request the revision that it is based on is known.",
        ),
    ] = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 even if checks fail.")
    ] = False,
    style: Annotated[str | None, options.FORMAT] = None,
    output: options.Output = None,
) -> int:
    """Check that networks are right and keep their limits.

    Examples:
      convcalc check                       what the nearest convcalc.yaml names
      convcalc check mynet.yaml
      convcalc check configs/ 'models/*.yaml' --format concise
      convcalc check --fail-on 'macs>+2%'  against convcalc.lock
      convcalc check mynet.yaml --dtype int8 --fail-on 'arena>256kB'
      convcalc check mynet.yaml --dtype int8 --device stm32f746

    Networks must be readable, their shapes must fit, and their `expect` and limits must hold.
    Limits are set in a spec's `budget` and in convcalc.yaml; those of its entries that name a FILE
    apply to that file. A broken file does not stop the others. Exit status: 0 all good; 1 a spec is
    wrong, or something does not hold; 2 a file, convcalc.yaml or the lock cannot be used. Formats:
    text, concise, json, github, junit, sarif, markdown; the suffix of --output chooses one as well.
    In a step of GitHub Actions the default is github, which is text and annotations.
    """
    chosen = chosen_format(style, output, FORMATS)
    # In GitHub Actions, text is annotated unless it is asked for by its name.
    style = "github" if style is None and chosen == "text" and in_actions() else chosen
    with errors_annotated(style == "github"):
        most = options.read_max_layers(max_layers)
        if dtype is not None:
            options.read_word("--dtype", dtype, tuple(DTYPES))
        limits = _read_limits(fail_on or (), device)
        checked = _checked(files, sets, input_, limits, style, most, allow_unknown, dtype, config)
        _report(checked, style, output)
        moved = annotated(checked, base) if style == "github" else checked
    if style == "github":
        publish(moved, checked)
    status = worst_status(checked)
    return 0 if exit_zero and status == WRONG else status


#: Networks for which the input sizes that fit are looked for: half a second each at most.
_MOST_FITTED = 8


def _checked(  # noqa: PLR0917 - an argument for each option
    files: Sequence[str] | None,
    sets: Sequence[str] | None,
    input_: Sequence[str] | None,
    limits: tuple[Limit, ...],
    style: str,
    max_layers: int,
    allow_unknown: bool,
    dtype: str | None,
    config: str | None,
) -> list[CheckedNetwork]:
    """Checks the networks that the options describe."""
    inputs = options.read_inputs(input_)
    if inputs is not None and any(limit.growth is not None for limit in limits):
        refuse(
            "--fail-on compares with the lock, which is about the files' own inputs",
            "a growth goes without --input; a limit such as 'macs>310M' goes with it",
        )
    project = read_project("check", files, sets, max_layers, config)
    checked = check_networks(
        project.targets,
        project.lock,
        limits,
        inputs,
        every_total=style in _COMPARING,
        max_layers=max_layers,
        allow_unknown=allow_unknown,
        dtype=dtype,
    )
    return _with_fitting(checked)


def _with_fitting(checked: Sequence[CheckedNetwork]) -> list[CheckedNetwork]:
    """The same; networks whose input does not fit report the sizes that do, if they are few."""
    of_mistakes: dict[tuple[object, ...], list[int]] = {}
    for number, network in enumerate(checked):
        if network.error is not None and network.problems:
            of_mistakes.setdefault(network.problems[0].identity, []).append(number)
    found = list(checked)
    left = _MOST_FITTED
    for numbers in of_mistakes.values():
        from convcalc.explore.fitting import may_be_of_sizes, with_fitting  # only mistakes need it

        errors = [checked[number].error for number in numbers]
        # A mistake of several variants is shown once, where all that is known of it is the same.
        if len(numbers) > left or not all(error and may_be_of_sizes(error) for error in errors):
            continue
        left -= len(numbers)
        for number, error in zip(numbers, errors, strict=True):
            if error is not None:
                problems = with_fitting(error, checked[number].problems)
                found[number] = checked[number]._replace(problems=problems)
    return found


def _read_limits(fail_on: Sequence[str], device: str | None) -> tuple[Limit, ...]:
    """The limits of `--fail-on`, and those of a board's memory."""
    if not fail_on and device is None:
        return ()
    from convcalc.checks.project.fail_on import read_fail_on

    found = [read_fail_on(text) for text in fail_on]
    if device is not None:
        option = f"--device {printable(device, 200)}"
        for metric, most in memory_of(device).items():
            found.append(read_fail_on(f"{metric}>{most}")._replace(option=option))
    return tuple(found)


def _report(checked: Sequence[CheckedNetwork], style: str, output: str | None) -> None:
    """Writes problems to standard error, and the report to standard output."""
    from convcalc.render.check_text import check_text

    log: Callable[[str], str] = str
    if style == "github":
        from convcalc.render.github import harmless as log
    if style != "concise":
        _report_problems(checked, style, log)
    if style not in {"text", "github"}:
        emit(_for_programs(checked, style), output, _SYNTAX.get(style, "text"))
    elif output is None and not any(network.totals for network in checked):
        # As with every command: if nothing could be read, standard output stays empty.
        write_error(log(check_text(checked)))
    elif output is None and terminal():
        from convcalc.render.check_terminal import print_check

        print_check(check_text(checked))
    else:
        emit(log(check_text(checked)), output)


def _report_problems(
    checked: Sequence[CheckedNetwork], style: str, log: Callable[[str], str]
) -> None:
    """Writes the problems that the report does not show.

    A problem of several networks, or variants of a file, is reported once; of problems of one code
    at one place, which variants may have with other figures, the first few.
    """
    from convcalc.render.check_text import drawn_elsewhere, warnings_elsewhere

    details = _details(checked) if style == "text" else ""
    reported: set[tuple[object, ...]] = set()
    alike: Counter[tuple[str, Span | None]] = Counter()
    left_out = 0
    for network in checked:
        found = {"error": drawn_elsewhere(network), "warning": warnings_elsewhere(network)}
        for level, every in found.items():
            problems = [p for p in every if p.identity not in reported]
            reported.update([problem.identity for problem in problems])
            if network.variant:
                few = [p for p in problems if alike[p.code, p.span] < _MOST_ALIKE]
                left_out += len(problems) - len(few)
                problems = few
            alike.update([(problem.code, problem.span) for problem in problems])
            if problems and style == "github":
                from convcalc.render.diagnostics import diagnostics_text

                write_error(log(diagnostics_text(problems, level)) + "\n")
            elif problems:
                report_problems(problems, f"{details}\n", level)
    if left_out:
        write_error(f"{left_out:,} more at the same places, in other variants\n\n")


def _details(checked: Sequence[CheckedNetwork]) -> str:
    """What could be read of the only network that is checked; "" where there are others."""
    if len(checked) > 1 or checked[0].error is None:
        return ""
    from convcalc.render.partial import partial_text

    return partial_text(checked[0].error, error_width())


def _for_programs(checked: Sequence[CheckedNetwork], style: str) -> str:
    if style == "concise":
        from convcalc.render.check_text import concise_text

        return concise_text(checked)
    if style == "json":
        from convcalc.render.check_json import check_json

        return check_json(checked)
    if style == "junit":
        from convcalc.render.junit import junit_text

        return junit_text(checked)
    if style == "sarif":
        from convcalc.render.sarif import sarif_text

        return sarif_text(checked, repository_folder())
    from convcalc.render.check_markdown import check_markdown

    return check_markdown(checked)
