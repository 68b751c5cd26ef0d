"""The files of the zoo: short, and with the source of every figure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convcalc.language.load import spec
from convcalc.language.shipped import shipped_names, shipped_path
from tests.zoo.torchvision import PUBLISHED

NAMES = shipped_names()
#: What the zoo has beside torchvision's classifiers.
OTHERS = [
    "dcgan",
    "deeplabv3_resnet50",
    "ds_cnn",
    "espcn",
    "fc_autoencoder",
    "m5",
    "mobilenet_v1",
    "mobilenet_v1_025_96",
    "r3d_18",
    "resnet8",
    "unet",
    "xception",
]


def text_of(name: str) -> str:
    path = shipped_path(name)
    assert path is not None
    return Path(path).read_text(encoding="utf-8")


def base_of(text: str) -> str | None:
    match = re.search(r"^extends: (.+)\.yaml$", text, re.MULTILINE)
    return match[1] if match else None


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_short(name: str) -> None:
    text = text_of(name)
    assert text.count("\n") <= (10 if base_of(text) else 70)
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize("name", [*PUBLISHED, *OTHERS])
def test_a_file_opens_with_what_the_network_is_and_where_it_is_described(name: str) -> None:
    comment = re.match(r"(# .+\n)+", text_of(name))
    assert comment is not None
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|https://", comment[0])


@pytest.mark.parametrize("name", [*PUBLISHED, *OTHERS])
def test_a_file_expects_params_macs_and_output(name: str) -> None:
    stated = {expectation.metric.partition(".")[0] for expectation in spec(name).expectations}
    assert {"params", "macs"} <= stated
    assert stated & {"output", "outputs"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_names_the_published_figures(name: str) -> None:
    comments = " ".join(re.findall(r"# (.*)", text_of(name)))
    assert f"torchvision publishes {PUBLISHED[name].params:,} parameters" in comments
    assert f"{PUBLISHED[name].gmacs:.3f} GMACs" in comments
