"""Every kind as operators of ONNX, as their specification defines them.

A translation adds a layer's operators to a graph and returns the name of its result. Where
onnxruntime computes something else than the specification says, or refuses it, the layer is made of
simpler operators, or has no counterpart.
"""

from __future__ import annotations

from convcalc.exchange.write.onnx import attention, functions, moves, norms, products, windows
from convcalc.exchange.write.onnx.case import Translation

#: Every kind's translation. A new kind is added to the table of its relatives.
TRANSLATIONS: dict[str, Translation] = {
    **windows.TRANSLATIONS,
    **products.TRANSLATIONS,
    **norms.TRANSLATIONS,
    **functions.TRANSLATIONS,
    **moves.TRANSLATIONS,
    **attention.TRANSLATIONS,
}
