"""`convcalc check`: holds networks against their expectations, budgets and growth."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.checks.project.gate import NO_LOCK, Baseline, Gate, judge
from convcalc.checks.project.targets import LOCK_NAME, Target, find_targets
from convcalc.checks.project.verdicts import Verdict, worst_status
from convcalc.cli import options
from convcalc.cli.actions import errors_annotated, in_actions, publish, repository_folder
from convcalc.cli.guard import guarded, tell, tell_problems, unusable
from convcalc.cli.output import emit, terminal
from convcalc.diagnostics import WRONG, ConvcalcError, Help, Problem, printable, refused

if TYPE_CHECKING:
    from convcalc.checks.project.config import Config
    from convcalc.language.reading.limits import Limit

#: Formats that only need the verdicts: the function of `convcalc.render` that draws it.
FORMATS = {
    "concise": "check_text.concise_text",
    "json": "check_json.check_json",
    "junit": "junit.junit_text",
    "markdown": "check_markdown.check_markdown",
}
#: `github` is the text with annotations beside it; `sarif` has to know where the repository is.
_ALL_FORMATS = ("text", *FORMATS, "github", "sarif")
#: Formats that show what the lock has, whether growth is limited or not.
_COMPARING = ("json", "github", "markdown")


@guarded
def check(
    files: options.Files = None,
    sets: options.Sets = None,
    input_: options.Input = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="LIMIT",
            help="Fail beyond this too: 'macs>+2%' over convcalc.lock, 'macs>310M' in all;"
            " repeatable.",
        ),
    ] = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 where checks fail.")
    ] = False,
    style: Annotated[str | None, options.FORMAT] = None,
    output: options.Output = None,
) -> int:
    """Every network is read, its shapes fit, its `expect` holds, and its limits are kept.

    Examples:
      convcalc check                       what the nearest convcalc.yaml names
      convcalc check mynet.yaml
      convcalc check configs/ 'models/*.yaml' --format concise
      convcalc check --fail-on 'macs>+2%'  against convcalc.lock

    Limits stand in a spec's `budget` and in convcalc.yaml; those of its entries that name a FILE
    hold for that file. A broken file does not stop the others. Exit status: 0 all good; 1 a spec is
    wrong, or something does not hold; 2 a file, convcalc.yaml or the lock cannot be used. Formats:
    text, concise, json, github, junit, sarif, markdown; in a step of GitHub Actions github, which
    is text and annotations.
    """
    if style is None:
        style = "github" if in_actions() else "text"
    options.read_word("--format", style, _ALL_FORMATS)
    with errors_annotated(style == "github"):
        verdicts = _judged(files or [], sets, input_, fail_on, style)
        _report(verdicts, style, output)
    if style == "github":
        publish(verdicts)
    status = worst_status(verdicts)
    return 0 if exit_zero and status == WRONG else status


def _judged(
    files: Sequence[str],
    sets: Sequence[str] | None,
    input_: Sequence[str] | None,
    fail_on: Sequence[str] | None,
    style: str,
) -> list[Verdict]:
    """What became of each network that the options describe."""
    args = options.read_sets(sets)
    inputs = options.read_inputs(input_)
    limits = _fail_on(fail_on)
    if inputs is not None and any(limit.growth is not None for limit in limits):
        unusable(
            "--fail-on compares with the lock, which is about the files' own inputs",
            "a growth goes without --input; a limit such as 'macs>310M' goes with it",
        )
    config = _config()
    if not files and config is None:
        help_text = "name files, as in `convcalc check models/`, or write a convcalc.yaml"
        raise refused("no-files", "no FILE, and no convcalc.yaml from here upwards", help_text)
    targets = find_targets(files, config, args)
    baseline = None
    if inputs is None:
        baseline = _baseline(config, targets, limits, style)
    gate = Gate(baseline, limits, inputs, every_total=style in _COMPARING)
    verdicts = [judge(target, gate) for target in targets]
    if baseline is None and inputs is None:
        verdicts = _blamed(verdicts, targets, gate, config)
    return verdicts


def _config() -> Config | None:
    from convcalc.checks.project.config import find_config, read_config

    path = find_config()
    return read_config(path) if path is not None else None


def _fail_on(texts: Sequence[str] | None) -> tuple[Limit, ...]:
    if not texts:
        return ()
    from convcalc.checks.project.fail_on import read_fail_on

    return tuple([read_fail_on(text) for text in texts])


def _baseline(
    config: Config | None, targets: Sequence[Target], limits: Sequence[Limit], style: str
) -> Baseline | None:
    """The lock beside convcalc.yaml, or here; None where nothing is compared with it.

    One that is not there or cannot be read is a problem of each network that is held against it,
    and keeps none from being checked.
    """
    grown = [limit for target in targets if target.rules for limit in target.rules.growth]
    grown += [limit for limit in limits if limit.growth is not None]
    if not grown and style not in _COMPARING:
        return None
    from convcalc.checks.lock.file import read_lock

    path = _lock_path(config)
    if os.path.lexists(path):
        try:
            return Baseline(path, read_lock(path, whole=False))
        except ConvcalcError as error:
            return Baseline(path, None, error.problems)
    if not grown:
        return None
    span = None if grown[0].span.source.name.startswith("--") else grown[0].span
    message = f"growth is measured against {printable(path, 200)}, and there is none"
    facts = (Help("`convcalc lock` writes it; commit it"),)
    return Baseline(path, None, (Problem(NO_LOCK, message, span, facts),))


def _blamed(
    verdicts: list[Verdict], targets: Sequence[Target], gate: Gate, config: Config | None
) -> list[Verdict]:
    """Where an expectation is broken and there is a lock: the line that has changed since."""
    path = _lock_path(config)
    # Standard input is not locked, and cannot be read again.
    broken = [
        verdict.file != "-" and any(problem.code == "expectation" for problem in verdict.problems)
        for verdict in verdicts
    ]
    if not any(broken) or not os.path.lexists(path):
        return verdicts
    from convcalc.checks.lock.file import read_lock

    try:
        gate = gate._replace(baseline=Baseline(path, read_lock(path, whole=False)))
        return [
            judge(target, gate)._replace(baseline={}) if again else verdict
            for target, verdict, again in zip(targets, verdicts, broken, strict=True)
        ]
    except ConvcalcError:
        return verdicts  # nothing asked for the lock; `lock --check` tells what is wrong with it


def _lock_path(config: Config | None) -> str:
    """The lock beside convcalc.yaml, or here."""
    return os.path.join(config.folder if config is not None else "", LOCK_NAME)


def _report(verdicts: Sequence[Verdict], style: str, output: str | None) -> None:
    """Mistakes on standard error; the report on standard output, if any network could be read."""
    from convcalc.render.check_text import check_text, drawn_elsewhere

    log: Callable[[str], str] = str
    if style == "github":
        from convcalc.render.github import harmless as log
    if style != "concise":
        reported: set[tuple[object, ...]] = set()
        for verdict in verdicts:
            # A mistake is reported once, however many variants of a file or networks it concerns.
            problems = [p for p in drawn_elsewhere(verdict) if p.identity not in reported]
            reported.update([problem.identity for problem in problems])
            if problems and style == "github":
                from convcalc.render.diagnostics import diagnostics_text

                tell(log(diagnostics_text(problems)) + "\n")
            elif problems:
                tell_problems(problems, "\n")
    if style == "sarif":
        from convcalc.render.sarif import sarif_text

        emit(sarif_text(verdicts, repository_folder()), output)
    elif style not in {"text", "github"}:
        module, _, name = FORMATS[style].partition(".")
        draw: Callable[[Sequence[Verdict]], str]
        draw = getattr(import_module(f"convcalc.render.{module}"), name)
        emit(draw(verdicts), output)
    elif output is None and not any(verdict.totals for verdict in verdicts):
        # As with every command: standard output stays empty where nothing could be read.
        tell(log(check_text(verdicts)))
    elif output is None and terminal():
        from convcalc.render.check_terminal import print_check

        print_check(check_text(verdicts))
    else:
        emit(log(check_text(verdicts)), output)
