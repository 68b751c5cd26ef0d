"""`convcalc shapes`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.runner import run, spec

LISTING_ALEXNET = [
    "conv0 output shape:\t (1, 96, 54, 54)",
    "pool0 output shape:\t (1, 96, 26, 26)",
    "conv1 output shape:\t (1, 256, 26, 26)",
    "pool1 output shape:\t (1, 256, 12, 12)",
    "conv2 output shape:\t (1, 384, 12, 12)",
    "conv3 output shape:\t (1, 384, 12, 12)",
    "conv4 output shape:\t (1, 256, 12, 12)",
    "pool2 output shape:\t (1, 256, 5, 5)",
    "dense0 output shape:\t (1, 4096)",
    "dropout0 output shape:\t (1, 4096)",
    "dense1 output shape:\t (1, 4096)",
    "dropout1 output shape:\t (1, 4096)",
    "dense2 output shape:\t (1, 10)",
]
LISTING_VGG = [
    "sequential1 output shape:\t (1, 64, 112, 112)",
    "sequential2 output shape:\t (1, 128, 56, 56)",
    "sequential3 output shape:\t (1, 256, 28, 28)",
    "sequential4 output shape:\t (1, 512, 14, 14)",
    "sequential5 output shape:\t (1, 512, 7, 7)",
    *LISTING_ALEXNET[8:],
]


def test_the_classic_listings() -> None:
    alexnet = run("shapes", "alexnet_d2l", "--format", "listing")
    assert alexnet.out.splitlines() == LISTING_ALEXNET
    vgg = run("shapes", "vgg11_d2l", "--depth", "1", "--format", "listing")
    assert vgg.out.splitlines() == LISTING_VGG


def test_dense_rows_show_what_enters_and_what_was_flattened(tmp_path: Path) -> None:
    path = spec(tmp_path, "input: [32, 7, 7]\nlayers: [{dense: 64}, {dense: 10}]\n")
    lines = run("shapes", path).out.splitlines()
    assert lines[3].startswith("dense0  dense 1568 -> 64 ")
    assert lines[4].startswith("dense1  dense 64 -> 10 ")
    assert lines[-1].startswith("dense0 flattens 32x7x7 to 1568 values; with positionwise: true ")
    text = "input: [4, 3]\nlayers: [{dense: 2, name: a}, {dense: 2, from: input, name: b}]\n"
    path = spec(tmp_path, f"{text}outputs: [a, b]\n")
    last = " ".join(run("shapes", path).out.splitlines()[-2:])
    assert last.endswith("it works on each position (and so for 1 more).")


def test_a_note_is_on_standard_error_and_in_json(tmp_path: Path) -> None:
    path = spec(tmp_path, "input: [28, 28]\nlayers: [relu]\n")
    result = run("shapes", path)
    assert result.status == 0
    assert result.out.startswith("net: input (1, 28, 28)\n")
    assert (
        result.err
        == f"""\
{path}:1:8: note[input-no-channels]: input: [28, 28] is read as 28 channels of 28 positions
  |
1 | input: [28, 28]
  |        ^
  = help: a picture has channels: is the input meant to be [1, 28, 28]?
  = help: 'layout: channels_first' says that it is meant as it is
