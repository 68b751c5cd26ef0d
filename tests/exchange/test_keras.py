"""Models of Keras, against what Keras itself says of them."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.exchange.files import read_bytes
from convcalc.exchange.keras import read
from convcalc.exchange.model import Choices, Model
from convcalc.problems import UNUSABLE, ConvcalcError
from tests.exchange.hostile import read_or_refuse
from tests.quick import fewer_examples

_DATA = Path(__file__).parents[1] / "data" / "keras"
APPLICATIONS, SMALL = [
    json.loads(gzip.decompress((_DATA / f"{name}.json.gz").read_bytes()))
    for name in ("applications", "small")
]


def of(text: str | bytes, name: str = "model.json", choices: Choices | None = None) -> Model:
    data = text.encode() if isinstance(text, str) else text
    return read(read_bytes(name, data), choices or Choices())


def application(name: str) -> bytes:
    return gzip.decompress((_DATA / f"{name}.json.gz").read_bytes())


def archive(config: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as written:
        written.writestr("metadata.json", "{}")
        written.writestr("config.json", config)
        written.writestr("model.weights.h5", b"weights" * 1000)
    return file.getvalue()


def functional(layers: list[dict[str, Any]], shape: tuple[int | None, ...] = (6, 6, 4)) -> str:
    """A model, each layer of which reads the one before."""
    chain: list[dict[str, Any]] = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "name": "image"}}
    ]
    for n, layer in enumerate(layers):
        config = {"name": f"layer{n}", **layer["config"]}
        chain.append({"class_name": layer["class_name"], "config": config})
        before = chain[-2]["config"]["name"]
        chain[-1]["inbound_nodes"] = [[[before, 0, 0, {}]]]
    last = chain[-1]["config"]["name"]
    config = {
        "name": "model",
        "layers": chain,
        "input_layers": [["image", 0, 0]],
        "output_layers": [[last, 0, 0]],
    }
    return json.dumps({"class_name": "Functional", "config": config})


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_has_the_figures_of_keras(name: str) -> None:
    model = of(application(name), f"{name}.json")
    facts = APPLICATIONS[name]
    totals = convcalc.analyze(model.network).totals
    assert totals.params == facts["params"]
    assert totals.macs == facts["macs"]
    # The mean and the variance of a picture are constants of the network, no weights of Keras's.
    assert totals.buffers == facts["buffers"] + facts["constants"]
    found = {}
    for node in model.network.nodes:
        if node.path in model.names:
            found[model.names[node.path]] = node.shape
    channels_first = {layer: (*shape[-1:], *shape[:-1]) for layer, shape in facts["shapes"].items()}
    differ = {layer: shape for layer, shape in found.items() if channels_first.get(layer) != shape}
    assert {layer: shape for layer, shape in differ.items() if layer in channels_first} == {}
    assert len(found) > len(facts["shapes"]) // 2


@pytest.mark.parametrize("name", SMALL)
def test_a_small_model_has_the_figures_of_keras(name: str) -> None:
    facts = SMALL[name]
    model = of(facts["json"], f"{name}.json")
    totals = convcalc.analyze(model.network).totals
    assert (totals.params, totals.buffers) == (facts["params"], facts["buffers"])
    shapes = [model.network.nodes[index].shape for index in model.network.outputs.values()]
    # The axes of a result are Keras's, with the channels first where they are the last.
    assert [sorted(shape) for shape in shapes] == [sorted(shape) for shape in facts["outputs"]]


def test_an_archive_is_its_configuration() -> None:
    config = application("MobileNet")
    expected = of(config).network
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        network = of(archive(config, method), "net.keras").network
        assert [repr(node) for node in network.nodes] == [repr(node) for node in expected.nodes]
    assert convcalc.analyze(expected).totals.params == 4231976


def test_layers_have_kerass_names() -> None:
    model = of(application("ResNet50"))
    nodes = {node.path: node for node in model.network.nodes}
    assert nodes["conv2_block1_1_conv.batchnorm"].unit == "conv2_block1_1_conv"
    assert model.names["conv2_block1_1_conv.batchnorm"] == "conv2_block1_1_bn"
    assert list(model.network.outputs) == ["predictions"]


def test_a_layer_that_is_called_twice_shares_its_parameters() -> None:
    network = of(SMALL["shared"]["json"]).network
    first, second = [node for node in network.nodes if node.kind == "conv"]
    assert network.nodes[second.shares or 0] is first


def test_nested_models_are_groups() -> None:
    network = of(SMALL["nested"]["json"]).network
    paths = [node.path for node in network.nodes if node.kind == "conv"]
    assert paths == ["inner.a", "inner.b", "inner.a_0", "inner.b_0"]
    assert len([node for node in network.nodes if node.shares is not None]) == 2


class TestOrder:
    """Axes in Keras's order, which the network has in its own."""

    def run(self, layers: list[dict[str, Any]], image: np.ndarray) -> np.ndarray:
        """The result in Keras's order, of an image in Keras's order."""
        # A convolution would need the channels first: the end of the file asks for Keras's order.
        model = of(functional([*layers, {"class_name": "Flatten", "config": {}}], image.shape))
        ours = np.moveaxis(image, -1, 0)[None]
        result = next(iter(convcalc.execute(model.network, ours).values()))[0]
        found: np.ndarray = result
        return found

    def test_features_that_only_a_dense_layer_reads_are_not_moved(self) -> None:
        dense = {"class_name": "Dense", "config": {"units": 3}}
        text = functional([{"class_name": "Flatten", "config": {}}, dense])
        assert [node.kind for node in of(text).network.operations] == ["flatten", "dense"]

    @given(st.data())
    def test_moves(self, data: st.DataObject) -> None:
        sizes = data.draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3))
        expected: Any = np.arange(np.prod(sizes), dtype=np.float32).reshape(sizes)
        image, layers = expected, []
        for _ in range(data.draw(st.integers(1, 4))):
            rank = expected.ndim
            move = data.draw(st.sampled_from(["Permute", "Reshape", "Flatten", "Concatenate"]))
            if move == "Permute":
                dims = data.draw(st.permutations(range(1, rank + 1)))
                config: dict[str, Any] = {"dims": list(dims)}
                expected = expected.transpose([axis - 1 for axis in dims])
            elif move == "Reshape":
                turned = list(data.draw(st.permutations(expected.shape)))
                shape = data.draw(st.sampled_from([turned, [-1, turned[0]], [1, 1, -1]]))
                config = {"target_shape": shape}
                expected = expected.reshape(shape)
            elif move == "Flatten":
                config = {}
                expected = expected.reshape(-1)
            else:
                config = {"axis": data.draw(st.sampled_from([-1, 1, rank]))}
            layers.append({"class_name": move, "config": config})
        # The features of a last flattening are in either order: one of one element fixes it.
        layers.append({"class_name": "Reshape", "config": {"target_shape": [-1, 1]}})
        assert np.array_equal(self.run(layers, image), expected.reshape(-1))


