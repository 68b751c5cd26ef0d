"""A link that takes the place of a file between the question where it leads and the opening."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from convcalc import safe_files
from convcalc.roots import output_place
from tests.cli.runner import run

GOOD = "input: [3]\nlayers: [{dense: 2}]\n"
SECRET = "s3cr3t-t0ken"  # noqa: S105 - nobody's
#: What gives away the secret, where it is read: a spec with a mistake in the secret's line.
BAD = f"input: [3]\nlayers: [{SECRET}]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, the current folder; beside it a folder and a file with a secret."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "base.yaml").write_text(BAD, encoding="utf-8")
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "sub").mkdir()
    (folder / "sub" / "base.yaml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def swap_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub/base.yaml").unlink()
    Path("sub/base.yaml").symlink_to("../../outside/base.yaml")


def swap_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub").rename("before")
    Path("sub").symlink_to("../outside")


def swap_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next question where it leads is answered as the first one was."""
    swap_folder(monkeypatch)
    fstat = os.fstat

    def back(descriptor: int) -> os.stat_result:
        if Path("sub").is_symlink():
            Path("sub").unlink()
            Path("before").rename("sub")
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", back)


@pytest.fixture(params=[swap_file, swap_folder, swap_there_and_back])
def swapped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The swap happens right before sub/base.yaml is opened for the first time."""
    opened, swaps = os.open, [request.param]

    def swapping(path: str, *arguments: int) -> int:
        if str(path).endswith("sub/base.yaml") and swaps:
            swaps.pop()(monkeypatch)
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", swapping)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("net.yaml", "extends: sub/base.yaml\n"),
        ("convcalc.yaml", "networks: [{files: sub/base.yaml}]\n"),
        ("convcalc.yaml", "networks: [{files: '*/*.yaml'}]\n"),
        ("convcalc.yaml", "networks: [{files: sub}]\n"),
    ],
)
def test_is_refused(project: Path, swapped: None, name: str, text: str) -> None:
    Path(name).write_text(text, encoding="utf-8")
    result = run("check", *([name] if name == "net.yaml" else []))
    assert result.status == 2
    assert "error[outside-root]: sub/base.yaml is " in result.err
    assert SECRET not in result.out + result.err


@pytest.mark.parametrize("name", ["convcalc.yaml", "convcalc.lock"])
def test_a_file_that_becomes_a_link_is_no_file_of_the_project(
    project: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text(f"TOKEN={SECRET}\n", encoding="utf-8")
    Path(name).write_text("networks: [{files: sub}]\n", encoding="utf-8")
    opened = os.open

    def swapping(path: str, *arguments: int) -> int:
        if str(path).endswith(name):
            os.remove(name)
            os.symlink(".env", name)
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", swapping)
    result = run("lock", "--check", "sub") if "lock" in name else run("check")
    assert result.status == 2
    assert SECRET not in result.out + result.err


def test_a_link_to_another_repository_leads_out(project: Path) -> None:
    """The folder that a link leads to has no say in what its root is."""
    (project.parent / "outside" / ".git").mkdir()
    Path("link").symlink_to("../outside")
    for file in ("link/base.yaml", "./link/base.yaml", "sub/../link/base.yaml"):
        result = run("check", file)
        assert result.status == 2
        assert "a link that leads outside" in result.err
        assert SECRET not in result.out + result.err


def test_links_above_a_project_are_its_users(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = project.parent / "home"
    home.symlink_to(project)
    monkeypatch.chdir(home)
    assert run("check", str(home / "sub" / "base.yaml")).status == 0
    assert run("check", "sub/base.yaml").status == 0


class TestOutput:
    """What is written goes through no link out of its root either."""

    WRITERS: tuple[Callable[[str], list[str]], ...] = (
        lambda path: ["check", "sub", "--format", "sarif", "--output", path],
        lambda path: ["shapes", "sub/base.yaml", "--output", path],
        lambda path: ["lock", "sub", "--output", path],
        lambda path: ["weights", "sub/base.yaml", "--output", path],
    )

    @pytest.mark.parametrize("writer", WRITERS)
    @pytest.mark.parametrize("there", [True, False])
    def test_no_link_leads_out(
        self, project: Path, writer: Callable[[str], list[str]], there: bool
    ) -> None:
        target = project.parent / "target"
        if there:
            target.write_text("as it was", encoding="utf-8")
        Path("report").symlink_to(target)
        Path("folder").symlink_to(project.parent)
        for path in ("report", "folder/target"):
            result = run(*writer(path))
            assert result.status == 2
            assert "error[outside-root]" in result.err
        assert target.exists() == there
        assert not there or target.read_text(encoding="utf-8") == "as it was"
        assert sorted(os.listdir(project.parent)) == ["outside", "project"] + ["target"] * there

    @pytest.mark.parametrize("writer", WRITERS)
    def test_a_link_inside_stays_one(
        self, project: Path, writer: Callable[[str], list[str]]
    ) -> None:
        assert run("lock", "sub", "--output", "real").status == 0  # a lock is read first
        Path("report").symlink_to("real")
        assert run(*writer("report")).status == 0
        assert Path("report").is_symlink()
        assert Path("real").stat().st_size > 0

    def test_the_user_writes_anywhere(self, project: Path) -> None:
        assert run("shapes", "lenet", "--output", "../report.txt").status == 0
        assert run("shapes", "lenet", "--output", "/dev/null").status == 0
        Path("report").symlink_to("../report.txt")
        assert run("shapes", "lenet", "--allow-outside", "--output", "report").status == 0

    def test_a_link_that_is_swapped_is_not_followed(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("report").symlink_to("real")
        place = output_place

        def swapping(path: str) -> str:
            found = place(path)
            Path("report").unlink()
            Path("report").symlink_to("../target")
            return found

        monkeypatch.setattr(safe_files, "output_place", swapping)
        assert run("shapes", "lenet", "--output", "report").status == 0
        assert not (project.parent / "target").exists()
        assert Path("real").exists()
