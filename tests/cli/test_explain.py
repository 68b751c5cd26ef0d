"""`convcalc explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.runner import run, spec


def test_the_formula_with_its_numbers() -> None:
    out = run("explain", "lenet", "conv0").out
    assert "floor((28 - 5 + 4 + 1) / 1) = 28" in out
    assert "O*T = 4704*25 = 117600" in out


def test_what_the_floor_leaves_unused() -> None:
    out = run("explain", "alexnet_d2l", "conv0").out
    assert "height: the floor leaves 1 position unused: input 223" in out


def test_json_steps() -> None:
    data = json.loads(run("explain", "lenet", "conv1", "--format", "json").out)
    steps = {step["what"]: step["value"] for step in data["layers"][0]["counts"]}
    assert steps["multiplies"] == 240000


def test_a_group_names_its_layers() -> None:
    result = run("explain", "resnet18", "stage0")
    assert result.status == 2
    assert "is a group of layers, not a layer\n = help: name one of stage0." in result.err
    assert result.err.endswith(", ...\n")


@pytest.mark.parametrize("command", ["explain", "field"])
def test_a_name_like_no_other_has_help_too(command: str) -> None:
    result = run(command, "resnet18", "nosuch")
    assert (result.status, result.out) == (2, "")
    assert "= help: `convcalc shapes resnet18` lists the layers" in result.err


class TestUpToAMistake:
    TEXT = "input: [1, 9]\nlayers:\n  - {maxpool: 2}\n  - {conv: 4, kernel: 5}\n  - relu\n"

    def test_a_layer_before_it(self, tmp_path: Path) -> None:
        result = run("explain", spec(tmp_path, self.TEXT), "pool0")
        assert result.status == 1
        assert (
            "length   = floor((l - k + p + s) / s) = floor((9 - 2 + 0 + 2) / 2) = 4" in result.out
        )
        assert "error[window-too-large]: conv0: " in result.err
        assert "shapes up to" not in result.err

    @pytest.mark.parametrize("layer", ["conv0", "relu0", "nosuch"])
    def test_a_layer_that_is_not_there(self, layer: str, tmp_path: Path) -> None:
        result = run("explain", spec(tmp_path, self.TEXT), layer)
        assert (result.status, result.out) == (1, "")
        assert "error[window-too-large]: conv0: " in result.err
        assert result.err.endswith("rounded down: 9 -> 4 at pool0\n")

    def test_a_mistake_that_is_not_about_shapes(self, tmp_path: Path) -> None:
        text = self.TEXT.replace("kernel: 5", "kernel: k")
        result = run("explain", spec(tmp_path, text), "pool0", "--format", "json")
        assert result.status == 1
        assert json.loads(result.out)["layers"][0]["output"] == [1, 1, 4]
        assert "error[unknown-name]: conv0: " in result.err


def test_an_unknown_layer() -> None:
    result = run("explain", "lenet", "conv7")
    assert result.status == 2
    assert "did you mean 'conv" in result.err


class TestPicture:
    def test_below_the_formulas(self) -> None:
        out = run("explain", "figure_maxpool", "pool0").out
        assert "reads rows 0 to 1, columns 1 to 2\n" in out

    def test_svg(self) -> None:
        out = run("explain", "lenet", "conv0", "--format", "svg").out
        assert out.startswith("<svg")
        assert "height = floor((h - k + p + s) / s) = floor((28 - 5 + 4 + 1) / 1) = 28" in out

    def test_the_keys_of_an_attention(self) -> None:
        layer = "stage3.swin_layer1.add0.main.window_attention0.attention0"
        assert (
            "query (1, 1) reads 49 keys: all rows, all columns"
            in run("explain", "swin_t", layer).out
        )
        assert run("explain", "swin_t", layer, "--format", "svg").out.startswith("<svg")
        assert "animation:k" in run("animate", "swin_t", layer).out

    def test_a_layer_without_a_window(self) -> None:
        for arguments in (("explain", "lenet", "dense0", "--format", "svg"),
                          ("animate", "lenet", "dense0")):  # fmt: skip
            result = run(*arguments)
            assert (result.status, result.out) == (2, "")
            assert "no window slides over its input" in result.err
            assert "help: name a convolution, a pooling or an attention" in result.err

    def test_animate(self, tmp_path: Path) -> None:
        path = tmp_path / "conv0.svg"
        assert run("animate", "lenet", "conv0", "--output", str(path)).status == 0
        assert "animation:k" in path.read_text(encoding="utf-8")
        assert run("animate", "lenet", "nosuch").status == 2
        assert run("animate", "lenet", "conv0", "--output", "x.png").status == 2
