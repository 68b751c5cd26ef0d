"""Networks that need loops, all copies of a layer, or the sizes of earlier layers."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcalc
from convcalc.checks.project.expectations import broken_expectations
from tests.cli.runner import run

FOLDER = Path(__file__).parent / "language"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
#: Smaller inputs and arguments, with which each runs in a moment.
SMALL = {
    "attention_gate": ["--input", "skip=8x16x16", "--input", "below=4x8x8"],
    "convnext_tiny": ["--set", "depths=[1, 2]", "--set", "widths=[8, 12]", "--input", "3x32x32"],
    "linear_attention": ["--input", "32x6x4"],
    "unet_resized": ["--set", "widths=[4, 6, 8, 10]", "--input", "3x37x50"],
    "vgg11_loop": ["--set", "conv_arch=[[1, 4], [2, 6]]", "--input", "1x16x16"],
    "yolo11n_c3k2": ["--input", "8x16x16"],
}


def path(name: str) -> str:
    return str(FOLDER / f"{name}.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_has_the_figures_that_it_expects(name: str) -> None:
    spec = convcalc.spec(path(name))
    assert {expectation.metric for expectation in spec.expectations} >= {"params"}
    assert broken_expectations(spec.expectations, convcalc.analyze(spec.network())) == []


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NAMES)
def test_runs_with_the_predicted_shapes(name: str) -> None:
    result = run("verify", path(name), *SMALL[name])
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[-1].startswith("all ")


def test_a_loop_is_the_network_written_out() -> None:
    loop, written = convcalc.load(path("vgg11_loop")), convcalc.load("vgg11_d2l")
    assert [(n.layer, n.shape, n.inputs) for n in loop.nodes] == [
        (n.layer, n.shape, n.inputs) for n in written.nodes
    ]


def test_a_loop_of_stages_has_the_layers_of_the_stages_written_out() -> None:
    loop, written = convcalc.load(path("convnext_tiny")), convcalc.load("convnext_tiny")
    kept = [n for n in loop.nodes if n.kind != "stochastic_depth"]
    assert [(n.layer, n.shape) for n in kept] == [(n.layer, n.shape) for n in written.nodes]


@pytest.mark.parametrize("size", [(8, 8), (9, 31), (100, 17)])
def test_steps_up_meet_their_skips_at_any_size(size: tuple[int, int]) -> None:
    network = convcalc.load(path("unet_resized"), input=[3, *size])
    assert network.nodes[-1].shape == (21, *size)
    steps = {node.path: node.shape[1:] for node in network.nodes if node.path.endswith("upsample0")}
    encoders = [n.shape[1:] for n in network.nodes if n.path.startswith("encoder")]
    assert len(steps) == 3
    assert set(steps.values()) <= set(encoders)
