"""Unpooling: through a network, because the places are those of an earlier maxpool."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import convcalc
from convcalc import Analysis
from convcalc.analysis.costs.balance import balance
from convcalc.analysis.field.fields import fields, unit_field
from convcalc.analysis.memory.inference import measure_memory
from convcalc.analysis.memory.training import kept_tensors
from convcalc.analysis.metrics import measure
from convcalc.analysis.training.step import train
from convcalc.counts import Counts
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.weights import seeded_weights
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.pooling import MaxPool
from convcalc.layers.structure import Identity
from convcalc.layers.unpooling import Unpool
from convcalc.problems import RuleError
from convcalc.transform.whatif import apply
from tests.exchange.runtime import CLOSE, model
from tests.exchange.runtime import run as theirs
from tests.executor.test_peers import ours
from tests.executor.values import relative_error
from tests.layers.shorthand import refusal
from tests.quick import each_seed

#: A small SegNet: the inner pooling's windows overlap, the outer one's hang over the edge.
SEGNET = """
input: [3, 13, 16]
layers:
  - {conv: 4, kernel: 3, padding: 1, norm: batch, activation: relu}
  - {maxpool: 2, ceil_mode: true, name: outer}
  - {conv: 6, kernel: 3, padding: 1}
  - {maxpool: 3, stride: 2, padding: 1, name: inner}
  - {conv: 6, kernel: 3, padding: 1}
  - {unpool: inner}
  - {conv: 4, kernel: 3, padding: 1}
  - {unpool: outer}
  - {conv: 5, kernel: 1}
