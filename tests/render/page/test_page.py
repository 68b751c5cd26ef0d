"""The page: it says what the commands say, loads nothing, and works in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import convcalc
from convcalc.analysis.metrics import measure
from convcalc.checks.diff.diff import Diff, compare
from convcalc.checks.diff.versions import Comparison, Settings, compare_files
from convcalc.cli.windows import scenes_of
from convcalc.graph import Network
from convcalc.render.drawing.changes import Changed
from convcalc.render.drawing.drawing import draw
from convcalc.render.drawing.picture import change_picture
from convcalc.render.drawing.svg import svg_text
from convcalc.render.drawing.window import arithmetic, frames, sentence
from convcalc.render.numbers import grouped
from convcalc.render.page.difference import difference_text
from convcalc.render.page.page import page_text
from convcalc.render.report import Reports
from tests.cli.runner import run
from tests.render.drawing.pictures import UNLIMITED, pictured
from tests.render.drawing.test_svg import HOSTILE, hostile
from tests.shipped import shipped

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def page(network: Network) -> str:
    return page_text(Reports(convcalc.Analysis(network)))


class _Elements(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.ends: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.ends.append(tag)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def data(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found
    loaded: dict[str, object] = json.loads(found[1])
    return loaded


@pytest.mark.parametrize("name", ["lenet", "googlenet", "unet", "vit_b_16", "yolov8n"])
def test_it_loads_nothing(name: str) -> None:
    analysis = convcalc.Analysis(shipped(name))
    text = page_text(Reports(analysis), scenes=scenes_of(analysis))
    elements = _Elements(text)
    urls = set(re.findall(r"\w+://[^\"'<\s)]*", text)) - set(
        re.findall(r"\w+://[^\"'<\s)]*", _file_text(name))
    )
    assert urls == {"http://www.w3.org/2000/svg"}
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {t for t, _ in elements.found}
    assert all(["src" not in attributes for _, attributes in elements.found])
    links = [attributes["href"] or "" for attributes in elements.named("a")]
    assert all([link.startswith("#l-") for link in links])
    (policy,) = [one for one in elements.named("meta") if one.get("http-equiv")]
    assert (policy["content"] or "").startswith("default-src 'none'")


def _file_text(name: str) -> str:
    from convcalc.language.shipped import shipped_path

    path = shipped_path(name)
    assert path is not None
    return Path(path).read_text(encoding="utf-8")


def test_its_figures_are_those_of_the_commands() -> None:
    network = shipped("resnet18")
    text = page(network)
    analysis = convcalc.Analysis(network)
    for name in ("params", "macs", "flops", "weights", "peak_in_place", "layers"):
        assert f"<small>{grouped(measure(analysis, name))}</small>" in text
    rows = [one for one in _Elements(text).named("tr") if "data-u" in one]
    units = [unit for unit in analysis.report.units if unit.members]
    assert [int(row["data-macs"] or 0) for row in rows] == [unit.cost.macs for unit in units]
    assert data(text)["macs"] == analysis.report.totals.macs
    compared = json.loads(run("flops", "resnet18", "--compare", "--format", "json").out)
    for entry in compared["conventions"]:
        assert f">{grouped(entry['total'])}</td>" in text


@pytest.mark.parametrize("name", ["lenet", "mobilenet_v2", "vit_b_16"])
def test_its_table_has_the_figures_of_json(name: str) -> None:
    text = page(shipped(name))
    rows = re.findall(r"<tr id=.*?</tr>", text)
    figures = {
        re.findall(r"<bdi>(.*?)</bdi>", row)[0]: [
            int(number) for number in re.findall(r'data-n="(-?\d+)"', row)[:3]
        ]
        for row in rows
    }
    assert len(figures) == len(rows)
    wanted = {path: [0, 0, 0] for path in figures}
    for one in json.loads(run("flops", name, "--format", "json").out)["layers"]:
        # A row stands for a layer with what is fused to it.
        path = one["path"]
        while path not in wanted:
            path = path.rpartition(".")[0]
        for place, key in enumerate(("params", "macs", "flops")):
            wanted[path][place] += one[key]
    assert figures == wanted


def test_the_chosen_layer_has_its_place_in_memory_and_its_field() -> None:
    network = shipped("resnet18")
    analysis = convcalc.Analysis(network)
    layers = data(page(network))["layers"]
    assert isinstance(layers, list)
    taken = [layer["steps"] for layer in layers if layer and "steps" in layer]
    assert [step for step, _ in taken] == sorted([step for step, _ in taken])
    assert sum([count for _, count in taken]) == len(analysis.live(in_place=True))
    for unit in analysis.report.units:
        layer = layers[unit.index]
        if layer and "seen" in layer:
            height, width, *_, down, across = layer["seen"]
            assert (height, width) == (224, 224)
            assert layer["field"] == f"{down}\u00d7{across}"
    # The middle unit of the first layer, 7x7 with stride 2 and padding 3.
    assert layers[1]["seen"] == [224, 224, 56 * 2 - 3, 56 * 2 - 3, 7, 7]


def test_every_layer_has_its_formulas() -> None:
    found = data(page(shipped("lenet")))
    layers, strings = found["layers"], found["strings"]
    assert isinstance(layers, list)
    assert isinstance(strings, list)
    assert layers[0] is None  # the input
    lines = [strings[number] for part in layers[1]["lines"] for number in part]
    assert "    multiplies = O*T = 4704*25 = 117600" in lines


def test_the_file_has_shapes_at_its_margin() -> None:
    text = page(shipped("lenet"))
    line = r'data-u="1"><b>\d+</b><span>[^<]*conv[^<]*</span><a href="#l-1">6.28.28</a>'
    assert re.search(line, text)


def test_names_are_data() -> None:
    text = page(hostile())
    elements = _Elements(text)
    assert len(elements.named("script")) == 2
    assert elements.ends.count("script") == 2
    attributes = {name for _, attributes in elements.found for name in attributes}
    assert not [name for name in attributes if name.startswith("on")]
    assert "<script>alert" not in text
    assert "</text><script" not in text


@pytest.mark.parametrize(("name", "limit"), [("resnet50", 200), ("efficientnet_b7", 600)])
def test_it_is_small(name: str, limit: int) -> None:
    analysis = convcalc.Analysis(shipped(name))
    text = page_text(Reports(analysis), scenes=scenes_of(analysis))
    assert len(text.encode()) <= limit * 1024


def test_its_own_code_is_small() -> None:
    text = re.sub(r"<svg.*?</svg>", "", page(shipped("lenet")), flags=re.DOTALL)
    code = re.findall(r"<style>(.*?)</style>|<script>(.*?)</script>", text, re.DOTALL)
    style, scripts = code[0][0], code[1][1]
    assert len(code) == 2
    assert len((style + scripts).encode()) <= 40 * 1024


def test_without_scripts_it_is_complete() -> None:
    text = re.sub(r"<script.*?</script>", "", page(shipped("resnet18")), flags=re.DOTALL)
    analysis = convcalc.Analysis(shipped("resnet18"))
    drawing = svg_text(draw(pictured(shipped("resnet18"))), headed=False)
    assert drawing.strip() in text
    for unit in analysis.report.units:
        if unit.members:
            assert f"<bdi>{unit.path}</bdi>" in text


#: What a script error or a blocked request leaves behind, and what a test asks of the page.
PROBE = """<script>
const faults = [];
addEventListener("error", (e) => faults.push(e.message));
addEventListener("securitypolicyviolation", (e) => faults.push(e.violatedDirective));
for (const kind of ["error", "warn"]) console[kind] = (...words) => faults.push(words.join(" "));
const key = (k) => document.dispatchEvent(new KeyboardEvent("keydown", {key: k, bubbles: true}));
const all = (selector) => [...document.querySelectorAll(selector)];
addEventListener("load", () => {
  const answer = (() => {%s})();
  const element = document.createElement("pre");
  element.id = "answer";
  element.textContent = JSON.stringify({answer, faults});
  document.body.append(element);
});
</script>"""


def browsed(text: str, asked: str, folder: Path, *, fragment: str = "", width: int = 1400) -> Any:
    """What a script answers in a page, in a browser, without an error or a request."""
    path = folder / "page.html"
    path.write_text(text.replace("<header>", f"{PROBE % asked}<header>", 1), encoding="utf-8")
    found = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            "--virtual-time-budget=3000", f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},1000", f"{path.as_uri()}{fragment}",
        ],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    answered = re.search(r'<pre id="answer">(.*?)</pre>', found.stdout, re.DOTALL)
    assert answered
    loaded = json.loads(unescape(answered[1]))
    assert loaded["faults"] == []
    return loaded["answer"]


in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@in_a_browser
@pytest.mark.parametrize("width", [1400, 800, 500])
def test_keys_filter_and_order(tmp_path: Path, width: int) -> None:
    asked = """
  key("j"); key("j"); key("k");
  const filter = document.getElementById("filter");
  filter.value = "conv 3x3"; filter.dispatchEvent(new Event("input"));
  all("#layers thead button")[4].click();
  const rows = all("#layers tbody tr");
  return {
    chosen: all("[aria-current]").map((row) => row.id),
    macs: rows.filter((row) => !row.hidden).map((row) => +row.dataset.macs),
    shown: document.getElementById("shown").textContent,
    every: rows.length,
    overflows: document.documentElement.scrollWidth > innerWidth,
    cut: all("#layers .scroll").some((part) => part.scrollWidth > part.clientWidth),
  };"""
    found = browsed(page(shipped("resnet18")), asked, tmp_path, fragment="#l-9", width=width)
    assert found["chosen"] == ["l-10"]  # the address chose layer 9: two on, one back
    assert len(found["macs"]) == 16
    assert found["macs"] == sorted(found["macs"], reverse=True)
    assert found["shown"].startswith(f"16 of {found['every']} layers")
    assert not found["overflows"]
    assert not found["cut"]


@in_a_browser
@pytest.mark.parametrize(
    "name", ["resnet18", "googlenet", "yolov8n", "vit_b_16", "unet", "ssd300_vgg16", "yolov3"]
)
def test_groups_open_and_close(name: str, tmp_path: Path) -> None:
    asked = """
  const state = () => [all(".flow .node").length, all(".flow > svg > path.l").length,
    all(".flow path").filter((path) => path.getAttribute("d").includes("NaN")).length];
  const states = [state()];
  const folded = document.querySelector(".flow [aria-expanded=false]");
  if (folded) {
    folded.click();
    states.push(state());
    document.activeElement.click();
    states.push(state());
  }
  const focus = document.activeElement.getAttribute("aria-expanded");
  all(".pick button").filter((one) => one.textContent === "Open all").forEach((one) => one.click());
  states.push(state());
  return {states, focus};"""
    found = browsed(page(shipped(name)), asked, tmp_path)
    states = found["states"]
    shown = pictured(shipped(name), depth=max(pictured(shipped(name)).depth, 0))
    whole = pictured(shipped(name), nodes=UNLIMITED)
    for made, state in ((shown, states[0]), (whole, states[-1])):
        assert state == [len(made.cells), sum([len(cell.reads) for cell in made.cells]), 0]
    if len(states) == 4:
        assert states[1][0] >= states[0][0]
        assert states[2] == states[0]
        assert found["focus"] == "false"


@in_a_browser
def test_views_are_linked(tmp_path: Path) -> None:
    asked = """
  const state = () => ({
    row: all("tr.now").map((row) => row.id),
    nodes: all(".flow .now").map((node) => (node.querySelector("b") || node).textContent),
    line: all(".line.now b").map((part) => part.textContent),
    boxes: all(".chart .now").length,
    field: all(".seen").length,
  });
  const point = (id, kind) =>
    document.getElementById(id).dispatchEvent(new PointerEvent(kind, {bubbles: true}));
  const states = [];
  document.getElementById("l-9").click(); states.push(state());
  point("l-1", "pointerover"); states.push(state());
  point("layers", "pointerleave"); states.push(state());
  key("o"); key("o"); states.push(state());
  all(".line a")[0].click(); states.push(state());
  const first = all("input[name=cost]").findIndex((one) => one.checked);
  key("m");
  const second = all("input[name=cost]").findIndex((one) => one.checked);
  key("Escape");
  return {states, costs: [first, second], after: state(), hash: location.hash};"""
    network = shipped("resnet18")
    found = browsed(page(network), asked, tmp_path)
    chosen, hovered, restored, opened, lined = found["states"]
    assert chosen["row"] == ["l-9"]
    assert len(chosen["line"]) == len(chosen["nodes"]) == chosen["field"] == 1
    assert chosen["boxes"] >= 1
    assert hovered["row"] == ["l-1"]
    assert hovered["nodes"] != chosen["nodes"]
    assert restored == chosen
    # Closed and opened again, or opened twice, the layer is marked in what is shown.
    assert len(opened["nodes"]) == 1
    assert lined["row"] == ["l-1"]
    assert found["costs"] == [0, 1]
    assert found["after"]["row"] == []
    assert found["hash"] == ""


@in_a_browser
def test_a_window_moves(tmp_path: Path) -> None:
    network = shipped("lenet")
    analysis = convcalc.Analysis(network)
    scenes = scenes_of(analysis)
    text = page_text(Reports(analysis), scenes=scenes)
    asked = """
  document.getElementById("l-1").click();
  const state = () => [all(".slide p")[0].textContent,
    all(".sums div").map((line) => line.textContent).join(" ")];
  const states = [state()];
  key("."); states.push(state());
  key(","); key(","); states.push(state());
  all(".moves button")[0].click();
  const playing = all(".moves button")[0].getAttribute("aria-label");
  document.getElementById("l-5").click();
  return {states, playing, windows: all(".slide").length};"""
    found = browsed(text, asked, tmp_path)
    scene = scenes[1]
    every = frames(scene)
    # Six channels share one picture: a bias would be that of the whole layer.
    assert found["states"] == [
        [sentence(scene, every[place]), arithmetic(scene, every[place])] for place in (1, 2, 0)
    ]
    assert found["playing"] == "Pause"
    assert found["windows"] == 0  # a dense layer has none


def compared(old: str, new: str) -> tuple[Comparison, Diff]:
    found = compare_files(old, new, Settings({}, {}))
    assert found.diff is not None
    return found, found.diff


def test_a_difference_has_the_figures_of_diff() -> None:
    text = difference_text(*compared("resnet34", "resnet18"))
    data_of_diff = json.loads(run("diff", "resnet34", "resnet18", "--format", "json").out)
    (network,) = data_of_diff["networks"]
    rows = [one for one in _Elements(text).named("tr") if "data-u" in one]
    totals = network["totals"]["macs"]
    assert sum([int(row["data-macs"] or 0) for row in rows]) == totals["change"]
    assert f">{grouped(totals['before'])}</td>" in text
    assert text.count('<td class="wide">removed</td>') == len(network["changes"])
    assert "peak_in_place" in text


def test_names_of_a_difference_are_data() -> None:
    old, new = convcalc.analyze(shipped("lenet")), convcalc.analyze(hostile())
    diff = compare(old, new)
    text = difference_text(Comparison("changed", HOSTILE[0], HOSTILE[1], old, new, diff), diff)
    elements = _Elements(text)
    assert len(elements.named("script")) == 2
    assert "<script>alert" not in text
    assert not [n for _, attributes in elements.found for n in attributes if n.startswith("on")]


@in_a_browser
@pytest.mark.parametrize(
    ("old", "new"), [("resnet34", "resnet18"), ("vgg16", "resnet18"), ("unet", "attention_unet")]
)
def test_a_difference_in_a_browser(old: str, new: str, tmp_path: Path) -> None:
    found, diff = compared(old, new)
    asked = """
  const marks = ["added", "removed", "changed"].map((mark) => all(`.flow .node.${mark}`).length);
  const lines = all(".flow > svg > path.l").length;
  all(".flow .node")[1].click();
  all("#layers tbody tr")[0].click();
  return {marks, lines, shown: document.getElementById("shown").textContent,
    chosen: all("[aria-current]").length};"""
    answer = browsed(difference_text(found, diff), asked, tmp_path)
    made = change_picture(Changed(diff, (old, new), "macs"))
    marks = [
        len([cell for cell in made.cells if cell.mark == mark])
        for mark in ("added", "removed", "changed")
    ]
    assert answer["marks"] == marks
    assert answer["lines"] == sum([len(cell.reads) for cell in made.cells])
    assert answer["chosen"] == 1
    assert "MACs" not in answer["shown"]


AXE = os.environ.get("CONVCALC_AXE", "")


@in_a_browser
@pytest.mark.skipif(not AXE, reason="CONVCALC_AXE does not name axe-core's axe.min.js")
@pytest.mark.parametrize("name", ["resnet18", "vit_b_16", "lenet", "resnet34 resnet18"])
def test_axe_finds_nothing_serious(name: str, tmp_path: Path) -> None:
    if " " in name:
        text = difference_text(*compared(*name.split()))
    else:
        analysis = convcalc.Analysis(shipped(name))
        text = page_text(Reports(analysis), scenes=scenes_of(analysis))
    axe = Path(AXE).read_text(encoding="utf-8").replace("</script", "<\\/script")
    probe = """<script>addEventListener("load", () => {
  document.getElementById("l-1").click();
  axe.run(document).then(({violations}) => {
    const element = document.createElement("pre");
    element.id = "found";
    element.textContent = JSON.stringify(violations.map((one) => [one.id, one.impact]));
    document.body.append(element);
  });
});</script>"""
    path = tmp_path / "page.html"
    path.write_text(text.replace("<header>", f"<script>{axe}</script>{probe}<header>", 1))
    found = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            "--virtual-time-budget=30000", f"--user-data-dir={tmp_path / 'profile'}", path.as_uri(),
        ],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    answered = re.search(r'<pre id="found">(.*?)</pre>', found.stdout, re.DOTALL)
    assert answered
    assert json.loads(unescape(answered[1])) == []
