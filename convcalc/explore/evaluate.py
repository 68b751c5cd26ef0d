"""Metrics of many variants of a network as columns: the Python face of the engine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from hashlib import sha256
from threading import local
from typing import Any, NamedTuple

import numpy as np

from convcalc import given
from convcalc.explore.columns import LARGEST as LARGEST_NUMBER
from convcalc.explore.columns import Column
from convcalc.explore.engine import CHUNK, Engine
from convcalc.explore.figures import LARGEST, SUMMED
from convcalc.explore.parallel import in_order
from convcalc.explore.settings import check_name, read_setting
from convcalc.explore.variables import Variable
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.spec import Spec
from convcalc.language.load import spec as read_spec
from convcalc.metrics import TOTALS
from convcalc.problems import ConvcalcError, printable, refused
from convcalc.quantities import DEFAULT_DTYPE
from convcalc.transform.whatif import WhatIf

#: Columns of variants, or a mapping for each variant.
Variants = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def evaluate(
    spec: Spec | str | os.PathLike[str],
    variants: Variants,
    metrics: Sequence[str] = ("params", "macs"),
    *,
    args: Mapping[str, object] | None = None,
    what_if: Mapping[str, object] | None = None,
    dtype: str = DEFAULT_DTYPE,
    max_layers: int = MOST_LAYERS,
    executor: Executor | None = None,
) -> dict[str, Column]:
    """Metrics of many variants of a network, as columns.

    spec      a spec, or the file or the shipped network that `convcalc.spec` reads
    variants  what varies, by name: a column of values for each, or a mapping for each variant. A
              name is an argument of the file (`width`), an item of a list that it holds
              (`depths[2]`), `in_size` for every spatial size of the input, `in_size[0]` for one, or
              `NAME.in_size` for those of one of several inputs
    metrics   which metrics of `convcalc.metrics.TOTALS`, bytes in numbers of `dtype`
    args      other arguments of the file, the same in every variant
    what_if   changes of every variant's layers: `double_channels`, `scale_channels`, `kernel`,
              `double_padding`, as `convcalc flops` has them
    executor  where parts of the variants are computed: one of `concurrent.futures`, or another
              of its interface; each process reads the spec's file once

    The result has a column for each metric, 64-bit integers or Python's where these are too small;
    `valid`, whether the variant is a network; and `code`, what is first wrong where it is none. The
    figures are those of `convcalc.load` and `convcalc.Analysis`. Raises ConvcalcError where the
    file is wrong, or has no such argument, or there is no such metric.

    >>> import convcalc
    >>> variants = {"width": [0.5, 1, 0.75], "in_size": [96, 224, 224]}
    >>> found = evaluate("mobilenet_v2", variants, ["macs"])
    >>> found["macs"], found["valid"]
    (array([ 18885440, 300774272, 209069792]), array([ True,  True,  True]))
    """
    if not isinstance(spec, Spec):
        if not isinstance(spec, str | os.PathLike):
            raise refused("bad-option", f"variants are of a spec, not of {printable(spec)}")
        spec = read_spec(spec)
    check_metrics(metrics, dtype)
    given.mapping("args", args)
    given.mapping("what_if", what_if)
    max_layers = given.whole("max_layers", max_layers)
    if executor is not None:
        given.instance("executor", executor, Executor, "one of concurrent.futures")
    columns = _columns(variants)
    variables, indices = [], []
    for name, column in columns.items():
        check_name(spec, name)
        values, index = _different(column)
        read = [read_setting(spec, name, value) for value in values]
        variables.append(Variable(name, read))
        indices.append(index)
    asked = _Asked(
        spec.source.path,
        spec.source.text,
        tuple([(variable.name, variable.values) for variable in variables]),
        tuple(metrics),
        tuple((args or {}).items()),
        dtype,
        max_layers,
        None if not what_if else WhatIf.of(what_if),
    )
    if executor is None:
        return _evaluated(asked.engine(spec), metrics, indices)
    digest = sha256(repr(asked).encode("utf-8", "backslashreplace")).hexdigest()
    parts = [
        _Part(asked, digest, [index[start : start + CHUNK] for index in indices])
        for start in range(0, len(indices[0]), CHUNK)
    ]
    found = list(in_order(executor, _evaluated_part, parts))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


class _Asked(NamedTuple):
    """What another process needs to make the same engine."""

    path: str
    text: str
    variables: tuple[tuple[str, tuple[Any, ...]], ...]
    metrics: tuple[str, ...]
    args: tuple[tuple[str, object], ...]
    dtype: str
    max_layers: int
    what_if: WhatIf | None

    def engine(self, spec: Spec | None = None) -> Engine:
        """The engine; reads the spec where none is given."""
        return Engine(
            spec or read_spec(self.path, text=self.text),
            [Variable(name, values) for name, values in self.variables],
            [name for name in self.metrics if name in SUMMED or name in LARGEST],
            args=dict(self.args),
            what_if=self.what_if,
            dtype=self.dtype,
            max_layers=self.max_layers,
        )


class _Part(NamedTuple):
    """Some of the variants; `digest` tells what is asked from everything else."""

    asked: _Asked
    digest: str
    indices: list[Column]


class _Own(local):
    """What a thread keeps: an engine, and the digest of what it was asked."""

    digest = ""
    engine: Engine | None = None


_OWN = _Own()


def _evaluated_part(part: _Part) -> dict[str, Column]:
    """What another process answers."""
    if _OWN.engine is None or _OWN.digest != part.digest:
        _OWN.engine, _OWN.digest = part.asked.engine(), part.digest
    return _evaluated(_OWN.engine, part.asked.metrics, part.indices)


def _evaluated(
    engine: Engine, metrics: Sequence[str], indices: Sequence[Column]
) -> dict[str, Column]:
    found = engine.evaluate(indices)
    figures = dict(found.figures)
    for name in metrics:
        if name not in figures:
            figures[name] = _measured(engine, name, indices, found.valid, found.codes)
    chosen = {name: figures[name] for name in metrics}
    return {**chosen, "valid": found.valid, "code": found.codes}


def check_metrics(metrics: Sequence[str], dtype: str) -> None:
    """Refuses metrics that do not exist, and types of numbers."""
    for name in given.names("metrics", metrics):
        given.word("unknown-metric", "metric", name, TOTALS)
    given.dtype(dtype)


def _columns(variants: Variants) -> dict[str, Any]:
    """Variants as columns of the same length."""
    rows: Any = variants
    if isinstance(rows, Mapping):
        columns = {str(name): column for name, column in rows.items()}
    elif isinstance(rows, Sequence) and all(isinstance(one, Mapping) for one in rows):
        names = list(dict.fromkeys([name for one in rows for name in one]))
        lacking = [name for name in names if not all(name in one for one in rows)]
        if lacking:
            message = f"'{printable(lacking[0])}' is given in some variants and not in others"
            raise refused("bad-option", message)
        columns = {str(name): [one[name] for one in rows] for name in names}
    else:
        raise refused("bad-option", "variants are columns by name, or a list of mappings")
    lengths = {}
    for name, column in columns.items():
        if isinstance(column, str) or not hasattr(type(column), "__len__"):
            message = f"the values of '{printable(name)}' are a list, not {printable(column)}"
            raise refused("bad-option", message, f"one value is given by args: {{'{name}': ...}}")
        lengths[name] = len(column)
    if len(set(lengths.values())) > 1:
        shown = ", ".join([f"{printable(name)} has {count}" for name, count in lengths.items()])
        raise refused("bad-option", f"columns have the same length: {shown}")
    if not columns or not next(iter(lengths.values())):
        raise refused("bad-option", "there are no variants")
    return columns


def _different(column: Any) -> tuple[list[Any], Column]:
    """The different values of a column, and which of them each row has."""
    array = column if isinstance(column, np.ndarray) else np.asarray(column, dtype=object)
    if array.ndim == 1 and array.dtype.kind in "iub":
        values, index = np.unique(array, return_inverse=True)
        return values.tolist(), index.reshape(-1)
    numbers: dict[Any, int] = {}
    found: list[Any] = []
    index = np.empty(len(column), np.int64)
    for row, value in enumerate(column):
        plain = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        # True is no 1, and a list has no hash.
        key = (type(plain).__name__, repr(plain) if isinstance(plain, list | tuple) else plain)
        if key not in numbers:
            numbers[key] = len(found)
            found.append(list(plain) if isinstance(plain, tuple) else plain)
        index[row] = numbers[key]
    return found, index


def _measured(
    engine: Engine, name: str, indices: Sequence[Column], valid: Column, codes: Column
) -> Column:
    """A metric that is searched for in each network."""
    column = np.zeros(len(valid), np.int64)
    for point in np.flatnonzero(valid):
        try:
            figure = engine.measured([int(index[point]) for index in indices], [name])[name]
        except ConvcalcError as error:
            valid[point], codes[point] = False, error.problems[0].code
            continue
        if figure > LARGEST_NUMBER and column.dtype != object:
            column = column.astype(object)
        column[point] = figure
    return column
