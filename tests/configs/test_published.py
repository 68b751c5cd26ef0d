"""The networks beside torchvision's classifiers, against what their authors and others counted."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.analysis.costs.report import Report


def analyze(name: str, **args: str | int) -> Report:
    return convcalc.analyze(convcalc.load(name, args=args))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("dcgan", 3576704),  # PyTorch's example
        ("attention_unet", 34878573),  # github.com/LeeJunHyun/Image_Segmentation
        ("convnextv2_atto", 3708400),  # timm
        ("deeplabv3_mobilenet_v3_large", 11029328),  # torchvision
        ("deeplabv3_resnet101", 60996202),  # torchvision
        ("deeplabv3_resnet50", 42004074),  # torchvision
        ("detr_resnet50", 41524768 + 53120),  # transformers, which freezes batchnorms
        ("efficientformer_l1", 12289928),  # timm
        ("fcn_resnet101", 54314346),  # torchvision
        ("fcn_resnet50", 35322218),  # torchvision
        ("ghostnet", 5182508),  # timm
        ("lraspp_mobilenet_v3_large", 3221538),  # torchvision
        ("mc3_18", 11695440),  # torchvision
        ("mobilevit_s", 5578632),  # timm
        ("mobilenet_v1", 4231976),  # Keras
        ("poolformer_s12", 11915176),  # timm
        ("pointpillars", 4834120),  # OpenPCDet, without the layer that sees the points
        ("r2plus1d_18", 31505325),  # torchvision
        ("r3d_18", 33371472),  # torchvision
        ("repvgg_a0", 9108968),  # timm
        ("repvgg_a0_deployed", 8309384),  # timm
        ("res2net50", 25699120),  # timm
        ("retinanet_resnet50_fpn", 34014999 + 53120),  # torchvision, which freezes batchnorms
        ("ssd300_vgg16", 35641826),  # torchvision
        ("unet", 31030658),  # Keras
        ("unet3d", 19069955),  # the paper, Section 2
        ("xception", 22855952),  # the paper, Table 3
        ("yolov3", 61949149),  # darknet
    ],
)
def test_params_are_those_that_others_count(name: str, params: int) -> None:
    assert analyze(name).totals.params == params


@pytest.mark.parametrize(
    ("name", "total"),
    [("ds_cnn", 24908), ("fc_autoencoder", 269992), ("mobilenet_v1_025_96", 221794)]
    + [("resnet8", 78666)],
)
def test_mlperf_tiny_has_as_many_numbers_as_keras_counts(name: str, total: int) -> None:
    totals = analyze(name).totals
    assert totals.params + totals.buffers == total


@pytest.mark.parametrize(
    ("name", "gmacs"),
    [
        ("deeplabv3_mobilenet_v3_large", 10.452),
        ("deeplabv3_resnet101", 258.743),
        ("deeplabv3_resnet50", 178.722),
        ("fcn_resnet101", 232.738),
        ("fcn_resnet50", 152.717),
        ("lraspp_mobilenet_v3_large", 2.086),
        ("mc3_18", 43.343),
        ("r2plus1d_18", 40.519),
        ("r3d_18", 40.697),
        ("retinanet_resnet50_fpn", 151.540),
        ("ssd300_vgg16", 34.858),
    ],
)
def test_macs_are_those_that_torchvision_publishes(name: str, gmacs: float) -> None:
    assert round(analyze(name).totals.macs / 1e9, 3) == gmacs


@pytest.mark.parametrize(
    ("name", "macs"),
    [("convnextv2_atto", 547332480), ("ghostnet", 141150512), ("repvgg_a0", 1512581120)]
    + [("efficientformer_l1", 1291284736), ("mobilevit_s", 2000831488)]
    + [("poolformer_s12", 1812267008), ("res2net50", 4255166464)],
)
def test_macs_are_those_that_pytorch_counts_in_timms_models(name: str, macs: int) -> None:
    assert analyze(name).totals.macs == macs


def test_macs_are_those_that_pytorch_counts_in_the_detr_of_transformers() -> None:
    assert analyze("detr_resnet50").totals.macs == 91069952000


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        ("yolov8n", 3157200, 4371993600),
        ("yolov8s", 11166560, 14301312000),
        ("yolov8m", 25902640, 39468364800),
        ("yolov8l", 43691520, 82574259200),
        ("yolov8x", 68229648, 128902169600),
        ("yolo11n", 2624080, 3271251200),
    ],
)
def test_yolo_has_the_parameters_of_ultralytics_and_the_macs_that_pytorch_counts_there(
    name: str, params: int, macs: int
) -> None:
    totals = analyze(name).totals
    assert (totals.params, totals.macs) == (params, macs)


def test_yolov3_costs_what_darknet_prints() -> None:
    assert round(2 * analyze("yolov3").totals.macs / 1e9, 3) == 65.864  # of the convolutions


@pytest.mark.parametrize(
    ("width", "millions", "macs"), [("1.0", 4.2, 569), ("0.75", 2.6, 325), ("0.5", 1.3, 149)]
)
def test_mobilenet_in_its_widths_costs_what_the_paper_says(
    width: str, millions: float, macs: int
) -> None:
    totals = analyze("mobilenet_v1", width=width).totals  # Table 6
    assert (round(totals.params / 1e6, 1), round(totals.macs / 1e6)) == (millions, macs)


@pytest.mark.parametrize(("resolution", "macs"), [(224, 569), (192, 418), (160, 290), (128, 186)])
def test_mobilenet_in_its_resolutions_costs_what_the_paper_says(resolution: int, macs: int) -> None:
    totals = analyze("mobilenet_v1", resolution=resolution).totals  # Table 7
    assert abs(totals.macs / 1e6 - macs) < 1  # some rounded, some cut off


def test_edsr_has_the_papers_43_million_with_the_second_upsampling_of_x4() -> None:
    width = 256
    upsampling = 4 * width * width * 9 + 4 * width  # a 3x3 convolution to four times the channels
    assert round((analyze("edsr").totals.params + upsampling) / 1e6) == 43  # Table 1


def test_unet_has_the_papers_23_convolutions_and_sizes() -> None:
    network = convcalc.load("unet")
    weighted = [node for node in network.nodes if node.layer.accumulates]
    assert len(weighted) == 23
    sizes = [node.shape[1] for node in weighted]  # along Figure 1
    assert sizes == [570, 568, 282, 280, 138, 136, 66, 64, 30, 28, 56, 54, 52, 104, 102, 100] + [
        200, 198, 196, 392, 390, 388, 388
    ]  # fmt: skip


def test_espcn_takes_the_same_products_at_every_small_pixel() -> None:
    # 25 * 64, then 9 * 64 * 32, then 9 * 32 * 9
    assert analyze("espcn").totals.macs == 360 * 640 * (1600 + 18432 + 2592)
