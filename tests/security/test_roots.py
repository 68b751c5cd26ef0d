"""A stranger's file names others only inside of its project, and no secret is quoted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import convcalc
from convcalc import ConvcalcError
from tests.cli.runner import Result, run

GOOD = "input: [3]\nlayers: [{dense: 2}]\n"
SECRET = "s3cr3t-t0ken"  # noqa: S105 - nobody's


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, the current folder, with secrets outside of it and in it."""
    for name in ("secret.txt", "secret.yaml"):
        (tmp_path / name).write_text(f"token: {SECRET}\n", encoding="utf-8")
    (tmp_path / "outside.yaml").write_text(GOOD, encoding="utf-8")
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "sub").mkdir()
    (folder / ".env").write_text(f"TOKEN={SECRET}\n", encoding="utf-8")
    (folder / "base.yaml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TOKEN", SECRET)
    return folder


def refused(result: Result, code: str = "outside-root") -> bool:
    both = result.out + result.err
    assert SECRET not in both
    assert result.status in (1, 2)
    return f"error[{code}]" in both


COMMANDS = (
    ("shapes", "net.yaml"),
    ("explain", "net.yaml", "dense0"),
    ("draw", "net.yaml"),
    ("check", "net.yaml"),
    ("check", "net.yaml", "--format", "markdown"),
    ("check", "."),
    ("lock", "net.yaml"),
    ("diff", "net.yaml", "lenet"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "named",
    [
        "../secret.txt",
        "../secret.yaml",
        "../outside.yaml",
        "/proc/self/environ",
        "/dev/zero",
        "/dev/stdin",
        "sub/../../secret.txt",
        "link.txt",
        "linked/secret.txt",
    ],
)
@pytest.mark.parametrize("text", ["extends: {}\n", "blocks:\n  b: {}\nlayers: [b]\n"])
def test_a_spec_leads_to_nothing_outside(
    project: Path, text: str, named: str, command: tuple[str, ...]
) -> None:
    (project / "link.txt").symlink_to(project.parent / "secret.txt")
    (project / "linked").symlink_to(project.parent)
    (project / "net.yaml").write_text(text.format(named), encoding="utf-8")
    assert refused(run(*command))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("text", [f"TOKEN={SECRET}\n", f"a: [\n{SECRET}", f"- {SECRET}\n", ""])
def test_a_file_that_is_no_spec_is_not_quoted(
    project: Path, text: str, command: tuple[str, ...]
) -> None:
    (project / ".env").write_text(text, encoding="utf-8")
    for named in ("extends: .env\n", "input: [3]\nblocks: {b: .env}\nlayers: [b]\n"):
        (project / "net.yaml").write_text(named, encoding="utf-8")
        assert refused(run(*command), "not-a-spec")


def test_what_a_folder_or_a_glob_finds_is_not_quoted_unless_it_is_a_spec(project: Path) -> None:
    (project / "sub" / "other.yaml").write_text(f"token: [{SECRET}", encoding="utf-8")
    for files in ("sub", "sub/*.yaml"):
        assert refused(run("check", files), "not-a-spec")
        assert refused(run("lock", files), "not-a-spec")
    # Whoever names it sees it.
    assert SECRET in run("check", "sub/other.yaml").out + run("shapes", "sub/other.yaml").err


@pytest.mark.parametrize(
    "files",
    [
        "../secret.txt",
        "../*.yaml",
        "/**/*.yaml",
        "..",
        "/proc/self/environ",
        "linked/*.yaml",
        "linked",
        "*/../../*.yaml",
        "link.yaml",
        "*.yaml",
    ],
)
def test_a_config_names_nothing_outside(project: Path, files: str) -> None:
    (project / "link.yaml").symlink_to(project.parent / "secret.yaml")
    (project / "linked").symlink_to(project.parent)
    config = f"networks: [{{files: '{files}'}}]\n"
    (project / "convcalc.yaml").write_text(config, encoding="utf-8")
    for command in ("check", "lock"):
        code = "bad-option" if "*/.." in files else "outside-root"
        assert refused(run(command), code)


@pytest.mark.parametrize("name", ["net.yaml", "convcalc.yaml", "convcalc.lock"])
def test_no_link_leads_out(project: Path, name: str) -> None:
    (project / name).symlink_to(project.parent / "secret.yaml")
    arguments = ["base.yaml"] if name != "net.yaml" else ["net.yaml"]
    commands = ["check"] if name == "convcalc.yaml" else ["check", "shapes"]
    if name == "convcalc.lock":
        commands = ["lock", "lock --check"]
    for command in commands:
        assert refused(run(*command.split(), *arguments))
    assert refused(run("shapes", "net.yaml")) == (name == "net.yaml")


def test_a_link_inside_is_followed(project: Path) -> None:
    (project / "link.yaml").symlink_to("base.yaml")
    (project / "net.yaml").write_text("extends: link.yaml\n", encoding="utf-8")
    assert run("shapes", "net.yaml").status == run("shapes", "link.yaml").status == 0


def test_the_user_names_files_anywhere(project: Path) -> None:
    assert run("shapes", "../outside.yaml").status == 0
    assert run("check", str(project.parent / "outside.yaml")).status == 0
    assert run("diff", "base.yaml", "../outside.yaml").status == 0


def test_the_user_names_a_pipe(project: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, GOOD.encode())
    os.close(writing)
    assert run("shapes", f"/dev/fd/{reading}").status == 0
    os.close(reading)


def test_shipped_networks_are_always_allowed(project: Path) -> None:
    (project / "net.yaml").write_text("extends: resnet101\n", encoding="utf-8")
    (project / "convcalc.yaml").write_text("networks: [{files: [lenet, net.yaml]}]\n")
    assert run("check").status == 0
    assert run("shapes", "-", stdin=b"extends: lenet\n").status == 0


def test_a_spec_from_a_pipe_has_the_root_of_the_current_folder(project: Path) -> None:
    assert run("shapes", "-", stdin=b"extends: base.yaml\n").status == 0
    assert refused(run("shapes", "-", stdin=b"extends: ../outside.yaml\n"))


def test_the_root_is_the_repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "sub" / "net.yaml").write_text("extends: ../base.yaml\n", encoding="utf-8")
    monkeypatch.chdir("/")
    assert run("shapes", str(project / "sub" / "net.yaml")).status == 0


