"""`convcalc zoo`: the shipped networks side by side."""

from __future__ import annotations

import csv
import io
import json

import pytest

import convcalc
from convcalc.language.shipped import shipped_names
from tests.cli.runner import run


def names(*options: str) -> list[str]:
    """The networks that are listed, in order."""
    result = run("zoo", "--format", "csv", *options)
    assert result.status == 0, result.err
    return [row["name"] for row in csv.DictReader(io.StringIO(result.out))]


@pytest.mark.no_cover
def test_every_shipped_network_is_listed_with_its_figures() -> None:
    data = json.loads(run("zoo", "--format", "json").out)
    assert data["schema"] == "convcalc.zoo/1"
    networks = {one["name"]: one for one in data["networks"]}
    assert list(networks) == shipped_names()
    resnet50 = networks["resnet50"]
    assert resnet50["params"] == 25557032
    assert resnet50["macs"] == 4089184256
    assert resnet50["inputs"] == {"input": [3, 224, 224]}
    assert resnet50["flops"] == convcalc.analyze(convcalc.load("resnet50")).totals.flops


def test_filter_sort_and_top() -> None:
    assert names("--filter", "vgg1?") == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert names("--filter", "resnet??", "--sort", "macs", "--top", "2") == ["resnet50", "resnet34"]


def test_a_tag_shows_the_networks_that_have_it_or_inherit_it() -> None:
    listed = names("--tag", "classification", "--filter", "resnet*")
    assert listed == ["resnet101", "resnet152", "resnet18", "resnet34", "resnet50", "resnet8"]
    assert "unet" in names("--tag", "segmentation")
    assert run("zoo", "--tag", "segmentatoin").err.endswith("did you mean 'segmentation'?\n")


@pytest.mark.no_cover
def test_every_shipped_network_has_a_tag() -> None:
    assert [name for name in shipped_names() if not convcalc.spec(name).tags] == []


@pytest.mark.parametrize(
    "options",
    [("--filter", "nothing*"), ("--tag", "nothing"), ("--sort", "size"), ("--top", "0")],
)
def test_wrong_usage(options: tuple[str, str]) -> None:
    result = run("zoo", *options)
    assert result.status == 2
    assert result.out == ""
    assert options[0] in result.err


def test_plain_and_markdown() -> None:
    assert run("zoo", "--filter", "lenet").out.splitlines()[2].startswith("lenet  1x28x28  61,706")
    assert (
        "| lenet | 1x28x28 | 61,706 |"
        in run("zoo", "--filter", "lenet", "--format", "markdown").out
    )


@pytest.mark.parametrize("pattern", ["squeeze", "SQUEEZE", "squeeze*", "*squeeze*"])
def test_a_filter_needs_no_stars(pattern: str) -> None:
    rows = run("zoo", "--filter", pattern, "--format", "csv").out.splitlines()[1:]
    assert rows
    assert all(row.startswith("squeeze") for row in rows)


def test_a_filter_that_nothing_passes_has_help() -> None:
    assert "did you mean 'googlenet'?" in run("zoo", "--filter", "gogglenet").err
    assert "`convcalc zoo` lists them all" in run("zoo", "--filter", "q*q").err
