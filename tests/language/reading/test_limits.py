"""`budget` in a spec: what is read, where it stands, and that every table agrees."""

from __future__ import annotations

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

import convcalc
from convcalc.language.reading.limits import Limit, limits_schema
from convcalc.metrics import SUMS, TOTALS
from convcalc.quantities import BYTES

SPEC = "input: [4]\nlayers: [{dense: 3}]\n"


def budget(text: str) -> tuple[Limit, ...]:
    return convcalc.spec("-", text=f"{SPEC}budget:\n{text}").budget


def test_limits_keep_their_texts_and_places() -> None:
    limits = budget("  params: 4M\n  peak_memory:   1.5MiB\n  dtype: int8\n")
    assert [(one.metric, one.most, one.unit, one.text, one.dtype) for one in limits] == [
        ("params", 4_000_000, "", "4M", "int8"),
        ("peak_memory", 1_572_864, "B", "1.5MiB", "int8"),
    ]
    assert [(one.span[1:3] if one.span else None) for one in limits] == [(4, 11), (5, 18)]


def test_bytes_are_float32_unless_something_is_said() -> None:
    assert budget("  weights: 1kB\n")[0].dtype == "float32"


def test_flops_say_as_whom_they_are_counted() -> None:
    (limit,) = budget("  flops: {max: 620M, as: convcalc}\n")
    assert (limit.most, limit.convention) == (620_000_000, "convcalc")


def test_single_layers_and_the_output() -> None:
    limits = budget("  layers: {dense*: {params: 20, weights: 1kB}}\n  output: [3]\n")
    assert [(one.name, one.most, one.sizes) for one in limits] == [
        ("layers.dense*.params", 20, ()),
        ("layers.dense*.weights", 1000, ()),
        ("output", 0, (3,)),
    ]
    assert [(one.metric, one.pattern) for one in limits[:2]] == [
        ("params", "dense*"),
        ("weights", "dense*"),
    ]
    assert budget("  layers: 60\n")[0].most == 60


def test_a_base_hands_its_budget_to_nobody(tmp_path: object) -> None:
    assert convcalc.spec("-", text="extends: lenet\nbudget: {params: 1k}\n").budget[0].most == 1000
    assert convcalc.spec("-", text="extends: lenet\n").budget == ()


@pytest.mark.parametrize("name", TOTALS)
def test_the_schema_takes_what_the_reader_takes(name: str) -> None:
    validator = jsonschema.Draft7Validator(limits_schema())
    figure = "1.5MiB" if TOTALS[name].unit == BYTES else "1.5M"
    text = f"{{max: {figure}, as: convcalc}}" if name == "flops" else figure
    assert budget(f"  {name}: {text}\n")[0].metric == name
    assert validator.is_valid({name: yaml.safe_load(text)})
    assert not validator.is_valid({name: "1.5 mio"})
    if name in SUMS:
        assert validator.is_valid({"layers": {"conv*": {name: yaml.safe_load(text)}}})
