"""Annotations: what a runner reads out of them is what was found."""

from __future__ import annotations

import re
from typing import NamedTuple

from hypothesis import given

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.problems import Note, Problem
from convcalc.render.github import github_text
from tests.render.checked import BROKEN, CHECKED, MANY, NEAR, OVER


class Command(NamedTuple):
    """A workflow command as a runner understands it."""

    name: str
    properties: dict[str, str]
    text: str


def read(line: str) -> Command:
    """A line as the runner reads it: properties end at commas, names at "=", then escapes go."""
    found = re.fullmatch(r"::(\w+) ([^\r\n]*?)::([^\r\n]*)", line)
    assert found is not None, line
    name, properties, text = found.groups()
    pairs = [pair.partition("=") for pair in properties.split(",")]
    return Command(name, {key: plain(value, ":,") for key, _, value in pairs}, plain(text))


def plain(text: str, more: str = "") -> str:
    """Escapes undone, the percent sign's last as the runner does."""
    for character in "\r\n" + more:
        text = text.replace(f"%{ord(character):02X}", character)
    return text.replace("%25", "%")


def test_one_annotation_a_failed_network_and_one_a_warning() -> None:
    commands = [read(line) for line in github_text(CHECKED).splitlines()]
    assert [(command.name, command.properties) for command in commands] == [
        (
            "error",
            {
                "file": "models/edge/a.yaml",
                "line": "3",
                "col": "5",
                "title": "models/edge/a.yaml (width=0.5): over-budget",
            },
        ),
        (
            "error",
            {
                "file": "models/base.yaml",
                "line": "3",
                "col": "24",
                "title": "models/edge/b.yaml: window-too-large",
            },
        ),
        ("error", {"file": "models/gone.yaml", "title": "models/gone.yaml: unreadable"}),
        (
            "warning",
            {
                "file": "models/edge/a.yaml",
                "line": "3",
                "col": "5",
                "title": "models/edge/a.yaml (width=0.5): over-budget",
            },
        ),
    ]
    assert commands[0].text == (
        "macs is 1,622,016, at most 1,500,000 are allowed\n"
        "note: over by 122,016 (8.1%)\n"
        "help: shrink it, or edit the limit at convcalc.yaml:6\n"
        "and 1 more problem: see the log"
    )


def test_escaped_as_the_toolkit_escapes() -> None:
    # The wanted texts are those of the toolkit's own tests of `issueCommand`.
    problem = OVER._replace(message="percent % percent % cr", span=None, facts=(Note("x"),))
    text = github_text([CheckedNetwork("a: b, 100%.yaml", "", 1, (problem,))])
    assert text == (
        "::error file=a%3A b%2C 100%25.yaml,title=a%3A b%2C 100%25.yaml%3A over-budget"
        "::percent %25 percent %25 cr%0Anote: x\n"
    )


def test_paths_are_from_the_root_of_the_repository() -> None:
    command = read(github_text(CHECKED[1:2], "sub/project").strip())
    assert command.properties["file"] == "sub/project/models/base.yaml"
    outside = CheckedNetwork("../x.yaml", "", 1, (OVER._replace(span=None),))
    command = read(github_text([outside], "sub").strip())
    assert command.properties["file"] == "x.yaml"


def test_at_most_ten_of_each_and_the_others_are_counted() -> None:
    def numbered(problem: Problem, number: int) -> Problem:
        return problem._replace(message=f"{number}")

    failed = [
        CheckedNetwork(f"{number}.yaml", "", 1, (numbered(OVER, number), numbered(BROKEN, number)))
        for number in range(13)
    ]
    warned = [
        CheckedNetwork(f"{number}.yaml", "", 0, (), (numbered(NEAR, number),))
        for number in range(11)
    ]
    commands = [read(line) for line in github_text([*warned, *failed]).splitlines()]
    names = [command.name for command in commands]
    assert names == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 2
    assert commands[0].text.endswith("\nand 1 more problem: see the log")
    assert commands[-2].text == "3 more networks failed: see the summary"
    assert commands[-1].text == "1 more networks have a warning: see the summary"


def test_a_mistake_that_many_networks_share_is_reported_once() -> None:
    checked = [CheckedNetwork(f"{number}.yaml", "", 2, (OVER,), (NEAR,)) for number in range(3)]
    assert len(github_text(checked).splitlines()) == 2


def test_a_shipped_network_is_no_file_of_the_repository() -> None:
    problem = OVER._replace(span=None)
    assert (
        "file"
        not in read(github_text([CheckedNetwork("vgg16", "", 1, (problem,))]).strip()).properties
    )


def test_nothing_to_say_is_nothing() -> None:
    assert github_text(CHECKED[3:]) == github_text([]) == ""


def words(problem: Problem) -> tuple[object, ...]:
    """All that a reader sees of a problem: variants of a file have texts of their own in memory."""
    return (problem.identity, problem.facts)


@given(MANY)
def test_every_name_arrives_as_it_is_shown(checked: list[CheckedNetwork]) -> None:
    text = github_text(checked)
    commands = [read(line) for line in text.split("\n")[:-1]]
    errors = [command for command in commands if command.name == "error"]
    # A network that failed without a word is told so, and tells of no problem.
    errors = [command for command in errors if not command.text.endswith(": failed")]
    failed = [network for network in checked if network.status and network.problems]
    told: set[tuple[object, ...]] = set()
    for network in failed:
        new = [problem for problem in network.problems if words(problem) not in told]
        told.update([words(problem) for problem in network.problems])
        if not new:
            continue
        problem = new[0]
        command = errors.pop(0)
        assert set(command.properties) <= {"file", "line", "col", "title"}
        assert command.properties["title"].endswith(f": {problem.code}")
        assert command.properties["title"].isprintable()
        if problem.span:
            assert command.properties["line"] == str(problem.span.line)
            assert command.properties["file"].endswith(".yaml")
        text = problem.about(variant="").text
        if text.isprintable():
            assert command.text.split("\n")[0] == text
    assert not errors
