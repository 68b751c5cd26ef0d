"""Layers' formulas with their numbers put in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.analysis.costs.explain import Explanation, explanation_lines


def explain_text(explanations: Sequence[Explanation], *, fenced: bool = False) -> str:
    """The explanations one after the other; `fenced` as a block of Markdown."""
    lines = [line for one in explanations for line in explanation_lines(one)]
    text = "\n".join(lines) + "\n"
    return f"```\n{text}```\n" if fenced else text


def explain_data(explanations: Sequence[Explanation]) -> dict[str, Any]:
    """The explanations as plain data."""
    return {
        "schema": "convcalc.explain/1",
        "layers": [_explanation_data(explanation) for explanation in explanations],
    }


def _explanation_data(explanation: Explanation) -> dict[str, Any]:
    node = explanation.node
    sections = {
        "shape": explanation.shape,
        "params": explanation.params,
        "counts": explanation.counts,
        "valid_taps": explanation.valid,
    }
    return {
        "path": node.path,
        "kind": node.kind,
        "inputs": [[1, *shape] for shape in explanation.inputs],
        "output": [1, *node.shape],
        **{name: [step._asdict() for step in steps] for name, steps in sections.items()},
        "notes": explanation.notes,
    }
