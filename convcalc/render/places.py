"""How reports for other programs name files and networks."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.facts import worded
from convcalc.problems import Problem, printable

#: Characters of a name or of a fact that are shown.
_LONGEST = 500


def network_name(network: CheckedNetwork) -> str:
    """A network's file and, where it has any, its arguments, fit to be shown."""
    return printable(network.name, _LONGEST)


def problem_file(problem: Problem, network: CheckedNetwork) -> str:
    """The file to point at: the problem's own, or else the network's."""
    return problem.span.source.name if problem.span else network.file


def not_reported(problems: Iterable[Problem], known: set[object]) -> list[Problem]:
    """Those problems that are not known yet, which then are.

    A mistake in convcalc.yaml is a problem of every network that it concerns, and one in a spec
    often of all its variants; each is reported once.
    """
    new = []
    for problem in problems:
        key = (problem.identity, problem.facts)
        if key not in known:
            known.add(key)
            new.append(problem)
    return new


def repository_path(path: str, folder: str = "") -> str:
    """A file's path from the root of its repository, with forward slashes.

    `folder` is where in the repository the command ran. An absolute path stays one.

    >>> repository_path("../base.yaml", "models/edge")
    'models/base.yaml'
    """
    return posixpath.normpath(posixpath.join(folder, path).replace(os.sep, "/"))


def beside_name(problem: Problem) -> str:
    """A problem beside the network's name, without its place: the message, a line for each fact."""
    facts = [f"{label}: {printable(text, _LONGEST)}" for label, text in worded(problem.facts)]
    message = problem.about(variant="").text
    return "\n".join([printable(message, 2 * _LONGEST), *facts])
