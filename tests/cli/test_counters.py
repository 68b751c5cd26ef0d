"""`flops --as`, `flops --compare` and `reconcile` as a shell sees them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import convcalc
from convcalc.analysis.counters.counting import BY_NAME
from tests.cli.runner import run

NO_RULE = (
    "input: [3, 8, 8]\nlayers:\n  - {conv: 4, kernel: 3, activation: relu}\n"
    "  - {minpool: 2}\n  - {minpool: 1}\n  - {minpool: 1}\n  - {dense: 5}\n"
)
PARTIAL = "partial: 3 layers not covered"
FORMATS = ("table", "plain", "json", "csv", "markdown")


@pytest.fixture
def no_rule(tmp_path: Path) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(NO_RULE, encoding="utf-8")
    return str(path)


def words(text: str) -> list[str]:
    """A command line's words."""
    return text.split()


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


class TestCompare:
    def test_json_has_the_documented_keys(self) -> None:
        result = run("flops", "vgg16", "--compare", "--format", "json")
        data = json.loads(result.out)
        assert result.status == 0
        assert data["schema"] == "convcalc.report/1"
        assert [entry["name"] for entry in data["conventions"]] == list(BY_NAME)
        assert data["conventions"][0] == {
            "name": "torch", "unit": "FLOPs", "total": 30940528640, "version": "2.13",
            "charged_nothing": {"relu": 15, "maxpool": 5, "adaptive_avgpool": 1},
        }  # fmt: skip
        assert data["totals"]["macs"] == 15470264320

    def test_a_table_with_the_difference_from_the_macs(self) -> None:
        result = run("flops", "resnet50", "--compare")
        rows = {line.split()[0]: line.split()[-2:] for line in result.out.splitlines()[3:15]}
        assert rows["torch"] == ["8,178,368,512", "+100.0%"]
        assert rows["ptflops-aten"] == ["4,089,185,256", "+0.000024%"]
        assert rows["torchvision"] == ["4,089,184,256", "0%"]

    def test_no_zero_is_silent(self, tmp_path: Path) -> None:
        path = tmp_path / "net.yaml"
        path.write_text("input: [4, 8, 8]\nlayers: [{groupnorm: 2}, silu]\n", encoding="utf-8")
        out = run("flops", str(path), "--compare").out
        nothing = {
            name: line.partition(": ")[2]
            for line in out.splitlines()
            if line.startswith("Charged nothing by ")
            for name in line.removeprefix("Charged nothing by ").partition(":")[0].split(", ")
        }
        assert nothing["thop"] == nothing["torch"] == "1 groupnorm, 1 silu."
        assert nothing["fvcore"] == nothing["torchinfo"] == "1 silu."
        assert "calflops" not in nothing
        rows = read_csv(run("flops", str(path), "--compare", "--format", "csv").out)
        assert {row["convention"]: row["charged_nothing"] for row in rows}["fvcore"] == "1 silu"

    def test_csv_is_exact(self) -> None:
        rows = read_csv(run("flops", "resnet50", "--compare", "--format", "csv").out)
        assert [row["convention"] for row in rows] == ["convcalc", "convcalc", *BY_NAME]
        assert rows[3]["total"] == "4111512576"
        assert {row["note"] for row in rows} == {""}

    def test_without_padding_only_the_exact_macs_change(self) -> None:
        padded = json.loads(run("flops", "lenet", "--compare", "--format", "json").out)
        both = run("flops", "lenet", "--compare", "--valid-taps", "--format", "json")
        valid = json.loads(both.out)
        assert valid["conventions"] == padded["conventions"]
        assert valid["totals"]["macs"] < padded["totals"]["macs"]
        shown = run("flops", "lenet", "--compare", "--valid-taps").out
        assert "exact MACs without padding, 406,656." in shown
        assert "The counters' figures hold taps that fall on padding as well." in shown

    def test_a_batch(self) -> None:
        one = json.loads(run("flops", "lenet", "--compare", "--format", "json").out)
        four = run("flops", "lenet", "--compare", "--batch", "4", "--format", "json")
        totals = [entry["total"] for entry in json.loads(four.out)["conventions"]]
        assert totals == [4 * entry["total"] for entry in one["conventions"]]

    def test_with_a_what_if_before_and_after(self) -> None:
        result = run("flops", "lenet", "--compare", "--double-channels", "--format", "json")
        data = json.loads(result.out)
        before = {entry["name"]: entry["total"] for entry in data["before"]["conventions"]}
        after = {entry["name"]: entry["total"] for entry in data["conventions"]}
        assert before["torch"] == 2 * data["before"]["totals"]["macs"]
        assert after["torch"] == 2 * data["totals"]["macs"]
        rows = read_csv(run(*words("flops lenet --compare --double-channels --format csv")).out)
        assert int(rows[2]["total_after"]) == after["torch"]

    @pytest.mark.parametrize("option", ["--depth=1", "--expand", "--sort=macs", "--top=1"])
    def test_options_about_rows_are_refused(self, option: str) -> None:
        result = run("flops", "lenet", "--compare", option)
        assert result.status == 2
        assert "--as NAME" in result.err


