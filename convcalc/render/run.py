"""The largest results of a run, as tables and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcalc.problems import printable
from convcalc.render.table import Cell, Column, Part, Table, spaced
from convcalc.shapes import tuple_text

if TYPE_CHECKING:
    from convcalc.executor.results import Largest
    from convcalc.graph import Network

SCHEMA = "convcalc.run/1"


def results_page(network: Network, results: Mapping[str, Sequence[Largest]]) -> list[Part]:
    """A table for each result, with a row for each of its largest values."""
    return spaced([_table(network, name, found) for name, found in results.items()])


def results_table(network: Network, results: Mapping[str, Sequence[Largest]]) -> Table:
    """All results as one table, for CSV."""
    columns = [Column("result"), Column("sample", "number"), Column("index"), Column("value")]
    rows: list[list[Cell]] = [
        [printable(name), number, *row]
        for name, samples in results.items()
        for number, sample in enumerate(samples)
        for row in _rows(sample)
    ]
    return Table(printable(network.name), columns, rows)


def _rows(sample: Largest) -> list[list[Cell]]:
    """The largest values of a sample, with their places."""
    pairs = zip(sample.places, sample.values, strict=True)
    return [[", ".join(map(str, place)), f"{value:.6g}"] for place, value in pairs]


def _table(network: Network, name: str, samples: Sequence[Largest]) -> Table:
    several = len(samples) > 1
    rows: list[list[Cell]] = [
        [*([number] if several else []), *row]
        for number, sample in enumerate(samples)
        for row in _rows(sample)
    ]
    columns = [Column("index"), Column("value")]
    if several:
        columns.insert(0, Column("sample", "number"))
    title = f"{printable(network.name)}: {printable(name)} {tuple_text(samples[0].shape)}"
    return Table(title, columns, rows)


def results_data(network: Network, results: Mapping[str, Sequence[Largest]]) -> dict[str, Any]:
    """The largest results as plain data."""
    return {
        "schema": SCHEMA,
        "name": network.name,
        "source": network.source,
        "results": {
            name: [
                {
                    "shape": list(sample.shape),
                    "largest": [
                        {"index": list(place), "value": value}
                        for place, value in zip(sample.places, sample.values, strict=True)
                    ],
                }
                for sample in samples
            ]
            for name, samples in results.items()
        },
    }
