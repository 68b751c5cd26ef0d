"""`convcalc kinds`."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest

from convcalc.layers import KINDS
from tests.cli.runner import run


def test_every_kind_is_listed() -> None:
    out = run("kinds").out
    assert all(f"\n{kind} " in out or f"\n{kind}  " in out for kind in KINDS)


def test_one_kind_in_full() -> None:
    out = run("kinds", "conv").out
    assert "floor((h - k + p + s) / s)" in out
    assert "dilation" in out


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_tables_fit_a_pager(kind: str | None) -> None:
    tables = run("kinds", *([kind] if kind else [])).out.partition("\nargument ")
    lines = (tables[2] if kind else tables[0]).splitlines()
    assert max(map(len, lines), default=0) <= 80


def test_wrapping_loses_no_word() -> None:
    out, rows = run("kinds").out, run("kinds", "--format", "csv").out
    words = [
        word for row in csv.reader(rows.splitlines()[1:]) for cell in row for word in cell.split()
    ]
    assert Counter(out.split("\n", 2)[2].split()) == Counter(words)


def test_a_foreign_kind() -> None:
    result = run("kinds", "Conv2d")
    assert result.status == 2
    assert "it is called 'conv' here" in result.err


def test_one_kind_in_other_formats() -> None:
    assert run("kinds", "relu").out.startswith("relu: max(x, 0).\n")
    assert "| groups | " in run("kinds", "conv", "--format", "markdown").out
    assert run("kinds", "conv", "--format", "csv").out.startswith("argument,takes,")
    assert len(run("kinds", "--format", "csv").out.splitlines()) > 40


def test_json_of_the_kinds() -> None:
    kinds = json.loads(run("kinds", "--format", "json").out)["kinds"]
    conv = next(kind for kind in kinds if kind["kind"] == "conv")
    assert [argument["name"] for argument in conv["arguments"]][:2] == ["channels", "kernel"]
