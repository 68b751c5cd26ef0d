"""Commands as a shell sees them: what is printed where, and the exit status."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from convcalc.cli.main import COMMANDS
from convcalc.language.shipped import shipped_names
from tests.cli.runner import run

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


def spec(folder: Path, text: str, name: str = "net.yaml") -> str:
    """Writes a spec and gives its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


class TestShapes:
    def test_the_classic_listings(self) -> None:
        alexnet = run("shapes", "alexnet_d2l", "--format", "listing")
        assert alexnet.out.splitlines() == LISTING_ALEXNET
        vgg = run("shapes", "vgg11_d2l", "--depth", "1", "--format", "listing")
        assert vgg.out.splitlines() == LISTING_VGG

    def test_json_of_the_documented_example(self) -> None:
        """The example in the contract of the JSON interface, key by key."""
        result = run("shapes", "lenet", "--format", "json")
        data = json.loads(result.out)
        assert list(data) == [
            *("schema", "name", "source", "inputs", "outputs", "layers", "totals"),
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

    def test_json_holds_calls_and_every_operation(self, tmp_path: Path) -> None:
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

    def test_csv_is_exact_and_machine_readable(self) -> None:
        lines = list(csv.DictReader(io.StringIO(run("shapes", "vgg16", "--format", "csv").out)))
        assert sum(int(line["params"]) for line in lines) == 138357544

    def test_reads_standard_input(self) -> None:
        result = run("shapes", "-", stdin=b"{input: [4], layers: [{dense: 3}]}")
        assert result.status == 0
        assert "(1, 3)" in result.out

    def test_set_input_and_batch(self) -> None:
        data = json.loads(
            run(
                *("shapes", "vgg16", "--set", "classes=7", "--input", "3x64x64"),
                *("--batch", "5", "--format", "json"),
            ).out
        )
        assert data["inputs"] == {"input": [5, 3, 64, 64]}
        assert list(data["outputs"].values()) == [[5, 7]]

    def test_depth_expand_sort_top_by(self) -> None:
        def names(*options: str) -> list[str]:
            out = run("shapes", "lenet", "--format", "csv", *options).out
            return [line.split(",")[0] for line in out.splitlines()[1:]]

        assert "conv0.sigmoid" in names("--expand")
        assert names("--sort", "params", "--top", "2") == ["dense0", "dense1"]
        assert names("--sort", "name") == sorted(names())
        assert names("--sort", "Kind")[:2] == ["pool0", "pool1"]
        assert names("--by", "kind") == ["conv", "sigmoid", "avgpool", "dense"]

    def test_several_inputs_each_have_a_name(self, tmp_path: Path) -> None:
        path = spec(
            tmp_path,
            "{input: {left: [3, 8, 8], right: [3, 8, 8]}, layers: [{add: [left, right]}]}",
        )
        assert run("shapes", path).out.startswith(
            "net: inputs left (1, 3, 8, 8), right (1, 3, 8, 8)\n"
        )
        smaller = ("--input", "left=3x4x4", "--input", "right=3x1x1")
        assert "(1, 3, 4, 4)" in run("shapes", path, *smaller).out
        assert run("shapes", path, *smaller, "--input", "3x4x4").status == 2
        assert run("shapes", path, *smaller, *smaller).status == 2

    def test_running_statistics_are_told_apart(self) -> None:
        assert run("shapes", "resnet18").out.endswith("\n9,600 buffers (running statistics)\n")

    def test_names_are_data_and_never_markup(self, tmp_path: Path) -> None:
        path = spec(
            tmp_path, "name: '[bold red]x[/]'\ninput: [3, 8, 8]\nlayers: [relu]\n", "m.yaml"
        )
        assert run("shapes", path).out.startswith("[bold red]x[/]: input (1, 3, 8, 8)")

    def test_control_characters_do_not_reach_the_terminal(self, tmp_path: Path) -> None:
        path = spec(tmp_path, 'name: "\\e[31mred"\ninput: [3, 8, 8]\nlayers: [relu]\n')
        assert "\x1b" not in run("shapes", path).out


class TestFlops:
    def test_totals_in_a_pipe(self) -> None:
        out = run("flops", "lenet").out
        assert "416,520" in out
        assert "858,868" in out
        assert "FLOPs = multiplies + adds" in out

    def test_csv_has_every_class(self) -> None:
        out = run("flops", "lenet", "--format", "csv").out
        lines = list(csv.DictReader(io.StringIO(out)))
        sums = {key: sum(int(line[key]) for line in lines) for key in list(lines[0])[2:]}
        assert sums == {
            "multiplies": 416520,
            "adds": 427756,
            "divides": 8084,
            "compares": 0,
            "specials": 6508,
            "macs": 416520,
            "flops": 858868,
        }
        by_kind = run("flops", "lenet", "--format", "csv", "--by", "kind").out.splitlines()
        assert by_kind[:2] == [
            "kind,layers,multiplies,adds,divides,compares,specials,macs,flops",
            "conv,2 layers,357600,357600,0,0,0,357600,715200",
        ]

    def test_csv_of_a_what_if_names_every_column_once(self) -> None:
        out = run("flops", "lenet", "--double-padding", "--format", "csv").out
        heading = out.splitlines()[0].split(",")
        assert heading == [
            *("name", "multiplies", "multiplies_after", "multiplies_ratio"),
            *("adds", "adds_after", "adds_ratio"),
        ]

    def test_a_what_if_shows_rows_that_multiply_or_add_and_csv_has_all(self) -> None:
        out = run("flops", "lenet_relu", "--double-channels").out
        assert "conv0.relu" not in out
        assert "pool0" not in out
        assert "Not shown: 6 without a multiplication or addition." in out
        lines = run("flops", "lenet_relu", "--double-channels", "--format", "csv").out.splitlines()
        assert "conv0.relu,0,0,x1,0,0,x1" in lines

    def test_a_what_if_that_changes_nothing_says_so(self, tmp_path: Path) -> None:
        path = spec(tmp_path, "{input: [4], layers: [{dense: 3}]}")
        out = run("flops", path, "--kernel", "3").out
        assert "The what-if changes nothing in this network." in out

    def test_a_what_if_says_what_it_is(self) -> None:
        out = run("flops", "lenet", "--kernel", "3", "--double-padding").out
        assert out.splitlines()[0].endswith(", with --kernel 3 --double-padding")

    def test_doubled_channels_cost_twice_then_four_times(self) -> None:
        result = run("flops", "lenet", "--double-channels", "--format", "csv")
        rows = {row[0]: row for row in csv.reader(io.StringIO(result.out))}
        assert rows["conv0"][1:4] == ["117600", "235200", "x2"]
        assert rows["conv1"][1:7] == ["240000", "960000", "x4", "240000", "960000", "x4"]
        assert rows["dense2"][3] == "x1"

    def test_json_of_a_what_if_holds_both_networks(self) -> None:
        plain = json.loads(run("flops", "lenet", "--format", "json").out)
        changed = json.loads(run("flops", "lenet", "--double-channels", "--format", "json").out)
        assert changed["before"] == {"layers": plain["layers"], "totals": plain["totals"]}
        assert changed["totals"]["multiplies"] > plain["totals"]["multiplies"]

    def test_a_smaller_kernel_keeps_shapes_or_shows_the_new_ones(self) -> None:
        out = run("flops", "lenet", "--kernel", "1").out
        assert "conv1: (1, 16, 10, 10) -> (1, 16, 14, 14)" in out
        assert "conv0: (1" not in out

    @pytest.mark.parametrize("factor", ["0", "-1", "x", "1e400", "1/0", ""])
    def test_an_impossible_factor(self, factor: str) -> None:
        result = run("flops", "lenet", f"--scale-channels={factor}")
        assert result.status == 2
        assert "--scale-channels" in result.err
        assert result.out == ""

    def test_valid_taps_are_fewer_and_said(self) -> None:
        out = run("flops", "lenet", "--valid-taps").out
        assert "107,736" in out
        assert "(--valid-taps)" in out


class TestExplain:
    def test_the_formula_with_its_numbers(self) -> None:
        out = run("explain", "lenet", "conv0").out
        assert "floor((28 - 5 + 4 + 1) / 1) = 28" in out
        assert "O*T = 4704*25 = 117600" in out

    def test_what_the_floor_leaves_unused(self) -> None:
        out = run("explain", "alexnet_d2l", "conv0").out
        assert "height: the floor leaves 1 position unused: input 223" in out

    def test_json_steps(self) -> None:
        data = json.loads(run("explain", "lenet", "conv1", "--format", "json").out)
        steps = {step["what"]: step["value"] for step in data["layers"][0]["counts"]}
        assert steps["multiplies"] == 240000

    def test_markdown_is_a_block_of_code(self) -> None:
        plain = run("explain", "lenet", "conv1").out
        assert run("explain", "lenet", "conv1", "--format", "markdown").out == f"```\n{plain}```\n"

    def test_a_group_names_its_layers(self) -> None:
        result = run("explain", "resnet18", "stage0")
        assert result.status == 2
        assert "is a group of layers, not a layer\n = help: name one of stage0." in result.err
        assert result.err.endswith(", ...\n")

    @pytest.mark.parametrize("command", ["explain", "field"])
    def test_a_name_like_no_other_has_help_too(self, command: str) -> None:
        result = run(command, "resnet18", "nosuch")
        assert (result.status, result.out) == (2, "")
        assert "= help: `convcalc shapes resnet18` lists the layers" in result.err

    def test_an_unknown_layer(self) -> None:
        result = run("explain", "lenet", "conv7")
        assert result.status == 2
        assert "did you mean 'conv" in result.err


class TestKindsAndSchema:
    def test_every_kind_is_listed(self) -> None:
        from convcalc.layers import KINDS

        out = run("kinds").out
        assert all(f"\n{kind} " in out or f"\n{kind}  " in out for kind in KINDS)

    def test_one_kind_in_full(self) -> None:
        out = run("kinds", "conv").out
        assert "floor((h - k + p + s) / s)" in out
        assert "dilation" in out

    def test_a_foreign_kind(self) -> None:
        result = run("kinds", "Conv2d")
        assert result.status == 2
        assert "it is called 'conv' here" in result.err

    def test_one_kind_in_other_formats(self) -> None:
        assert run("kinds", "relu").out.startswith("relu: max(x, 0).\n")
        assert "| groups | " in run("kinds", "conv", "--format", "markdown").out
        assert run("kinds", "conv", "--format", "csv").out.startswith("argument,takes,")
        assert len(run("kinds", "--format", "csv").out.splitlines()) > 40

    def test_json_of_the_kinds(self) -> None:
        kinds = json.loads(run("kinds", "--format", "json").out)["kinds"]
        conv = next(kind for kind in kinds if kind["kind"] == "conv")
        assert [argument["name"] for argument in conv["arguments"]][:2] == ["channels", "kernel"]

    def test_the_schema_is_json(self) -> None:
        assert json.loads(run("schema").out)["title"] == "convcalc network"


class TestCheck:
    def test_all_that_ships_keeps_its_promises(self) -> None:
        result = run("check", *shipped_names())
        assert result.status == 0, result.err
        assert result.out.endswith(f"{len(shipped_names())} checked, all ok\n")

    def test_a_broken_promise_names_its_line(self, tmp_path: Path) -> None:
        path = spec(
            tmp_path,
            "input: [4]\nlayers: [{dense: 3}]\n"
            "expect:\n  params: 16\n  output: [4]\n  layers: {dense0: [2], dens: [3]}\n",
        )
        result = run("check", path)
        assert result.status == 1
        assert f"{path}:4:11: error[expectation]: expected params 16, found 15" in result.err
        assert "expected dense0 to put out [4], found [3]" in result.err
        assert "expected dense0 to put out [2], found [3]" in result.err
        assert "no layer is called 'dens'" in result.err

    def test_the_worst_status_wins_and_all_are_told(self, tmp_path: Path) -> None:
        good = spec(tmp_path, "{input: [4], layers: [relu]}", "a.yaml")
        bad = spec(tmp_path, "{input: [4], layers: [rel]}", "b.yaml")
        assert run("check", str(tmp_path)).status == 1
        result = run("check", good, bad, str(tmp_path / "missing.yaml"))
        assert result.status == 2
        assert (
            result.out
            == f"{good}: ok\n{bad}: FAILED\n{tmp_path}/missing.yaml: FAILED\n3 checked, 2 failed\n"
        )
        assert "'rel'" in result.err

    def test_skipped_under_set_and_said(self, tmp_path: Path) -> None:
        path = spec(
            tmp_path, "{args: {n: 3}, input: [4], layers: [{dense: n}], expect: {params: 15}}"
        )
        assert run("check", path).status == 0
        result = run("check", path, "--set", "n=4")
        assert result.status == 0
        assert "skipped under --set" in result.out

    def test_folders_and_globs(self, tmp_path: Path) -> None:
        spec(tmp_path, "{input: [4], layers: [relu]}", "a.yaml")
        assert run("check", str(tmp_path / "*.yaml")).out.endswith("1 checked, all ok\n")
        assert run("check", str(tmp_path / "*.json")).status == 2
        (tmp_path / "empty").mkdir()
        assert run("check", str(tmp_path / "empty")).status == 2

    def test_a_folder_that_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(folder: str) -> list[str]:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "listdir", refuse)
        result = run("check", str(tmp_path))
        assert result.status == 2
        assert "cannot be read: Permission denied" in result.err

    def test_a_failure_leaves_standard_output_empty(self, tmp_path: Path) -> None:
        path = spec(tmp_path, "{input: [4], layers: [rel]}")
        assert run("check", path).out == ""
        target = tmp_path / "report.txt"
        assert run("check", path, "--output", str(target)).status == 1
        assert target.read_text() == f"{path}: FAILED\n1 checked, 1 failed\n"

    def test_json(self, tmp_path: Path) -> None:
        path = spec(tmp_path, "{input: [4], layers: [rel]}")
        data = json.loads(run("check", path, "--format", "json").out)
        assert data["files"][0]["ok"] is False
        assert data["files"][0]["problems"][0]["code"] == "unknown-kind"


