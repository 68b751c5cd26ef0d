"""`convcalc field`, from arguments to what is printed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.runner import run


def rows(*arguments: str) -> list[dict[str, str]]:
    result = run("field", *arguments, "--format", "csv")
    assert result.err == ""
    return list(csv.DictReader(io.StringIO(result.out)))


class TestTable:
    def test_a_row_a_layer(self) -> None:
        found = {row["name"]: row for row in rows("lenet")}
        assert list(found) == ["conv0", "pool0", "conv1", "pool1", "dense0", "dense1", "dense2"]
        assert found["pool1"] == {
            "name": "pool1",
            "field": "16x16",
            "stride": "4x4",
            "offset": "(-2, -2)",
            "centre": "(5.5, 5.5)",
            "units": "moving",
        }
        assert found["dense0"]["field"] == "28x28"
        assert (found["dense0"]["stride"], found["dense0"]["units"]) == ("-", "fixed")

    def test_groups_show_their_last_layer(self) -> None:
        found = {row["name"]: row["field"] for row in rows("resnet50", "--depth", "1")}
        assert found["stage3"] == "427x427"

    def test_sorting_by_field(self) -> None:
        sizes = [int(row["field"].split("x")[0]) for row in rows("vgg16", "--sort", "field")]
        assert sizes == sorted(sizes, reverse=True)
        assert len(rows("vgg16", "--sort", "field", "--top", "3")) == 3

    def test_several_inputs_have_a_row_each(self, tmp_path: Path) -> None:
        path = tmp_path / "two.yaml"
        path.write_text(
            "input: {left: [1, 8, 8], right: [1, 4, 4]}\nlayers:\n"
            "  - {maxpool: 2, from: left, name: small}\n  - {concat: [small, right]}\n"
        )
        found = [(r["name"], r["input"], r["field"]) for r in rows(str(path))]
        assert found == [
            ("small", "left", "2x2"),
            ("concat0", "left", "2x2"),
            ("concat0", "right", "1x1"),
        ]

    def test_notes(self) -> None:
        out = run("field", "xception").out
        assert "Misaligned branches in entry_flow.downsampling0.add0 (height, width):" in out
        assert "Larger than the input 299x299 from middle2." in out
        assert "fixed: every unit sees" in out

    def test_the_layer_that_makes_fields_global_and_leaving_it_out(self, tmp_path: Path) -> None:
        path = tmp_path / "net.yaml"
        path.write_text(
            "input: [4, 40]\nlayers:\n  - {conv: 8, kernel: 3, norm: {groupnorm: 2}}\n"
            "  - {mul: [[], [global_avgpool, {conv: 8, kernel: 1}]]}\n  - {conv: 8, kernel: 5}\n"
        )
        text = " ".join(run("field", str(path)).out.split())
        assert (
            "Global from conv0.groupnorm on: groupnorm reads every position, and so does 1 more"
            " layer. --ignore-global leaves that out." in text
        )
        assert [row["field"] for row in rows(str(path))][-1] == "40"
        assert [row["field"] for row in rows(str(path), "--ignore-global")][-1] == "7"
        text = " ".join(run("field", str(path), "--ignore-global").out.split())
        assert "Left out is what makes fields global, at conv0.groupnorm: " in text
        unit = run("field", str(path), "conv1", "--unit", "3", "--ignore-global").out
        assert unit.splitlines()[3].split()[-2:] == ["3", "9"]
        data = json.loads(run("field", str(path), "--ignore-global", "--format", "json").out)
        assert data["ignore_global"] is True
        assert data["global"] == [
            {"path": "conv0.groupnorm", "kind": "groupnorm", "through": None},
            {"path": "mul0", "kind": "mul", "through": "mul0.branch1.pool0"},
        ]

    def test_one_layer(self, tmp_path: Path) -> None:
        line = tmp_path / "line.yaml"
        line.write_text("{input: [1, 64], layers: [{conv: 2, kernel: 5}, {dense: 3}]}")
        unit = run("field", str(line), "conv0", "--unit", "7").out
        assert unit.startswith("conv0 of line: unit 7 of 60\n")
        assert "the pixels that unit 7 depends on." in unit
        every = run("field", str(line), "dense0").out
        assert every.startswith("dense0 of line: all its units\n")
        assert "the pixels that all units depend on." in every
        plain = tmp_path / "plain.yaml"
        plain.write_text("{input: [8], layers: [{dense: 3}]}")
        assert "Of a unit far from" not in run("field", str(plain), "dense0").out

    @pytest.mark.parametrize("style", ["table", "plain", "markdown"])
    def test_faces(self, style: str) -> None:
        out = run("field", "lenet", "--format", style).out
        assert "16x16" in out
        assert "Of a unit far from all edges." in out.replace("\\", "")

    def test_json_adds_to_the_report(self) -> None:
        data = json.loads(run("field", "xception", "--format", "json").out)
        assert data["schema"] == "convcalc.report/1"
        layers = {layer["path"]: layer for layer in data["layers"]}
        first = layers["entry_flow.conv0"]
        assert first["params"] == 864
        assert first["field"] == {
            "input": {
                "size": [3, 3],
                "stride": [2, 2],
                "offset": [0, 0],
                "centre": [1, 1],
                "whole": [False, False],
                "uneven": [False, False],
                "at_most": [False, False],
                "aligned": [True, True],
            }
        }
        join = layers["entry_flow.downsampling0.add0"]["field"]["input"]
        assert join["aligned"] == [False, False]

    def test_fractions_are_text(self) -> None:
        data = json.loads(run("field", "espcn", "--format", "json").out)
        field = data["layers"][-1]["field"]["input"]
        assert field["stride"] == ["1/3", "1/3"]
        assert field["centre"] == ["-1/3", "-1/3"]


class TestOneLayer:
    def test_the_middle_unit(self) -> None:
        height, width = rows("lenet", "conv1")
        assert height == {
            "input": "input",
            "axis": "height",
            "size": "28",
            "field": "14",
            "stride": "2",
            "offset": "-2",
            "centre": "4.5",
            "units": "moving",
            "first": "8",
            "last": "21",
        }
        assert {**width, "axis": "height"} == height

    def test_a_unit_at_the_edge_is_cut(self) -> None:
        found = rows("lenet", "conv1", "--unit", "0,9")
        assert [(row["first"], row["last"]) for row in found] == [("0", "11"), ("16", "27")]
        assert "padding takes part" in run("field", "lenet", "conv1", "--unit", "0,9").out
        assert "padding takes part" not in run("field", "lenet", "conv1").out

    def test_a_group_stands_for_its_last_layer(self) -> None:
        assert rows("resnet50", "stage2")[0]["field"] == "267"

    def test_json(self) -> None:
        result = run("field", "lenet", "pool1", "--unit", "1,2", "--format", "json")
        assert json.loads(result.out) == {
            "schema": "convcalc.field/1",
            "name": "lenet",
            "path": "pool1",
            "kind": "avgpool",
            "output": [1, 16, 5, 5],
            "unit": [1, 2],
            "padding": False,
            "inputs": {
                "input": {
                    "shape": [1, 1, 28, 28],
                    "size": [16, 16],
                    "stride": [4, 4],
                    "offset": [-2, -2],
                    "centre": ["11/2", "11/2"],
                    "whole": [False, False],
                    "uneven": [False, False],
                    "at_most": [False, False],
                    "first": [2, 6],
                    "last": [17, 21],
                }
            },
            "notes": [],
            "complete": True,
            "unknown": [],
        }

    def test_a_layer_without_a_map(self) -> None:
        assert [row["last"] for row in rows("lenet", "dense1")] == ["27", "27"]
        result = run("field", "fc_autoencoder", "dense0")
        assert "No pixel of an input" in result.out

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["lenet", "conv9"], "no layer is called 'conv9'"),
            (["lenet", "--unit", "1,1"], "--unit is about the units of one layer"),
            (
                ["lenet", "conv1", "--unit", "1"],
                "--unit takes a place on each axis (height, width)",
            ),
            (["lenet", "conv1", "--unit", "a,b"], "not 'a,b'"),
            (["lenet", "conv1", "--unit", "-1,0"], "not '-1,0'"),
            (["lenet", "conv1", "--unit", "3,10"], "is not on the map of conv1, 10x10"),
            (["lenet", "dense0", "--unit", "1,1"], "has no spatial axes"),
            (["lenet", "--format", "svg"], "--format cannot be 'svg'"),
            (["lenet", "--sort", "fields"], "--sort cannot be 'fields'"),
            (["lenet", "--batch", "0"], "--batch must be"),
        ],
    )
    def test_wrong_usage(self, arguments: list[str], message: str) -> None:
        result = run("field", *arguments)
        assert (result.status, result.out) == (2, "")
        assert message in result.err
