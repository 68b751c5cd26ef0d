"""The page: it says what the commands say, loads nothing, and works in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import convcalc
from convcalc.analysis.metrics import measure
from convcalc.graph import Network
from convcalc.render.numbers import grouped
from convcalc.render.page.page import page_text
from convcalc.render.report import Reports
from tests.cli.runner import run
from tests.render.drawing.test_svg import hostile
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
    text = page(shipped(name))
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


def test_every_layer_has_its_formulas() -> None:
    found = data(page(shipped("lenet")))
    layers, strings = found["layers"], found["strings"]
    assert isinstance(layers, list)
    assert isinstance(strings, list)
    assert layers[0] is None  # the input
    lines = [strings[number] for number in layers[1]["lines"]]
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
    assert len(page(shipped(name)).encode()) <= limit * 1024


def test_its_own_code_is_small() -> None:
    folder = Path(convcalc.__file__).parent / "render" / "page"
    assert sum([(folder / part).stat().st_size for part in ("page.css", "page.js")]) <= 40 * 1024


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_it_works_in_a_browser(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    # What a script error or a blocked request would leave behind, and a few keys.
    probe = """<script>
window.addEventListener("error", (e) => document.body.setAttribute("data-fault", e.message));
document.addEventListener("securitypolicyviolation", (e) =>
  document.body.setAttribute("data-fault", e.violatedDirective));
window.addEventListener("load", () => {
  const key = (k) => document.dispatchEvent(new KeyboardEvent("keydown", {key: k, bubbles: true}));
  key("j"); key("j"); key("k");
  const filter = document.getElementById("filter");
  filter.value = "conv 3x3"; filter.dispatchEvent(new Event("input"));
  document.querySelectorAll("#layers thead button")[4].click();
});
</script>"""
    text = page(shipped("resnet18")).replace("<header>", f"{probe}<header>", 1)
    path.write_text(text, encoding="utf-8")
    found = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            "--virtual-time-budget=3000", f"--user-data-dir={tmp_path / 'profile'}",
            f"{path.as_uri()}#l-9",
        ],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    shown = found.stdout
    elements = _Elements(shown)
    assert "data-fault" not in elements.named("body")[0]
    chosen = [one["data-u"] for one in elements.named("tr") if one.get("aria-selected") == "true"]
    assert chosen == ["10"]  # the address chose layer 9: two on, one back
    visible = [one for one in elements.named("tr") if "data-u" in one and "hidden" not in one]
    macs = [int(one["data-macs"] or 0) for one in visible]
    assert len(macs) == 16
    assert macs == sorted(macs, reverse=True)
    every = [one for one in elements.named("tr") if "data-u" in one]
    assert f"{len(macs)} of {len(every)} layers" in shown
