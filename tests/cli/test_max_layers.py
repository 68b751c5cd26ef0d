"""`--max-layers`: the most layers of a network, in every command that reads one."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path

import pytest

from convcalc import ConvcalcError, Network, load, loads, read
from convcalc import spec as read_spec
from convcalc.cli.main import COMMANDS, command_named
from convcalc.language.building.evaluation import MOST_LAYERS
from tests.cli.runner import run, spec

#: Doubled twenty times, a file of a few hundred bytes asks for a million layers.
DOUBLING = "input: [4]\nblocks:\n  b0: [relu]\n" + "".join(
    f"  b{number}: [b{number - 1}, b{number - 1}]\n" for number in range(1, 21)
)
THREE = "input: [4]\nlayers: [{relu: , repeat: 3}]\n"
#: What a command reads that needs other layers.
TEXTS = {"animate": "input: [1, 4]\nlayers: [{conv: 1, kernel: 1, repeat: 3}]\n"}
#: What each command needs beside the file and options.
OTHERS = {
    "explain": ["relu0"],
    "animate": ["conv0"],
    "reconcile": ["12"],
    "export": ["--output", "net.onnx"],
    "weights": ["--output", "weights.npz"],
    "diff": ["lenet"],
}


def readers() -> list[str]:
    """The commands that read networks from files."""
    found = []
    for command in COMMANDS:
        function = command_named(command)
        if {"file", "files"} & set(signature(function).parameters):
            found.append(command)
    return found


@pytest.mark.parametrize("command", readers())
def test_every_command_refuses_more(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = spec(tmp_path, TEXTS.get(command, THREE))
    refused = run(command, file, *OTHERS.get(command, []), "--max-layers", "2")
    assert refused.status == 1
    assert "too-many-layers" in refused.err
    assert "rule: at most 2 layers" in refused.err
    assert "--max-layers N allows more" in refused.err
    fits = run(command, file, *OTHERS.get(command, []), "--max-layers", "2000")
    assert fits.status == 0, fits.err


@pytest.mark.parametrize("command", ["check", "shapes"])
def test_it_is_a_count(command: str, tmp_path: Path) -> None:
    refused = run(command, spec(tmp_path, THREE), "--max-layers", "0")
    assert (refused.status, refused.out) == (2, "")
    assert "--max-layers must be at least 1, not 0" in refused.err


def test_a_short_file_makes_no_more_than_by_default(tmp_path: Path) -> None:
    refused = run("check", spec(tmp_path, DOUBLING + "layers: [b20]\n"))
    assert f"at most {MOST_LAYERS} layers" in refused.err


@pytest.mark.parametrize(
    "text",
    [
        THREE + "max_layers: 2000000\n",
        THREE + "max-layers: 2000000\n",
        "networks: [{files: net.yaml, max_layers: 2000000}]\n",
        "networks: [{files: net.yaml}]\nmax_layers: 2000000\n",
    ],
)
def test_no_file_sets_it(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec(tmp_path, THREE)
    (tmp_path / ("convcalc.yaml" if "networks" in text else "net.yaml")).write_text(text, "utf-8")
    refused = run("check") if "networks" in text else run("check", "net.yaml")
    assert refused.status != 0
    assert "error[unknown-key]" in refused.err


def test_the_python_functions_take_it(tmp_path: Path) -> None:
    path = spec(tmp_path, THREE)
    makers: list[Callable[[int], Network]] = [
        lambda most: load(path, max_layers=most),
        lambda most: loads(THREE, max_layers=most),
        lambda most: read_spec(path).network(max_layers=most),
    ]
    for make in makers:
        assert len(make(4).operations) == 3
        with pytest.raises(ConvcalcError) as caught:
            make(2)
        assert [problem.code for problem in caught.value.problems] == ["too-many-layers"]
    assert [problem.code for problem in read(path, max_layers=2).problems] == ["too-many-layers"]
    assert not read(path, max_layers=4).problems


# The variants of a file in one run.


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, config: str) -> None:
    monkeypatch.chdir(folder)
    text = "args: {n: 1}\ninput: [4]\nlayers: [{relu: , repeat: n}]\n"
    spec(folder, text, "one.yaml")
    spec(folder, text, "other.yaml")
    spec(folder, config, "convcalc.yaml")


@pytest.mark.parametrize("command", ["check", "lock"])
def test_the_variants_of_a_file_share_it(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With its input, each has one layer more: 11, 12 and 13.
    project(
        tmp_path, monkeypatch, "networks: [{files: [one.yaml, other.yaml], set: {n: [10, 11]}}]"
    )
    assert run(command, "--max-layers", "23").status == 0
    refused = run(command, "--max-layers", "22")
    assert refused.status == 1
    assert "one.yaml: its variants, together with those before it, have too many" in refused.err
    assert "other.yaml: its variants, together with those before it, have too" in refused.err


def test_variants_of_entries_share_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = ", ".join(
        f"{{files: {name}.yaml, set: {{n: {n}}}}}" for n in (10, 11) for name in ("one", "other")
    )
    project(tmp_path, monkeypatch, f"networks: [{entries}]")
    assert run("check", "--max-layers", "23").status == 0
    assert run("check", "--max-layers", "22").status == 1


def test_shipped_networks_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("check", "resnet18", "--max-layers", "100").status == 0
    refused = run("check", "resnet18", "resnet34", "--max-layers", "100")
    assert refused.status == 1
    assert "resnet34: the shipped networks, together with those before it, have" in refused.err


def test_a_variant_costs_what_its_file_is_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long file is gone through for each variant, even if all of it is left out."""
    project(tmp_path, monkeypatch, "networks: [{files: long.yaml, set: {n: [2, 3, 4, 5, 6]}}]")
    args = "".join(f"  much{number}: 1\n" for number in range(1000))
    spec(
        tmp_path, f"args:\n  n: 1\n{args}input: [4]\nlayers: [{{relu: , repeat: n}}]\n", "long.yaml"
    )
    assert run("check", "long.yaml", "--set", "n=2", "--max-layers", "3").status == 0
    assert run("check", "--max-layers", "500").status == 1
    assert run("check", "--max-layers", "5000").status == 0
