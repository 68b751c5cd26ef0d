"""Networks written as ONNX files: names, weights, external data; and what onnxruntime computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.exchange.write.onnx import file, graph
from convcalc.exchange.write.onnx.file import onnx_bytes, write_onnx
from convcalc.executor.arrays import Array
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.weights import RandomWeights, array_name, array_shapes
from convcalc.executor.workspace import Workspace
from convcalc.graph import Network
from convcalc.language.shipped import shipped_names
from convcalc.layers.opaque import Opaque
from convcalc.problems import ConvcalcError
from tests.exchange.runtime import CLOSE, run
from tests.exchange.write.fields import messages, numbers, text
from tests.executor.values import relative_error
from tests.shipped import shipped

NETWORK = """
input: [3, 8, 8]
layers:
  - {conv: 8, kernel: 3, padding: same, norm: batch, activation: relu}
  - {conv: 8, kernel: 1, bias: false, name: inner}
  - add: [[], [{conv: 8, kernel: 1, bias: false, share: inner}]]
  - {layernorm: {}}
  - {dense: 4, activation: softmax}
"""


class Seeded:
    """The arrays of a network's nodes, made from a seed; counts how often they are asked for."""

    def __init__(self, network: Network, seed: int = 0) -> None:
        self.network = network
        self.asked: list[int] = []
        self.weights = RandomWeights(seed)
        self.pool = ThreadPool([Workspace()])

    def __call__(self, index: int) -> dict[str, Array]:
        self.asked.append(index)
        return self.weights.get(self.network, index, np.float32, self.pool)


@pytest.fixture(scope="module")
def network() -> Network:
    return convcalc.loads(NETWORK)


def graph_of(model: bytes) -> bytes:
    (graph,) = messages(model, 7)
    return graph


def results(network: Network, seed: int = 0) -> tuple[dict[str, Array], list[Array]]:
    """Inputs made from the seed, and the results of the executor."""
    inputs = ready_inputs(network, {}, 1, seed, np.dtype(np.float32))
    values = Program(network, weights=RandomWeights(seed)).run(inputs)
    return inputs, [values[index] for index in network.outputs.values()]


class TestNames:
    def test_operators_are_named_after_their_layers(self, network: Network) -> None:
        graph = graph_of(onnx_bytes(network, Seeded(network)))
        names = [text(node, 3) for node in messages(graph, 1)]
        assert len(set(names)) == len(names)
        scopes = list(dict.fromkeys([name.rpartition("/")[0] for name in names]))
        units = list(dict.fromkeys([node.unit for node in network.operations]))
        # An addition stands beside its branches.
        assert scopes == ["/" + unit.replace(".", "/") if unit != "add0" else "" for unit in units]

    def test_each_result_has_its_layers_path(self, network: Network) -> None:
        graph = graph_of(onnx_bytes(network, Seeded(network)))
        made = [value.decode() for node in messages(graph, 1) for value in messages(node, 2)]
        paths = [name for name in made if not name.startswith("/")]
        assert paths == [
            {"dense0": "dense0/dense", "dense0.softmax": "dense0"}.get(node.path, node.path)
            for node in network.operations
        ]

    def test_each_array_is_an_initializer_of_its_name_and_shape(self, network: Network) -> None:
        graph = graph_of(onnx_bytes(network, Seeded(network)))
        found = {text(tensor, 8): tuple(numbers(tensor, 1)) for tensor in messages(graph, 5)}
        assert found == {
            array_name(node, name): shape
            for index, node in enumerate(network.nodes)
            for name, shape in array_shapes(network, index).items()
        }

    def test_inputs_and_outputs_have_the_networks_names(self) -> None:
        for name in ("lenet", "googlenet", "yolov8n"):
            network = shipped(name)
            graph = graph_of(onnx_bytes(network, Seeded(network)))
            assert [text(value, 1) for value in messages(graph, 11)] == list(network.inputs)
            assert [text(value, 1) for value in messages(graph, 12)] == list(network.outputs)

    def test_a_shared_layer_has_no_weights_of_its_own(self, network: Network) -> None:
        paths = [node.path for node in network.nodes]
        (sharing,) = [node for node in network.nodes if node.shares is not None]
        arrays = Seeded(network)
        graph = graph_of(onnx_bytes(network, arrays))
        (user,) = [
            node for node in messages(graph, 1) if messages(node, 2)[0].decode() == sharing.path
        ]
        owner = network.nodes[sharing.shares or 0]
        assert messages(user, 1)[1].decode() == f"{owner.path}.weight"
        assert arrays.asked.count(paths.index(owner.path)) == 1

    def test_the_same_weights_make_the_same_file(self, network: Network) -> None:
        files = [onnx_bytes(network, Seeded(network, seed)) for seed in (1, 1, 2)]
        assert files[0] == files[1] != files[2]


def test_arrays_are_asked_for_once(network: Network) -> None:
    arrays = Seeded(network)
    onnx_bytes(network, arrays)
    assert arrays.asked == [
        index for index in range(len(network.nodes)) if array_shapes(network, index)
    ]


