"""Pages in two languages say the same: a change of one shows that the other is out of date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.transcripts import REPOSITORY, Block, blocks

ENGLISH = REPOSITORY / "docs"
CHINESE = ENGLISH / "zh"
#: The list of pages is each language's own.
TRANSLATED = sorted(path.name for path in CHINESE.glob("*.md") if path.name != "index.md")
_HEADING = re.compile(r"(#+) ")
_COMMENT = re.compile(r"(^| +)#.*")


def content(block: Block) -> list[str]:
    """What both languages share of a block: commands without output, files without comments."""
    if block.language == "console":
        return block.commands
    if block.language == "yaml":
        name, *lines = block.lines
        code = (_COMMENT.sub("", line) for line in lines)
        return [name, *(line for line in code if line)]
    return list(block.lines)


def outline(page: Path) -> list[str | list[str]]:
    """The marks of a page's headings and the content of its blocks, in order."""
    text = page.read_text(encoding="utf-8")
    found = blocks(text)
    parts = {block.line: [block.language, *content(block)] for block in found}
    inside = {block.line + number for block in found for number in range(len(block.lines))}
    outline: list[str | list[str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if number in parts:
            outline.append(parts[number])
        elif number not in inside and (heading := _HEADING.match(line)):
            outline.append(heading[1])
    return outline


@pytest.mark.parametrize("name", TRANSLATED)
def test_headings_commands_and_files_are_those_of_the_english_page(name: str) -> None:
    assert outline(CHINESE / name) == outline(ENGLISH / name)


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_page_names_its_translation(name: str) -> None:
    assert f"(zh/{name})" in (ENGLISH / name).read_text(encoding="utf-8")
    assert f"(../{name})" in (CHINESE / name).read_text(encoding="utf-8")


def test_the_index_lists_every_page() -> None:
    index = (CHINESE / "index.md").read_text(encoding="utf-8")
    assert not [name for name in TRANSLATED if f"({name})" not in index]


def test_comments_and_output_may_differ() -> None:
    ours = Block("yaml", 1, ("# net.yaml", "# one", "input: [1, 4]   # two"))
    theirs = Block("yaml", 1, ("# net.yaml", "input: [1, 4]"))
    assert content(ours) == content(theirs) == ["# net.yaml", "input: [1, 4]"]
    assert content(Block("console", 1, ("$ convcalc shapes net.yaml", "a table"))) == [
        "convcalc shapes net.yaml"
    ]
