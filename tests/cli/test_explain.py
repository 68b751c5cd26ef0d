"""`convcalc explain`."""

from __future__ import annotations

import json

import pytest

from tests.cli.runner import run


def test_the_formula_with_its_numbers() -> None:
    out = run("explain", "lenet", "conv0").out
    assert "floor((28 - 5 + 4 + 1) / 1) = 28" in out
    assert "O*T = 4704*25 = 117600" in out


def test_what_the_floor_leaves_unused() -> None:
    out = run("explain", "alexnet_d2l", "conv0").out
    assert "height: the floor leaves 1 position unused: input 223" in out


def test_json_steps() -> None:
    data = json.loads(run("explain", "lenet", "conv1", "--format", "json").out)
    steps = {step["what"]: step["value"] for step in data["layers"][0]["counts"]}
    assert steps["multiplies"] == 240000


def test_markdown_is_a_block_of_code() -> None:
    plain = run("explain", "lenet", "conv1").out
    assert run("explain", "lenet", "conv1", "--format", "markdown").out == f"```\n{plain}```\n"


def test_a_group_names_its_layers() -> None:
    result = run("explain", "resnet18", "stage0")
    assert result.status == 2
    assert "is a group of layers, not a layer\n = help: name one of stage0." in result.err
    assert result.err.endswith(", ...\n")


@pytest.mark.parametrize("command", ["explain", "field"])
def test_a_name_like_no_other_has_help_too(command: str) -> None:
    result = run(command, "resnet18", "nosuch")
    assert (result.status, result.out) == (2, "")
    assert "= help: `convcalc shapes resnet18` lists the layers" in result.err


def test_an_unknown_layer() -> None:
    result = run("explain", "lenet", "conv7")
    assert result.status == 2
    assert "did you mean 'conv" in result.err
