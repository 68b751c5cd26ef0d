"""A network beside the model that it describes, as a table and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convcalc.analysis.costs.report import unknown_data, unknown_operations, unknown_text
from convcalc.problems import printable
from convcalc.render.table import Cell, Column, Table
from convcalc.shapes import tuple_text

if TYPE_CHECKING:
    from convcalc.exchange.against import Counterparts
    from convcalc.executor.compare import Difference

SCHEMA = "convcalc.against/1"


def against_table(found: Counterparts, values: Sequence[Difference] | None) -> Table:
    """A row for each operation, with its counterpart and by how much their values differ."""
    pairs = dict(found.pairing.pairs)
    by_path = {value.first.path: value for value in values or ()}
    rows: list[list[Cell]] = []
    for index, node in enumerate(found.network.nodes):
        if node.kind == "input":
            continue
        other = found.model.nodes[pairs[index]].path if index in pairs else "-"
        value = by_path.get(node.path)
        rows.append([node.path, node.kind, tuple_text(node.shape), other, _difference(value)])
    model = printable(found.model.name)
    return Table(
        f"{printable(found.network.name)} against {model}",
        [
            Column("name", "name"),
            Column("kind"),
            Column("output", "shape"),
            Column(model, "name", key="counterpart"),
            Column("largest difference", key="difference"),
        ],
        rows,
        (),
        _verdict(found, values),
    )


def _difference(value: Difference | None) -> str:
    if value is None:
        return ""
    return f"{value.relative:.1e}" + ("" if value.agrees else " differs")


def _verdict(found: Counterparts, values: Sequence[Difference] | None) -> list[str]:
    pairing = found.pairing
    unknown = unknown_operations(found.network)
    figures = f"figures, but for {unknown_text(unknown)}," if unknown else "figures"
    same = f"structure and {figures} are the same"
    if found.folded:
        count = len(found.folded)
        norms = "batch normalisation" if count == 1 else "batch normalisations"
        where = "the layer before it" if count == 1 else "the layers before them"
        same += f"; the model has {count:,} {norms} folded into {where}"
    nodes = found.network.nodes
    paired = sum([not nodes[mine].is_input for mine, _ in pairing.pairs])
    some = f"{paired} of {len(found.network.operations)} operations have a counterpart"
    lines = [same if found.same else some]
    if values:
        agree = sum([value.agrees for value in values])
        most = max([value.relative for value in values])
        lines.append(
            f"{agree} of {len(values)} values agree; the largest difference is {most:.1e} of the"
            " largest magnitude"
        )
    return lines


def against_data(found: Counterparts, values: Sequence[Difference] | None) -> dict[str, Any]:
    """The comparison as plain data."""
    ours, theirs = found.network.nodes, found.model.nodes
    by_path = {value.first.path: value for value in values or ()}
    pairs = []
    for mine, other in found.pairing.pairs:
        value = by_path.get(ours[mine].path)
        pairs.append(
            {
                "path": ours[mine].path,
                "counterpart": theirs[other].path,
                "kind": ours[mine].kind,
                "difference": None if value is None else value.difference,
                "magnitude": None if value is None else value.magnitude,
                "agrees": None if value is None else value.agrees,
            }
        )
    return {
        "schema": SCHEMA,
        "name": found.network.name,
        "source": found.network.source,
        "against": found.model.source,
        "same": found.same,
        "figures": [
            {"metric": name, "ours": mine, "model": other} for name, mine, other in found.figures
        ],
        "folded": [ours[norm].path for norm in found.folded],
        "pairs": pairs,
        "without_counterpart": [ours[index].path for index in found.pairing.first],
        "model_without_counterpart": [theirs[index].path for index in found.pairing.second],
        "values_compared": values is not None,
        **unknown_data(unknown_operations(found.network)),
    }
