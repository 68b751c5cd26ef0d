"""Broken limits at lines that changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from convcalc.checks.diff.revision import Revision
from convcalc.checks.project.changed import at_changed_lines
from convcalc.checks.project.findings import CheckedNetwork
from convcalc.problems import Contributor, Problem, Source, Span
from tests.checks.diff.repository import Repository, make_repository
from tests.cli.runner import run

NET = Source(
    "net.yaml",
    "# one\ninput: [3, 32, 32]\nlayers:\n  - {conv: 64, kernel: 3}\n  - {conv: 8, kernel: 3}\n",
)
PARTS = (Contributor("conv0", Span(NET, 4, 6), 9), Contributor("conv1", Span(NET, 5, 6), 4))


def place(problem: Problem, changed: dict[str, Sequence[range]]) -> tuple[str, int, int] | None:
    """Where a problem is annotated if these lines changed."""
    network = CheckedNetwork("net.yaml", "", 1, (problem,), (problem,))
    (moved,) = at_changed_lines([network], lambda file: changed.get(file, []))
    assert moved.problems == moved.warnings
    assert moved.problems[0]._replace(span=problem.span) == problem
    span = moved.problems[0].span
    return None if span is None else (span.source.name, span.line, span.column)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return make_repository(tmp_path / "project", monkeypatch)


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        ([range(4, 6)], ("net.yaml", 4, 6)),  # the heaviest layer has changed
        ([range(5, 6)], ("net.yaml", 5, 6)),  # another layer has
        ([range(1, 3)], ("net.yaml", 2, 1)),  # something else; what is no comment
        ([range(1, 2), range(3, 4)], ("net.yaml", 3, 1)),
        ([range(1, 2)], ("net.yaml", 4, 6)),  # a comment changes no cost
        ([range(90, 99)], ("net.yaml", 4, 6)),
        ([], ("net.yaml", 4, 6)),
    ],
)
@pytest.mark.parametrize("code", ["over-budget", "growth", "over-warning", "fail-on"])
def test_a_broken_limit_stands_at_the_line_that_changed(
    code: str, lines: list[range], where: tuple[str, int, int]
) -> None:
    assert place(Problem(code, "x", Span(NET, 4, 6), PARTS), {"net.yaml": lines}) == where


def test_a_layer_of_another_file_has_changed_there() -> None:
    base = Source("base.yaml", "\n\n\n\n\n\n  - {conv: 8}\n")
    problem = Problem("growth", "x", Span(NET, 4, 6), (Contributor("a", Span(base, 7, 5), 9),))
    assert place(problem, {"base.yaml": [range(7, 8)]}) == ("base.yaml", 7, 5)


def test_what_has_its_cause_where_it_stands_stays_there() -> None:
    problem = Problem("window-too-large", "x", Span(NET, 4, 6))
    assert place(problem, {"net.yaml": [range(5, 6)]}) == ("net.yaml", 4, 6)
    assert place(Problem("growth", "x"), {"net.yaml": [range(5, 6)]}) is None


@pytest.mark.parametrize("seed", range(12))
def test_git_says_which_lines_changed(seed: int, repository: Repository) -> None:
    random = Random(seed)
    before = [f"line {random.randrange(6)}" for _ in range(random.randrange(1, 30))]
    after = [line for line in before if random.random() < 0.8]
    for _ in range(random.randrange(3)):
        after.insert(random.randrange(len(after) + 1), "@@ -1,2 +3,4 @@ new")
    repository.write("sub/a b.yaml", "".join([f"{line}\n" for line in before]))
    repository.commit()
    repository.write("sub/a b.yaml", "".join([f"{line}\n" for line in after]))
    with Revision("HEAD") as revision:
        found = revision.changed_lines("sub/a b.yaml")
    # What is left when the changed lines are taken out was there before, in this order.
    changed = {line for lines in found for line in lines}
    kept = [line for number, line in enumerate(after, 1) if number not in changed]
    there = iter(before)
    assert all(line in there for line in kept)
    assert (found == []) == (before == after)
    assert all(line in changed for line, text in enumerate(after, 1) if text.startswith("@@"))


def test_settings_of_the_repository_run_nothing_and_change_nothing(repository: Repository) -> None:
    repository.write("a.yaml", "".join([f"{number}\n" for number in range(9)]))
    repository.write(".gitattributes", "*.yaml diff=own filter=own\n")
    repository.commit()
    program = f"touch {repository.root / 'ran'}; cat"
    for name in ("diff.own.textconv", "diff.own.command", "diff.external", "filter.own.clean"):
        repository.git("config", name, program)
    repository.git("config", "diff.interHunkContext", "9")
    repository.git("config", "color.ui", "always")
    repository.git("config", "diff.noprefix", "true")
    repository.write("a.yaml", "x\n" + "".join([f"{number}\n" for number in range(1, 8)]) + "y\n")
    with Revision("HEAD") as revision:
        assert revision.changed_lines("a.yaml") == [range(1, 2), range(9, 10)]
    assert not (repository.root / "ran").exists()


def test_files_without_a_version_have_no_changed_lines(
    repository: Repository, tmp_path: Path
) -> None:
    repository.write("a.yaml", "x\n")
    repository.commit()
    repository.write("b.yaml", "x\n")
    (tmp_path / "c.yaml").write_text("x\n")
    with Revision("HEAD") as revision:
        for file in ("a.yaml", "b.yaml", "../c.yaml", "lenet", "none.yaml"):
            assert revision.changed_lines(file) == []


class TestCheck:
    """`check --format github`, on a budget that a change of the last layer breaks."""

    BEFORE = "input: [3, 32, 32]\nlayers:\n" + "  - {conv: 64, kernel: 3}\n" * 2
    AFTER = f"{BEFORE}  - {{conv: 16, kernel: 3}}\n"

    @pytest.fixture(autouse=True)
    def changed(self, repository: Repository) -> None:
        repository.write("net.yaml", self.BEFORE)
        repository.write("convcalc.yaml", "networks: [{files: net.yaml, budget: {params: 39k}}]")
        repository.commit()
        repository.git("branch", "-M", "main")
        repository.write("net.yaml", self.AFTER)

    @staticmethod
    def annotation(*arguments: str) -> str:
        """The place of the one annotation."""
        (line,) = [
            line
            for line in run("check", "--format", "github", *arguments).out.splitlines()
            if line.startswith("::")
        ]
        return line.partition(",title=")[0]

    def test_the_line_that_changed(self) -> None:
        assert self.annotation() == "::error file=net.yaml,line=4,col=6"
        assert self.annotation("--base", "HEAD") == "::error file=net.yaml,line=5,col=6"
        assert run("check").err == run("check", "--base", "HEAD").err

    def test_in_a_pull_request_git_is_asked_for_its_base(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_BASE_REF", "main")
        monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
        assert self.annotation() == "::error file=net.yaml,line=4,col=6"  # no parent, no remote
        repository.commit()
        assert self.annotation() == "::error file=net.yaml,line=5,col=6"
        monkeypatch.setenv("GITHUB_REF", "refs/heads/topic")
        assert self.annotation() == "::error file=net.yaml,line=4,col=6"
        repository.git("update-ref", "refs/remotes/origin/main", "HEAD~1")
        assert self.annotation() == "::error file=net.yaml,line=5,col=6"

    def test_a_revision_that_git_does_not_know_is_refused(self) -> None:
        result = run("check", "--format", "github", "--base", "nosuch")
        assert result.status == 2
        assert "error[bad-revision]: git knows no revision 'nosuch' here" in result.err
