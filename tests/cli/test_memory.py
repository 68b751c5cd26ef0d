"""The command `memory`."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from convcalc.analysis.memory import inference
from convcalc.analysis.memory.least_peak import least_peak
from tests.cli.runner import run


def data(*arguments: str) -> dict[str, Any]:
    """The `memory` part of the JSON document."""
    memory: dict[str, Any] = json.loads(run("memory", *arguments, "--format", "json").out)["memory"]
    return memory


def test_resnet50_in_every_figure() -> None:
    found = data("resnet50")
    assert found["dtype"] == "float32"
    assert found["peak"] == 9_633_792
    assert found["peak_in_place"] == 7_225_344
    assert found["least_is_exact"] is True
    assert found["parameters"] == 4 * 25_557_032


def test_json_is_the_report_and_more() -> None:
    plain = json.loads(run("shapes", "lenet", "--format", "json").out)
    both = json.loads(run("memory", "lenet", "--format", "json").out)
    memory = both.pop("memory")
    assert both == plain
    keys = ["dtype", "weights", "activations", "peak", "peak_in_place", "peak_least"]
    assert set(memory) >= {*keys, "least_is_exact", "arena", "order", "steps"}
    assert all(type(memory[key]) is int for key in keys[1:])
    assert [step["path"] for step in memory["steps"]] == memory["order"]


def test_bytes_follow_dtype_and_batch() -> None:
    one, many = data("lenet"), data("lenet", "--dtype", "int8", "--batch", "12")
    assert many["weights"] == 61_706
    for key in ("activations", "peak", "peak_in_place", "peak_least", "arena", "inputs"):
        assert many[key] == one[key] * 3
    apart = data("lenet", "--dtype", "bfloat16", "--weights", "float32")
    assert (apart["weights"], apart["peak"]) == (one["weights"], 37_632 // 2)


def test_another_input_is_another_memory() -> None:
    assert data("lenet_relu", "--input", "1x32x32")["inputs"] == 4 * 32 * 32


def test_the_order_with_the_least_peak() -> None:
    least = data("unet", "--order", "least")
    steps = least["steps"]
    assert max(step["live_in_place"] for step in steps) == least["peak_least"]
    assert [step["path"] for step in steps] == least["order"]
    assert least["peak_least"] < least["peak_in_place"]


def test_parts_of_a_concat_within_it() -> None:
    fewer = data("googlenet", "--concat-in-place")
    assert any(tensor["within"] for tensor in fewer["tensors"])
    assert fewer["peak_in_place"] <= data("googlenet")["peak_in_place"]


def test_csv_has_the_steps() -> None:
    lines = list(csv.DictReader(io.StringIO(run("memory", "lenet", "--format", "csv").out)))
    assert [line["step"] for line in lines][:3] == ["conv0", "conv0.sigmoid", "pool0"]
    assert [line["alive"] for line in lines if line["mark"] == "peak"] == ["37632"]


def test_a_long_path_keeps_its_end_where_the_peak_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    name = "a_layer_with_a_name_that_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_1"
    path.write_text(f"{{input: [1, 8, 8], layers: [{{conv: 2, kernel: 3, name: {name}}}]}}")
    assert f" bytes at {name}\n" in run("memory", str(path)).out


def test_a_depth_sums_groups_up() -> None:
    out = run("memory", "resnet50", "--depth", "1").out
    assert "\nstage0 " in out
    assert "stage0.bottleneck1" not in out.split("Peak: ")[0]


@pytest.mark.parametrize("options", [[], ["--order", "least"], ["--dtype", "int8"], ["--training"]])
@pytest.mark.parametrize("network", ["lenet", "unet"])
def test_the_headline_is_the_figure_that_is_locked(network: str, options: list[str]) -> None:
    headline = run("memory", network, *options).out.splitlines()[0]
    found = data(network, *options)
    if "--training" in options:
        expected = f"training step {found['training']['total']:,} bytes ("
    elif options:
        expected = f" {max(step['live'] for step in found['steps']):,} bytes ("
    else:
        expected = f"{network}: peak memory {found['peak']:,} bytes ("
    assert expected in headline
    assert run("memory", network, *options, "--summary").out.splitlines()[0] == headline


@pytest.mark.parametrize("options", [[], ["--training"]])
@pytest.mark.parametrize("style", ["plain", "csv", "markdown", "latex", "json"])
def test_a_summary_has_every_figure_and_no_step(style: str, options: list[str]) -> None:
    whole = run("memory", "lenet", *options, "--format", style).out
    summary = run("memory", "lenet", *options, "--summary", "--format", style).out
    if style == "json":
        assert summary == whole
        return
    assert "conv1" not in summary
    if style == "csv":
        figures = [row["bytes"] for row in csv.DictReader(io.StringIO(summary))]
        plain = run("memory", "lenet", *options, "--summary").out.replace(",", "")
        assert len(figures) >= 5
        assert all(figure in plain for figure in figures)
        return
    lines = summary.splitlines()
    assert set(lines[3:]) <= set(whole.splitlines())
    assert len(lines) >= 9


def test_a_summary_has_no_depth() -> None:
    result = run("memory", "lenet", "--summary", "--depth", "1")
    assert (result.status, result.out) == (2, "")
    assert "--summary shows no steps" in result.err


def test_the_headline_of_latex_is_a_comment() -> None:
    lines = run("memory", "lenet", "--format", "latex").out.splitlines()
    assert lines[0].startswith("% lenet: peak memory 37,632 bytes")


def test_the_headline_says_where_a_cost_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("{input: [4], layers: [{opaque: Nms, shape: [2]}, relu]}")
    assert "peak memory, at least " in run("memory", str(path)).out.splitlines()[0]


def test_markdown_and_plain_say_the_same() -> None:
    plain = run("memory", "lenet", "--format", "plain").out
    markdown = run("memory", "lenet", "--format", "markdown").out
    for figure in ("37,632", "23,520", "58,408"):
        assert figure in plain
        assert figure in markdown


def test_a_network_without_operations(tmp_path: Path) -> None:
    spec = tmp_path / "none.yaml"
    spec.write_text("name: none\ninput: [3, 4, 4]\nlayers:\n  - flatten\n")
    assert data(str(spec))["peak"] == 4 * 48
    assert "arena" in run("memory", str(spec)).out


@pytest.mark.parametrize(
    ("option", "word", "offered"),
    [
        ("--dtype", "flaot16", "float16"),
        ("--weights", "int9", "int8"),
        ("--order", "leest", "least"),
        ("--format", "jsno", "json"),
    ],
)
def test_an_unknown_word_gets_the_nearest(option: str, word: str, offered: str) -> None:
    result = run("memory", "lenet", option, word)
    assert (result.status, result.out) == (2, "")
    assert offered in result.err


def test_a_graph_too_large_for_the_search_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "least_peak", partial(least_peak, budget=1000))
    rng = Random(3)
    lines = ["name: knot", "input: [4, 8, 8]", "layers:", "  - {conv: 4, kernel: 1, name: n0}"]
    unread: set[str] = set()
    for number in range(1, 40):
        sources = sorted({f"n{rng.randrange(max(0, number - 10), number)}" for _ in range(2)})
        lines.append(f"  - {{concat: [{', '.join(sources)}], name: c{number}}}")
        lines.append(f"  - {{conv: {rng.randint(1, 60)}, kernel: 1, name: n{number}}}")
        unread = (unread - set(sources)) | {f"n{number}"}
    branches = [f"[{{conv: 1, kernel: 1, from: {name}}}]" for name in sorted(unread)]
    lines.append(f"  - concat: [{', '.join(branches)}]")
    spec = tmp_path / "knot.yaml"
    spec.write_text("\n".join(lines) + "\n")
    found = data(str(spec))
    assert not found["least_is_exact"]
    assert found["least_bound"] < found["peak_least"] <= found["peak_in_place"]
    assert f"no order is below {found['least_bound']:,}" in run("memory", str(spec)).out


def listed_anew(found: dict[str, Any], inputs: list[str]) -> list[set[str]]:
    """What is alive at each step, from what the steps make and free."""
    alive = set(inputs)
    listed = []
    for step in found["steps"]:
        alive.add(step["path"])
        listed.append(set(alive))
        alive -= set(step["frees"])
    return listed


@pytest.mark.parametrize("name", ["lenet", "resnet50", "googlenet", "unet", "densenet121"])
@pytest.mark.parametrize("order", ["written", "least"])
def test_what_is_alive_follows_from_what_is_freed(name: str, order: str) -> None:
    found = data(name, "--order", order)
    assert [set(step["alive"]) for step in found["steps"]] == listed_anew(found, ["input"])


def wide(folder: Path, branches: int) -> str:
    """A network in which every branch waits for the last one."""
    path = folder / f"wide{branches}.yaml"
    branch = "    - [{conv: 1, kernel: 1}]\n"
    path.write_text(f"input: [2, 4, 4]\nlayers:\n  - concat:\n{branch * branches}")
    return str(path)


@pytest.mark.no_cover
def test_a_very_wide_network_lists_what_is_alive_at_the_peaks(tmp_path: Path) -> None:
    found = data(wide(tmp_path, 500))
    listed = listed_anew(found, ["input"])
    at_peak = max(found["steps"], key=lambda step: step["live"])
    for step, alive in zip(found["steps"], listed, strict=True):
        assert step["alive"] is None or set(step["alive"]) == alive
        assert (step["alive"] is not None) == (step is at_peak)
    assert all(step["alive"] for step in data(wide(tmp_path, 300))["steps"])


@pytest.mark.no_cover
def test_json_grows_with_the_network_however_wide_it_is(tmp_path: Path) -> None:
    one, two = [
        len(run("memory", wide(tmp_path, branches), "--format", "json").out)
        for branches in (600, 1200)
    ]
    assert two < 2.2 * one