class TestAs:
    def test_rows_sum_to_the_total(self) -> None:
        for name in BY_NAME:
            data = json.loads(run("flops", "resnet8", "--as", name, "--format=json").out)
            for view in ([], ["--depth", "1"], ["--expand"], ["--by", "kind"]):
                arguments = ["flops", "resnet8", "--as", name, "--format", "csv", *view]
                rows = read_csv(run(*arguments).out)
                assert sum(int(row["as"]) for row in rows) == data["as"]["total"]

    def test_json_tells_the_entry_and_every_layers_charge(self) -> None:
        data = json.loads(run("flops", "mobilenet_v2", "--as", "thop", "--format", "json").out)
        entry = data["as"]
        assert entry["name"] == "thop"
        assert entry["version"] == "0.1.1.post2209072238"
        assert entry["total"] == data["totals"]["as"] == 327550720
        assert entry["partial"] == ""
        assert entry["not_covered"] == []
        assert entry["charged_nothing"] == {"relu6": 35, "add": 10}
        assert sum(layer["as"] for layer in data["layers"]) == entry["total"]

    def test_the_table_says_how_it_was_counted(self) -> None:
        out = run("flops", "resnet50", "--as", "fvcore", "--top", "1").out
        assert "as fvcore 0.1.5.post20221221 counts" in out.splitlines()[0]
        assert "4,111,512,576" in out
        assert "flops = MACs of conv and dense + inputs of batchnorm" in out
        assert "Charged nothing: 49 relu, 16 add, 1 maxpool." in out
        assert "Known deviations: it does not see x.mean()" in out

    def test_rows_can_be_sorted_by_the_charge(self) -> None:
        arguments = words("flops resnet50 --as ptflops-pytorch --by kind --sort as --format csv")
        charges = [int(row["as"]) for row in read_csv(run(*arguments).out)]
        assert charges == sorted(charges, reverse=True)
        assert len(read_csv(run(*arguments, "--top", "2").out)) == 2

    def test_a_what_if_by_layer(self) -> None:
        arguments = words("flops lenet --as thop --double-channels --format csv")
        rows = {row["name"]: row for row in read_csv(run(*arguments).out)}
        assert rows["conv1"]["as"] == "240000"
        assert rows["conv1"]["as_after"] == "960000"
        assert rows["conv1"]["as_ratio"] == "x4"

    def test_an_unknown_convention_gets_the_nearest_names(self) -> None:
        result = run("flops", "lenet", "--as", "ptflops-pytroch")
        assert (result.status, result.out) == (2, "")
        assert "'ptflops-pytorch'" in result.err
        far = run("flops", "lenet", "--as", "xyz")
        assert far.status == 2
        assert "torchinfo" in far.err

    @pytest.mark.parametrize(
        ("options", "rule"),
        [
            (["--as", "thop", "--compare"], "one or the other"),
            (["--as", "thop", "--valid-taps"], "no counter leaves out taps"),
            (["--partial"], "belongs to --as or --compare"),
        ],
    )
    def test_options_that_say_nothing_together(self, options: list[str], rule: str) -> None:
        result = run("flops", "lenet", *options)
        assert (result.status, result.out) == (2, "")
        assert rule in result.err


class TestPartial:
    @pytest.mark.parametrize("asked", [["--compare"], ["--as", "thop"]])
    def test_a_kind_without_a_rule_is_an_error_with_its_place(
        self, no_rule: str, asked: list[str]
    ) -> None:
        result = run("flops", no_rule, *asked)
        assert (result.status, result.out) == (1, "")
        assert f"{no_rule}:4:6: error[no-rule]: pool0: " in result.err
        assert "thop" in result.err
        assert "no rule for minpool" in result.err
        assert "--partial" in result.err

    @pytest.mark.parametrize("asked", [["--compare"], ["--as", "thop"]])
    @pytest.mark.parametrize("style", FORMATS)
    def test_every_format_marks_the_total(self, no_rule: str, asked: list[str], style: str) -> None:
        result = run("flops", no_rule, *asked, "--partial", "--format", style)
        assert result.status == 0
        if style == "csv" and asked != ["--compare"]:
            # A row for each layer, and no total.
            marks = [row["note"] for row in read_csv(result.out)]
            assert marks == ["", *["partial: 1 layer not covered"] * 3, ""]
        else:
            assert PARTIAL in result.out

    def test_what_is_not_covered_is_no_zero(self, no_rule: str) -> None:
        data = json.loads(run("flops", no_rule, *words("--as thop --partial --format json")).out)
        assert [layer["as"] for layer in data["layers"]] == [3888, 0, None, None, None, 180]
        assert data["as"]["not_covered"] == ["pool0", "pool1", "pool2"]
        rows = read_csv(run("flops", no_rule, *words("--as thop --partial --format csv")).out)
        assert [row["as"] for row in rows] == ["3888", "", "", "", "180"]

    def test_a_convention_with_all_rules_needs_no_mark(self, no_rule: str) -> None:
        result = run("flops", no_rule, "--as", "torch")
        assert result.status == 0
        assert "partial" not in result.out


