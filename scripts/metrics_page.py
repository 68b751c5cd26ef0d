"""Writes docs/metrics.md, the reference of metrics, from the table in the code.

python scripts/metrics_page.py
"""

from __future__ import annotations

from pathlib import Path

from convcalc.render.reference import metrics_page

PAGE = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(metrics_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
