"""Explanations of layers as text and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.analysis.costs.explain import Equation, Explanation
from convcalc.analysis.costs.report import unknown_data, unknown_operations
from convcalc.facts import problems_data
from convcalc.graph import Network
from convcalc.render.drawing.keys import keys_of
from convcalc.render.drawing.keys_text import keys_lines
from convcalc.render.drawing.window import scene_of
from convcalc.render.drawing.window_text import window_lines
from convcalc.shapes import tuple_text


def explain_text(explanations: Sequence[Explanation]) -> str:
    """The explanations as text."""
    lines = [line for one in explanations for line in explanation_lines(one)]
    return "\n".join(lines) + "\n"


def explanation_lines(explanation: Explanation, *, drawn: bool = True) -> list[str]:
    """An explanation as text, one figure a line; below it, if `drawn`, a layer's window."""
    node = explanation.node
    lines = [f"{node.path}: {node.layer.described(explanation.inputs)}"]
    inputs = ", ".join(tuple_text((1, *s)) for s in explanation.inputs)
    lines.append(f"  input   {inputs or 'none'}")
    lines.append(f"  output  {tuple_text((1, *node.shape))}")
    for title, steps in sections(explanation):
        lines += [f"  {title}", *_aligned(steps)]
        lines += [f"    ({meanings})" for meanings in legend(steps)]
    lines += [f"  {note}" for note in explanation.notes]
    scene = scene_of(node.layer, explanation.inputs, "")
    if drawn and scene is not None:
        lines += ["", *[f"  {line}".rstrip() for line in window_lines(scene)]]
    keys = keys_of(node.layer, explanation.inputs, "")
    if drawn and keys is not None:
        lines += ["", *[f"  {line}".rstrip() for line in keys_lines(keys)]]
    return lines


def sections(explanation: Explanation) -> list[tuple[str, Sequence[Equation]]]:
    """The equations of an explanation by what they are about."""
    params = explanation.params
    if len(params) > 1 and explanation.total_params is not None:
        params = [*params, Equation("total", "", "", explanation.total_params)]
    found = (
        ("shape", explanation.shape),
        ("params", params),
        ("counts, for one sample", explanation.counts),
        ("without the taps on padding (--valid-taps)", explanation.valid),
    )
    return [(title, steps) for title, steps in found if steps]


#: The meaning of the names of intermediate results.
_MEANINGS = {
    "O": "output elements",
    "P": "scores",
    "T": "products summed for each",
    "N": "elements",
    "G": "sets of statistics",
    "M": "products",
    "R": "positions that receive one",
}


def legend(steps: Sequence[Equation]) -> list[str]:
    """What the names in some equations mean, as one line or none."""
    names = dict.fromkeys(step.what for step in steps if step.what in _MEANINGS)
    meanings = ", ".join(f"{name} {_MEANINGS[name]}" for name in names)
    return [meanings] if meanings else []


def _aligned(steps: Sequence[Equation]) -> list[str]:
    width = max(len(step.what) for step in steps)
    return [f"    {_step_text(step, width)}" for step in steps]


def formula_lines(explanation: Explanation) -> list[str]:
    """The formulas of the sizes that a window makes, with their numbers, one a line.

    >>> import convcalc
    >>> from convcalc.analysis.costs.explain import explain
    >>> network = convcalc.load("lenet")
    >>> formula_lines(explain(network, network.nodes[3]))[1]
    'height = floor((h - k + p + s) / s) = floor((28 - 2 + 0 + 2) / 2) = 14'
    """
    sizes = [step for step in explanation.shape if step.symbol and step.what[:1].islower()]
    return [_step_text(step, 0) for step in sizes if step.what not in {"channels", "features"}]


def _step_text(step: Equation, width: int) -> str:
    return f"{step.what.ljust(width)} = " + " = ".join(written(step))


def written(step: Equation) -> list[str]:
    """What is equal to a value: the formula in symbols, with numbers, and the value, each once."""
    texts = [step.symbol, step.numbers, str(step.value)]
    return [text for index, text in enumerate(texts) if text and text not in texts[:index]]


def explain_data(network: Network, explanations: Sequence[Explanation]) -> dict[str, Any]:
    """The explanations as plain data."""
    return {
        "schema": "convcalc.explain/1",
        "layers": [_explanation_data(explanation) for explanation in explanations],
        "notes": problems_data(network.notes),
        **unknown_data(unknown_operations(network)),
    }


def _explanation_data(explanation: Explanation) -> dict[str, Any]:
    node = explanation.node
    sections = {
        "shape": explanation.shape,
        "params": explanation.params,
        "counts": explanation.counts,
        "valid_taps": explanation.valid,
    }
    missing = ["counts", "valid_taps"] if node.layer.unknown else []
    missing += ["params"] if explanation.total_params is None else []
    return {
        "path": node.path,
        "kind": node.kind,
        "inputs": [[1, *shape] for shape in explanation.inputs],
        "output": [1, *node.shape],
        **{
            name: None if name in missing else [step._asdict() for step in steps]
            for name, steps in sections.items()
        },
        "notes": explanation.notes,
    }