"""
    )
    (note,) = json.loads(run("shapes", path, "--format", "json").out)["notes"]
    assert (note["code"], note["line"], note["column"]) == ("input-no-channels", 1, 8)
    assert note["facts"][0]["text"].endswith("meant to be [1, 28, 28]?")


@pytest.mark.parametrize(
    "command",
    ["shapes", "flops", "flops --training", "flops --compare", "flops --as torch", "field"]
    + ["memory", "memory --training", "balance", "verify", "explain relu0", "field relu0"]
    + ["reconcile 4", "shapes --columns name,macs"],
)
def test_every_json_document_about_a_network_has_its_notes(command: str, tmp_path: Path) -> None:
    name, *options = command.split()
    path = spec(tmp_path, "input: [28, 28]\nlayers: [relu]\n")
    result = run(name, path, *options, "--format", "json")
    assert "note[input-no-channels]" in result.err
    assert [note["code"] for note in json.loads(result.out)["notes"]] == ["input-no-channels"]


def test_json_of_the_documented_example() -> None:
    """The example in the contract of the JSON interface, key by key."""
    result = run("shapes", "lenet", "--format", "json")
    data = json.loads(result.out)
    assert list(data) == [
        *("schema", "name", "source", "inputs", "outputs", "notes", "layers", "totals"),
        *("complete", "unknown"),
    ]
    assert data["schema"] == "convcalc.report/1"
    assert data["inputs"] == {"input": [1, 1, 28, 28]}
    assert data["outputs"] == {"dense2": [1, 10]}
    assert len(data["layers"]) == 11
    first = data["layers"][0]
    expected = {
        "name": "conv0",
        "path": "conv0",
        "kind": "conv",
        "from": ["input"],
        "inputs": [[1, 1, 28, 28]],
        "output": [1, 6, 28, 28],
        "params": 156,
        "buffers": 0,
        "multiplies": 117600,
        "adds": 117600,
        "divides": 0,
        "compares": 0,
        "specials": 0,
        "macs": 117600,
        "flops": 235200,
    }
    assert {key: first[key] for key in expected} == expected
    assert data["totals"] == {
        "params": 61706,
        "buffers": 0,
        "multiplies": 416520,
        "adds": 427756,
        "divides": 8084,
        "compares": 0,
        "specials": 6508,
        "macs": 416520,
        "flops": 858868,
    }


def test_json_holds_calls_and_every_operation(tmp_path: Path) -> None:
    path = spec(
        tmp_path,
        "input: [3, 8, 8]\nblocks:\n  unit(c):\n    - {conv: c, kernel: 1, norm: batch}\n"
        "layers:\n  - {unit: 4, repeat: 2}\n",
    )
    layers = json.loads(run("shapes", path, "--format", "json").out)["layers"]
    assert [layer["path"] for layer in layers] == [
        "unit0.conv0",
        "unit0.conv0.batchnorm",
        "unit1.conv0",
        "unit1.conv0.batchnorm",
    ]
    assert layers[2]["calls"] == [
        {"block": "unit", "file": path, "line": 6, "copy": 1, "copies": 2}
    ]
    assert layers[2]["file"] == path
    assert layers[2]["line"] == 4


def test_csv_is_exact_and_machine_readable() -> None:
    lines = list(csv.DictReader(io.StringIO(run("shapes", "vgg16", "--format", "csv").out)))
    assert sum(int(line["params"]) for line in lines) == 138357544


def test_reads_standard_input() -> None:
    result = run("shapes", "-", stdin=b"{input: [4], layers: [{dense: 3}]}")
    assert result.status == 0
    assert "(1, 3)" in result.out


def test_set_input_and_batch() -> None:
    data = json.loads(
        run(
            *("shapes", "vgg16", "--set", "classes=7", "--input", "3x64x64"),
            *("--batch", "5", "--format", "json"),
        ).out
    )
    assert data["inputs"] == {"input": [5, 3, 64, 64]}
    assert list(data["outputs"].values()) == [[5, 7]]


def test_depth_expand_sort_top_by() -> None:
    def names(*options: str) -> list[str]:
        out = run("shapes", "lenet", "--format", "csv", *options).out
        return [line.split(",")[0] for line in out.splitlines()[1:]]

    assert "conv0.sigmoid" in names("--expand")
    assert names("--sort", "params", "--top", "2") == ["dense0", "dense1"]
    assert names("--sort", "name") == sorted(names())
    assert names("--sort", "Kind")[:2] == ["pool0", "pool1"]
    assert names("--by", "kind") == ["conv", "sigmoid", "avgpool", "dense"]


def test_several_inputs_each_have_a_name(tmp_path: Path) -> None:
    path = spec(
        tmp_path,
        "{input: {left: [3, 8, 8], right: [3, 8, 8]}, layers: [{add: [left, right]}]}",
    )
    assert run("shapes", path).out.startswith("net: inputs left (1, 3, 8, 8), right (1, 3, 8, 8)\n")
    smaller = ("--input", "left=3x4x4", "--input", "right=3x1x1")
    assert "(1, 3, 4, 4)" in run("shapes", path, *smaller).out
    assert run("shapes", path, *smaller, "--input", "3x4x4").status == 2
    assert run("shapes", path, *smaller, *smaller).status == 2


def test_running_statistics_are_shown_apart() -> None:
    assert run("shapes", "resnet18").out.endswith("\n9,600 buffers (running statistics)\n")


def test_names_are_data_and_never_markup(tmp_path: Path) -> None:
    path = spec(tmp_path, "name: '[bold red]x[/]'\ninput: [3, 8, 8]\nlayers: [relu]\n", "m.yaml")
    assert run("shapes", path).out.startswith("[bold red]x[/]: input (1, 3, 8, 8)")


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = spec(tmp_path, 'name: "\\e[31mred"\ninput: [3, 8, 8]\nlayers: [relu]\n')
    assert "\x1b" not in run("shapes", path).out