@pytest.mark.parametrize("here", ["..", "sub"])
def test_without_a_repository(project: Path, monkeypatch: pytest.MonkeyPatch, here: str) -> None:
    (project / ".git").rmdir()
    path = project / "sub" / "net.yaml"
    path.write_text("extends: ../base.yaml\n", encoding="utf-8")
    monkeypatch.chdir(project / here)
    # The current folder if the file is below it, else the file's folder.
    assert (run("shapes", str(path)).status == 0) == (here == "..")
    # The folder of convcalc.yaml goes before both.
    (project / "convcalc.yaml").write_text("networks: [{files: base.yaml}]\n")
    assert run("shapes", str(path)).status == 0


def test_allow_outside(project: Path) -> None:
    (project / "net.yaml").write_text("extends: ../outside.yaml\n", encoding="utf-8")
    (project / "convcalc.yaml").write_text("networks: [{files: ../outside.yaml}]\n")
    for command in (["shapes", "net.yaml"], ["check"], ["lock"], ["check", "net.yaml"]):
        assert run(*command).status == 2
        assert run(*command, "--allow-outside").status == 0
    with pytest.raises(ConvcalcError, match="outside of"):
        convcalc.load("net.yaml")
    with convcalc.access(allow_outside=True):
        assert convcalc.load("net.yaml").inputs == {"input": (3,)}


def test_no_file_allows_it(project: Path) -> None:
    text = "extends: ../outside.yaml\nallow_outside: true\nallow-outside: true\n"
    (project / "net.yaml").write_text(text, encoding="utf-8")
    assert run("shapes", "net.yaml").status != 0


def test_the_size_of_a_file(project: Path) -> None:
    assert run("shapes", "base.yaml", "--max-file-size", "10").status == 2
    assert run("shapes", "base.yaml", "--max-file-size", "1kB").status == 0
    assert "'much' is not a quantity" in run("shapes", "base.yaml", "--max-file-size", "much").err
    assert run("shapes", "-", "--max-file-size", "10B", stdin=GOOD.encode()).status == 2
    # Of a limit that memory does not hold, nothing is allocated.
    for size in ("9223372036854775807", "9000TiB"):
        assert run("shapes", "base.yaml", "--max-file-size", size).status == 0
        assert run("lock", "base.yaml", "--max-file-size", size).status == 0
        assert run("shapes", "-", "--max-file-size", size, stdin=GOOD.encode()).status == 0
    # Of a shipped network that is too long, no other name is offered.
    (project / "net.yaml").write_text("extends: lenet\n", encoding="utf-8")
    result = run("shapes", "net.yaml", "--max-file-size", "100")
    assert "help: --max-file-size allows more" in result.err
    assert "did you mean" not in result.err
    # One that never ends.
    (project / "net.yaml").write_text("extends: base.yaml\n" + "#" * 2000, encoding="utf-8")
    result = run("check", "net.yaml", "--max-file-size", "1kB")
    assert "longer than 1000 bytes" in result.err
    assert "--max-file-size" in result.err


@pytest.mark.parametrize(
    "file", ["../{}.yaml", "{parent}/{}.yaml", "linked/{}.yaml", "sub/../../{}.yaml"]
)
@pytest.mark.parametrize("arguments", [["base.yaml"], []])
def test_a_lock_does_not_say_what_is_there_outside(
    project: Path, file: str, arguments: list[str]
) -> None:
    (project / "linked").symlink_to(project.parent)
    (project / "convcalc.yaml").write_text("networks: [{files: base.yaml}]\n", encoding="utf-8")
    assert run("lock").status == 0
    lock = Path("convcalc.lock").read_text(encoding="utf-8")
    told = set()
    for name in ("secret", "nobody"):
        place = file.format(name, parent=project.parent)
        entry = lock[lock.index("\nnetwork") :].replace("base.yaml", place)
        Path("convcalc.lock").write_text(lock + entry, encoding="utf-8")
        result = run("lock", "--check", *arguments)
        told.add((result.status, (result.out + result.err).replace(name, "")))
    assert len(told) == 1
    # Inside of the project it is said.
    entry = lock[lock.index("\nnetwork") :].replace("base.yaml", "nothing.yaml")
    Path("convcalc.lock").write_text(lock + entry, encoding="utf-8")
    assert "nothing.yaml is locked, but there is no such file" in run("lock", "--check").err
