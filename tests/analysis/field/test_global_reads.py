"""Fields without the layers that read everything are those of a network without these layers."""

from __future__ import annotations

import pytest

import convcalc
from convcalc import Analysis
from convcalc.analysis.field.fields import fields, unit_field
from convcalc.analysis.field.global_reads import LocalReadings
from convcalc.language.shipped import shipped_names
from tests.quick import each_network
from tests.shipped import shipped

CHAIN = """
input: [3, 40, 41]
layers:
  - {{conv: 8, kernel: 3, stride: 2, padding: 1, {norm}}}
  - {extra}
  - {{maxpool: 2}}
  - {{conv: 8, kernel: 5, dilation: 2, padding: same, {norm}, name: last}}
outputs: [last]
"""
PLAIN = {"norm": "norm: batch", "extra": "{relu: , name: extra}"}
GATE = """mul: [[], [global_avgpool, {conv: 2, kernel: 1, activation: relu}, {conv: 8, kernel: 1}]]
    name: extra"""
CONTEXT = """concat: [[], [global_avgpool, {conv: 3, kernel: 1}, {upsample: , size: [20, 21]}]]
    name: extra"""


def analysis(**parts: str) -> Analysis:
    return Analysis(convcalc.loads(CHAIN.format(**{**PLAIN, **parts})))


@pytest.mark.parametrize(
    ("parts", "layers"),
    [
        (
            {"norm": "norm: {groupnorm: 4}"},
            [("conv0.groupnorm", None), ("last.groupnorm", None)],
        ),
        (
            {"norm": "norm: instance"},
            [("conv0.instancenorm", None), ("last.instancenorm", None)],
        ),
        ({"norm": "norm: layer"}, []),
        ({"extra": "{groupnorm: 1, name: extra}"}, [("extra", None)]),
        ({"extra": GATE}, [("extra", "extra.branch1.pool0")]),
        ({"extra": CONTEXT}, [("extra", "extra.branch1.pool0")]),
    ],
)
def test_a_layer_that_reads_everything(
    parts: dict[str, str], layers: list[tuple[str, str | None]]
) -> None:
    found = analysis(**parts)
    readings = found.local_readings
    assert [(one.node.path, one.through and one.through.path) for one in readings.layers] == layers
    plain = analysis()
    for path in ("conv0", "extra", "pool0", "last"):
        assert found.local_fields[path] == plain.fields[path]
    if layers:
        assert {axis.size for axis in found.fields["last"].axes["input"]} == {40, 41}
    for place in ((0, 0), (4, 7), (9, 9)):
        seen = [
            unit_field(one.network, len(one.network.nodes) - 1, place, reading)
            for one, reading in ((found, readings), (plain, None))
        ]
        assert seen[0].inputs == seen[1].inputs


def test_what_summarises_a_map_for_good_stays() -> None:
    """A classifier sees the whole picture: nothing local is left beside what it pools."""
    network = shipped("resnet18")
    readings = LocalReadings(network)
    assert readings.layers == []
    assert fields(network, readings)["dense0"] == fields(network)["dense0"]


def test_a_network_that_is_all_summary() -> None:
    text = """
input: [3, 8, 8]
layers:
  - {global_avgpool: , name: code}
  - {conv_transpose: 3, kernel: 4, name: map}
  - {add: [code, []]}
"""
    network = convcalc.loads(text)
    readings = LocalReadings(network)
    assert readings.layers == []
    assert fields(network, readings)["add0"] == fields(network)["add0"]


def test_a_bidirectional_sequence() -> None:
    text = "{input: [4, 20], layers: [{conv: 3, kernel: 3}, {lstm: 5, bidirectional: true}]}"
    network = convcalc.loads(text)
    readings = LocalReadings(network)
    assert [one.node.path for one in readings.layers] == ["lstm0"]
    found = fields(network, readings)
    assert found["lstm0"] == found["conv0"]


def test_attention_to_every_position() -> None:
    text = """
input: [16, 12, 13]
layers:
  - {conv: 16, kernel: 3, padding: 1}
  - add:
      - []
      - - attention:
            query: [{conv: 16, kernel: 1}]
            key: [{conv: 16, kernel: 1}]
            value: [{conv: 16, kernel: 1}]
  - {conv: 16, kernel: 3, padding: 1}
"""
    found = Analysis(convcalc.loads(text))
    assert found.fields["conv1"].size_text() == "12x13"
    assert found.local_fields["conv1"].size_text() == "5x5"
    assert found.local_readings.layers[0].node.unit == "add0.branch1.attention0"
    assert found.local_readings.layers[0].through is None


@pytest.mark.no_cover
@each_network(shipped_names())
def test_nothing_changes_where_no_layer_reads_everything(name: str) -> None:
    network = shipped(name)
    readings = LocalReadings(network)
    if not readings.layers:
        plain, local = fields(network), fields(network, readings)
        for node in network.operations:
            assert local[node.path] == plain[node.path]


@pytest.mark.parametrize(("name", "size"), [("resnet50", 427), ("efficientnet_b0", 851)])
def test_known_sizes(name: str, size: int) -> None:
    """Before the last pooling."""
    network = shipped(name)
    last = next(node for node in reversed(network.nodes) if node.kind == "global_avgpool")
    before = network.nodes[last.inputs[0]]
    (axes,) = fields(network, LocalReadings(network))[before.path].axes.values()
    assert {axis.size for axis in axes} == {size}


def test_a_constant_beside_a_map_or_a_summary_changes_nothing() -> None:
    for layers in (
        "{conv: 2, kernel: 3}, {add: [[], [parameter]]}, {conv: 2, kernel: 3}",
        "{conv: 2, kernel: 5}, {mul: [[], [global_avgpool, {mul: [[], [parameter]]}, sigmoid]]}",
    ):
        network = convcalc.loads(f"{{input: [2, 16], layers: [{layers}]}}")
        local = LocalReadings(network)
        found = fields(network, local)[network.operations[-1].path]
        assert found.size_text() == "5"
        assert [layer.node.path for layer in local.layers] == ["mul0"] * ("mul" in layers)
