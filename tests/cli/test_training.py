"""`convcalc flops --training`."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

import convcalc
from convcalc.analysis.training.optimizers import OPTIMIZERS
from tests.cli.runner import run

CLASSES = ("multiplies", "adds", "divides", "compares", "specials")


def rows(*arguments: str) -> list[dict[str, str]]:
    """What a command prints as CSV."""
    return list(csv.DictReader(io.StringIO(run(*arguments, "--format", "csv").out)))


class TestTable:
    def test_shows_forward_backward_step_and_total(self) -> None:
        lines = run("flops", "lenet", "--training").out.splitlines()
        assert lines[1].split() == ["name", "forward", "backward", "step", "total", "share"]
        total = next(line for line in lines if line.startswith("total"))
        forward, backward, step, all_ = [int(n.replace(",", "")) for n in total.split()[1:]]
        assert forward + backward + step == all_
        assert forward == convcalc.analyze(convcalc.load("lenet")).totals.flops

    def test_says_how_it_was_counted(self) -> None:
        out = run("flops", "mobilenet_v2", "--training", "--optimizer", "adam").out
        assert "A training step on 1 sample, without the loss" in out
        assert "step: adam, m = b1*m" in out
        assert "2*MACs, forward and backward: 1,782,969,600." in out
        reaching = run("flops", "mobilenet_v2", "--training", "--input-gradient").out
        assert "2*MACs, forward and backward: 1,804,645,632." in reaching

    def test_notes_are_no_wider_in_a_pipe_than_everywhere(self) -> None:
        for name in ("sgd", "nesterov"):
            out = run("flops", "lenet", "--training", "--optimizer", name, "--batch", "256").out
            assert max(len(line) for line in out.splitlines()) <= 100

    def test_a_what_if_is_trained(self) -> None:
        out = run("flops", "lenet", "--training", "--kernel", "3").out
        assert out.splitlines()[0].endswith(", with --kernel 3")
        assert out != run("flops", "lenet", "--training").out

    def test_markdown(self) -> None:
        out = run("flops", "lenet", "--training", "--format", "markdown").out
        assert out.splitlines()[2] == "| name | forward | backward | step | total | share |"


class TestRows:
    def test_parts_add_up(self) -> None:
        for row in rows("flops", "resnet18", "--training", "--optimizer", "nesterov"):
            parts = ["forward", "input_gradient", "weight_gradient", "bias_gradient"]
            parts += ["gradient_sums", "step"]
            assert sum(int(row[part]) for part in parts) == int(row["total"])

    @pytest.mark.parametrize("option", [[], ["--expand"], ["--depth", "1"], ["--by", "kind"]])
    def test_every_view_sums_up_to_the_same(self, option: list[str]) -> None:
        found = rows("flops", "mobilenet_v2", "--training", *option)
        total = convcalc.train(convcalc.load("mobilenet_v2")).totals.total.flops
        assert sum(int(row["total"]) for row in found) == total

    def test_sorted_and_cut(self) -> None:
        found = rows("flops", "resnet18", "--training", "--sort", "step", "--top", "3")
        steps = [int(row["step"]) for row in found]
        assert len(steps) == 3
        assert steps == sorted(steps, reverse=True)
        every = rows("flops", "resnet18", "--training")
        assert steps[0] == max(int(row["step"]) for row in every)

    def test_sorted_by_name(self) -> None:
        names = [row["name"] for row in rows("flops", "lenet", "--training", "--sort", "name")]
        assert names == sorted(names)


class TestJson:
    def data(self, *arguments: str) -> dict[str, object]:
        out = run("flops", "lenet", "--format", "json", *arguments).out
        loaded: dict[str, object] = json.loads(out)
        return loaded

    def test_only_adds_a_key(self) -> None:
        plain, training = self.data(), self.data("--training")
        added = training.pop("training")
        assert training == plain
        assert isinstance(added, dict)
        assert (added["batch"], added["optimizer"], added["input_gradient"]) == (1, "sgd", False)
        assert [layer["path"] for layer in added["layers"]][:2] == ["conv0", "conv0.sigmoid"]

    def test_totals_are_the_sums_of_the_layers(self) -> None:
        training = self.data("--training", "--batch", "3", "--optimizer", "adamw")["training"]
        assert isinstance(training, dict)
        totals = training["totals"]
        for part in ("forward", "input_gradient", "weight_gradient", "bias_gradient", "step"):
            for name in (*CLASSES, "flops"):
                told = sum(layer[part][name] for layer in training["layers"])
                assert totals[part][name] == told
        assert totals["macs"]["forward"] == 3 * 416520
        backward = totals["total"]["flops"] - totals["forward"]["flops"] - totals["step"]["flops"]
        assert totals["backward"]["flops"] == backward

    def test_a_what_if_holds_the_original_beside_it(self) -> None:
        changed = self.data("--training", "--double-channels")
        assert changed["before"] == {
            key: value
            for key, value in self.data().items()
            if key in {"layers", "totals", "complete", "unknown"}
        }
        assert changed["training"] != self.data("--training")["training"]


class TestBadInput:
    def test_an_unknown_optimizer(self) -> None:
        result = run("flops", "lenet", "--training", "--optimizer", "adan")
        assert (result.status, result.out) == (2, "")
        assert "there is no optimizer 'adan'" in result.err
        assert "did you mean 'adam' or 'adamw'?" in result.err

    def test_an_optimizer_that_is_nothing_like_one(self) -> None:
        result = run("flops", "lenet", "--training", "--optimizer", "\x1b[31m")
        assert (result.status, result.out) == (2, "")
        assert "one of adam, adamw, nesterov, sgd, sgd-momentum" in result.err
        assert "\x1b" not in result.err

    def test_an_empty_optimizer(self) -> None:
        assert run("flops", "lenet", "--training", "--optimizer", "").status == 2
        assert run("flops", "lenet", "--optimizer", "").status == 2

    @pytest.mark.parametrize("option", [["--optimizer", "adam"], ["--input-gradient"]])
    def test_without_training(self, option: list[str]) -> None:
        result = run("flops", "lenet", *option)
        assert (result.status, result.out) == (2, "")
        assert f"{option[0]} is about training" in result.err
        assert f"help: --training {' '.join(option)}" in result.err

    @pytest.mark.parametrize("option", [["--valid-taps"], ["--as", "thop"], ["--compare"]])
    def test_with_another_way_of_counting(self, option: list[str]) -> None:
        result = run("flops", "lenet", "--training", *option)
        assert (result.status, result.out) == (2, "")
        assert f"--training goes without {option[0]}" in result.err

    @pytest.mark.parametrize("option", [["--sort", "macs"], ["--top", "0"], ["--batch", "0"]])
    def test_rows_that_cannot_be(self, option: list[str]) -> None:
        result = run("flops", "lenet", "--training", *option)
        assert (result.status, result.out) == (2, "")
        assert option[0] in result.err


class TestMemory:
    """`convcalc memory --training`."""

    def training(self, *arguments: str) -> dict[str, Any]:
        out = run("memory", *arguments, "--training", "--format", "json").out
        found: dict[str, Any] = json.loads(out)["memory"]["training"]
        return found

    def test_parts_add_up(self) -> None:
        found = self.training("resnet18", "--optimizer", "nesterov", "--batch", "4")
        parts = ["weights", "buffers", "gradients", "master", "state", "activations"]
        assert found["total"] == sum(found[part] for part in parts)
        assert found["activations"] == sum(tensor["bytes"] for tensor in found["kept"])
        assert (found["optimizer"], found["batch"], found["dtype"]) == ("nesterov", 4, "float32")

    def test_only_adds_a_key(self) -> None:
        plain = json.loads(run("memory", "lenet", "--format", "json").out)
        both = json.loads(run("memory", "lenet", "--training", "--format", "json").out)
        assert both["memory"].pop("training")["optimizer"] == "sgd"
        assert both == plain

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_mixed_precision(self, dtype: str) -> None:
        full = self.training("mobilenet_v2", "--optimizer", "adam")
        half = self.training("mobilenet_v2", "--optimizer", "adam", "--dtype", dtype)
        assert 2 * half["weights"] == 2 * half["gradients"] == half["master"] == full["weights"]
        assert (full["master"], full["state"]) == (0, half["state"])
        assert half["activations"] < full["activations"]

    def test_tables(self) -> None:
        out = run("memory", "resnet50", "--training", "--optimizer", "adam", "--batch", "32").out
        first, empty, heading = out.splitlines()[:3]
        assert first == "resnet50: memory of a training step 3,158,441,600 bytes (2.94 GiB)"
        assert empty == ""
        assert "float32, kept for the backward pass" in heading
        assert "adam keeps 2 numbers of each parameter, float32" in out
        assert "kept for the backward pass of 32 samples" in out
        assert "master weights" not in out
        grouped = run("memory", "resnet50", "--training", "--depth", "1").out
        assert [line.split()[0] for line in grouped.splitlines()[5:8]] == [
            "input",
            "conv0",
            "pool0",
        ]
        markdown = run("memory", "lenet", "--training", "--format", "markdown").out
        assert "| layer | kept | bytes | share |" in markdown.splitlines()

    def test_csv(self) -> None:
        found = rows("memory", "lenet", "--training", "--batch", "2")
        assert list(found[0]) == ["layer", "kept", "bytes"]
        assert found[0] == {"layer": "input", "kept": "value", "bytes": str(2 * 4 * 784)}

    @pytest.mark.parametrize(
        ("option", "said"),
        [
            (["--dtype", "int8"], "one of bfloat16, float16, float32"),
            (["--order", "least"], "--order is about running"),
            (["--weights", "float16"], "--weights is about running"),
            (["--concat-in-place"], "--concat-in-place is about running"),
            (["--optimizer", "adan"], "did you mean 'adam' or 'adamw'?"),
        ],
    )
    def test_what_it_cannot_answer(self, option: list[str], said: str) -> None:
        result = run("memory", "lenet", "--training", *option)
        assert (result.status, result.out) == (2, "")
        assert said in result.err

    def test_an_optimizer_without_training(self) -> None:
        result = run("memory", "lenet", "--optimizer", "adam")
        assert (result.status, result.out) == (2, "")
        assert "--optimizer is about training" in result.err


@pytest.mark.parametrize("command", ["flops", "memory"])
def test_help_names_every_optimizer(command: str) -> None:
    out = " ".join(run(command, "--help").out.split())
    assert all(name in out for name in OPTIMIZERS)
