"""Texts and lines stand out from what is behind them, in both themes."""

from __future__ import annotations

import pytest

from convcalc.render.drawing.colours import DARK, LIGHT, Palette


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join([2 * digit for digit in digits])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum([share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)])


def contrast(one: str, other: str) -> float:
    """From 1 for equal colours to 21 for black on white."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_are_read(palette: Palette) -> None:
    backs = [palette.page, palette.panel, *palette.tints]
    for back in backs:
        assert contrast(palette.text, back) >= 4.5
        assert contrast(palette.figures, back) >= 4.5
    # Second lines are in this colour on light tints only; others take that of figures.
    for back in [palette.page, palette.panel, *palette.tints[:3]]:
        assert contrast(palette.second, back) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_are_seen(palette: Palette) -> None:
    for back in (palette.page, palette.panel):
        for line in (
            palette.edge,
            palette.selected,
            palette.added,
            palette.removed,
            palette.changed,
        ):
            assert contrast(line, back) >= 3
    assert all([contrast(palette.bar, tint) >= 3 for tint in palette.tints])
