"""Metrics of many variants as columns, and what is refused."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.analysis.metrics import measure
from convcalc.language.load import spec as read_spec
from convcalc.metrics import TOTALS


def measured(name: str, metric: str, dtype: str = "float32", **options: Any) -> int:
    return measure(convcalc.Analysis(convcalc.load(name, **options)), metric, dtype)


class TestVariants:
    def test_columns(self) -> None:
        found = convcalc.evaluate(
            "mobilenet_v2", {"width": [0.5, 1.0], "in_size": [96, 224]}, ["params", "macs"]
        )
        assert list(found) == ["params", "macs", "valid", "code"]
        assert found["macs"].dtype == np.int64
        assert found["macs"].tolist() == [18885440, 300774272]

    def test_a_mapping_for_each(self) -> None:
        variants: list[dict[str, Any]] = [
            {"width": "0.5", "in_size": 96},
            {"width": 1, "in_size": 224},
        ]
        found = convcalc.evaluate("mobilenet_v2", variants)
        assert found["macs"].tolist() == [18885440, 300774272]

    @pytest.mark.parametrize(
        "values",
        [
            [0.35, 0.7, 0.35],
            ["0.35", "0.7", "7/20"],
            [Fraction(7, 20), Fraction(7, 10), Fraction(7, 20)],
            np.array([0.35, 0.7, 0.35]),
            (0.35, 0.7, 0.35),
        ],
    )
    def test_numbers_of_any_type(self, values: Any) -> None:
        expected = [
            measured("mobilenet_v2", "macs", args={"width": text}) for text in ("0.35", "0.7")
        ]
        found = convcalc.evaluate("mobilenet_v2", {"width": values}, ["macs"])
        assert found["macs"].tolist() == [*expected, expected[0]]

    def test_items_of_a_list_and_one_axis(self) -> None:
        variants: dict[str, Any] = {"depths[2]": [6, 2], "in_size[1]": np.array([224, 64])}
        found = convcalc.evaluate("resnet50", variants, ["macs"], args={"depths": [3, 4, 6, 1]})
        expected = [
            measured("resnet50", "macs", args={"depths": [3, 4, n, 1]}, input=[3, 224, size])
            for n, size in ((6, 224), (2, 64))
        ]
        assert found["macs"].tolist() == expected

    def test_a_spec_that_is_read_already(self) -> None:
        spec = read_spec("net.yaml", text="{input: [3, 8, 8], layers: [{conv: 4, kernel: 3}]}")
        found = convcalc.evaluate(spec, {"in_size": [2, 3, 4]}, ["macs"])
        assert found["valid"].tolist() == [False, True, True]
        assert found["code"].tolist() == ["window-too-large", "", ""]
        assert found["macs"].tolist() == [0, 108, 432]

    @pytest.mark.parametrize("metric", list(TOTALS))
    def test_every_metric(self, metric: str) -> None:
        found = convcalc.evaluate("resnet8", {"in_size": [24, 32]}, [metric], dtype="int8")
        expected = [measured("resnet8", metric, "int8", input=[3, size, size]) for size in (24, 32)]
        assert found[metric].tolist() == expected


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_an_executor_computes_the_same(
    pool: type[ThreadPoolExecutor | ProcessPoolExecutor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convcalc.explore.evaluate.CHUNK", 7)
    variants = {"width": [0.25, 0.5, 1] * 8, "in_size": list(range(8, 32))}
    metrics = ["params", "macs", "arena"]
    alone = convcalc.evaluate("mobilenet_v1", variants, metrics)
    with pool(2) as executor:
        found = convcalc.evaluate("mobilenet_v1", variants, metrics, executor=executor)
    assert {name: column.tolist() for name, column in found.items()} == {
        name: column.tolist() for name, column in alone.items()
    }


class TestRefused:
    @pytest.mark.parametrize(
        ("variants", "options", "code", "says"),
        [
            ({"widht": [1]}, {}, "unknown-argument", "no argument 'widht'"),
            ({"width[0]": [1]}, {}, "bad-option", "holds no list"),
            ({"in_size[2]": [1]}, {}, "bad-option", "2 spatial sizes"),
            ({"left.in_size": [1]}, {}, "unknown-input", "no input 'left'"),
            ({"a b": [1]}, {}, "bad-option", "nothing that can vary"),
            ({"width": []}, {}, "bad-option", "no variants"),
            ({}, {}, "bad-option", "no variants"),
            ({"width": 1}, {}, "bad-option", "a list"),
            ({"width": "0.5"}, {}, "bad-option", "a list"),
            (7, {}, "bad-option", "columns"),
            ({"width": [1, 2], "in_size": [1]}, {}, "bad-option", "same length"),
            ([{"width": 1}, {"in_size": 7}], {}, "bad-option", "in some variants"),
            ({"width": ["0.5 +"]}, {}, "bad-expression", "ends too early"),
            ({"in_size": ["relu"]}, {}, "bad-value", "a number is needed"),
            ({"in_size": [[1, 2]]}, {}, "bad-value", "a number is needed"),
            ({"width": [1]}, {"metrics": ["mac"]}, "unknown-metric", "'mac'"),
            ({"width": [1]}, {"metrics": "macs"}, "bad-option", "a list of names"),
            ({"width": [1]}, {"dtype": "int4"}, "unknown-dtype", "'int4'"),
            ({"width": [1]}, {"args": {"clases": 7}}, "unknown-argument", "no such argument"),
        ],
    )
    def test_mistakes(self, variants: Any, options: dict[str, Any], code: str, says: str) -> None:
        with pytest.raises(convcalc.ConvcalcError) as caught:
            convcalc.evaluate("mobilenet_v2", variants, **options)
        assert caught.value.problems[0].code == code
        assert says in str(caught.value)

    def test_a_file_that_is_wrong(self) -> None:
        spec = read_spec("net.yaml", text="{input: [3, 8, 8], args: {n: x}, layers: [relu]}")
        with pytest.raises(convcalc.ConvcalcError, match="'x'"):
            convcalc.evaluate(spec, {"in_size": [8]})