class TestFiles:
    def test_large_weights_lie_beside(
        self, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = str(tmp_path / "net.onnx")
        assert write_onnx(network, Seeded(network), path) == [path]
        inputs, (expected,) = results(network)
        (found,) = run(path, inputs)
        monkeypatch.setattr(file, "SEPARATE", 0)
        moved = str(tmp_path / "moved.onnx")
        assert write_onnx(network, Seeded(network), moved) == [moved, f"{moved}.data"]
        (beside,) = run(moved, inputs)
        assert np.array_equal(found, beside)
        assert relative_error(found, expected) < CLOSE
        (tmp_path / "moved.onnx.data").unlink()
        with pytest.raises(Exception, match=r"moved\.onnx\.data"):
            run(moved, inputs)

    def test_a_network_larger_than_a_message_is_refused(
        self, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(graph, "LARGEST_MESSAGE", 5000)
        with pytest.raises(ConvcalcError) as caught:
            write_onnx(network, Seeded(network), str(tmp_path / "net.onnx"))
        assert caught.value.problems[0].code == "cannot-write"
        assert list(tmp_path.iterdir()) == []


class TestCounterparts:
    def test_a_layer_without_one_is_named(self) -> None:
        spec = "{input: [4, 7, 7], layers: [{conv: 4, kernel: 1}, {lrn: 4, name: across}]}"
        network = convcalc.loads(spec)
        with pytest.raises(ConvcalcError) as caught:
            onnx_bytes(network, Seeded(network))
        (problem,) = caught.value.problems
        assert (problem.code, problem.subject.layer) == ("no-counterpart", "across")
        assert problem.span is not None
        assert problem.text.startswith("across: lrn has no counterpart in ONNX")

    def test_an_operation_without_a_rule_has_none(self) -> None:
        builder = convcalc.GraphBuilder()
        value = builder.add(Opaque(op="NonMaxSuppression", shape=(3,)), [builder.input("x", (4,))])
        network = builder.network("net", {"y": value})
        with pytest.raises(ConvcalcError) as caught:
            onnx_bytes(network, Seeded(network))
        assert caught.value.problems[0].message == "opaque has no counterpart in ONNX"

    @pytest.mark.parametrize(
        "layers",
        [
            "{groupnorm: 2000000000, affine: false}",
            "{batchnorm: {affine: false}}",
            "{maxpool: 1, name: p}, {unpool: p}",
            "{attention: {query: [], key: [], value: []}, position_bias: relative}",
        ],
    )
    def test_no_constant_is_larger_than_memory(self, layers: str) -> None:
        network = convcalc.loads(f"{{input: [2000000000, 20000], layers: [{layers}]}}")
        with pytest.raises(ConvcalcError) as caught:
            onnx_bytes(network, Seeded(network))
        assert caught.value.problems[0].code == "no-counterpart"
        assert "too large" in caught.value.problems[0].message

    @pytest.mark.parametrize(
        "layers",
        [
            "{adaptive_avgpool: [3, 4]}",
            "{adaptive_maxpool: [2, 5]}",
            "{l2norm: {}}",
            "{pad: 1, mode: reflect}",
            "{maxpool: 3, stride: 2, ceil_mode: true}",
            "{avgpool: 3, stride: 2, padding: same}",
            "{conv_transpose: 4, kernel: 3, stride: 2, padding: same}",
            "{conv: 4, kernel: 3, dilation: 2, padding: same}",
            "{reshape: [6, 4, 4, 7, 2]}, {dense: 5, positionwise: true}",
            "{attention: QKV, heads: 3}",
            "{attention: QKV, window: [4, 7], heads: 3}",
            "{attention: QKV, window: [4, 7], shift: [2, 1], heads: 3, position_bias: relative}",
            "{attention: QKV, window: [4, 7], shift: [2, 1], similarity: cosine}",
            "{attention: QKV, window: 2, shift: 1, position_bias: continuous}",
            "{rescaling: 1}",
            "{upsample: 1}",
            "{add: [[], [{parameter: {}}]]}",
        ],
    )
    def test_what_takes_several_operators_computes_the_same(self, layers: str) -> None:
        layers = layers.replace("QKV", "{query: [], key: [], value: []}")
        network = convcalc.loads(f"{{input: [12, 8, 14], layers: [{layers}]}}")
        inputs, (expected,) = results(network)
        (found,) = run(onnx_bytes(network, Seeded(network)), inputs)
        assert relative_error(found, expected) < CLOSE


def test_results_may_be_one_value_or_an_input() -> None:
    builder = convcalc.GraphBuilder()
    image = builder.input("image", (3, 4, 4))
    relu: Any = convcalc.loads("{input: [3, 4, 4], layers: [relu]}").nodes[1].layer
    value = builder.add(relu, [image])
    network = builder.network("net", {"first": value, "second": value, "image": image})
    inputs, expected = results(network)
    found = run(onnx_bytes(network, Seeded(network)), inputs)
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True))


def cost(name: str) -> int:
    """How long a network takes to be written and run, in products."""
    totals = convcalc.analyze(shipped(name)).totals
    return totals.macs + 80 * totals.params


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "name",
    [
        name if cost(name) < 400_000_000 else pytest.param(name, marks=pytest.mark.long)
        for name in shipped_names()
    ],
)
def test_shipped_networks_agree_with_onnxruntime(name: str, tmp_path: Path) -> None:
    network = shipped(name)
    if any(node.kind == "unpool" for node in network.nodes):
        # Where a maximum is nearly another one, rounding chooses, and all around it is changed.
        network = convcalc.load(name, input=[3, 64, 96])
    path = str(tmp_path / "net.onnx")
    write_onnx(network, Seeded(network, 3), path)
    inputs, expected = results(network, 3)
    for found, wanted in zip(run(path, inputs), expected, strict=True):
        assert relative_error(found, wanted) < CLOSE
