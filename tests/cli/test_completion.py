"""Completion of command lines: what is offered, and real shells that offer it."""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from convcalc.cli.complete import COMPLETERS, Program, choices, parameters
from convcalc.cli.completion import SHELLS
from convcalc.cli.main import COMMANDS, application
from tests.cli.runner import run

PROGRAM = Program(COMMANDS, application)
#: Values that are numbers or free texts: nothing is known of them that could be offered.
FREE = {
    *("base", "batch", "depth", "fail_on", "figure", "input_", "jobs", "kernel", "limits"),
    *("max_file_size", "max_layers", "max_memory", "most", "nodes", "outputs", "repeat", "sample"),
    *("scale", "scale_channels", "seed", "sets_new", "sets_old", "tag", "threads", "top", "unit"),
}


def offered(line: str) -> list[str]:
    """What is offered for the last word of a command line."""
    words = line.split(" ")[1:]
    return [text for text, _ in choices(PROGRAM, words)]


def test_every_value_has_something_to_offer_or_is_free() -> None:
    missing = []
    for command in COMMANDS:
        for param in parameters(PROGRAM.command(command)):
            known = {f"{command} {param.name}", param.name} & set(COMPLETERS)
            flag = getattr(param, "is_flag", False)
            assert not (known and param.name in FREE), param.name
            if not flag and not known and param.name not in FREE:
                missing.append(f"{command} {param.opts[0]}")
    assert missing == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("convcalc sha", ["shapes"]),
        ("convcalc help exp", ["explain", "export"]),
        ("convcalc --v", ["--version"]),
        ("convcalc nosuch ", []),
        ("convcalc shapes lenet", ["lenet", "lenet_relu"]),
        ("convcalc shapes lenet --bat", ["--batch"]),
        ("convcalc shapes --batch 2 lenet_", ["lenet_relu"]),
        ("convcalc shapes lenet --batch ", []),
        ("convcalc shapes lenet --format=l", ["--format=latex", "--format=listing"]),
        ("convcalc shapes lenet --columns name,mac", ["name,macs"]),
        ("convcalc explain lenet conv1", ["conv1", "conv1.sigmoid"]),
        ("convcalc explain --set width=2 mobilenet_v2 dens", ["dense0"]),
        ("convcalc draw lenet --open dense1", ["dense1"]),
        ("convcalc memory lenet --weights bf", ["bfloat16"]),
        ("convcalc verify lenet --dtype ", ["float32", "float64"]),
        ("convcalc balance lenet --device lap", ["laptop_core"]),
        ("convcalc flops lenet --as fv", ["fvcore"]),
        ("convcalc flops lenet --optimizer adam", ["adam", "adamw"]),
        ("convcalc sweep mobilenet_v2 --over w", ["width="]),
        ("convcalc sweep mobilenet_v2 --pareto +macs,par", ["+macs,params"]),
        ("convcalc shapes mobilenet_v2 --set width=1 --set ", ["classes="]),
        ("convcalc solve lenet --minimize in", ["in_size"]),
        ("convcalc kinds glob", ["global_maxpool", "global_avgpool"]),
        ("convcalc completion ", list(SHELLS)),
        ("convcalc shapes -- --", []),
        ("convcalc memory lenet --order=l", ["--order=least"]),
    ],
)
def test_what_is_offered(line: str, expected: list[str]) -> None:
    assert offered(line) == expected


def test_an_option_is_offered_once_unless_it_may_be_given_twice() -> None:
    options = offered("convcalc shapes lenet --batch 2 --set a=1 --expand -")
    assert "--depth" in options
    assert "--set" in options
    assert not {"--batch", "--expand"} & set(options)
    assert all(option.startswith("--") for option in options)


def test_every_choice_is_accepted() -> None:
    """What is offered for a value is a value: the command refuses none."""
    for line in (
        "shapes lenet --sort",
        "field lenet --sort",
        "balance lenet --sort",
        "flops lenet --format",
        "shapes lenet --format",
        "diff lenet lenet --format",
        "zoo --filter lenet* --sort",
        "memory lenet --dtype",
        "memory lenet --order",
        "flops lenet --as",
        "flops lenet --training --optimizer",
        "balance lenet --device",
        "explain lenet",
        "formula lenet",
        "kinds",
    ):
        values = [v for v in offered(f"convcalc {line} ") if not v.endswith(("/", "yaml", "yml"))]
        assert values, line
        for value in values[:12]:
            assert run(*line.split(), value).status == 0, f"{line} {value}"


