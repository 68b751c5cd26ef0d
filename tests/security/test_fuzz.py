"""A few of the fuzzer's cases; `python -m tests.security.fuzz` runs as many as one likes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.cli.runner import Result, run
from tests.security.fuzz import Case, broken, fuzz, in_project, outcome
from tests.security.hostile import CONFIGS, SECRET, SMALL


@pytest.mark.no_cover
def test_hostile_files_break_no_promise() -> None:
    statuses, failures = fuzz(0, range(150))
    assert failures == []
    assert set(statuses) == {0, 1, 2}


@pytest.mark.long
@pytest.mark.no_cover
def test_many_hostile_files_break_no_promise() -> None:
    statuses, failures = fuzz(1, range(5_000))
    assert failures == []
    assert sum(statuses.values()) == 5_000


def test_what_is_changed_is_right_before() -> None:
    with in_project() as project:
        for text in SMALL:
            (project / "net.yaml").write_text(text, encoding="utf-8")
            assert run("shapes", "net.yaml").status == 0, text
        (project / "net.yaml").write_text(SMALL[2], encoding="utf-8")
        assert run("lock", "net.yaml").status == 0
        for config in CONFIGS:
            (project / "convcalc.yaml").write_text(config, encoding="utf-8")
            assert run("check").status in (0, 1), config


def test_the_same_number_is_the_same_case() -> None:
    assert fuzz(5, range(20)) == fuzz(5, range(20))


@pytest.mark.parametrize(
    ("result", "arguments", "what"),
    [
        (Result(3, "", ""), (), "status 3"),
        (Result(1, "", "error[internal]: x"), (), "an internal error"),
        (Result(2, "", ""), (), "status 2 without a message"),
        (Result(0, SECRET, ""), (), "shows a file that it must not show"),
        (Result(0, "{", ""), ("--format", "json"), "json that cannot be read"),
        (Result(0, "a,b\nc\n", ""), ("--format", "csv"), "csv that cannot be read"),
        (Result(0, "<a>", ""), ("--format", "junit"), "junit that cannot be read"),
        (Result(0, "\x1b[31m", ""), (), "a control character"),
        (Result(0, "a\n ::error::x\n", ""), ("shapes",), "a workflow command"),
        (Result(0, "", "a ##[error]x"), ("check",), "a workflow command"),
    ],
)
def test_a_broken_promise_is_noticed(result: Result, arguments: tuple[str, ...], what: str) -> None:
    found = list(broken(result, Case({}, arguments, in_actions=True)))
    assert [text[: len(what)] for text in found] == [what]


def test_what_holds_is_not_reported() -> None:
    annotation = "::error file=a.yaml,line=1::no\n"
    asked = Case({}, ("check", "--format", "github"), in_actions=True)
    assert list(broken(Result(1, annotation, ""), asked)) == []


def test_a_command_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(*_: str) -> Result:
        while True:
            pass

    monkeypatch.setattr("tests.security.fuzz.run", forever)
    monkeypatch.setattr("tests.security.fuzz.SECONDS", 0.05)
    with in_project() as project:
        _, found = outcome(Case({}, (), in_actions=False), project)
    assert found == ["more than 0.05 s"]


def test_a_command_that_takes_too_much_memory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.security.fuzz.run", lambda *_: bytearray(2 * 10**9))
    with in_project() as project:
        _, found = outcome(Case({}, (), in_actions=False), project)
    assert found == ["MemoryError: "]


def test_the_project_is_left_as_it_was() -> None:
    before = Path.cwd()
    seen = Counter[str]()
    with in_project() as project:
        names = sorted(path.name for path in project.iterdir())
        outcome(Case({"net.yaml": SMALL[0]}, ("lock", "net.yaml"), in_actions=False), project)
        assert sorted(path.name for path in project.iterdir()) == names
        seen.update(names)
    assert Path.cwd() == before
    assert seen["net.yaml"] == 0