class TestOpenSizes:
    TEXT = functional(
        [{"class_name": "Conv2D", "config": {"filters": 2, "kernel_size": 3}}], (None, None, 3)
    )

    def test_are_asked_for_by_their_names(self) -> None:
        with pytest.raises(ConvcalcError, match="the height of the input 'image' is open"):
            of(self.TEXT)
        with pytest.raises(ConvcalcError, match="--dim width=N"):
            raise_with_help(lambda: of(self.TEXT, choices=Choices(dims={"height": 8})))

    def test_are_given_by_name_or_all_at_once(self) -> None:
        named = of(self.TEXT, choices=Choices(dims={"height": 8, "width": 9}))
        assert named.network.inputs == {"image": (3, 8, 9)}
        assert named.dims == {"height": 8, "width": 9}
        given = of(self.TEXT, choices=Choices(input=[3, 8, 9]))
        assert given.network.inputs == {"image": (3, 8, 9)}


def raise_with_help(call: Any) -> None:
    """Raises what a call raises, with the help in the text."""
    try:
        call()
    except ConvcalcError as error:
        texts = [fact.text for problem in error.problems for fact in problem.facts]  # type: ignore[union-attr]
        raise ConvcalcError(
            [problem._replace(message=" ".join(texts)) for problem in error.problems]
        ) from None


def test_an_unknown_layer_is_opaque_where_its_shape_is_known() -> None:
    config = json.loads(SMALL["joins"]["json"])
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Multiply":
            layer["class_name"] = "MyOwn"
    network = of(json.dumps(config)).network
    (own,) = [node for node in network.nodes if node.kind == "opaque"]
    assert own.shape == (4, 8, 8)
    assert convcalc.analyze(network).unknown


@pytest.mark.parametrize(
    ("layer", "code", "where"),
    [
        ({"class_name": "MyOwn", "config": {}}, "unsupported-model", "layer0"),
        ({"class_name": "Conv2D", "config": {"filters": 8}}, "bad-model", "layer0"),
        ({"class_name": "Conv2D", "config": {"filters": 8, "kernel_size": [3]}}, "bad-model", ""),
        ({"class_name": "Conv2D", "config": {"filters": 8, "kernel_size": 9}}, "", "layer0"),
        ({"class_name": "Conv1D", "config": {"filters": 8, "kernel_size": 3}}, "bad-model", ""),
        ({"class_name": "Dense", "config": {"units": 1.5}}, "bad-model", "layer0"),
        ({"class_name": "Dense", "config": {"units": 1e300}}, "bad-model", "layer0"),
        ({"class_name": "Reshape", "config": {"target_shape": [7, -1]}}, "bad-model", "layer0"),
        ({"class_name": "Permute", "config": {"dims": [1, 2]}}, "bad-model", "layer0"),
        ({"class_name": "Concatenate", "config": {"axis": 0}}, "bad-model", "layer0"),
        ({"class_name": "Activation", "config": {"activation": 3}}, "bad-model", "layer0"),
        ({"class_name": "BatchNormalization", "config": {"axis": 9}}, "bad-model", "layer0"),
    ],
)
def test_a_mistake_has_its_layer(layer: Mapping[str, Any], code: str, where: str) -> None:
    with pytest.raises(ConvcalcError) as caught:
        of(functional([dict(layer)]))
    assert caught.value.status == UNUSABLE
    (problem,) = caught.value.problems
    assert problem.code == (code or "window-too-large")
    assert where in problem.subject.layer
    assert problem.subject.file == "model.json"