def test_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("my net.yaml", "my.onnx", "my.txt", ".my.yaml", "my/deep.yaml", "w.npz"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{input: [4], layers: [relu]}")
    monkeypatch.chdir(tmp_path)
    assert [text for text, _ in choices(PROGRAM, ["shapes", "my"])] == [
        "my net.yaml",
        "my.onnx",
        "my/",
    ]
    assert offered("convcalc shapes my/") == ["my/deep.yaml"]
    assert offered(f"convcalc shapes {tmp_path}/my.o") == [f"{tmp_path}/my.onnx"]
    assert offered("convcalc shapes .") == [".my.yaml"]
    assert offered("convcalc verify my.onnx --weights w") == ["w.npz"]
    assert offered("convcalc new my") == ["my net.yaml", "my/"]


def test_layers_of_a_large_network_are_offered_level_by_level() -> None:
    every = offered("convcalc explain densenet201 ")
    assert all(name.count(".") == 0 or name.endswith(".") for name in every)
    groups = [name for name in every if name.endswith(".")]
    assert offered(f"convcalc explain densenet201 {groups[0]}")


def complete(*words: str, line: str | None = None) -> str:
    """What the program prints for a shell."""
    mode = {"_CONVCALC_COMPLETE": "words"}
    if line is not None:
        mode = {"_CONVCALC_COMPLETE": "line", "_CONVCALC_LINE": line}
    command = [sys.executable, "-m", "convcalc", *words]
    done = subprocess.run(
        command, env={**os.environ, **mode}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


def test_what_a_shell_is_told(tmp_path: Path) -> None:
    assert complete("shapes", "mobilenet_v2", "--set", "") == "classes=\t1000\nwidth=\t1\n" or (
        complete("shapes", "mobilenet_v2", "--set", "") == "width=\t1\nclasses=\t1000\n"
    )
    assert complete(line="convcalc kinds minp") == "minpool\n"
    assert complete(line="convcalc memory lenet --order ") == "written\nleast\n"
    assert complete(line='convcalc shapes "lenet_r') == "lenet_relu\n"
    broken = tmp_path / "broken.yaml"
    broken.write_text("layers: [")
    assert complete("explain", str(broken), "") == ""
    assert complete("explain", "/dev/null", "") == ""
    assert complete() != ""


# Real shells.


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has convcalc on the PATH and nothing else set up."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "convcalc"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m convcalc "$@"\n')
    program.chmod(0o755)
    kept = ("PYTHONPATH", "PYTHONPYCACHEPREFIX", "COVERAGE_PROCESS_START")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(tmp_path),
        "PATH": f"{folder}:{os.environ['PATH']}",
        "TERM": "xterm",
        "LANG": "C.UTF-8",
        "PS1": "$ ",
    }


def typed(shell: str, environment: dict[str, str], lines: str) -> str:
    """What an interactive shell shows when these keys are typed."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [shell, "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=environment["HOME"],
        start_new_session=True,
    ) as process:
        os.close(theirs)
        os.write(ours, lines.encode() + b"\nexit\n")
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the shell has ended
                break
            if not part:
                break
            parts.append(part)
        process.wait()
    os.close(ours)
    text = b"".join(parts).decode(errors="replace")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("keys", "arguments"),
    [
        ("kinds minp\t", "kinds minpool"),
        ("show lenet_r\t", "show lenet_relu"),
        ("explain lenet conv1.\t", "explain lenet conv1.sigmoid"),
        (
            "shapes mobilenet_v2 --set wi\t0.5 --to\t1",
            "shapes mobilenet_v2 --set width=0.5 --top 1",
        ),
        ("shapes lenet --format=li\t", "shapes lenet --format=listing"),
        ("shapes sub\tmy\t", "shapes sub/my.yaml"),
        ("shapes a\\ n\t", "shapes 'a net.yaml'"),
        ("mem\tlenet --wei\tint\t", "memory lenet --weights int8"),
    ],
)
def test_a_shell_completes(
    shell: str,
    keys: str,
    arguments: str,
    home: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("sub/my.yaml", "a net.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{input: [4], layers: [relu]}")
    monkeypatch.chdir(tmp_path)
    expected = run(*shlex.split(arguments)).out
    script = f"source <(convcalc completion {shell})\n"
    text = typed(shell, home, f"{script}convcalc {keys} | cat")
    assert expected
    assert expected in text


def test_fish_completes(home: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    (tmp_path / "my net.yaml").write_text("{input: [4], layers: [relu]}")

    def completed(line: str) -> list[str]:
        command = f"convcalc completion fish | source; complete --do-complete {shlex.quote(line)}"
        done = subprocess.run(
            ["fish", "--no-config", "--command", command],  # noqa: S607 - the user's own
            env=home,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    assert completed("convcalc kinds minp") == ["minpool"]
    assert completed("convcalc explain lenet pool") == ["pool0\tavgpool", "pool1\tavgpool"]
    assert completed("convcalc shapes mobilenet_v2 --set wi") == ["width=\t1"]
    assert completed("convcalc shapes lenet --format=li") == ["--format=listing"]
    assert completed("convcalc shapes my") == ["my net.yaml"]
    assert completed("convcalc shapes lenet --exp") == [
        "--expand\tShow a row for every operation, including fused ones"
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_an_installed_script_completes_in_new_shells(
    shell: str, home: dict[str, str], tmp_path: Path
) -> None:
    rc = tmp_path / f".{shell}rc"
    rc.write_text("# mine")
    for _ in range(2):
        install(home, shell)
    assert len(rc.read_text().splitlines()) == 2
    assert rc.read_text().startswith("# mine\nsource ")
    text = typed(shell, home, "convcalc kinds minp\t | cat")
    assert run("kinds", "minpool").out in text


def install(environment: dict[str, str], *arguments: str) -> None:
    """Runs `convcalc completion --install`."""
    command = [sys.executable, "-m", "convcalc", "completion", "--install", *arguments]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def test_fish_finds_an_installed_script_by_itself(home: dict[str, str], tmp_path: Path) -> None:
    install({**home, "SHELL": "/usr/bin/fish"})
    path = tmp_path / ".config" / "fish" / "completions" / "convcalc.fish"
    assert path.read_text() == run("completion", "fish").out


def test_the_shell_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/local/bin/zsh")
    assert run("completion") == run("completion", "zsh") == run("--show-completion")
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert "which shell?" in run("completion").err
    assert run("completion", "basch").status == 2
    refused = run("completion", "powershell", "--install")
    assert refused.status == 2
    assert "convcalc completion powershell >> $PROFILE" in refused.err


def test_the_script_of_powershell_asks_as_the_others_do() -> None:
    script = run("completion", "powershell").out
    assert "Register-ArgumentCompleter -Native -CommandName convcalc" in script
    assert "$Env:_CONVCALC_COMPLETE = 'line'" in script
    assert "$Env:_CONVCALC_LINE = $line" in script
