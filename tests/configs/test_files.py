"""The files of the networks that ship: short, and with the source of every figure."""

from __future__ import annotations

import re
from pathlib import Path

from convcalc.language.load import spec
from convcalc.language.shipped import shipped_names, shipped_path
from tests.configs.torchvision import PUBLISHED
from tests.shipped import shipped

#: Networks that others count too, beside torchvision's classifiers.
OTHERS = [
    "attention_unet",
    "convnextv2_atto",
    "crnn",
    "dcgan",
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet101",
    "deeplabv3_resnet50",
    "detr_resnet50",
    "ds_cnn",
    "edsr",
    "efficientformer_l1",
    "espcn",
    "fc_autoencoder",
    "fcn_resnet101",
    "fcn_resnet50",
    "ghostnet",
    "lraspp_mobilenet_v3_large",
    "m5",
    "mc3_18",
    "mobilenet_v1",
    "mobilenet_v1_025_96",
    "mobilevit_s",
    "pointpillars",
    "poolformer_s12",
    "r2plus1d_18",
    "r3d_18",
    "repvgg_a0",
    "repvgg_a0_deployed",
    "res2net50",
    "resnet8",
    "retinanet_resnet50_fpn",
    "segnet",
    "ssd300_vgg16",
    "tcn",
    "unet",
    "unet3d",
    "wavenet",
    "xception",
    "yolo11n",
    "yolov3",
    "yolov8l",
    "yolov8m",
    "yolov8n",
    "yolov8s",
    "yolov8x",
]


def text_of(name: str) -> str:
    path = shipped_path(name)
    assert path is not None
    return Path(path).read_text(encoding="utf-8")


def test_a_file_is_named_like_its_network() -> None:
    assert [shipped(name).name for name in shipped_names()] == shipped_names()


def test_a_file_is_commented_and_short() -> None:
    for name in shipped_names():
        text = text_of(name)
        assert "# " in text, name
        extends = re.search(r"^extends: ", text, re.MULTILINE)
        assert text.count("\n") <= (10 if extends else 70), name
        assert max(len(line) for line in text.splitlines()) <= 100, name


def test_a_file_opens_with_what_the_network_is_and_where_it_is_described() -> None:
    for name in [*PUBLISHED, *OTHERS]:
        comment = re.match(r"(# .+\n)+", text_of(name))
        assert comment is not None, name
        assert re.search(r"arXiv:\d{4}\.\d{4,5}|https://", comment[0]), name


def test_a_file_expects_params_operations_and_output() -> None:
    for name in shipped_names():
        stated = {expectation.metric.partition(".")[0] for expectation in spec(name).expectations}
        assert "params" in stated, name
        counted = {"macs"} if name in {*PUBLISHED, *OTHERS} else {"macs", "multiplies", "compares"}
        assert stated & counted, name
        assert stated & {"output", "outputs"}, name


def test_a_file_names_the_published_figures() -> None:
    for name, published in PUBLISHED.items():
        comments = " ".join(re.findall(r"# (.*)", text_of(name)))
        assert f"torchvision publishes {published.params:,} parameters" in comments, name
        assert f"{published.gmacs:.3f} GMACs" in comments, name
