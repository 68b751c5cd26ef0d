"""`--columns`: each figure is the one that the command of its analysis shows."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from convcalc.analysis.costs.columns import COLUMNS, column_names
from convcalc.analysis.counters.counting import BY_NAME
from tests.cli.runner import run

NETWORKS = ("lenet", "resnet18", "mobilenet_v2")


def columns(network: str, names: str, *options: str) -> list[dict[str, str]]:
    """The rows of a table with these columns, by the columns' names."""
    result = run("shapes", network, "--columns", names, "--format", "csv", *options)
    assert result.status == 0, result.err
    return list(csv.DictReader(io.StringIO(result.out)))


def document(*arguments: str) -> Any:
    """The JSON that a command prints."""
    return json.loads(run(*arguments, "--format", "json").out)


@pytest.mark.parametrize("network", NETWORKS)
def test_costs_are_those_of_the_report(network: str) -> None:
    names = ["params", "buffers", "multiplies", "adds", "divides", "compares", "specials", "macs"]
    names.append("flops")
    rows = columns(network, ",".join(names), "--expand")
    layers = document("flops", network)["layers"]
    assert [[int(row[name]) for name in names] for row in rows] == [
        [layer[name] for name in names] for layer in layers
    ]


@pytest.mark.parametrize("network", NETWORKS)
def test_bytes_are_those_of_memory(network: str) -> None:
    rows = columns(network, "name,live,live_in_place,weights,activations", "--expand")
    memory = document("memory", network)["memory"]
    steps = {step["path"]: (step["live"], step["live_in_place"]) for step in memory["steps"]}
    shown = {
        row["name"]: (int(row["live"]), int(row["live_in_place"])) for row in rows if row["live"]
    }
    assert shown == steps
    assert sum(int(row["weights"]) for row in rows) == memory["weights"]
    assert sum(int(row["activations"]) for row in rows) == memory["activations"]


@pytest.mark.parametrize("network", NETWORKS)
def test_fields_are_those_of_field(network: str) -> None:
    rows = columns(network, "name,field,offset", "--expand")
    layers = document("field", network)["layers"]
    for row, layer in zip(rows, layers, strict=True):
        (seen,) = layer["field"].values()
        assert row["field"] == "x".join(map(str, seen["size"]))
        assert row["offset"] == f"({', '.join(map(str, seen['offset']))})"


@pytest.mark.parametrize("network", NETWORKS)
def test_intensity_is_that_of_balance(network: str) -> None:
    rows = columns(network, "name,intensity")
    layers = document("balance", network)["balance"]["layers"]
    assert [row["name"] for row in rows] == [layer["name"] for layer in layers]
    lines = run("shapes", network, "--columns", "name,intensity").out.splitlines()[3:-3]
    shown = {
        name: float(text.replace(",", "")) for name, text in map(str.split, lines) if text != "-"
    }
    for row, layer in zip(rows, layers, strict=True):
        numerator, _, denominator = str(layer["intensity"] or "-").partition("/")
        assert row["intensity"] == str(layer["intensity"] or "")
        if numerator != "-":
            exact = int(numerator) / int(denominator or 1)
            assert shown[row["name"]] == pytest.approx(exact, abs=0.0051)


@pytest.mark.parametrize("network", NETWORKS)
def test_training_is_that_of_flops_training(network: str) -> None:
    rows = columns(network, "forward,backward,step,training", "--batch", "3")
    totals = document("flops", network, "--training", "--batch", "3")["training"]["totals"]
    for column, figure in (
        ("forward", "forward"),
        ("backward", "backward"),
        ("step", "step"),
        ("training", "total"),
    ):
        assert sum(int(row[column]) for row in rows) == totals[figure]["flops"], column


@pytest.mark.parametrize("network", NETWORKS)
def test_conventions_are_those_of_compare(network: str) -> None:
    rows = columns(network, ",".join(BY_NAME))
    entries = document("flops", network, "--compare")["conventions"]
    assert {entry["name"] for entry in entries} == set(BY_NAME)
    for entry in entries:
        assert sum(int(row[entry["name"]]) for row in rows) == entry["total"]


@pytest.mark.parametrize("network", NETWORKS)
def test_shares_are_parts_of_all_flops(network: str) -> None:
    rows = columns(network, "share,flops")
    every = sum(int(row["flops"]) for row in rows)
    assert [Fraction(row["share"]) for row in rows] == [
        Fraction(int(row["flops"]), every) for row in rows
    ]


