"""Texts of pictures in a browser: with narrow and wide fonts, none overlaps another or is cut."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

import convcalc
from convcalc.cli.windows import numbered
from convcalc.render.drawing.drawing import draw
from convcalc.render.drawing.keys import keys_of
from convcalc.render.drawing.keys_svg import keys_svg
from convcalc.render.drawing.svg import svg_text
from convcalc.render.drawing.volumes import volumes
from convcalc.render.drawing.volumes_svg import volumes_svg
from convcalc.render.drawing.window import scene_of
from convcalc.render.drawing.window_svg import window_svg
from tests.render.drawing.pictures import pictured
from tests.shipped import shipped

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: Asks for the size of each picture and the boxes of its texts, without the room above letters.
PROBE = """<pre id="answer"></pre><script>
const all = [...document.querySelectorAll("div")].map((one) => one.shadowRoot.firstElementChild);
const found = all.map((picture) => ({
  size: [picture.width.baseVal.value, picture.height.baseVal.value],
  texts: [...picture.querySelectorAll("text")].map((text) => {
    const box = text.getBBox();
    return [text.textContent, box.x, box.y + box.height * 0.2, box.width, box.height * 0.6];
  }),
}));
document.getElementById("answer").textContent = JSON.stringify(found);
</script>"""


def pictures() -> list[str]:
    """Pictures of every kind whose texts stand beside each other."""
    found = []
    for name in ("alexnet", "nin", "mobilenet_v1", "crnn", "lenet"):
        network = shipped(name)
        found.append(volumes_svg(volumes(network, convcalc.analyze(network).units)))
    found += [svg_text(draw(pictured(shipped(name)))) for name in ("resnet50", "googlenet")]
    for name in ("figure_stride", "unet", "unet3d", "swin_t", "vit_b_16"):
        network = shipped(name)
        kinds = set()
        for node in network.operations:
            shapes = network.input_shapes(node)
            scene = scene_of(node.layer, shapes, node.path)
            keys = keys_of(node.layer, shapes, node.path)
            if node.kind in kinds:
                continue
            if scene is not None:
                kinds.add(node.kind)
                found.append(window_svg(numbered(scene, node, network)))
            if keys is not None:
                kinds.add(node.kind)
                found.append(keys_svg(keys))
    return found


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(("sans", "serif"), [("Liberation Sans", "Liberation Serif"),
                                             ("DejaVu Sans", "DejaVu Serif")])  # fmt: skip
def test_texts_have_room(sans: str, serif: str, tmp_path: Path) -> None:
    # Each with its own styles.
    page = "".join(
        [f'<div><template shadowrootmode="open">{one}</template></div>' for one in pictures()]
    )
    page = page.replace('"Times New Roman",Times,"Liberation Serif",serif', f'"{serif}"')
    page = re.sub(r'"Helvetica Neue".*?sans-serif', f'"{sans}"', page)
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{page}{PROBE}", encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    shown = subprocess.run(
        [*command, f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    answered = re.search(r'<pre id="answer">(.*?)</pre>', shown.stdout, re.DOTALL)
    assert answered
    found = json.loads(answered[1].replace("&gt;", ">").replace("&lt;", "<"))
    assert len(found) > 10
    for picture in found:
        across, down = picture["size"]
        for text, x, y, width, height in picture["texts"]:
            inside = x >= 0 and y >= 0 and x + width <= across and y + height <= down
            assert inside, f"{text!r} is cut"
        for one, other in combinations(picture["texts"], 2):
            level = one[2] < other[2] + other[4] and other[2] < one[2] + one[4]
            meets = one[1] < other[1] + other[3] and other[1] < one[1] + one[3]
            # Numbers in a row are one text, whose box spans all of them.
            rows = {len(set(text[0]) - set("0123456789\u2212")) for text in (one, other)}
            assert not (level and meets) or rows == {0}, f"{one[0]!r} and {other[0]!r} overlap"
