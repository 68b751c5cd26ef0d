"""Odd input that once went wrong: a bug gets its test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from convcalc.cli.check import FORMATS
from tests.cli.runner import run


def spec(folder: Path, text: str) -> str:
    """Writes a spec and gives its path."""
    path = folder / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_misspelt_argument_of_an_extended_file(tmp_path: Path) -> None:
    result = run("shapes", spec(tmp_path, "extends: resnet18\nargs: {clases: 10}\n"))
    assert result.status == 1
    assert "net.yaml:2:8: error[unknown-argument]" in result.err
    assert "did you mean 'classes'?" in result.err


def test_an_argument_that_the_file_itself_uses(tmp_path: Path) -> None:
    text = "extends: lenet\nargs: {units: 7}\nlayers: [{dense: units}]\n"
    assert "(1, 7)" in run("shapes", spec(tmp_path, text)).out


def test_a_word_extends_a_shipped_network_and_a_file_goes_before(tmp_path: Path) -> None:
    assert "25,557,032" in run("shapes", spec(tmp_path, "extends: resnet50\n")).out
    (tmp_path / "resnet50").write_text("{input: [4], layers: [{dense: 3}]}")
    assert "(1, 3)" in run("shapes", spec(tmp_path, "extends: resnet50\n")).out


def test_an_input_of_another_rank() -> None:
    result = run("shapes", "lenet", "--input", "28x28")
    assert result.status == 2
    assert "the file's input has 3 sizes, not 2" in result.err
    assert "--input 1x28x28 is the file's" in result.err


def test_one_of_several_inputs_of_another_rank(tmp_path: Path) -> None:
    path = spec(
        tmp_path,
        "{input: {map: [1, 8, 8], code: [5]}, layers:"
        " [{conv: 2, kernel: 3, from: map}, {dense: 3, from: code}], outputs: [conv0, dense0]}",
    )
    result = run("shapes", path, "--input", "code=3x8x8")
    assert result.status == 2
    assert "--input code=3x8x8: the file's code has 1 size, not 3" in result.err
    result = run("shapes", path, "--input", "3x8x8")
    assert result.status == 2
    assert "--input: which input?" in result.err


def test_a_hint_for_the_only_word_and_names_in_their_order() -> None:
    assert "= help: --by kind\n" in run("shapes", "lenet", "--by", "layer").err
    assert "did you mean 'conv0' or 'conv1'?" in run("explain", "lenet", "conv").err
    assert "'sequential' is a group of layers" in run("kinds", "sequential").err


def test_bytes_that_are_no_text_on_the_command_line() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "convcalc", "shapes", "vgg16", "--set", b"classes=\xff"],
        capture_output=True,
        check=False,
    )
    assert result.returncode == 2
    assert b"not UTF-8 text" in result.stderr
    assert result.stdout == b""


def test_an_empty_key(tmp_path: Path) -> None:
    result = run("shapes", spec(tmp_path, "{input: [4], layers: [{'': 3}]}"))
    assert result.status == 1
    assert "net.yaml:1:24" in result.err


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_line_breaks_of_yaml_that_editors_do_not_show(separator: str, tmp_path: Path) -> None:
    text = f"input: [3, 8, 8] # {separator}# x\nlayers: [rel]\n"
    result = run("shapes", spec(tmp_path, text))
    assert "net.yaml:3:10" in result.err
    assert "3 | layers: [rel]" in result.err


def test_a_hint_never_breaks_another_rule(tmp_path: Path) -> None:
    text = "{input: [1, 8, 8], layers: [{conv: 1, kernel: 2147483647, dilation: 2147483647}]}"
    result = run("shapes", spec(tmp_path, text))
    assert "window-too-large" in result.err
    assert "'padding:" not in result.err


def test_a_closed_standard_error_keeps_the_status() -> None:
    command = f"{sys.executable} -m convcalc shapes no_such_network 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 2


def test_standard_input_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock has check look again at a network whose expectation is broken."""
    monkeypatch.chdir(tmp_path)
    assert run("lock", "lenet").status == 0
    text = b"{input: [4], layers: [{dense: 3}], expect: {params: 7}}"
    result = run("check", "-", stdin=text)
    assert result.status == 1
    assert "error[expectation]: expected params 7, found 15" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use stays on Windows")
@pytest.mark.parametrize(
    "command", [("check",), ("lock",), *[("check", "--format", name) for name in FORMATS]]
)
def test_a_current_folder_that_was_removed(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    result = run(*command)
    assert result.status == 2
    assert "the current folder is not there any more" in result.err
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("arguments", [("shapes", "vgg16"), ("--help",), ("flops", "--help")])
def test_without_docstrings(arguments: tuple[str, ...]) -> None:
    """`python -OO` removes the texts of which the help is made; all else stays as it is."""
    results = [
        subprocess.run(
            [sys.executable, "-m", "convcalc", *arguments],
            env={**os.environ, "PYTHONOPTIMIZE": level},
            capture_output=True,
            check=True,
            text=True,
        )
        for level in ("", "2")
    ]
    usual, bare = [result.stdout.splitlines() for result in results]
    assert not [result.stderr for result in results if result.stderr]
    if "--help" in arguments:
        options = [line for line in usual if line.lstrip().startswith("--")]
        assert options == [line for line in bare if line.lstrip().startswith("--")]
        assert options
    else:
        assert usual == bare


def test_memory_that_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def use_up(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("convcalc.cli.shapes.Analysis", use_up)
    result = run("shapes", "lenet")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error[no-memory]: there is not enough memory for it\n"


def test_a_config_that_leads_nowhere_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("convcalc.yaml").symlink_to("nowhere.yaml")
    result = run("check", "lenet")
    assert result.status == 2
    assert "convcalc.yaml cannot be opened" in result.err


def test_a_group_of_one_layer_offers_that_one(tmp_path: Path) -> None:
    path = spec(tmp_path, "{input: [3, 8, 8], layers: [{sequential: [relu], name: g}]}")
    assert "= help: name g.relu0\n" in run("explain", path, "g").err