def test_markdown_has_no_bars() -> None:
    result = run("shapes", "lenet", "--columns", "name,share", "--format", "markdown")
    assert "| conv0 | 29.0% |" in result.out.splitlines()


@pytest.mark.parametrize("network", NETWORKS)
def test_json_has_what_csv_has(network: str) -> None:
    names = "name,field,live,share,intensity,thop,backward"
    rows = columns(network, names, "--expand")
    data = document("shapes", network, "--columns", names)
    plain = document("shapes", network)
    for row, layer in zip(rows, data["layers"], strict=True):
        found = {"name": layer["path"], **layer.pop("columns")}
        assert row == {key: "" if value is None else str(value) for key, value in found.items()}
    thop = sum(int(row["thop"]) for row in rows)
    totals = data["totals"].pop("columns")
    assert totals["thop"] == thop
    assert list(totals) == ["live", "intensity", "thop", "backward"]
    assert data.pop("dtype") == "float32"
    assert data == plain


def test_bytes_are_those_of_the_type_that_is_named() -> None:
    names = "weights,live,intensity,macs"
    usual = document("shapes", "lenet", "--columns", names)
    small = document("shapes", "lenet", "--columns", names, "--dtype", "int8")
    assert (usual["dtype"], small["dtype"]) == ("float32", "int8")
    for name in ("weights", "live"):
        assert usual["totals"]["columns"][name] == 4 * small["totals"]["columns"][name]
    assert usual["totals"]["columns"]["macs"] == small["totals"]["columns"]["macs"]
    whole = [Fraction(found["totals"]["columns"]["intensity"]) for found in (usual, small)]
    assert whole[1] == 4 * whole[0]
    table = run("shapes", "lenet", "--columns", "live,intensity", "--dtype", "int8").out
    assert "live: bytes of int8." in table
    assert "operations for each byte of int8." in table


def test_a_type_goes_with_columns() -> None:
    result = run("shapes", "lenet", "--dtype", "int8")
    assert result.status == 2
    assert "--columns name,output,weights,live --dtype int8" in result.err
    assert run("shapes", "lenet", "--columns", "live", "--dtype", "int4").status == 2


def test_json_after_a_what_if() -> None:
    data = document("flops", "lenet_relu", "--double-channels", "--columns", "macs,live")
    assert data["totals"]["columns"]["macs"] == 906120
    assert "columns" not in data["before"]["totals"]


@pytest.mark.parametrize(
    ("names", "last"),
    [
        ("macs,name", ["416,520", "total"]),
        ("output,kind,macs", ["(1,", "10)", "total", "416,520"]),
        ("output,params", ["total", "61,706"]),
    ],
)
def test_the_total_is_called_so(names: str, last: list[str]) -> None:
    lines = run("shapes", "lenet", "--columns", names).out.splitlines()
    rules = [i for i, line in enumerate(lines) if set(line) == {"-"}]
    assert lines[rules[-1] + 1].split() == last
    assert "The last row is the total." not in lines


def test_figures_without_a_text_have_no_place_for_the_word() -> None:
    assert "The last row is the total." in run("shapes", "lenet", "--columns", "params,live").out


def test_only_what_is_shown_is_explained() -> None:
    def explained(names: str) -> str:
        return run("shapes", "lenet", "--columns", names).out

    assert "MACs =" not in explained("name,flops")
    assert "FLOPs =" not in explained("name,macs")
    assert "FLOPs =" in explained("name,share")
    assert " = " not in explained("name,live")


def test_what_a_view_has_none_of_is_a_dash() -> None:
    lines = run("shapes", "vgg11_d2l", "--columns", "name,live,intensity").out.splitlines()
    assert "dropout0" in " ".join([line for line in lines if line.split()[1:] == ["-", "-"]])
    # Figures end below each other.
    assert len({len(line) for line in lines[1:-2]}) == 1


def test_the_total_is_the_sum_or_the_peak() -> None:
    result = run("shapes", "resnet18", "--depth", "1", "--columns", "name,output,params,live,field")
    last = result.out.splitlines()[-2]
    peak = document("memory", "resnet18")["memory"]["peak"]
    assert last.split() == ["total", "(1,", "1000)", "11,689,512", f"{peak:,}"]
    assert result.out.splitlines()[-1] == "live: bytes of float32."


