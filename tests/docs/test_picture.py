"""The pictures of the documentation show what the commands print now."""

from __future__ import annotations

import html
import re
from pathlib import Path
from runpy import run_path

REPOSITORY = Path(__file__).resolve().parents[2]


def lines_of(svg: str) -> list[str]:
    """The text of a picture, line by line; how it is drawn is up to the version of rich."""
    found: dict[float, str] = {}
    for height, text in re.findall(r"<text[^>]* y=\"([\d.]+)\"[^>]*>([^<]*)</text>", svg):
        found[float(height)] = found.get(float(height), "") + html.unescape(text)
    return [found[height].replace("\xa0", " ").strip() for height in sorted(found)]


def test_picture_is_up_to_date() -> None:
    script = run_path(str(REPOSITORY / "scripts" / "screenshot.py"))
    shown = lines_of(script["PICTURE"].read_text(encoding="utf-8"))
    assert shown == lines_of(script["picture"]()), "`python scripts/screenshot.py` draws it again"
    assert [line for line in shown if line.startswith("$ ")] == [
        f"$ {command}" for command in script["COMMANDS"]
    ]


def test_drawings_are_up_to_date(tmp_path: Path) -> None:
    script = run_path(str(REPOSITORY / "scripts" / "drawings.py"))
    script["make"](tmp_path)
    for name in script["PICTURES"]:
        shown = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
        drawn = (tmp_path / name).read_text(encoding="utf-8")
        assert shown == drawn, "`python scripts/drawings.py` draws it again"
