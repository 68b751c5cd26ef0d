"""A few of the fuzzer's cases; `python -m tests.security.fuzz` runs as many as one likes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.cli.runner import Result, run
from tests.security.drawing import COMMANDS, Case, Material, case
from tests.security.fuzz import fuzz, outcome
from tests.security.hostile import CONFIGS, SECRET, SMALL, configs, corpus, devices
from tests.security.hostile_locks import lock_changed
from tests.security.project import Project, in_project
from tests.security.promises import broken


@pytest.fixture(name="project", scope="module")
def _project() -> Iterator[Project]:
    with in_project() as project:
        yield project


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


def test_what_is_changed_is_right_before(project: Project) -> None:
    for text in SMALL:
        (project.root / "net.yaml").write_text(text, encoding="utf-8")
        assert run("shapes", "net.yaml").status == 0, text
    (project.root / "net.yaml").write_text(SMALL[2], encoding="utf-8")
    assert run("lock", "net.yaml").status == 0
    for config in CONFIGS:
        (project.root / "convcalc.yaml").write_text(config, encoding="utf-8")
        assert run("check").status in (0, 1), config
    for name in ("net.yaml", "convcalc.yaml", "convcalc.lock"):
        (project.root / name).unlink()


def test_files_of_the_repository_are_changed() -> None:
    shipped, documented, wrong = corpus()
    assert min(len(shipped), len(documented), len(wrong)) > 20
    assert all(configs())
    assert len(devices()) == 7


def test_every_command_is_drawn_with_every_kind_of_file(project: Project) -> None:
    material = Material(project)
    drawn = [case(3, number, material) for number in range(300)]
    words = {word.split()[0] for word in COMMANDS}
    assert {one.arguments[0] for one in drawn} == words
    names = {name for one in drawn for name in one.files}
    assert {"convcalc.yaml", "convcalc.lock", "board.yaml", "w.npz", "x.npy", "old.yaml"} < names
    assert any(one.stdin for one in drawn)


def test_a_lock_that_is_changed_is_a_real_one(project: Project) -> None:
    material = Material(project)
    text = material.lock_of(SMALL[2], "")
    assert text.startswith("convcalc.lock 1\n# ")
    assert "network net.yaml\n" in text
    two = material.lock_of(SMALL[2], "networks: [{files: net.yaml, set: {n: [1, 2]}}]")
    assert "network net.yaml n=1\n" in two


def test_a_number_of_a_lock_is_changed_again_however_long_it_is() -> None:
    text = f"convcalc.lock 1\nnetwork net.yaml\n  total params: {'9' * 5_000}\n"
    for seed in range(200):
        assert isinstance(lock_changed(text, Random(seed), ["a"]), bytes)


def test_the_same_number_is_the_same_case() -> None:
    assert fuzz(5, range(20)) == fuzz(5, range(20))
    with in_project() as project:
        material = Material(project)
        first = [case(5, number, material) for number in range(25)]
    with in_project() as project:
        material = Material(project)
        assert [case(5, number, material) for number in range(24, -1, -1)] == first[::-1]


MARKDOWN = "| a | b |\n| --- | --- |\n| c\\|d | e |\n"


@pytest.mark.parametrize(
    ("result", "arguments", "what"),
    [
        (Result(3, "", "a"), (), "status 3"),
        (Result(1, "", "error[internal]: x"), (), "an internal error"),
        (Result(1, "", "error[shape-differs]: x"), ("verify",), "a wrong prediction"),
        (Result(2, "", "error[no-memory]: x"), ("lock",), "more memory than there is"),
        (Result(2, "", ""), (), "status 2 without a message"),
        (Result(0, SECRET, ""), (), "shows a file that it must not show"),
        (Result(0, "{", ""), ("--format", "json"), "json that cannot be read"),
        (Result(0, "[NaN]", ""), ("--format", "json"), "json that cannot be read"),
        (Result(0, "a,b\nc\n", ""), ("--format", "csv"), "csv that cannot be read"),
        (Result(0, "<a>", ""), ("--format", "junit"), "junit that cannot be read"),
        (
            Result(0, f"{MARKDOWN}| f|g | h |\n", ""),
            ("--format", "markdown"),
            "markdown that cannot",
        ),
        (Result(0, "\x1b[31m", ""), (), "a control character"),
        (Result(0, "", "a\u202eb"), ("--format", "json"), "a control character"),
        (Result(0, "a\n ::error::x\n", ""), ("shapes",), "a workflow command"),
        (Result(0, "", "a ##[error]x"), ("check",), "a workflow command"),
        (Result(0, "::error::pwned\n", ""), ("check",), "a workflow command"),
        (Result(0, "::error title=a::pwned", ""), ("check",), "a workflow command"),
        (Result(0, "::error title=a::b%0A::error::pwned", ""), ("check",), "an annotation that"),
    ],
)
def test_a_broken_promise_is_noticed(result: Result, arguments: tuple[str, ...], what: str) -> None:
    found = list(broken(result, arguments, in_actions=True))
    assert [text[: len(what)] for text in found] == [what]


@pytest.mark.parametrize(
    ("result", "arguments"),
    [
        (Result(1, "::error file=a.yaml,line=1::no\n", ""), ("check", "--format", "github")),
        (Result(0, MARKDOWN, ""), ("shapes", "--format", "markdown")),
        (Result(2, "", "error[no-memory]: x"), ("verify", "net.yaml")),
        (Result(0, f"token {SECRET}", ""), ("shapes", "../secret.txt", "--allow-outside")),
    ],
)
def test_what_holds_is_not_reported(result: Result, arguments: tuple[str, ...]) -> None:
    assert list(broken(result, arguments, in_actions=True)) == []


def test_what_a_command_writes_is_read(project: Project) -> None:
    arguments = ("shapes", "net.yaml", "--output", "out.txt", "--format", "json")
    assert list(broken(Result(0, "", ""), arguments, ["{"], in_actions=False))
    asked = Case({"net.yaml": SMALL[0].encode()}, arguments, in_actions=False, writes=("out.txt",))
    assert outcome(asked, project) == (Result(0, "", ""), [])
    assert not (project.root / "out.txt").exists()


def test_a_command_that_computes_too_long_is_stopped(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forever(*_: str, **__: bytes) -> Result:
        while True:
            pass

    monkeypatch.setattr("tests.security.fuzz.run", forever)
    monkeypatch.setattr("tests.security.fuzz.SECONDS", 0.05)
    _, found = outcome(Case({}, (), in_actions=False), project)
    assert found == ["more than 0.05 s"]


def test_a_command_that_waits_is_stopped(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.security.fuzz.run", lambda *_, **__: time.sleep(60))
    monkeypatch.setattr("tests.security.fuzz.WAITING", 0.05)
    _, found = outcome(Case({}, (), in_actions=False), project)
    assert found == ["more than 0.05 s of waiting"]


def test_a_command_that_takes_too_much_memory_is_stopped(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.security.fuzz.run", lambda *_, **__: bytearray(2 * 10**9))
    _, found = outcome(Case({}, (), in_actions=False), project)
    assert found == ["MemoryError: "]


@pytest.mark.parametrize("name", ["net.yaml", "base.yaml", "../secret.txt", "models/new.txt"])
def test_a_changed_file_is_noticed(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def run_and_write(*_: str, **__: bytes) -> Result:
        (project.root / name).write_text("changed", encoding="utf-8")
        return Result(0, "", "")

    before = (project.root / name).read_bytes() if (project.root / name).exists() else None
    monkeypatch.setattr("tests.security.fuzz.run", run_and_write)
    _, found = outcome(Case({"net.yaml": b""}, ("shapes",), in_actions=False), project)
    assert found == [f"{name} was changed"]
    if before is not None:
        (project.root / name).write_bytes(before)
        project.restore({})


def test_a_large_network_is_not_run(project: Project) -> None:
    text = "input: [3, 3000, 3000]\nlayers: [{conv: 64, kernel: 9}]\n"
    asked = Case({"net.yaml": text.encode()}, ("verify", "net.yaml"), in_actions=False)
    result, found = outcome(asked, project)
    assert found == []
    assert result.status == 2
    assert "are allowed" in result.err


def test_the_project_is_left_as_it_was() -> None:
    before = Path.cwd()
    with in_project() as project:
        names = sorted(path.name for path in project.root.iterdir())
        asked = Case(
            {"net.yaml": SMALL[0].encode()},
            ("lock", "net.yaml"),
            in_actions=False,
            writes=("convcalc.lock",),
        )
        assert outcome(asked, project) == (
            Result(0, "convcalc.lock: 1 network, 1 added\n", ""),
            [],
        )
        assert sorted(path.name for path in project.root.iterdir()) == names
        assert "net.yaml" not in names
    assert Path.cwd() == before
