"""Writes the golden texts anew: `python -m tests.render.drawing.update_golden`."""

from __future__ import annotations

from tests.render.drawing.test_svg import GOLDEN, golden_texts


def main() -> None:
    """Writes every golden text."""
    GOLDEN.mkdir(exist_ok=True)
    for name, text in golden_texts().items():
        (GOLDEN / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
