"""Writes the golden files anew: `python -m tests.render.update_golden`; look at the difference."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout

from convcalc.render.check_markdown import check_markdown
from convcalc.render.diff import diff_data, diff_markdown, diff_parts, diff_text
from convcalc.render.jsons import json_text
from convcalc.render.table import markdown_text, plain_text
from convcalc.render.terminal import print_table
from tests.render.checked import CHECKED
from tests.render.diffs import comparison, several
from tests.render.test_tables import GOLDEN, TABLE


def main() -> None:
    """Writes every golden file."""
    GOLDEN.mkdir(exist_ok=True)
    os.environ["NO_COLOR"] = "1"
    texts = {
        "plain.txt": plain_text(TABLE),
        "table.md": markdown_text(TABLE),
        "check.md": check_markdown(CHECKED),
    }
    for width in (40, 60, 80, 140):
        out = io.StringIO()
        with redirect_stdout(out):
            print_table(TABLE, width=width)
        texts[f"terminal_{width}.txt"] = out.getvalue()
    texts |= _diffs()
    for name, text in texts.items():
        (GOLDEN / name).write_text(text, encoding="utf-8")


def _diffs() -> dict[str, str]:
    one = comparison()
    texts = {
        "diff.txt": diff_text(several(), every=False, top=None),
        "diff_expanded.txt": diff_text([one], every=True, top=None),
        "diff.md": diff_markdown(several(), every=False, top=None),
        "diff.json": json_text(diff_data([one], None)),
    }
    for width in (80, 140):
        out = io.StringIO()
        with redirect_stdout(out):
            for part in diff_parts([one], every=False, top=None):
                if isinstance(part, str):
                    out.write(part)
                else:
                    print_table(part, width=width)
        texts[f"diff_{width}.txt"] = out.getvalue()
    return texts


if __name__ == "__main__":
    main()