def test_a_layer_that_nothing_enters() -> None:
    config = json.loads(functional([{"class_name": "ReLU", "config": {}}]))
    config["config"]["layers"][1]["inbound_nodes"] = []
    with pytest.raises(ConvcalcError, match="no value enters"):
        of(json.dumps(config))


def test_is_known_by_its_suffix_or_its_text(tmp_path: Path) -> None:
    text = application("MobileNet")
    (tmp_path / "net.json").write_bytes(text)
    (tmp_path / "net.keras").write_bytes(archive(text))
    (tmp_path / "spec.json").write_text('{"input": [8], "layers": [{"dense": 4}]}')
    networks = [convcalc.load(tmp_path / name) for name in ("net.json", "net.keras")]
    assert [convcalc.analyze(network).totals.params for network in networks] == [4231976] * 2
    assert convcalc.analyze(convcalc.load(tmp_path / "spec.json")).totals.params == 36


def test_a_circle() -> None:
    config = json.loads(functional([{"class_name": "ReLU", "config": {}}] * 3))
    config["config"]["layers"][2]["inbound_nodes"] = [[["layer2", 0, 0, {}]]]
    with pytest.raises(ConvcalcError, match="no layer before it computes"):
        of(json.dumps(config))


def test_models_in_models_are_bounded() -> None:
    text = functional([])
    for _ in range(30):
        # Each model calls the one inside of it twice.
        outer = json.loads(functional([{"class_name": "Functional", "config": {}}]))
        inner = outer["config"]["layers"][1]
        inner["config"] = {**json.loads(text)["config"], "name": "layer0"}
        inner["inbound_nodes"].append([["layer0", 0, 0, {}]])
        outer["config"]["output_layers"] = [["layer0", 1, 0]]
        text = json.dumps(outer)
    with pytest.raises(ConvcalcError, match="too many calls"):
        of(text, choices=Choices(max_layers=100))


def test_names_and_lists_of_layers_are_bounded() -> None:
    with pytest.raises(ConvcalcError, match="too long"):
        of(functional([{"class_name": "ReLU", "config": {"name": "x" * 1000}}]))
    many = functional([{"class_name": "Identity", "config": {}}] * 300)
    with pytest.raises(ConvcalcError, match="too-many-layers"):
        of(many, choices=Choices(max_layers=100))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"class_name": 3}', "no model"),
        (b'{"class_name": "Functional"}', "no list of layers"),
        (b'{"class_name": "Functional", "config": {"layers": []}}', "no results"),
        (b'{"class_name": "Sequential", "config": []}', "no results"),
        (b'{"class_name": "GRUCell", "config": {}}', "no layers that are read"),
        (b"PK\x03\x04" + b"x" * 100, "list of files is missing"),
        (archive(b"{}")[:-30], "list of files is missing"),
        (archive(b"x" * 9_000_000), "more than"),
        (archive(b"{}").replace(b"config.json", b"konfig.json"), "no config.json"),
    ],
)
def test_what_is_no_model(data: bytes, what: str) -> None:
    with pytest.raises(ConvcalcError, match=what) as caught:
        of(data, "net.keras")
    assert caught.value.status == UNUSABLE


_TEXTS = [facts["json"] for facts in SMALL.values()]
_CHANGES = ["null", "0", "-1", "1e9", "[]", "{}", '"x"', "true", "[1, 2]", '"Dense"', "99999999999"]


@fewer_examples(2)
@given(st.sampled_from(_TEXTS), st.data())
def test_a_changed_model_is_read_or_refused(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        # Another value in the place of one, so that the text stays JSON.
        places = [n for n, letter in enumerate(text) if letter == ":"]
        place = data.draw(st.sampled_from(places)) + 1
        rest = text[place:]
        end = min(rest.find(mark) for mark in ",}]" if mark in rest)
        text = f"{text[:place]} {data.draw(st.sampled_from(_CHANGES))}{rest[end:]}"
    read_or_refuse(read, "model.json", text.encode())


@given(st.data())
def test_a_damaged_archive_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(archive(SMALL["shared"]["json"].encode()))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.sampled_from([len(whole), data.draw(st.integers(0, len(whole)))]))
    read_or_refuse(read, "net.keras", bytes(whole[:cut]))
