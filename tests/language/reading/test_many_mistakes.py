"""Mistakes by the thousand: reading stops after the most that are reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

import convcalc.spelling
from convcalc import ConvcalcError, loads
from convcalc.checks.project.config import read_config
from convcalc.language.device import read_device
from convcalc.language.reading.nodes import MOST_PROBLEMS
from convcalc.problems import Problem

MANY = range(3 * MOST_PROBLEMS)
HEAD = "input: [3, 8, 8]\n"
LAYERS = "layers: [relu]\n"


def keys(indent: str = "", name: str = "qqq", value: str = "1") -> str:
    return "".join(f"{indent}{name}{number}: {value}\n" for number in MANY)


def listed(*items: str) -> str:
    return "[" + ", ".join(items) + "]"


SPECS = {
    "keys of the file": HEAD + LAYERS + keys(),
    "args": HEAD + LAYERS + "args:\n" + keys("  ", "1q"),
    "values of args": HEAD + LAYERS + "args:\n" + keys("  ", value="qq + 1"),
    "defaults": HEAD + LAYERS + "defaults:\n" + keys("  ", value="{bias: false}"),
    "arguments of defaults": HEAD + LAYERS + "defaults:\n  conv:\n" + keys("    "),
    "blocks": HEAD + LAYERS + "blocks:\n" + keys("  ", "1q", "[relu]"),
    "bodies of blocks": HEAD + LAYERS + "blocks:\n" + keys("  ", value="{}"),
    "blocks named as kinds": HEAD
    + LAYERS
    + "blocks:\n"
    + "".join(f"  conv(a{number}): [relu]\n" for number in MANY),
    "a signature": HEAD
    + LAYERS
    + f"blocks:\n  ? b({', '.join(f'1a{number}' for number in MANY)})\n  : [relu]\n",
    "layers": HEAD + f"layers: {listed(*[f'cnv{number}' for number in MANY])}\n",
    "arguments of a layer": HEAD + "layers:\n- conv: 3\n  kernel: 1\n" + keys("  "),
    "arguments inside a layer": HEAD + "layers:\n- conv:\n" + keys("    "),
    "arguments of the first copy": HEAD
    + "layers:\n- {relu: , repeat: 2}\n- dense: 3\n  repeat: 2\n  first:\n"
    + keys("    "),
    "names of layers": HEAD + f"layers: {listed(*['{relu: , name: a}' for _ in MANY])}\n",
    "references": HEAD + f"layers: {listed(*[f'{{relu: , from: q{n}}}' for n in MANY])}\n",
    "branches": HEAD + f"layers: [{{add: {listed(*[f'q{n}' for n in MANY])}}}]\n",
    "outputs": HEAD + LAYERS + f"outputs: {listed(*[f'q{n}' for n in MANY])}\n",
    "inputs": "input:\n" + keys("  ", value="[0]") + "layers: [{add: [qqq0, qqq1]}]\n",
    "expectations": HEAD + LAYERS + "expect:\n" + keys("  "),
    "expected layers": HEAD + LAYERS + "expect:\n  layers:\n" + keys("    ", value="zero"),
    "limits": HEAD + LAYERS + "budget:\n" + keys("  "),
    "limits on layers": HEAD + LAYERS + "budget:\n  layers:\n    '*':\n" + keys("      "),
}


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words for which similar names were looked for."""
    asked: list[str] = []

    def counted(word: str, names: Iterable[str], count: int = 3) -> list[str]:
        asked.append(word)
        return nearest(word, names, count)

    nearest = convcalc.spelling.nearest
    monkeypatch.setattr(convcalc.spelling, "nearest", counted)
    return asked


def stopped(problems: Sequence[Problem], hints: Sequence[str]) -> None:
    assert len(problems) == MOST_PROBLEMS
    assert len(hints) <= 4 * MOST_PROBLEMS  # args are read for the spec, and again for its network


@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS)
def test_in_a_spec(text: str, hints: list[str]) -> None:
    with pytest.raises(ConvcalcError) as caught:
        loads(text)
    stopped(caught.value.problems, hints)


@pytest.mark.parametrize(
    "text",
    [
        keys(),
        "networks:\n- files: lenet\n" + keys("  "),
        "networks:\n- files: lenet\n  budget:\n" + keys("    "),
        "networks:\n- files: lenet\n  growth:\n" + keys("    "),
        "networks:\n- files: lenet\n  set:\n" + keys("    ", "1q"),
        "networks:\n" + "- relu\n" * len(MANY),
        "networks:\n" + "- {file: lenet}\n" * len(MANY),
    ],
)
def test_in_convcalc_yaml(text: str, tmp_path: Path, hints: list[str]) -> None:
    path = tmp_path / "convcalc.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConvcalcError) as caught:
        read_config(str(path))
    stopped(caught.value.problems, hints)


@pytest.mark.parametrize("text", [keys(), "operations:\n" + keys("  ")])
def test_in_a_device(text: str, tmp_path: Path, hints: list[str]) -> None:
    path = tmp_path / "device.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConvcalcError) as caught:
        read_device(str(path))
    stopped(caught.value.problems, hints)


def test_in_files_that_extend_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hints: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    few = "".join(f"qqq{number}: 1\n" for number in range(MOST_PROBLEMS - 1))
    Path("base.yaml").write_text(HEAD + LAYERS + few, encoding="utf-8")
    with pytest.raises(ConvcalcError) as caught:
        loads("extends: base.yaml\n" + few)
    stopped(caught.value.problems, hints)


def test_the_same_one_in_many_copies_is_looked_at_so_often_only(hints: list[str]) -> None:
    text = f"{HEAD}blocks: {{b(n): [{{dense: qq}}]}}\nlayers: [{{b: 3, repeat: 40000}}]\n"
    with pytest.raises(ConvcalcError) as caught:
        loads(text)
    assert len(caught.value.problems) == 1
    assert len(hints) <= 2000


def test_of_a_long_word_and_long_names_the_beginning_is_compared() -> None:
    long = "abcdefgh" * 1000
    assert convcalc.spelling.nearest(long, [long + "x", "abcdefgh" * 10]) == ["abcdefgh" * 10]


def test_a_long_list_is_refused_before_its_items_are_read() -> None:
    with pytest.raises(ConvcalcError) as caught:
        loads(f"args: {{a: {listed(*['qq'] * 1001)}}}\n{HEAD}{LAYERS}")
    assert [problem.code for problem in caught.value.problems] == ["list-too-long"]


def test_a_signature_with_many_spaces_is_refused_in_one_pass() -> None:
    """Not by trying every way to divide the spaces: that would not end."""
    with pytest.raises(ConvcalcError) as caught:
        loads(f"{HEAD}{LAYERS}blocks:\n  ? 'b{' ' * 1_000_000}x'\n  : [relu]\n")
    assert [problem.code for problem in caught.value.problems] == ["bad-signature"]
