"""What `check` found as annotations of a pull request: workflow commands of GitHub Actions."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.problems import Problem, printable
from convcalc.render.places import (
    beside_name,
    network_name,
    not_reported,
    problem_file,
    repository_path,
)

#: GitHub shows ten errors and ten warnings of a step, and drops what comes after.
MOST = 10


#: The beginning of a line that a runner obeys: it drops blanks, of which Unicode has many.
_BEGINNING = re.compile(r"((?:\A|[\r\n])[^!-~\r\n]*)::")
#: The cells of CSV that may hold one: those in quotes, and first ones without.
_CELL = re.compile(r'"(?:[^"]|"")*"|(?:\A|(?<=[\r\n]))[^!-~\r\n]*::[^,\r\n]*')


def github_text(checked: Sequence[CheckedNetwork], folder: str = "") -> str:
    """A workflow command for each network that failed, and for each with a warning, a line each.

    Of a network only the first problem is shown, and at most ten networks of either sort; a notice
    counts the others. `folder` is where in the repository the command ran. Empty where all is good.

    Source: "Workflow commands for GitHub Actions", GitHub's documentation.
    """
    reported: set[object] = set()
    failed = [
        (network, not_reported(network.problems, reported)) for network in checked if network.status
    ]
    warned = [(network, not_reported(network.warnings, reported)) for network in checked]
    # A network is left out if its problems are reported with another; one without any still failed.
    failed = [(network, new) for network, new in failed if new or not network.problems]
    warned = [(network, new) for network, new in warned if new]
    lines = [_annotation("error", *both, folder) for both in failed[:MOST]]
    lines += [_annotation("warning", *both, folder) for both in warned[:MOST]]
    left = max(len(failed) - MOST, 0), max(len(warned) - MOST, 0)
    lines += [
        _command("notice", {"title": "convcalc"}, f"{count} more networks {what}: see the summary")
        for count, what in zip(left, ("failed", "have a warning"), strict=True)
        if count
    ]
    return "".join(f"{line}\n" for line in lines)


def harmless(text: str, syntax: str = "text") -> str:
    r"""A text for the log in which no line is a workflow command, whatever the names in it.

    A runner obeys a line that begins with `::`, blanks aside, and `##[` wherever it stands. In
    JSON and XML an escape stands for a character of it, and the data stay the same; so do those of
    CSV, whose cells are quoted, except for `##[` and for lines within a cell.

    syntax  "text", "json", "xml" or "csv"

    Source: `ActionCommand.cs` in github.com/actions/runner.

    >>> print(harmless("::debug::x.yaml: ok"))
    \::debug::x.yaml: ok
    >>> print(harmless('{"name": "##[error]"}', "json"))
    {"name": "##\u005berror]"}
    """
    if syntax == "json":  # a line of it begins with a bracket, a quote, a word or a number
        return text.replace("##[", "##\\u005b")
    if syntax == "xml":
        return _BEGINNING.sub(r"\1&#58;:", text).replace("##[", "##&#91;")
    if syntax == "csv":
        return _CELL.sub(_harmless_cell, text).replace("##[", "##\\[")
    return _BEGINNING.sub(r"\1\\::", text).replace("##[", "##\\[")


def _harmless_cell(match: re.Match[str]) -> str:
    cell = match[0]
    return _BEGINNING.sub(r"\1\\::", cell) if cell.startswith('"') else f'"{cell}"'


def _annotation(
    level: str, network: CheckedNetwork, problems: Sequence[Problem], folder: str
) -> str:
    if not problems:
        return _command(level, {"title": "convcalc"}, f"{network_name(network)}: failed")
    problem = problems[0]
    properties = {}
    file = problem_file(problem, network)
    # What is no file (a shipped network's name, standard input) has no place in the repository.
    if problem.span or os.path.splitext(file)[1]:
        properties["file"] = printable(repository_path(file, folder), 4096)
    if problem.span:
        properties |= {"line": str(problem.span.line), "col": str(problem.span.column)}
    properties["title"] = f"{network_name(network)}: {problem.code}"
    text = beside_name(problem)
    if len(problems) > 1:
        others = len(problems) - 1
        text += f"\nand {others} more problem{'s' * (others > 1)}: see the log"
    return _command(level, properties, text)


def _command(level: str, properties: dict[str, str], text: str) -> str:
    pairs = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{level} {pairs}::{_data(text)}"


def _data(text: str) -> str:
    """Text after the second `::`; the percent sign goes first, the others bring new ones.

    >>> _data("50% more:\\nsee")
    '50%25 more:%0Asee'
    """
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property's value, which a comma or a colon would end.

    >>> _property("a,b:c")
    'a%2Cb%3Ac'
    """
    return _data(text).replace(":", "%3A").replace(",", "%2C")
