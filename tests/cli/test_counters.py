"""`flops --as` and `flops --compare`."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

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
            name: kinds
            for names, kinds in re.findall(
                r"Charged nothing by ([^:]*): (.*?\.)", " ".join(out.split())
            )
            for name in names.split(", ")
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

    def test_json_has_the_entry_and_what_is_counted_of_every_layer(self) -> None:
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