"""


@pytest.fixture(scope="module")
def segnet() -> Network:
    return convcalc.loads(SEGNET)


def test_the_places_stand_beside_their_maxpool_in_its_unit(segnet: Network) -> None:
    paths = [node.path for node in segnet.nodes]
    for pool, unpool in (("outer", "unpool1"), ("inner", "unpool0")):
        index = paths.index(pool)
        places = segnet.nodes[index + 1]
        assert (places.path, places.unit, places.kind) == (f"{pool}.indices", pool, "indices")
        assert places.inputs == segnet.nodes[index].inputs
        reader = segnet.nodes[paths.index(unpool)]
        assert reader.reads[1] == index + 1
        assert reader.inputs[2] == segnet.nodes[index].inputs[0]
        assert reader.shape == segnet.nodes[reader.inputs[2]].shape


def test_two_unpools_of_one_maxpool_share_its_places() -> None:
    layers = "{maxpool: 2, name: p}, {add: [[{unpool: p}], [relu, {unpool: p}]]}"
    network = convcalc.loads(f"{{input: [2, 8], layers: [{layers}]}}")
    assert [node.path for node in network.nodes].count("p.indices") == 1


def test_values_go_back_to_where_they_were_largest() -> None:
    network = convcalc.loads("{input: [1, 6], layers: [{maxpool: 2, name: p}, {unpool: p}]}")
    data = np.array([[[3.0, 1.0, 5.0, 8.0, -2.0, -1.0]]])
    (found,) = convcalc.execute(network, data, dtype="float64").values()
    assert found.tolist() == [[[3.0, 0.0, 0.0, 8.0, 0.0, -1.0]]]


def test_a_run_is_that_of_onnxruntime() -> None:
    network = convcalc.loads(SEGNET.replace(", ceil_mode: true", "").replace("13", "12"))
    weights = dict(seeded_weights(network, seed=5))
    inputs = ready_inputs(network, {}, 2, 5, np.dtype(np.float32))
    (expected,) = theirs(model(network, weights, 2), inputs)
    (found,) = ours(network, inputs, weights)
    assert relative_error(found, expected) < CLOSE


@pytest.mark.parametrize(
    ("dtype", "bytes_each"), [("float32", 4), ("float16", 2), ("bfloat16", 2), ("int8", 1)]
)
def test_places_take_eight_bytes_in_every_type(
    segnet: Network, dtype: str, bytes_each: int
) -> None:
    report = convcalc.analyze(segnet, batch=3)
    found = measure_memory(report, dtype=dtype)
    held = {node.path: size for moment in found.moments() for node, size in moment.alive}
    assert held["outer.indices"] == 3 * 8 * 4 * 7 * 8
    assert held["outer"] == 3 * bytes_each * 4 * 7 * 8
    analysis = Analysis(segnet, batch=3)
    assert measure(analysis, "peak_memory", dtype) == found.peak
    assert measure(analysis, "peak_in_place", dtype) == found.peak_in_place
    assert measure(analysis, "peak_least", dtype) == found.peak_least
    assert measure(analysis, "arena", dtype) == found.arena_bytes
    moved = balance(report, dtype).units
    # What enters, the places, and what leaves.
    assert moved["unpool1"].bytes == 3 * (bytes_each * (4 * 7 * 8 + 4 * 13 * 16) + 8 * 4 * 7 * 8)


def test_a_run_has_the_bytes_that_are_predicted(segnet: Network) -> None:
    program = Program(segnet, threads=1)
    seen = {}
    inputs = ready_inputs(segnet, {}, 1, 0, program.dtype)
    program.run(inputs, watch=lambda found: seen.update({found.node: found.bytes}))
    places = next(i for i, node in enumerate(segnet.nodes) if node.path == "inner.indices")
    assert seen[places] == 8 * 6 * 4 * 4


def test_places_are_kept_once_for_the_backward_pass(segnet: Network) -> None:
    kept = [
        (tensor.path, tensor.what, tensor.bytes) for tensor in kept_tensors(train(segnet, batch=2))
    ]
    assert ("outer.indices", "value", 2 * 8 * 4 * 7 * 8) in kept
    assert [what for path, what, _ in kept if path == "outer"] == ["value"]
    # Without an unpool it is the maxpool that keeps them.
    plain = convcalc.loads("{input: [2, 8], layers: [{conv: 2, kernel: 1}, {maxpool: 2, name: p}]}")
    assert ("p", "indices", 8 * 2 * 4) in [tuple(tensor) for tensor in kept_tensors(train(plain))]


def test_no_gradient_goes_through_places(segnet: Network) -> None:
    costs = {layer.node.path: layer.cost for layer in train(segnet).layers}
    assert costs["outer.indices"].total == Counts()
    # The value that enters the maxpool has one gradient: that of its maxima.
    assert costs["conv0.relu"].gradient_sums == Counts()


def test_what_ifs_keep_both_ends_together(segnet: Network) -> None:
    double = {node.path: node.shape for node in apply(segnet, double_channels=True).nodes}
    assert double["outer"] == double["outer.indices"] == (8, 7, 8)
    assert double["unpool1"] == (8, 13, 16)
    wider = apply(segnet, kernel=5)
    assert {node.path: node.shape for node in wider.nodes}["unpool1"] == (4, 13, 16)


@each_seed(6, 20)
def test_a_unit_depends_on_its_field_only(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = "{maxpool: KERNEL, stride: STRIDE, padding: 1, name: p}, {unpool: p}"
    kernel, stride = (int(n) for n in (rng.integers(2, 4), rng.integers(1, 4)))
    text = layers.replace("KERNEL", str(kernel)).replace("STRIDE", str(stride))
    network = convcalc.loads(f"{{input: [1, 7, 6], layers: [{text}]}}")
    data = rng.uniform(-1, 1, (1, 1, 7, 6))
    (before,) = convcalc.execute(network, data, dtype="float64").values()
    units = list(product(range(7), range(6)))
    hulls = {unit: unit_field(network, 3, unit).inputs.get(0) for unit in units}
    for place in units:
        changed = data.copy()
        changed[0, 0][place] = 9.0
        (after,) = convcalc.execute(network, changed, dtype="float64").values()
        for unit in units:
            if before[0, 0][unit] != after[0, 0][unit]:
                hull = hulls[unit]
                assert hull is not None
                assert all(low <= n <= high for n, (low, high) in zip(place, hull, strict=True))
    # Two windows meet at most: a unit sees both.
    assert fields(network)["unpool0"].axes["input"][0].size <= 2 * kernel - 1


class TestMistakes:
    def test_as_many_values_as_places(self) -> None:
        pool = MaxPool.read({"kernel": 2}, 2)
        error = refusal(Unpool(pool=pool), (4, 4, 4), (4, 3, 4), (4, 6, 8))
        assert (error.code, error.field) == ("unpool-mismatch", "pool")
        assert error.message == (
            "unpool needs as many values as its maxpool has, (4, 3, 4), not (4, 4, 4)"
        )

    def test_only_a_maxpool_has_places(self) -> None:
        builder = GraphBuilder()
        value = builder.add(Identity(), [builder.input("x", (2, 8))])
        with pytest.raises(RuleError) as caught:
            builder.places(value)
        assert caught.value.code == "unpool-mismatch"
