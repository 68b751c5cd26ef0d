"""`convcalc draw`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.runner import run


def test_svg_is_the_default() -> None:
    result = run("draw", "lenet")
    assert result.status == 0
    assert result.out.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert result.out.endswith("</svg>\n")
    assert "tint and bar: share of MACs" in result.out


@pytest.mark.parametrize(
    ("name", "start"),
    [("net.svg", "<svg"), ("net.mmd", "flowchart"), ("net.dot", "digraph"), ("net.txt", "<svg")],
)
def test_the_suffix_names_the_format(name: str, start: str, tmp_path: Path) -> None:
    path = tmp_path / name
    result = run("draw", "lenet", "--output", str(path))
    assert (result.status, result.out, result.err) == (0, "", "")
    assert path.read_text(encoding="utf-8").startswith(start)


def test_the_format_wins_over_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "net.md"
    assert run("draw", "lenet", "--format", "mermaid", "--output", str(path)).status == 0
    assert path.read_text(encoding="utf-8").startswith("flowchart")


def test_another_cost() -> None:
    out = run("draw", "lenet", "--cost", "params").out
    assert "61.7k params \u00b7 tint and bar: share of params" in out


def test_dark_and_wide() -> None:
    light, dark = run("draw", "vgg16").out, run("draw", "vgg16", "--dark").out
    assert "prefers-color-scheme" in light
    assert "prefers-color-scheme" not in dark
    assert ".p{fill:#12171e}" in dark
    tall, wide = [
        [float(size) for size in re.findall(r' (?:width|height)="([0-9.]+)"', out)[:2]]
        for out in (light, run("draw", "vgg16", "--wide").out)
    ]
    assert tall[0] < tall[1]
    assert wide[0] > wide[1]


def test_more_nodes_and_open_groups() -> None:
    folded = run("draw", "resnet18", "--depth", "0", "--format", "mermaid").out
    assert "subgraph" not in folded
    opened = run(
        "draw", "resnet18", "--depth", "0", "--open", "stage0.basic_block1", "--format", "mermaid"
    ).out
    assert opened.count("subgraph") == 2
    assert run("draw", "resnet18", "--nodes", "1", "--format", "mermaid").out == folded


def test_volumes(tmp_path: Path) -> None:
    path = tmp_path / "alexnet.svg"
    assert run("draw", "alexnet", "--volumes", "--output", str(path)).status == 0
    text = path.read_text(encoding="utf-8")
    assert ">384, 256, 256 \u00d7 13\u00d713</text>" in text
    assert ">3 \u00d7 conv 3\u00d73</text>" in text
    assert "prefers-color-scheme" not in run("draw", "alexnet", "--volumes", "--dark").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--output", "net.csv"), "this command does not write .csv\n = help: one of .dot, .mmd,"),
        (("--format", "gif"), "--format cannot be 'gif'"),
        (("--format", "png"), "--format png needs a file\n = help: --output net.png"),
        (("--cost", "peak_memory"), "--cost cannot be 'peak_memory'"),
        (("--cost", "parms"), "did you mean 'params'?"),
        (("--open", "stage9"), "there is no group 'stage9'"),
        (("--depth", "-1"), "--depth must be at least 0"),
        (("--nodes", "0"), "--nodes must be at least 1"),
        (("--depth", "1", "--nodes", "5"), "give one"),
        (("--volumes",), "--volumes draws chains only: 'stage0.basic_block0.add0' (add) joins 2"),
        (("--volumes", "--format", "dot"), "--volumes is for pictures, not for dot"),
        (("--volumes", "--depth", "0", "--wide"), "it does not go with --depth, --wide"),
        (("resnet34", "--volumes"), "it does not go with NEW"),
        (("--volumes", "--cost", "params"), "it does not go with --cost"),
        (("--format", "dot", "--dark"), "--dark is for pictures, not for dot"),
        (("--output", "/nosuch/net.svg"), "cannot be written"),
        (("--output", ""), "--output names no file"),
    ],
)
def test_refused(arguments: tuple[str, ...], message: str) -> None:
    result = run("draw", "resnet18", *arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err


class TestImages:
    def test_cairosvg_is_asked_for_by_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "cairosvg", None)
        result = run("draw", "lenet", "--output", str(tmp_path / "net.png"))
        assert result.status == 2
        assert 'help: pip install "convcalc[images]", or write SVG' in result.err

    def test_its_bytes_are_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def convert(*, bytestring: bytes, scale: int) -> bytes:
            assert bytestring.startswith(b"<svg")
            return b"\x89image at scale %d" % scale

        module = SimpleNamespace(svg2png=convert, svg2pdf=convert)
        monkeypatch.setitem(sys.modules, "cairosvg", module)
        for suffix, scale in ((".png", 2), (".pdf", 1)):
            path = tmp_path / f"net{suffix}"
            assert run("draw", "lenet", "--output", str(path)).status == 0
            assert path.read_bytes() == b"\x89image at scale %d" % scale

    def test_cairosvg_itself(self, tmp_path: Path) -> None:
        pytest.importorskip("cairosvg", reason="CairoSVG is not installed", exc_type=ImportError)
        path = tmp_path / "net.png"
        assert run("draw", "lenet", "--output", str(path)).status == 0
        assert path.read_bytes().startswith(b"\x89PNG\r\n")


class TestChanges:
    def test_two_networks(self) -> None:
        result = run("draw", "resnet18", "resnet34")
        assert result.status == 0
        assert "resnet18 \u2192 resnet34" in result.out
        assert "added, 3 layers" in run("draw", "resnet18", "resnet34", "--nodes", "20").out

    def test_a_revision(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        net = Path("net.yaml")
        net.write_text("{input: [3, 8, 8], layers: [{conv: 4, kernel: 3}, {dense: 2}]}")
        git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")
        for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
            subprocess.run([*git, *words], check=True)
        net.write_text("{input: [3, 8, 8], layers: [{conv: 4, kernel: 5}, {dense: 2}]}")
        mermaid = run("draw", "net.yaml", "--base", "HEAD", "--format", "mermaid").out
        assert "kernel 3 \u2192 5" in mermaid
        Path("new.yaml").write_text("{input: [3], layers: [relu]}")
        result = run("draw", "new.yaml", "--base", "HEAD")
        assert result.status == 2
        assert "no version of new.yaml to compare with" in result.err

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("lenet", "alexnet", "--base", "HEAD"), "give one"),
            (("lenet", "alexnet", "--cost", "live"), "--cost cannot be 'live'"),
            (("-", "-"), "only one of the two networks"),
            (("lenet", "alexnet", "--open", "no"), "there is no group 'no'"),
        ],
    )
    def test_what_is_refused(self, arguments: tuple[str, ...], message: str) -> None:
        result = run("draw", *arguments)
        assert result.status == 2
        assert message in result.err

    def test_a_page(self, tmp_path: Path) -> None:
        path = tmp_path / "change.html"
        assert run("report", "resnet18", "resnet34", "--output", str(path)).status == 0
        text = path.read_text(encoding="utf-8")
        assert "<h1>resnet18 \u2192 resnet34</h1>" in text
        assert '<td class="wide">added</td>' in text
