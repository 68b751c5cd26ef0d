"""docs/errors.md has a section for every code, and its examples print the code."""

from __future__ import annotations

import re

import pytest

from convcalc.codes import CODES
from tests.docs.transcripts import REPOSITORY, blocks

_PAGE = (REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8")
SECTIONS = {
    section.partition("\n")[0]: section.partition("\n")[2]
    for section in re.split("^### ", _PAGE, flags=re.MULTILINE)[1:]
}
#: Codes whose example would be a long file, a binary one, or a mistake in convcalc, or have a path.
WITHOUT_EXAMPLE = {
    "bad-dtype",
    "bad-progress",
    "excluded",
    "file-too-large",
    "internal",
    "list-too-long",
    "no-backward-rule",
    "no-memory",
    "no-rule",
    "outside-root",
    "shape-differs",
    "too-many-fields",
    "too-many-files",
    "too-many-networks",
    "too-many-patterns",
    "too-many-steps",
    "too-many-tensors",
    "unknown-dimension",
}


def test_sections_are_the_codes_in_the_order_of_the_table() -> None:
    assert list(SECTIONS) == list(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_section(code: str) -> None:
    text = SECTIONS[code]
    meaning = CODES[code].meaning
    beginning = f"\n{meaning[0].upper()}{meaning[1:]}. Status {CODES[code].status}. *Mend:* "
    assert text.startswith(beginning)
    printed = "".join(block.text for block in blocks(text) if block.language == "console")
    assert bool(printed) == (code not in WITHOUT_EXAMPLE)
    # A message, or the title of an annotation.
    assert not printed or re.search(rf"\[{code}\]: | {code}::", printed)
