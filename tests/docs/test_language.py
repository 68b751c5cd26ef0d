"""docs/language.md: its files say what it says of them, and it leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convcalc import ConvcalcError, analyze, load, spec
from convcalc.checks.lock.file import MOST_LINES, MOST_NETWORKS
from convcalc.checks.project.expectations import broken_expectations
from convcalc.language.building import evaluation
from convcalc.language.building.expectations import EXPECTED
from convcalc.language.keys import COMMON_KEYS, TOP_KEYS
from convcalc.language.reading import document, expressions, nodes
from convcalc.language.reading import files as files_read
from convcalc.layers import NORM_WORDS
from convcalc.roots import current_access
from convcalc.shapes import LARGEST_SIZE
from tests.docs.transcripts import REPOSITORY, blocks, files, folder_with

PAGE = (REPOSITORY / "docs" / "language.md").read_text(encoding="utf-8")
FILES = files(blocks(PAGE))
WRONG = {"broken.yaml", "odd.yaml"}


def section(title: str) -> str:
    """The text below a heading, up to the next one of its rank."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def first_cells(text: str) -> set[str]:
    """The words in backticks of a table's first column."""
    rows = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("name", sorted(set(FILES) - WRONG))
def test_a_file_keeps_what_it_expects(name: str) -> None:
    with folder_with(FILES):
        read = spec(name)
        report = analyze(read.network())
    assert read.expectations
    assert broken_expectations(read.expectations, report) == []


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_file_that_is_wrong_is_refused(name: str) -> None:
    with folder_with(FILES), pytest.raises(ConvcalcError):
        load(name)


def test_every_yaml_block_is_a_file() -> None:
    assert len(FILES) == len([block for block in blocks(PAGE) if block.language == "yaml"])


def test_comments_name_the_layers(tmp_path: Path) -> None:
    """In names.yaml the comments are the names."""
    text = FILES["names.yaml"]
    path = tmp_path / "names.yaml"
    path.write_text(text, encoding="utf-8")
    told = re.findall(r"# (conv0|pool0|conv1|pool2|sequential0)", text)
    units = [node.path.split(".")[0] for node in load(path).operations]
    assert [name for name in dict.fromkeys(units) if name != "pool1"] == told


def test_every_key_is_described() -> None:
    assert first_cells(section("The top level")) == set(TOP_KEYS)
    assert first_cells(section("A layer")) == set(COMMON_KEYS)


def test_every_function_norm_and_total_is_described() -> None:
    values = section("Values")
    assert not [name for name in expressions.FUNCTIONS if not re.search(rf"\b{name}\b", values)]
    fused = section("Norm and activation")
    assert not [word for word in NORM_WORDS if f"`{word}`" not in fused]
    expected = section("Expect and budget")
    assert not [metric for metric in EXPECTED if f"`{metric}`" not in expected]


def test_limits_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| (.*?) \| (.*) \|$", section("Limits"), re.MULTILINE))
    told = {name: re.findall(r"\d+", text.replace(",", "")) for name, text in rows.items()}
    assert LARGEST_SIZE == 2**31 - 1
    assert told == {
        "a size, a number of channels, an argument of a kind": ["2", "31", "1"],
        "layers, and copies that `repeat` makes": [str(evaluation.MOST_LAYERS)],
        "steps of reading: values, branches, calls, inputs": [
            str(evaluation.STEPS * evaluation.MOST_LAYERS),
            str(evaluation.STEPS),
        ],
        "a name, a path of names": [str(document.LONGEST_NAME), str(document.LONGEST_PATH)],
        "a block's arguments": [str(document.MOST_PARAMETERS)],
        "lists, mappings and blocks inside each other": [str(nodes.DEEPEST)],
        "an expression": [str(expressions.LONGEST)],
        "an intermediate number of an expression": [str(expressions.WIDEST)],
        "a list as a value": [str(expressions.LONGEST_LIST), str(expressions.DEEPEST_LIST)],
        "files that a file extends or has as blocks, with all that these do": [
            str(files_read.LONGEST_CHAIN),
            str(files_read.MOST_FILES),
        ],
        "a file, with all these": [str(current_access().max_file_size // 2**20)],
        "networks and lines in a lock": [str(MOST_NETWORKS), str(MOST_LINES)],
        "errors reported at once": [str(nodes.MOST_PROBLEMS)],
    }
    assert f"up to {files_read.LONGEST_CHAIN} in a chain" in PAGE


@pytest.mark.parametrize("written", ["010", "1:30", "0x10", "1_000", ".inf", "yes", "True", "~"])
def test_yaml_traps_are_errors(written: str, tmp_path: Path) -> None:
    assert f"`{written}`" in section("YAML, read strictly")
    path = tmp_path / "trap.yaml"
    path.write_text(f"input: [3]\nlayers: [{{dense: {written}}}]\n", encoding="utf-8")
    with pytest.raises(ConvcalcError):
        load(path)