def test_rows_can_be_sorted_by_a_column_that_is_shown() -> None:
    rows = columns("lenet", "name,live", "--sort", "live", "--top", "3")
    assert [row["name"] for row in rows] == ["conv0", "pool0", "conv1"]
    result = run("shapes", "lenet", "--columns", "name,params", "--sort", "live")
    assert (result.status, result.out) == (2, "")
    assert "--sort cannot be 'live'" in result.err


def test_a_what_if_shows_the_changed_network() -> None:
    result = run("flops", "lenet_relu", "--double-channels", "--columns", "name,macs")
    assert "with --double-channels" in result.out.splitlines()[0]
    assert ["total", "906,120"] in [line.split() for line in result.out.splitlines()]


def test_figures_that_rows_of_a_kind_have() -> None:
    rows = columns("lenet", "name,kind,params,live,thop", "--by", "kind")
    dense = {row["kind"]: row for row in rows}["dense"]
    assert (dense["layers"], dense["params"]) == ("3 layers", "59134")


@pytest.mark.parametrize("name", [name for name in COLUMNS if not COLUMNS[name].whole])
def test_figures_that_only_a_layer_has(name: str) -> None:
    result = run("shapes", "lenet", "--columns", name, "--by", "kind")
    if name == "share":
        assert result.status == 0
    else:
        assert (result.status, result.out) == (2, "")
        assert f"'{name}' is of one layer" in result.err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["shapes", "lenet", "--columns", "name,feild"], "did you mean 'field'?"),
        (["shapes", "lenet", "--columns", "name,foo"], "= help: one of name, kind, inputs, output"),
        (["shapes", "lenet", "--columns", "name,name"], "'name' is given twice"),
        (["shapes", "lenet", "--columns", " , "], "names no column"),
        (["shapes", "lenet", "--columns", ""], "names no column"),
        (["shapes", "lenet", "--columns", "name", "--format", "listing"], "without --columns"),
        (["flops", "lenet", "--columns", "name", "--compare"], "goes without --as"),
        (["flops", "lenet", "--columns", "name", "--training"], "goes without --as"),
        (["shapes", "lenet", "--columns", "name", "--top", "0"], "--top"),
    ],
)
def test_mistakes(command: list[str], told: str) -> None:
    result = run(*command)
    assert (result.status, result.out) == (2, "")
    assert told in result.err


def test_a_kind_that_a_convention_has_no_rule_for(tmp_path: Any) -> None:
    path = tmp_path / "n.yaml"
    path.write_text("input: [1, 4, 4]\nlayers: [{minpool: 2}]\n")
    result = run("shapes", str(path), "--columns", "name,fvcore")
    assert (result.status, result.out) == (1, "")
    assert "n.yaml:2:11" in result.err


def test_a_kind_is_as_intense_as_its_own_operations() -> None:
    """A batchnorm fused to a convolution has not got the convolution's operations."""
    rows = columns("resnet18", "name,intensity", "--by", "kind")
    balance = run("balance", "resnet18", "--by", "kind", "--format", "csv").out
    assert [(row["kind"], row["intensity"]) for row in rows] == [
        (row["kind"], row["intensity"]) for row in csv.DictReader(io.StringIO(balance))
    ]


def test_the_page_names_every_column() -> None:
    with open("docs/columns.md", encoding="utf-8") as file:
        page = file.read()
    assert [name for name in column_names() if f"`{name}`" not in page] == []


def test_a_counter_without_a_rule_is_shown_another_way(tmp_path: Path) -> None:
    file = tmp_path / "mynet.yaml"
    file.write_text("input: [2, 8, 8]\nlayers:\n  - {minpool: 2}\n  - {conv: 3, kernel: 1}\n")
    result = run("shapes", str(file), "--columns", "name,thop")
    assert result.status == 1
    assert not result.out
    assert "flops --as thop --partial" in result.err
    # What the help names works.
    assert run("flops", str(file), "--as", "thop", "--partial").status == 0


@pytest.mark.parametrize("name", ["thop", "backward"])
def test_columns_that_hold_taps_on_padding_say_so(name: str) -> None:
    result = run("flops", "lenet", "--columns", f"name,macs,{name}", "--valid-taps")
    assert f"{name}: padding is counted as well." in result.out
    assert "padding is counted" not in run("flops", "lenet", "--columns", f"name,{name}").out
