"""Turns SVG into PNG and PDF with CairoSVG, which the extra `images` installs.

CairoSVG draws text and vectors through Cairo, writes both formats, and is kept by the makers of
WeasyPrint. It reads style sheets with classes, which other small converters do not, and needs no
browser.
"""

from __future__ import annotations

from typing import Any

from convcalc.problems import refused

#: Pixels of a PNG for each unit of the drawing.
_SCALE = 2


def image(svg: str, style: str) -> bytes:
    """The SVG as "png" or "pdf"; raises ConvcalcError where CairoSVG or Cairo is missing."""
    try:
        import cairosvg
    except ImportError:
        raise refused(
            "bad-option",
            f"--format {style} needs CairoSVG, which is not installed",
            'pip install "convcalc[images]", or write SVG',
        ) from None
    except OSError as error:
        # CairoSVG is there, and the system's library is not.
        text = str(error).splitlines()[0]
        raise refused(
            "bad-option",
            f"--format {style} needs the library Cairo: {text}",
            "install libcairo2 (Debian, Ubuntu) or cairo (Homebrew), or write SVG",
        ) from None
    convert: Any = cairosvg.svg2png if style == "png" else cairosvg.svg2pdf
    # No URL is ever read: drawings have none, and `unsafe` stays off.
    data: bytes = convert(bytestring=svg.encode(), scale=_SCALE if style == "png" else 1)
    return data