class TestReconcile:
    def test_it_names_who_counts_so(self) -> None:
        result = run("reconcile", "resnet50", "4.13G")
        assert result.status == 0
        assert "what gives 4.13G" in result.out.splitlines()[0]
        assert result.out.splitlines()[3].startswith("ptflops-pytorch")
        assert "as it is" in result.out

    def test_nothing_fits(self) -> None:
        result = run("reconcile", "lenet", "999G")
        assert result.status == 1
        assert "nothing gives 999G" in result.out
        assert "These are the nearest." in result.out
        assert result.err == ""

    @pytest.mark.parametrize("style", FORMATS)
    def test_formats(self, style: str) -> None:
        result = run("reconcile", "vgg16", "15.47G", "--format", style)
        assert result.status == 0
        assert "torchvision" in result.out

    def test_json(self) -> None:
        data: dict[str, Any] = json.loads(run("reconcile", "vgg16", "15.47G", "--format=json").out)
        assert data["schema"] == "convcalc.reconcile/1"
        assert data["value"] == 15470000000
        assert data["fits"][0] == {
            "conventions": ["convcalc's MACs", "calflops-macs", "torchvision"],
            "what_if": "", "total": 15470264320, "fit": "rounded",
        }  # fmt: skip
        assert data["nearest"] == []
        none = json.loads(run("reconcile", "vgg16", "1.234G", "--format=json").out)
        assert none["fits"] == []
        assert len(none["nearest"]) == 5

    def test_zeros_that_are_rounding(self) -> None:
        result = run("reconcile", "lenet", "400k")
        assert result.status == 0
        assert "the last 2 zeros are taken as rounding" in result.out
        assert "convcalc's MACs" in result.out
        data = json.loads(run("reconcile", "lenet", "400k", "--format", "json").out)
        assert data["rounded_zeros"] == 2
        # Digits after a point are meant.
        assert run("reconcile", "lenet", "400.0k").status == 1
        # No more zeros than need be: 15,470,264,320 as it is, and not all that is near.
        result = run("reconcile", "vgg16", "15470264000")
        assert "the last 3 zeros are taken as rounding" in result.out
        assert result.out.count("as it is") == 1

    @pytest.mark.parametrize(
        ("network", "figure", "told"),
        [
            ("vgg16", "138M", "138M fits the parameters: 138,357,544."),
            ("mobilenet_v2", "0.3", "0.3 has no unit: write 0.3M or 0.3G"),
            ("resnet50", "3.8G", "another network or variant: docs/flops.md"),
        ],
    )
    def test_a_figure_that_nothing_gives_has_a_hint(
        self, network: str, figure: str, told: str
    ) -> None:
        result = run("reconcile", network, figure)
        assert result.status == 1
        assert told in result.out

    def test_options_of_the_network(self) -> None:
        macs = convcalc.analyze(convcalc.load("resnet50", input=(3, 96, 96))).totals.macs
        result = run("reconcile", "resnet50", str(2 * macs), "--input=3x96x96", "--batch=2")
        assert result.status == 0
        assert "(2, 3, 96, 96)" in result.out

    @pytest.mark.parametrize("figure", ["4,13G", "much", "0", "4.13\x1b[31mG"])
    def test_what_is_no_figure_is_refused(self, figure: str) -> None:
        result = run("reconcile", "lenet", figure)
        assert (result.status, result.out) == (2, "")
        assert "4.13G, 300M" in result.err
        assert "\x1b" not in result.err

    def test_what_has_no_rule_is_left_out(self, no_rule: str) -> None:
        result = run("reconcile", no_rule, "4068")
        assert result.status == 0
        assert "thop is left out: no rule for minpool." in result.out


def test_several_inputs_of_a_quoted_network_are_named(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(
        "{input: {a: [1, 8, 8], b: [2]}, layers: [{conv: 2, kernel: 3, from: a},"
        " {dense: 3, from: b}], outputs: [conv0, dense0]}"
    )
    out = run("reconcile", str(path), "654").out
    assert out.startswith("two, inputs a (1, 1, 8, 8), b (1, 2): what gives 654\n")
