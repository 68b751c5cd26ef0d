"""Which specs are compared with their versions in git, and what becomes of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.diff.repository import (
    BASE,
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


class TestWhatChanged:
    def test_a_changed_file(self, repository: Repository) -> None:
        repository.write("net.yaml", SMALL)
        repository.commit()
        repository.write("net.yaml", LARGER)
        (found,) = since("HEAD", "net.yaml")
        assert statuses([found]) == [("changed", "HEAD:net.yaml", "net.yaml")]
        assert found.diff
        (change,) = found.diff.changes
        assert [tuple(one) for one in change.arguments] == [
            ("kernel", "3", "5"),
            ("padding", "1", "2"),
        ]
        assert change.old
        assert str(change.old.span) == "HEAD:net.yaml:3:6"

    def test_an_unchanged_file_that_is_named(self, repository: Repository) -> None:
        repository.write("net.yaml", SMALL)
        repository.commit()
        assert statuses(since("HEAD", "net.yaml")) == [("same", "HEAD:net.yaml", "net.yaml")]
        assert since("HEAD") == []

    def test_a_comment_changes_no_network(self, repository: Repository) -> None:
        repository.write("net.yaml", SMALL)
        repository.commit()
        repository.write("net.yaml", f"# a comment\n{SMALL}")
        assert statuses(since("HEAD")) == [("same", "HEAD:net.yaml", "net.yaml")]

    def test_a_new_file(self, repository: Repository) -> None:
        repository.commit()
        repository.write("net.yaml", SMALL)
        (found,) = since("HEAD")
        assert statuses([found]) == [("new", "", "net.yaml")]
        assert (found.old, found.diff) == (None, None)
        assert statuses(since("HEAD", "net.yaml")) == statuses([found])
        repository.git("add", "net.yaml")
        assert statuses(since("HEAD")) == statuses([found])

    def test_a_file_that_git_ignores_is_new_only_when_it_is_named(
        self, repository: Repository
    ) -> None:
        repository.write(".gitignore", "net.yaml\n")
        repository.commit()
        repository.write("net.yaml", SMALL)
        assert since("HEAD") == []
        assert statuses(since("HEAD", "net.yaml")) == [("new", "", "net.yaml")]

    @pytest.mark.parametrize("staged", [True, False])
    def test_a_deleted_file(self, repository: Repository, staged: bool) -> None:
        path = repository.write("net.yaml", SMALL)
        repository.commit()
        if staged:
            repository.git("rm", "--quiet", "net.yaml")
        else:
            path.unlink()
        (found,) = since("HEAD")
        assert statuses([found]) == [("deleted", "HEAD:net.yaml", "")]
        assert found.old
        assert statuses(since("HEAD", "net.yaml")) == statuses([found])

    def test_a_renamed_file(self, repository: Repository) -> None:
        repository.write("old.yaml", LONG)
        repository.commit()
        repository.git("mv", "old.yaml", "new.yaml")
        expected = [("renamed", "HEAD:old.yaml", "new.yaml")]
        assert statuses(since("HEAD")) == expected
        assert statuses(since("HEAD", "new.yaml")) == expected
        assert statuses(since("HEAD", "old.yaml")) == expected

    def test_a_file_renamed_and_changed(self, repository: Repository) -> None:
        repository.write("old.yaml", LONG)
        repository.commit()
        (repository.root / "models").mkdir()
        repository.git("mv", "old.yaml", "models/new.yaml")
        repository.write("models/new.yaml", LONG.replace("dense: 10", "dense: 12"))
        (found,) = since("HEAD")
        assert statuses([found]) == [("renamed", "HEAD:old.yaml", "models/new.yaml")]
        assert found.diff
        assert len(found.diff.changes) == 1

    def test_only_what_changed_in_a_folder(self, repository: Repository) -> None:
        for name in ("a/one.yaml", "a/two.yaml", "b/one.yaml"):
            repository.write(name, SMALL)
        repository.commit()
        for name in ("a/one.yaml", "b/one.yaml"):
            repository.write(name, LARGER)
        assert [one.new_name for one in since("HEAD", "a")] == ["a/one.yaml"]
        assert [one.new_name for one in since("HEAD", "a", "a/one.yaml")] == ["a/one.yaml"]
        assert [one.new_name for one in since("HEAD")] == ["a/one.yaml", "b/one.yaml"]

    def test_other_yaml_files_are_none_of_its_business(self, repository: Repository) -> None:
        repository.commit()
        repository.write("workflow.yml", "on: push\njobs:\n  test:\n    layers: 3\n")
        repository.write(".eslintrc.yml", "extends: airbnb\n")
        repository.write("ci.yml", "test:\n  extends: base.yaml\n")
        repository.write("list.yaml", "- layers\n")
        repository.write("binary.yaml", "\0\0")
        assert since("HEAD") == []

    @pytest.mark.parametrize(
        "text",
        [
            SMALL,
            "{input: [4], layers: [{dense: 2}]}",
            "# comment\n---\n{input: [4],\n layers: [{dense: 2}]}\n",
            '"input": [4]\n"layers": [{"dense": 2}]\n',
            "extends: lenet\n",
            "extends: 'lenet'\n",
            "{extends: lenet}\n",
        ],
    )
    def test_specs_in_every_style_are_found(self, repository: Repository, text: str) -> None:
        repository.commit()
        repository.write("net.yml", text)
        assert statuses(since("HEAD")) == [("new", "", "net.yml")]

    def test_arguments_hold_for_both_versions(self, repository: Repository) -> None:
        repository.write("net.yaml", BASE)
        repository.commit()
        repository.write("net.yaml", BASE.replace("c: 4", "c: 5"))
        (found,) = since("HEAD", "net.yaml", c="7")
        assert found.status == "same"


class TestNetworksAsBlocks:
    """A change of a network is one of all in which it is a block."""

    @pytest.fixture(autouse=True)
    def files(self, repository: Repository) -> None:
        repository.write("models/base.yaml", BASE)
        part = "input: [3, 8, 8]\nblocks:\n  {}\nlayers: [b]\n"
        repository.write("user.yaml", part.format("b: 'models/base.yaml'"))
        repository.write("models/far.yaml", part.format('"b": ../user.yaml'))
        repository.write("flow.yaml", "{blocks: {b: user.yaml}, input: [3, 8, 8], layers: [b]}\n")
        repository.write("other.yaml", part.format("b: [relu]") + "# see: models/base.yaml\n")
        repository.commit()

    def test_those_are_found(self, repository: Repository) -> None:
        repository.write("models/base.yaml", BASE.replace("kernel: 3", "kernel: 5"))
        found = {name: status for status, _, name in statuses(since("HEAD"))}
        assert found == {
            "models/base.yaml": "changed",
            "models/far.yaml": "changed",
            "flow.yaml": "changed",
            "user.yaml": "changed",
            # A comment may name a file: nothing has changed for this one.
            "other.yaml": "same",
        }

    def test_the_old_version_has_the_old_network(self, repository: Repository) -> None:
        repository.write("models/base.yaml", BASE.replace("kernel: 3", "kernel: 5"))
        (found,) = since("HEAD", "flow.yaml")
        assert found.diff
        (change,) = found.diff.changes
        assert change.old
        assert change.new
        assert str(change.old.span) == "HEAD:models/base.yaml:4:6"
        assert str(change.new.span) == "models/base.yaml:4:6"


class TestExtends:
    @pytest.fixture(autouse=True)
    def files(self, repository: Repository) -> None:
        repository.write("models/base.yaml", BASE)
        repository.write("models/wide.yaml", "extends: base.yaml\nargs: {c: 8}\n")
        repository.write("wider.yaml", "extends: models/wide.yaml\nargs: {c: 16}\n")
        repository.write("other.yaml", SMALL)
        repository.commit()

    def test_a_base_at_the_revision(self, repository: Repository) -> None:
        """The old version of a file extends the old version of its base."""
        repository.write("models/base.yaml", BASE.replace("kernel: 3", "kernel: 5"))
        (found,) = since("HEAD", "wider.yaml")
        assert found.old
        assert found.new
        assert found.diff
        (change,) = found.diff.changes
        assert change.old
        assert change.new
        assert (change.old.cost.params, change.new.cost.params) == (
            16 * 3 * 9 + 16,
            16 * 3 * 25 + 16,
        )
        assert str(change.old.span) == "HEAD:models/base.yaml:4:6"

    def test_specs_whose_base_changed_are_found(self, repository: Repository) -> None:
        repository.write("models/base.yaml", BASE.replace("kernel: 3", "kernel: 5"))
        assert statuses(since("HEAD")) == [
            ("changed", "HEAD:models/base.yaml", "models/base.yaml"),
            ("changed", "HEAD:models/wide.yaml", "models/wide.yaml"),
            ("changed", "HEAD:wider.yaml", "wider.yaml"),
        ]

    def test_a_base_that_moved(self, repository: Repository) -> None:
        repository.git("mv", "models/base.yaml", "base.yaml")
        repository.write("models/wide.yaml", "extends: ../base.yaml\nargs: {c: 8}\n")
        assert statuses(since("HEAD")) == [
            ("renamed", "HEAD:models/base.yaml", "base.yaml"),
            ("same", "HEAD:models/wide.yaml", "models/wide.yaml"),
            ("same", "HEAD:wider.yaml", "wider.yaml"),
        ]

    def test_a_word_is_a_shipped_network_then_and_now(self, repository: Repository) -> None:
        repository.write("net.yaml", "extends: lenet\n")
        repository.commit()
        repository.write("net.yaml", "extends: lenet_relu\n")
        (found,) = since("HEAD")
        assert found.status == "changed"
        assert found.old
        assert found.old.totals.params == 61706

    def test_a_file_goes_before_a_shipped_network(self, repository: Repository) -> None:
        """As in the working tree, but at the revision: the file is gone now."""
        path = repository.write("lenet", SMALL)
        repository.write("net.yaml", "extends: lenet\n")
        repository.commit()
        path.unlink()
        (found,) = since("HEAD", "net.yaml")
        assert found.old
        assert found.new
        assert found.old.totals.params == 4 * 27 + 4 + 10 * 4 * 256 + 10
        assert found.new.totals.params == 61706

    def test_a_base_that_is_missing_at_the_revision(self, repository: Repository) -> None:
        repository.write("net.yaml", "extends: gone.yaml\n")
        repository.commit()
        repository.write("gone.yaml", SMALL)
        error = refusal("HEAD", "net.yaml")
        assert error.status == 2
        (problem,) = error.problems
        assert str(problem.span) == "HEAD:net.yaml:1:10"
        assert problem.message == "gone.yaml cannot be opened: not in 'HEAD'"

    def test_a_base_that_was_deleted(self, repository: Repository) -> None:
        (repository.root / "models/base.yaml").unlink()
        error = refusal("HEAD")
        assert error.status == 2
        assert {str(problem.span) for problem in error.problems} == {"models/wide.yaml:1:10"}

    def test_a_base_outside_the_repository(self, repository: Repository) -> None:
        (repository.root.parent / "outside.yaml").write_text(SMALL, encoding="utf-8")
        repository.write("net.yaml", "extends: ../outside.yaml\n")
        repository.commit()
        before, now = refusal("HEAD", "net.yaml").problems
        assert (before.code, now.code) == ("outside-root", "outside-root")
        assert before.message.endswith("cannot be opened: outside the repository")
        assert now.message == f"../outside.yaml is outside of {repository.root}"

    def test_files_that_extend_each_other(self, repository: Repository) -> None:
        repository.write("a.yaml", "extends: b.yaml\n")
        repository.write("b.yaml", "extends: a.yaml\n")
        repository.commit()
        repository.write("b.yaml", "extends: a.yaml\nname: b\n")
        error = refusal("HEAD")
        assert error.status == 1
        assert {problem.code for problem in error.problems} == {"extends-loop"}

    def test_a_network_is_called_as_its_file(self, repository: Repository) -> None:
        (found,) = since("HEAD", "wider.yaml")
        assert found.old
        assert found.old.network.name == "wider"
