"""JSON: exact, complete, and laid out a layer a line."""

from __future__ import annotations

import json
from random import Random

import convcalc
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.convolution import Conv
from convcalc.layers.dense import Dense
from convcalc.render.report import report_data, report_text
from tests.networks.grow import random_spec
from tests.quick import each_seed

LARGE = 2**31 - 1
LAYER_KEYS = [
    "name",
    "path",
    "kind",
    "file",
    "line",
    "calls",
    "from",
    "inputs",
    "output",
    "params",
    "buffers",
    "multiplies",
    "adds",
    "divides",
    "compares",
    "specials",
    "macs",
    "flops",
]


def large_network() -> Network:
    """A network made in Python whose counts no float can hold."""
    shape = (LARGE, LARGE, LARGE)
    conv = Conv(
        channels=LARGE, kernel=(1, 1), stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1)
    )
    builder = GraphBuilder()
    index = builder.add(conv, [builder.input("input", shape)])
    index = builder.add(Dense(units=1, bias=False), [index])
    return builder.network("large", {"dense0": index})


def test_integers_are_exact_at_any_size() -> None:
    report = convcalc.analyze(large_network(), batch=7)
    data = json.loads(report_text(report))
    assert data["layers"][0]["multiplies"] == 7 * LARGE**4
    assert data["layers"][0]["macs"] == 7 * LARGE**4
    assert data["layers"][0]["params"] == LARGE**2 + LARGE
    assert data["totals"]["multiplies"] == 7 * (LARGE**4 + LARGE**3)
    assert data["layers"][1]["output"] == [7, 1]


def test_a_network_made_in_python_has_no_lines() -> None:
    layer = json.loads(report_text(convcalc.analyze(large_network())))["layers"][0]
    assert (layer["file"], layer["line"], layer["calls"]) == (None, None, [])


@each_seed(10, 25)
def test_text_is_the_data_and_keys_stand_in_their_order(seed: int) -> None:
    report = convcalc.analyze(convcalc.loads(random_spec(Random(seed))), batch=3)
    data = report_data(report)
    assert json.loads(report_text(report)) == data
    assert list(data) == [
        *("schema", "name", "source", "inputs", "outputs", "notes", "layers", "totals"),
        *("complete", "unknown"),
    ]
    for layer in data["layers"]:
        assert list(layer) == LAYER_KEYS
        assert layer["name"] == layer["path"].split(".")[-1]
    assert list(data["totals"]) == LAYER_KEYS[9:]
    for key in LAYER_KEYS[9:]:
        assert data["totals"][key] == sum(layer[key] for layer in data["layers"])


@each_seed(10, 25)
def test_every_input_of_a_layer_is_an_output_or_an_input_of_the_network(seed: int) -> None:
    data = report_data(convcalc.analyze(convcalc.loads(random_spec(Random(seed)))))
    known = dict(data["inputs"])
    for layer in data["layers"]:
        assert layer["inputs"] == [known[path] for path in layer["from"]]
        known[layer["path"]] = layer["output"]


def test_a_layer_takes_a_line() -> None:
    lenet = convcalc.analyze(convcalc.load("lenet"))
    lines = report_text(lenet, before=lenet).splitlines()
    layers = [line for line in lines if '"path"' in line]
    assert len(layers) == 2 * len(lenet.layers)
    assert json.loads(layers[0].rstrip(","))["path"] == "conv0"
    assert lines[0] == "{"
    assert lines[-1] == "}"


def test_names_need_no_escapes() -> None:
    network = convcalc.loads('{name: "名前 \\" x", input: [4], layers: [relu]}')
    text = report_text(convcalc.analyze(network))
    assert '"name": "名前 \\" x"' in text
    assert json.loads(text)["name"] == '名前 " x'