class TestErrors:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("shapes", "no_such_network"),
            ("shapes", "missing.yaml"),
            ("shapes", "."),
            ("shapes", "lenet", "--set", "width"),
            ("shapes", "lenet", "--set", "width=1"),
            ("shapes", "lenet", "--input", "1x"),
            ("shapes", "lenet", "--input", "1x0x3"),
            ("shapes", "lenet", "--input", "left=1x28x28"),
            ("shapes", "lenet", "--batch", "0"),
            ("shapes", "lenet", "--batch", "two"),
            ("shapes", "lenet", "--depth", "0"),
            ("shapes", "lenet", "--format", "jsn"),
            ("shapes", "lenet", "--sort", "size"),
            ("shapes", "lenet", "--by", "size"),
            ("shapes", "lenet", "--by", "kind", "--depth", "1"),
            ("shapes", "lenet", "--nonsense"),
            ("shapes",),
            ("shape", "lenet"),
            ("shapes", "vgg16", "--set", "classes=10+"),
            ("shapes", "vgg16", "--set", "classes=1", "--set", "classes=2"),
        ],
    )
    def test_wrong_usage_is_two_and_prints_nothing(self, arguments: tuple[str, ...]) -> None:
        result = run(*arguments)
        assert result.status == 2
        assert result.out == ""
        assert result.err
        assert "Traceback" not in result.err

    def test_a_wrong_spec_is_one(self, tmp_path: Path) -> None:
        path = spec(tmp_path, "input: [1, 4, 4]\nlayers:\n  - {conv: 120, kernel: 5}\n")
        result = run("shapes", path)
        assert result.status == 1
        assert result.out == ""
        assert result.err == (
            f"{path}:3:25: error[window-too-large]: conv0: kernel height 5 does not fit the padded"
            " input height 4\n"
            "  |\n"
            "3 |   - {conv: 120, kernel: 5}\n"
            "  |                         ^\n"
            "  = input: (1, 1, 4, 4), the network's input at line 1\n"
            "  = rule: floor((4 - 5 + 0 + 1) / 1) = 0, must be at least 1\n"
            "  = help: 'padding: 1' gives 2, 'kernel: 4' gives 1\n"
        )

    def test_a_mistake_of_our_own_is_three(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError("boom")

        monkeypatch.setattr("convcalc.analysis.analysis.analyze", broken)
        result = run("shapes", "lenet")
        assert result.status == 3
        assert "ZeroDivisionError: boom" in result.err
        assert "Please report it" in result.err

    def test_a_mistake_of_our_own_can_be_looked_into(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError("boom")

        monkeypatch.setattr("convcalc.analysis.analysis.analyze", broken)
        monkeypatch.setenv("CONVCALC_DEBUG", "1")
        with pytest.raises(ZeroDivisionError):
            run("shapes", "lenet")

    def test_an_interruption_is_short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("convcalc.analysis.analysis.analyze", interrupted)
        result = run("shapes", "lenet")
        assert result.status == 130
        assert result.err == "\ninterrupted\n"

    def test_a_closed_pipe_is_a_quiet_end(self) -> None:
        command = f"{sys.executable} -m convcalc shapes resnet152 --format json | head -c 10"
        result = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", command], capture_output=True, check=False
        )
        assert result.returncode == 0
        assert result.stderr == b""


class TestOutput:
    def test_a_file_is_written_whole(self, tmp_path: Path) -> None:
        target = tmp_path / "out.csv"
        result = run("shapes", "lenet", "--format", "csv", "--output", str(target))
        assert result.out == ""
        assert target.read_text() == run("shapes", "lenet", "--format", "csv").out
        assert os.listdir(tmp_path) == ["out.csv"]

    def test_an_error_leaves_the_old_file_alone(self, tmp_path: Path) -> None:
        target = tmp_path / "out.txt"
        target.write_text("old")
        assert run("shapes", "no_such", "--output", str(target)).status == 2
        assert target.read_text() == "old"

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        result = run("shapes", "lenet", "--output", str(tmp_path / "no" / "out.txt"))
        assert result.status == 2
        assert "cannot be written" in result.err


class TestHelp:
    @pytest.mark.parametrize("command", ["shapes", "flops", "explain", "check", "kinds", "schema"])
    def test_examples_come_first(self, command: str) -> None:
        out = run(command, "--help").out
        assert "Examples:" in out
        assert out.index("Examples:") < out.index("Options:")

    @pytest.mark.parametrize("command", COMMANDS)
    def test_examples_fit_a_terminal(self, command: str) -> None:
        lines = run(command, "--help").out.splitlines()
        examples = [line for line in lines if line.startswith(f"    convcalc {command}")]
        assert examples
        assert max(map(len, examples)) <= 80

    def test_the_version(self) -> None:
        from convcalc import __version__

        assert run("--version").out == f"convcalc {__version__}\n"

    def test_all_commands_are_listed(self) -> None:
        out = run("--help").out
        assert all(f"  {name} " in out for name in ("shapes", "flops", "explain", "check"))
