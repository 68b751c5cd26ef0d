"""How wide text is, without a font: the advance widths of Helvetica."""

from __future__ import annotations

from unicodedata import east_asian_width

#: Thousandths of the font's size for each character from the space to the tilde.
_REGULAR = [
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
    *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
    *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
]
_BOLD = [
    *(278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611),
    *(975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556),
    *(333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611),
    *(611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584),
]
_OTHERS = {"\u00d7": 584, "\u00b7": 333, "\u2013": 556, "\u2192": 1000, "\u2212": 584}
#: What a fallback font may need more, by weight: DejaVu Sans, the widest of the usual ones, fits.
_SPARE = {False: 1.1, True: 1.14}


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How many units of length a text takes at most, in Helvetica or a usual fallback of it.

    >>> width("conv", 10) < width("conv", 10, bold=True)
    True
    """
    table = _BOLD if bold else _REGULAR
    total = 0
    for character in text:
        place = ord(character) - 32
        if 0 <= place < len(table):
            total += table[place]
        elif character in _OTHERS:
            total += _OTHERS[character]
        else:
            total += 1100 if east_asian_width(character) in "WF" else 900
    return total * size / 1000 * _SPARE[bold]


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and end with an ellipsis between them, in `most` characters.

    >>> shortened("a_rather_long_name", 9)
    'a_ra\u2026name'
    """
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[: most - 1 - half]}\u2026{text[-half:]}"
