"""Versions of specs in git, read from real repositories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convcalc.checks.diff.revision import FileChange, Revision
from convcalc.checks.diff.versions import Settings, compare_with_revision
from convcalc.problems import ConvcalcError
from convcalc.roots import access
from tests.checks.diff.repository import (
    GIT,
    LARGER,
    LONG,
    SMALL,
    Repository,
    make_repository,
    refusal,
    since,
    statuses,
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return make_repository(tmp_path / "repository", monkeypatch)


class TestPlaces:
    @pytest.fixture(autouse=True)
    def files(self, repository: Repository) -> None:
        repository.write("models/net.yaml", SMALL)
        repository.write("models/deep/er.yaml", "extends: ../net.yaml\n")
        repository.commit()

    def test_from_a_subfolder(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository.write("models/net.yaml", LARGER)
        monkeypatch.chdir(repository.root / "models" / "deep")
        assert statuses(since("HEAD")) == [
            ("changed", "HEAD:models/deep/er.yaml", "er.yaml"),
            ("changed", "HEAD:models/net.yaml", "../net.yaml"),
        ]
        assert statuses(since("HEAD", "er.yaml")) == [
            ("changed", "HEAD:models/deep/er.yaml", "er.yaml")
        ]
        assert [one.new_name for one in since("HEAD", "..")] == ["er.yaml", "../net.yaml"]

    def test_in_a_detached_worktree(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        tree = tmp_path / "tree"
        repository.git("worktree", "add", "--quiet", "--detach", str(tree))
        (tree / "models" / "net.yaml").write_text(LARGER, encoding="utf-8")
        assert since("HEAD") == []
        monkeypatch.chdir(tree / "models")
        assert [one.new_name for one in since("HEAD")] == ["deep/er.yaml", "net.yaml"]

    def test_through_a_link_to_the_repository(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        repository.write("models/net.yaml", LARGER)
        (tmp_path / "link").symlink_to(repository.root, target_is_directory=True)
        found = since("HEAD", str(tmp_path / "link" / "models" / "net.yaml"))
        assert statuses(found) == [("changed", "HEAD:models/net.yaml", "models/net.yaml")]
        assert len(since("HEAD", str(tmp_path / "link" / "models"))) == 2

    def test_a_spec_that_is_a_link(self, repository: Repository) -> None:
        (repository.root / "link.yaml").symlink_to("models/net.yaml")
        repository.commit()
        repository.write("models/net.yaml", LARGER)
        (found,) = since("HEAD", "link.yaml")
        assert found.status == "changed"

    def test_names_with_odd_characters(self, repository: Repository) -> None:
        for name in ("a b.yaml", "ä'\".yaml", "-x.yaml", "[x]*.yaml"):
            repository.write(name, SMALL)
        repository.commit()
        for name in ("a b.yaml", "ä'\".yaml", "-x.yaml", "[x]*.yaml"):
            repository.write(name, LARGER)
        assert {one.status for one in since("HEAD")} == {"changed"}
        assert len(since("HEAD")) == 4
        assert len(since("HEAD", "./-x.yaml", "[x]*.yaml")) == 2

    def test_settings_of_the_user_change_nothing(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for setting in ("diff.relative=true", "diff.renames=false", "core.quotePath=true"):
            repository.git("config", *setting.split("="))
        repository.git("config", "diff.external", "false")
        repository.git("mv", "models/net.yaml", "models/nätwork.yaml")
        repository.write("models/deep/er.yaml", "extends: ../nätwork.yaml\n")
        monkeypatch.chdir(repository.root / "models" / "deep")
        assert statuses(since("HEAD")) == [
            ("same", "HEAD:models/deep/er.yaml", "er.yaml"),
            ("renamed", "HEAD:models/net.yaml", "../nätwork.yaml"),
        ]

    def test_the_working_tree_is_left_alone(self, repository: Repository) -> None:
        def state() -> dict[str, tuple[int, int]]:
            return {
                str(path): (path.stat().st_mtime_ns, path.stat().st_size)
                for path in repository.root.rglob("*")
                if ".git" not in path.parts
            }

        os.utime(repository.root / "models" / "net.yaml", (1, 1))
        before = state()
        assert since("HEAD") == []
        assert statuses(since("HEAD", "models/net.yaml"))[0][0] == "same"
        assert state() == before


class TestRevisions:
    def test_names_that_git_understands(self, repository: Repository) -> None:
        repository.write("net.yaml", SMALL)
        first = repository.commit()
        repository.git("tag", "-a", "v1", "-m", "a tag with a message of its own")
        repository.git("branch", "topic/one")
        repository.write("net.yaml", LARGER)
        repository.commit()
        for name in ("HEAD~1", "HEAD^", first, first[:10], "v1", "topic/one", ":/change"):
            with Revision(name) as revision:
                assert name == ":/change" or revision.commit == first
        assert statuses(since("topic/one")) == [("changed", "topic/one:net.yaml", "net.yaml")]

    def test_where_a_branch_forked(self, repository: Repository) -> None:
        repository.write("net.yaml", SMALL)
        forked = repository.commit()
        repository.git("checkout", "--quiet", "-b", "topic")
        repository.commit()
        repository.git("checkout", "--quiet", "-b", "trunk", forked)
        repository.write("net.yaml", LARGER)
        repository.commit()
        repository.git("checkout", "--quiet", "topic")
        assert [one.status for one in since("trunk")] == ["changed"]
        with Revision("trunk", merge_base=True) as revision:
            assert revision.commit == forked
            assert compare_with_revision(revision, [], Settings({}, {})) == ([], [], 0)

    def test_no_commit_in_common(self, repository: Repository) -> None:
        first = repository.commit()
        repository.git("checkout", "--quiet", "--orphan", "other")
        repository.write("net.yaml", SMALL)
        repository.commit()
        with pytest.raises(ConvcalcError, match="have no commit in common"):
            Revision(first, merge_base=True)

    @pytest.mark.parametrize(
        "name",
        [
            "nothing",
            "",
            "-x",
            "--help",
            "--output=x",
            "^HEAD",
            "HEAD..HEAD",
            "HEAD:net.yaml",
            "HEAD~9",
        ],
    )
    def test_what_is_no_revision(self, repository: Repository, name: str) -> None:
        repository.write("net.yaml", SMALL)
        repository.commit()
        error = refusal(name)
        assert error.status == 2
        assert [problem.code for problem in error.problems] == ["bad-revision"]
        assert sorted(os.listdir(repository.root)) == [".git", "net.yaml"]

    def test_a_repository_without_a_commit(self, repository: Repository) -> None:
        assert refusal("HEAD").status == 2

    def test_no_repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
        folder = tmp_path / "plain"
        folder.mkdir()
        monkeypatch.chdir(folder)
        error = refusal("HEAD")
        assert error.status == 2
        assert error.problems[0].message == f"{folder} lies in no git repository"

    def test_a_bare_repository(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository.git("clone", "--quiet", "--bare", ".", "../bare")
        monkeypatch.chdir(repository.root.parent / "bare")
        (problem,) = refusal("HEAD").problems
        assert "must be run in a work tree" in problem.message

    def test_no_git(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(repository.root))
        (problem,) = refusal("HEAD").problems
        assert "git, which is not installed" in problem.message

    def test_a_git_that_does_not_start(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = repository.write("bin/git", "no program\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        (problem,) = refusal("HEAD").problems
        assert problem.message.startswith("git cannot be started: ")

    def test_a_git_that_stops_while_it_reads(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository.write("net.yaml", SMALL)
        repository.commit()
        program = repository.write(
            "bin/git",
            f'#!/bin/sh\ncase "$*" in *cat-file*) exit 1;; esac\nexec "{GIT}" "$@"\n',
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        (problem,) = refusal("HEAD", "net.yaml").problems
        assert problem.code == "bad-revision"
        assert "net.yaml" in problem.message


class TestBadFiles:
    def test_broken_then(self, repository: Repository) -> None:
        repository.write("net.yaml", SMALL.replace("dense", "sense"))
        repository.commit()
        repository.write("net.yaml", SMALL)
        error = refusal("HEAD", "net.yaml")
        assert error.status == 1
        assert str(error.problems[0].span) == "HEAD:net.yaml:4:6"

    def test_broken_now(self, repository: Repository) -> None:
        repository.write("net.yaml", SMALL)
        repository.commit()
        repository.write("net.yaml", SMALL.replace("dense", "sense"))
        error = refusal("HEAD")
        assert error.status == 1
        assert str(error.problems[0].span) == "net.yaml:4:6"

    def test_the_problems_of_all_are_reported(self, repository: Repository) -> None:
        for name in ("a", "b", "c"):
            repository.write(f"{name}.yaml", SMALL)
        repository.commit()
        repository.write("a.yaml", "layers: [")
        repository.write("b.yaml", LARGER)
        (repository.root / "c.yaml").write_bytes(b"layers: \xff")
        error = refusal("HEAD", "a.yaml", "b.yaml", "c.yaml")
        assert error.status == 2
        assert len(error.problems) == 2

    def test_neither_then_nor_now(self, repository: Repository) -> None:
        repository.commit()
        error = refusal("HEAD", "net.yaml")
        assert error.status == 2
        assert error.problems[0].message == "net.yaml is neither there now nor in 'HEAD'"

    def test_outside(self, repository: Repository) -> None:
        repository.commit()
        (repository.root.parent / "net.yaml").write_text(SMALL, encoding="utf-8")
        for file in ("../net.yaml", str(repository.root.parent / "net.yaml"), "..", "/"):
            error = refusal("HEAD", file)
            assert error.status == 2
            assert "outside the repository" in error.problems[0].message

    @pytest.mark.parametrize(
        ("file", "words"),
        [("-", "standard input has no version"), ("lenet", "the shipped network")],
    )
    def test_what_has_no_version(self, repository: Repository, file: str, words: str) -> None:
        repository.commit()
        (problem,) = refusal("HEAD", file).problems
        assert words in problem.message

    def test_not_text_then(self, repository: Repository) -> None:
        (repository.root / "net.yaml").write_bytes(b"input: \xff\n")
        repository.commit()
        repository.write("net.yaml", SMALL)
        error = refusal("HEAD", "net.yaml")
        assert error.status == 2
        assert error.problems[0].message.startswith("HEAD:net.yaml cannot be decoded")

    def test_too_long_then(self, repository: Repository) -> None:
        repository.write("net.yaml", SMALL + "# " + "x" * 1000)
        repository.commit()
        repository.write("net.yaml", SMALL)
        with access(max_file_size=500):
            error = refusal("HEAD", "net.yaml")
        assert error.problems[0].message == "HEAD:net.yaml cannot be opened: longer than 500 bytes"

    def test_a_folder_then(self, repository: Repository) -> None:
        repository.write("net.yaml/inner.txt", "x")
        repository.commit()
        repository.git("rm", "--quiet", "-r", "net.yaml")
        repository.write("net.yaml", SMALL)
        assert statuses(since("HEAD", "net.yaml")) == [("new", "", "net.yaml")]

    def test_links_that_lead_nowhere(self, repository: Repository) -> None:
        (repository.root / "loop.yaml").symlink_to("loop.yaml")
        (repository.root / "gone.yaml").symlink_to("nothing.yaml")
        (repository.root / "out.yaml").symlink_to("/etc/passwd")
        repository.commit()
        with Revision("HEAD") as revision:
            for name in ("loop.yaml", "gone.yaml", "out.yaml"):
                assert revision.source(name) is None
            assert not revision.exists("relative.yaml")

    def test_a_name_with_a_line_break(self, repository: Repository) -> None:
        repository.commit()
        with Revision("HEAD") as revision, pytest.raises(ConvcalcError, match="line breaks"):
            revision.source("a\nb.yaml")


def test_changes_are_those_of_git(repository: Repository) -> None:
    for name in ("changed.yaml", "gone.yaml", "moved.yaml", "same.yaml", "notes.txt"):
        repository.write(name, f"# {name}\n{LONG}")
    repository.commit()
    repository.write("changed.yaml", SMALL)
    repository.write("notes.txt", "")
    (repository.root / "gone.yaml").unlink()
    repository.git("mv", "moved.yaml", "here.yaml")
    repository.write("unknown.yaml", SMALL)
    with Revision("HEAD") as revision:
        assert revision.changes() == [
            FileChange("changed.yaml", "changed.yaml"),
            FileChange("gone.yaml", None),
            FileChange("moved.yaml", "here.yaml"),
            FileChange("notes.txt", "notes.txt"),
            FileChange(None, "unknown.yaml"),
        ]
        assert revision.files() == ["changed.yaml", "here.yaml", "same.yaml", "unknown.yaml"]
