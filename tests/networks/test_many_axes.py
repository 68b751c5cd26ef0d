"""Values of five and six axes beside the batch, through every analysis and in a run."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

import convcalc
from convcalc.analysis.field.fields import fields
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.verify import verify
from convcalc.graph import Network
from convcalc.layers import KINDS, layer_class
from convcalc.transform.whatif import apply
from tests.analysis.field.probing import hold_the_report, probed
from tests.cli.runner import run
from tests.layers.shorthand import made, refusal, unreadable
from tests.oracle.random_layers import GENERATORS, drawn
from tests.oracle.table import observe

SPEC = """
input: [3, 5, 4]
layers:
  - {conv: 24, kernel: 3, padding: 1, norm: batch, activation: relu, name: stem}
  - {reshape: [2, 3, 4, 5, 4], name: five}
  - {transpose: [0, 1, 3, 4, 2], name: turned}
  - layernorm
  - {add: [[], [{scale: }, gelu]], name: sum}
  - {reshape: [2, 3, 5, 4, 2, 2], name: six}
  - {dense: 6, positionwise: true, activation: leaky_relu, name: mixed}
  - {concat: [[], [softmax]], name: both}
  - {slice: [2, 8], name: part}
  - {dropout: 0.5}
  - {prelu: {per_channel: true}}
  - {lrn: 3}
  - {channel_shuffle: 2}
  - {transpose: [0, 1, 4, 5, 2, 3], name: back}
  - {reshape: [72, 5, 4], name: map}
  - {conv: 6, kernel: 3, padding: 1, name: last}
  - {reshape: [2, 3, 1, 1, 5, 4], name: end}
  - {mul: [[], [{global_avgpool: }, sigmoid]], name: gated}
  - {groupnorm: 2}
  - instancenorm
  - {global_maxpool: {keepdims: false}}
  - {dense: 4}
"""

#: Where the units still follow one another on the map.
MOVING = ("five", "turned", "layernorm0", "sum", "six", "mixed", "both", "part", "back", "map")


@pytest.fixture(scope="module")
def network() -> Network:
    return convcalc.loads(SPEC)


def observed(network: Network) -> dict[str, tuple[int, ...]]:
    """The shapes that a run makes, by path."""
    program = Program(network, threads=1)
    found = verify(program, ready_inputs(network, {}, 2, 0, program.dtype))
    return {check.node.path: check.observed for check in found.checks}


def predicted(network: Network) -> dict[str, tuple[int, ...]]:
    return {node.path: (2, *node.shape) for node in network.operations}


def test_shapes_are_those_of_a_run(network: Network) -> None:
    assert {len(node.shape) for node in network.nodes} == {1, 2, 3, 5, 6} - {2}
    assert observed(network) == predicted(network)


def test_counts_are_those_of_loops(network: Network) -> None:
    for layer in convcalc.analyze(network).layers:
        shapes = network.input_shapes(layer.node)
        seen = observe(layer.node.layer, shapes)
        assert (seen.params, seen.counts) == (layer.cost.params, layer.cost.counts), layer.node


@pytest.mark.parametrize("path", MOVING)
def test_a_unit_depends_on_its_field_and_on_nothing_else(network: Network, path: str) -> None:
    node = next(node for node in network.nodes if node.path == path)
    seen = fields(network)
    for place in ((0,) * (len(node.shape) - 1), tuple([n - 1 for n in node.shape[1:]])):
        hold_the_report(seen, network, node, place)
        for what, expected, found in probed(network, node, place):
            assert found == expected, f"{path} at {place} and {what}"


@pytest.mark.parametrize("what", ["double_channels", "double_padding"])
def test_what_ifs_are_those_of_a_run(what: str) -> None:
    spec = SPEC if what == "double_channels" else SPEC.replace("padding: 1", "padding: [[0, 2], 1]")
    changed = apply(convcalc.loads(spec), **{what: what == "double_channels"}, kernel=1)
    assert observed(changed) == predicted(changed)


def test_channels_are_followed_through_them(network: Network) -> None:
    changed = apply(network, double_channels=True)
    shapes = {node.path: node.shape for node in changed.nodes}
    assert shapes["stem"] == (48, 5, 4)
    assert shapes["five"] == (4, 3, 4, 5, 4)
    assert shapes["mixed"] == (12, 3, 5, 4, 2, 2)
    assert shapes["map"] == (144, 5, 4)


@pytest.mark.parametrize(
    "command",
    [
        ("shapes", "FILE", "--format", "json"),
        ("flops", "FILE", "--format", "json"),
        ("flops", "FILE", "--training", "--format", "json"),
        ("memory", "FILE", "--concat-in-place", "--format", "json"),
        ("memory", "FILE", "--training", "--format", "json"),
        ("field", "FILE", "--format", "json"),
        ("field", "FILE", "six", "--unit", "2,4,3,1,1", "--format", "json"),
        ("balance", "FILE", "--format", "json"),
        ("explain", "FILE", "both"),
        ("verify", "FILE", "--format", "json"),
        ("check", "FILE"),
        ("diff", "FILE", "FILE", "--format", "json"),
    ],
)
def test_every_command_takes_them(tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "many.yaml"
    file.write_text(SPEC)
    result = run(*[str(file) if word == "FILE" else word for word in command])
    assert (result.status, result.err) == (0, "")
    if "json" in command:
        assert json.loads(result.out)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if layer_class(kind).most_rank == 3])
def test_a_window_slides_on_three_axes_at_most(kind: str) -> None:
    required = [name for name, declared in layer_class(kind).fields.items() if declared.required]
    layer = (
        drawn(kind, "axes")[0] if kind == "unpool" else made(kind, 4, **dict.fromkeys(required, 1))
    )
    branches = layer.joins.least if layer.joins is not None else layer.inputs
    error = refusal(layer, *[(4, 2, 2, 2, 2)] * branches)
    assert error.code == "wrong-rank"
    assert error.message == f"{kind} needs 1 to 3 spatial axes, not the 4 of (4, 2, 2, 2, 2)"


def test_a_value_has_six_axes_at_most() -> None:
    error = unreadable("reshape", 0, shape=[1, 1, 1, 1, 1, 1, 2])
    assert "a list of 1 to 6 sizes" in error.message
    assert made("reshape", 0, shape=[1, 1, 1, 1, 1, 2]).output_shape([(2,)]) == (1, 1, 1, 1, 1, 2)


def test_every_kind_of_any_rank_is_drawn_with_many_axes() -> None:
    for kind, draw in GENERATORS.items():
        ranks = {len(draw(Random(seed))[1][0]) - 1 for seed in range(60)}
        assert max(ranks) == layer_class(kind).most_rank, kind
