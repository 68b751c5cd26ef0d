"""`convcalc reconcile`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import convcalc
from convcalc.cli.output import TABLE_FORMATS
from tests.cli.runner import run, spec


def test_it_names_who_counts_so() -> None:
    result = run("reconcile", "resnet50", "4.13G")
    assert result.status == 0
    assert "what gives 4.13G" in result.out.splitlines()[0]
    assert result.out.splitlines()[3].startswith("ptflops-pytorch")
    assert "as it is" in result.out


def test_nothing_fits() -> None:
    result = run("reconcile", "lenet", "999G")
    assert result.status == 1
    assert "nothing gives 999G" in result.out
    assert "These are the nearest." in result.out
    assert result.err == ""


@pytest.mark.parametrize("style", TABLE_FORMATS)
def test_formats(style: str) -> None:
    result = run("reconcile", "vgg16", "15.47G", "--format", style)
    assert result.status == 0
    assert "torchvision" in result.out


def test_json() -> None:
    data: dict[str, Any] = json.loads(run("reconcile", "vgg16", "15.47G", "--format=json").out)
    assert data["schema"] == "convcalc.reconcile/1"
    assert data["value"] == 15470000000
    assert data["fits"][0] == {
        "conventions": ["convcalc's MACs", "calflops-macs", "torchvision"],
        "what_if": "", "total": 15470264320, "fit": "rounded",
    }  # fmt: skip
    assert data["nearest"] == []
    none = json.loads(run("reconcile", "vgg16", "1.234G", "--format=json").out)
    assert none["fits"] == []
    assert len(none["nearest"]) == 5


def test_sizes_that_are_not_tried_are_named(tmp_path: Path) -> None:
    file = spec(tmp_path, "input: [3, 8, 8]\nlayers: [{relu: , repeat: 20000}]\n")
    result = run("reconcile", file, "4.13G")
    note = " ".join(result.out[result.out.index("The network is too large") :].split())
    assert note.startswith("The network is too large to try it on inputs of 32x32, 96x96, 128x128")
    assert "224x224" not in note
    data = json.loads(run("reconcile", file, "4.13G", "--format", "json").out)
    assert len(data["untried_sizes"]) == 10
    assert json.loads(run("reconcile", "lenet", "1G", "--format=json").out)["untried_sizes"] == []


def test_zeros_that_are_rounding() -> None:
    result = run("reconcile", "lenet", "400k")
    assert result.status == 0
    assert "the last 2 zeros are taken as rounding" in result.out
    assert "convcalc's MACs" in result.out
    data = json.loads(run("reconcile", "lenet", "400k", "--format", "json").out)
    assert data["rounded_zeros"] == 2
    # Digits after a point are meant.
    assert run("reconcile", "lenet", "400.0k").status == 1
    # No more zeros than need be: 15,470,264,320 as it is, and not all that is near.
    result = run("reconcile", "vgg16", "15470264000")
    assert "the last 3 zeros are taken as rounding" in result.out
    assert result.out.count("as it is") == 1


@pytest.mark.parametrize(
    ("network", "figure", "hint"),
    [
        ("vgg16", "138M", "138M fits the parameters: 138,357,544."),
        ("mobilenet_v2", "0.3", "0.3 has no unit: write 0.3M or 0.3G"),
        ("resnet50", "3.8G", "another network or variant: docs/flops.md"),
    ],
)
def test_a_figure_that_nothing_gives_has_a_hint(network: str, figure: str, hint: str) -> None:
    result = run("reconcile", network, figure)
    assert result.status == 1
    assert hint in result.out


def test_options_of_the_network() -> None:
    macs = convcalc.analyze(convcalc.load("resnet50", input=(3, 96, 96))).totals.macs
    result = run("reconcile", "resnet50", str(2 * macs), "--input=3x96x96", "--batch=2")
    assert result.status == 0
    assert "(2, 3, 96, 96)" in result.out


@pytest.mark.parametrize("figure", ["4,13G", "much", "0", "4.13\x1b[31mG"])
def test_what_is_no_figure_is_refused(figure: str) -> None:
    result = run("reconcile", "lenet", figure)
    assert (result.status, result.out) == (2, "")
    assert "4.13G, 300M" in result.err
    assert "\x1b" not in result.err


def test_what_has_no_rule_is_left_out(tmp_path: Path) -> None:
    path = spec(
        tmp_path,
        "input: [3, 8, 8]\nlayers:\n  - {conv: 4, kernel: 3, activation: relu}\n"
        "  - {minpool: 2}\n  - {minpool: 1}\n  - {minpool: 1}\n  - {dense: 5}\n",
    )
    result = run("reconcile", path, "4068")
    assert result.status == 0
    assert "thop is left out: no rule for minpool." in result.out


def test_several_inputs_of_a_quoted_network_are_named(tmp_path: Path) -> None:
    path = spec(
        tmp_path,
        "{input: {a: [1, 8, 8], b: [2]}, layers: [{conv: 2, kernel: 3, from: a},"
        " {dense: 3, from: b}], outputs: [conv0, dense0]}",
        "two.yaml",
    )
    out = run("reconcile", path, "654").out
    assert out.startswith("two, inputs a (1, 1, 8, 8), b (1, 2): what gives 654\n")
