"""The tables of docs/training.md, held against the code."""

from __future__ import annotations

import re

from convcalc.analysis.training.optimizers import OPTIMIZERS
from convcalc.layers import NODE_KINDS, layer_class
from convcalc.layers.elementwise import ElementwiseLayer
from tests.docs.transcripts import REPOSITORY

TEXT = (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8")
_FIGURES = r"((?:\| \d )+)\|$"


def figures(text: str) -> tuple[int, ...]:
    """The numbers at the end of a table's row."""
    return tuple(int(number) for number in re.findall(r"\d", text))


def test_names_every_kind() -> None:
    assert not {kind for kind in NODE_KINDS if f"`{kind}`" not in TEXT}


def test_gradients_of_activations_cost_what_the_table_says() -> None:
    rows = re.findall(rf"^\| `(\w+)` \| .* \| ([xy]) {_FIGURES}", TEXT, re.MULTILINE)
    told = {kind: (kept, figures(counts)) for kind, kept, counts in rows}
    letters = {"inputs": "x", "output": "y"}
    known = {}
    for kind in NODE_KINDS:
        cls = layer_class(kind)
        if issubclass(cls, ElementwiseLayer) and cls.role == "activation":
            assert cls.keeps
            assert cls.gradient_cost
            (kept,) = cls.keeps
            known[kind] = (letters[kept], tuple(cls.gradient_cost))
    assert told == known


def test_optimizers_cost_what_the_table_says() -> None:
    rows = re.findall(rf"^\| `([\w-]+)` \| ([pbm] = [^|]*) \| (\d) {_FIGURES}", TEXT, re.MULTILINE)
    told = {name: (update, int(state), figures(counts)) for name, update, state, counts in rows}
    assert told == {o.name: (o.update, o.state, tuple(o.step)) for o in OPTIMIZERS.values()}
