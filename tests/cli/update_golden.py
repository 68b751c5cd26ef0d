"""Writes the golden texts anew: `python -m tests.cli.update_golden`; look at the difference."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.cli.test_check import GOLDEN, project, scenes, text_of


def main() -> None:
    """Writes every golden text."""
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project(Path(folder))
        before = Path.cwd()
        os.chdir(folder)
        try:
            for name, result in scenes(Path(folder)).items():
                path = GOLDEN / name
                path.write_text(text_of(result), encoding="utf-8", newline="\n")
        finally:
            os.chdir(before)


if __name__ == "__main__":
    main()
