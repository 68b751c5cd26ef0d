"""Attention as a whole: its parts against its definition, its windows, its errors, what-ifs."""

from __future__ import annotations

from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.field.fields import fields, unit_field
from convcalc.counts import Counts
from convcalc.executor.arrays import Array
from convcalc.graph import Network
from convcalc.layers.base import Layer
from convcalc.layers.traits import ChannelRule
from convcalc.problems import RuleError
from convcalc.shapes import Shape
from convcalc.transform.whatif import apply
from tests.executor.values import (
    network_loops,
    network_of,
    random_inputs,
    random_weights,
    relative_error,
    run,
    seeded,
)
from tests.layers.shorthand import made, params, refusal, shape
from tests.oracle import attention as oracle
from tests.oracle.counting import Run
from tests.oracle.random_layers import drawn
from tests.oracle.windows import everywhere

TOKENS = [(768, 197)] * 3


def attention(layer: Layer, *inputs: Shape) -> Network:
    """The network of one attention, called `layer`, on a query, a key and a value."""
    return network_of(layer, inputs)


def paths(network: Network) -> list[str]:
    return [node.path for node in network.operations]


def total(network: Network, *, valid_taps: bool = False) -> Counts:
    return convcalc.analyze(network, valid_taps=valid_taps).totals.counts


@pytest.mark.no_cover
@pytest.mark.parametrize("valid_taps", [False, True])
@pytest.mark.parametrize("number", range(60))
def test_the_parts_cost_together_what_the_definition_does(number: int, valid_taps: bool) -> None:
    layer, shapes = drawn("attention", f"whole {number}")
    definition = Run(number, valid_taps=valid_taps)
    tensors = [{i: definition.number() for i in everywhere(given)} for given in shapes]
    result = oracle.attention(layer, tensors, definition)
    network = attention(layer, *shapes)
    report = convcalc.analyze(network, valid_taps=valid_taps)
    told = f"{layer!r} on {shapes}"
    assert len(result) == prod(shape(layer, *shapes)), told
    assert report.totals.counts == definition.tally.counts(), told
    if not valid_taps:
        assert report.totals.params == len(definition.learned), told


@pytest.mark.no_cover
@pytest.mark.parametrize("number", range(40))
def test_the_parts_compute_what_the_definition_does(number: int) -> None:
    chance, values = seeded(f"attention {number}")
    layer, shapes = drawn("attention", f"values {number}")
    network = attention(layer, *shapes)
    inputs = random_inputs(network, 2, values)
    weights = random_weights(network, values)
    by_parts = network_loops(network, inputs, weights)[-1]
    (found,) = run(network, inputs, weights, threads=chance.choice([1, 2])).values()
    assert relative_error(found, by_parts) < 1e-12
    for sample in range(2):
        definition = _Given({name.rpartition(".")[2]: array for name, array in weights.items()})
        tensors = [
            {i: definition.constant(float(value[sample][i])) for i in everywhere(value.shape[1:])}
            for value in inputs.values()
        ]
        expected = oracle.attention(layer, tensors, definition)
        for index, one in expected.items():
            assert found[sample][index] == pytest.approx(one.value, rel=1e-9, abs=1e-9)


class _Given(Run):
    """A run whose learned numbers are given."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        super().__init__(0, valid_taps=False)
        for name, array in arrays.items():
            for index in np.ndindex(array.shape):
                key = (name, *index)
                self.learned[key] = self.constant(float(array[index]))


class TestParts:
    def test_are_nodes_of_one_unit(self) -> None:
        layer = made("attention", 1, heads=12, position_bias="relative", dropout=0.5)
        network = attention(layer, *TOKENS)
        assert paths(network) == [
            *("layer.scale", "layer.scores", "layer.bias", "layer.softmax", "layer.dropout"),
            "layer",
        ]
        assert [node.kind for node in network.operations] == [
            *("scale", "attention_scores", "attention_bias", "softmax", "dropout"),
            "attention_values",
        ]
        scores = (12 * 197, 197)
        found = [node.shape for node in network.operations]
        assert found == [(768, 197), scores, scores, scores, scores, (768, 197)]
        assert [unit.summary for unit in convcalc.analyze(network).units][3:] == ["attention h12"]
        assert all(node.written is layer for node in network.operations)

    def test_of_a_vision_transformer_cost_what_is_published(self) -> None:
        report = convcalc.analyze(attention(made("attention", 1, heads=12), *TOKENS))
        assert report.totals.macs == 59_610_624
        assert report.totals.params == 0
        by_path = {layer.node.path: layer.cost for layer in report.layers}
        assert by_path["layer.softmax"].counts.divides == 465_708
        assert by_path["layer.scale"].counts == Counts(multiplies=151_296)

    def test_cosine_normalises_query_and_key_and_learns_a_factor_per_head(self) -> None:
        layer = made("attention", 1, heads=3, similarity="cosine")
        network = attention(layer, (6, 5), (6, 5), (9, 5))
        assert paths(network) == [
            *("layer.scale", "layer.key_norm", "layer.scores", "layer.softmax", "layer"),
        ]
        assert [node.inputs for node in network.operations] == [(0,), (1,), (3, 4), (5,), (6, 2)]
        assert convcalc.analyze(network).totals.params == 3

    def test_a_scale_divides_by_the_root_of_the_channels_of_a_head(self) -> None:
        network = attention(made("attention", 1, heads=2), (32, 5), (32, 5), (6, 5))
        assert network.operations[0].layer.argument("init") == 0.25
        assert network.operations[0].layer.argument("learned") is False

    def test_a_long_map_is_counted_at_once(self) -> None:
        n = 2**20
        network = attention(made("attention", 1), (4, n), (4, n), (4, n))
        assert convcalc.analyze(network).totals.macs == 8 * n * n

    def test_more_scores_than_a_size_may_be_are_refused(self) -> None:
        n = 2**30
        layer = made("attention", 2)
        with pytest.raises(RuleError) as caught:
            attention(layer, (4, n, n), (4, n, n), (4, n, n))
        assert caught.value.code == "size-too-large"


class TestShapes:
    @pytest.mark.parametrize(
        ("arguments", "query", "key", "value", "expected"),
        [
            ({}, (8, 5), (8, 7), (6, 7), (6, 5)),
            ({"heads": 2}, (8, 5), (8, 4, 4), (6, 4, 4), (6, 5)),
            ({"heads": 2}, (8, 2, 3), (8, 9), (2, 9), (2, 2, 3)),
            ({"window": 7}, (8, 14, 21), (8, 14, 21), (6, 14, 21), (6, 14, 21)),
            ({"window": [2, 3], "dilation": [3, 1]}, *[(8, 6, 6)] * 3, (8, 6, 6)),
            ({"position_bias": "distance"}, *[(8, 2, 3, 4)] * 3, (8, 2, 3, 4)),
        ],
    )
    def test_are_the_querys_sizes_with_the_values_channels(
        self, arguments: dict[str, object], query: Shape, key: Shape, value: Shape, expected: Shape
    ) -> None:
        assert shape(made("attention", len(query) - 1, **arguments), query, key, value) == expected

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ({"position_bias": "relative"}, 3 * 7 * 11),
            ({"position_bias": "distance"}, 3 * 4 * 6),
            ({"position_bias": "relative", "window": 2}, 3 * 3 * 3),
            ({"position_bias": "continuous"}, 2 * 512 + 512 + 3 * 512),
            ({"similarity": "cosine"}, 3),
        ],
    )
    def test_of_what_is_learned(self, arguments: dict[str, object], expected: int) -> None:
        layer = made("attention", 2, heads=3, **arguments)
        network = attention(layer, *[(6, 4, 6)] * 3)
        assert convcalc.analyze(network).totals.params == expected

    @pytest.mark.parametrize(
        ("arguments", "shapes", "code", "field"),
        [
            ({"heads": 5}, [(8, 4)] * 3, "heads-mismatch", "heads"),
            ({"heads": 4}, [(8, 4), (8, 4), (6, 4)], "heads-mismatch", "heads"),
            ({}, [(8, 4), (6, 4), (8, 4)], "join-mismatch", ""),
            ({}, [(8, 4), (8, 4), (8, 5)], "join-mismatch", ""),
            ({"window": 3}, [(8, 4)] * 3, "window-mismatch", "window"),
            ({"window": 2, "dilation": 3}, [(8, 4)] * 3, "window-mismatch", "window"),
            ({"window": 2, "shift": 2}, [(8, 4)] * 3, "window-mismatch", "shift"),
            ({"window": 2, "shift": 1, "dilation": 2}, [(8, 4)] * 3, "window-mismatch", "shift"),
            ({"shift": 1}, [(8, 4)] * 3, "window-mismatch", "shift"),
            ({"dilation": 2}, [(8, 4)] * 3, "window-mismatch", "dilation"),
            ({"window": 2}, [(8, 4), (8, 6), (8, 6)], "join-mismatch", "window"),
            (
                {"position_bias": "relative"},
                [(8, 4), (8, 6), (8, 6)],
                "join-mismatch",
                "position_bias",
            ),
            ({}, [(8,)] * 3, "wrong-rank", ""),
            ({}, [(8, 4)] * 2, "branch-count", ""),
        ],
    )
    def test_that_do_not_fit(
        self, arguments: dict[str, object], shapes: list[Shape], code: str, field: str
    ) -> None:
        error = refusal(made("attention", 1, **arguments), *shapes)
        assert (error.code, error.field) == (code, field)


class TestWindows:
    @given(
        st.lists(
            st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(0, 5)),
            min_size=1,
            max_size=3,
        )
    )
    def test_pairs_that_a_shift_keeps_apart_are_left_out(
        self, axes: list[tuple[int, int, int]]
    ) -> None:
        """An axis keeps (n/w - 1)*w^2 + (w - s)^2 + s^2 pairs, unless it is one window."""
        window = [taps for taps, _, _ in axes]
        shift = [by % taps for taps, _, by in axes]
        sizes = [taps * blocks for taps, blocks, _ in axes]
        pairs = 1
        for taps, blocks, by in zip(window, [b for _, b, _ in axes], shift, strict=True):
            s = by if blocks > 1 else 0
            pairs *= (blocks - 1) * taps**2 + (taps - s) ** 2 + s**2
        layer = made("attention", len(axes), heads=2, window=window, shift=shift)
        network = attention(layer, (4, *sizes), (4, *sizes), (6, *sizes))
        every = prod(sizes) * prod(window)
        assert convcalc.analyze(network).totals.macs == every * (4 + 6)
        valid = convcalc.analyze(network, valid_taps=True)
        assert valid.totals.macs == pairs * (4 + 6)
        softmax = next(layer for layer in valid.layers if layer.node.kind == "softmax")
        assert softmax.cost.counts.specials == 2 * pairs

    def test_a_shift_does_not_matter_on_an_axis_that_is_one_window(self) -> None:
        shapes = [(4, 7, 14)] * 3
        shifted = attention(made("attention", window=7, shift=3), *shapes)
        along = attention(made("attention", window=7, shift=[0, 3]), *shapes)
        assert total(shifted, valid_taps=True) == total(along, valid_taps=True)

    def test_a_summary_names_them(self) -> None:
        assert made("attention", heads=3, window=7).summary() == "attention 7x7 h3"
        assert made("attention", window=[7, 1], shift=[3, 0]).summary() == "attention 7x1 s3x0"
        assert made("attention", 1, window=2, dilation=4).summary() == "attention 2 d4"


class TestWhatIfs:
    TEXT = """
    {input: [6, 4, 4], layers: [
      {conv: 8, kernel: 1, name: c},
      {attention: {query: [{dense: 8, positionwise: true}], key: [{dense: 8, positionwise: true}],
                   value: [{dense: 12, positionwise: true}]}, heads: 2, name: a},
      {dense: 8, positionwise: true, name: p}, {dense: 3}]}
    """

    def test_double_the_products_and_quadruple_the_projections(self) -> None:
        network = convcalc.loads(self.TEXT)
        double = apply(network, double_channels=True)
        before, after = (
            {la.node.path: la.cost.macs for la in convcalc.analyze(n).layers}
            for n in (network, double)
        )
        assert after["a.scores"] == 2 * before["a.scores"]
        assert after["a"] == 2 * before["a"]
        assert after["a.query.dense0"] == 4 * before["a.query.dense0"]
        shapes = {node.path: node.shape for node in double.nodes}
        assert shapes["a.scores"] == (2 * 16, 4, 4)
        assert shapes["a"] == (24, 4, 4)
        scale = next(node.layer for node in double.nodes if node.path == "a.scale")
        assert scale.argument("init") == 8**-0.5

    def test_tie_queries_and_keys(self) -> None:
        dense = "[{dense: 6, positionwise: true}]"
        branches = f"query: [], key: {dense}, value: {dense}"
        network = convcalc.loads(
            f"{{input: [6, 4], layers: [{{attention: {{{branches}}}}}, {{dense: 2}}]}}"
        )
        double = apply(network, double_channels=True)
        assert [node.shape for node in double.operations][:2] == [(6, 4), (12, 4)]

    def test_keep_groups_for_the_heads(self) -> None:
        network = convcalc.loads(self.TEXT)
        third = apply(network, scale_channels=Fraction(1, 3))
        shapes = {node.path: node.shape for node in third.nodes}
        assert shapes["a.query.dense0"][0] % 2 == 0
        assert shapes["a.value.dense0"][0] % 2 == 0


def test_channel_rules() -> None:
    network = attention(made("attention", 1, heads=2), (4, 5), (4, 5), (6, 5))
    rules = [node.layer.channel_rule(network.input_shapes(node)) for node in network.operations]
    assert rules == [
        ChannelRule("same"),
        ChannelRule("compared", groups=2),
        ChannelRule("same", groups=2),
        ChannelRule("same", source=1, groups=2),
    ]
    assert params(made("attention", 1), *[(4, 5)] * 3) == 0


class TestFields:
    """What a unit of an attention on the input itself depends on."""

    @staticmethod
    def seen(arguments: str, length: int) -> list[tuple[int, int]]:
        branches = "query: [], key: [], value: []"
        network = convcalc.loads(
            f"{{input: [2, {length}], layers: [{{attention: {{{branches}}}{arguments}}}]}}"
        )
        last = len(network.nodes) - 1
        found = [unit_field(network, last, (y,)).inputs[0] for y in range(length)]
        return [interval for (interval,) in found]

    def test_are_the_whole_map_without_windows(self) -> None:
        assert self.seen("", 5) == [(0, 4)] * 5

    def test_are_the_window(self) -> None:
        assert self.seen(", window: 3", 6) == [(0, 2)] * 3 + [(3, 5)] * 3

    def test_are_fixed_on_an_axis_that_is_one_window(self) -> None:
        network = convcalc.loads(
            "{input: [2, 3, 6], layers: [{attention: {query: [], key: [], value: []}, window: 3}]}"
        )
        rows, columns = fields(network)["attention0"].axes["input"]
        assert (rows.size, rows.whole) == (3, True)
        assert (columns.size, columns.whole, str(columns.stride)) == (3, False, "1")

    def test_end_at_the_border_where_windows_are_shifted(self) -> None:
        expected = [(0, 0), *[(1, 4)] * 4, *[(5, 8)] * 4, *[(9, 11)] * 3]
        assert self.seen(", window: 4, shift: 1", 12) == expected

    def test_of_windows_are_no_misaligned_branches(self) -> None:
        """Shifted by three of seven, a window reaches further to one side than to the other."""
        branches = "query: [], key: [], value: []"
        first = f"{{add: [[], [{{attention: {{{branches}}}, window: 7}}]]}}"
        second = f"{{add: [[], [{{attention: {{{branches}}}, window: 7, shift: 3}}]]}}"
        network = convcalc.loads(f"{{input: [2, 28], layers: [{first}, {second}]}}")
        assert fields(network).misaligned == []

    def test_skip_positions_where_a_window_is_dilated(self) -> None:
        expected = [(0, 2), (1, 3), (0, 2), (1, 3), (4, 6), (5, 7), (4, 6), (5, 7)]
        assert self.seen(", window: 2, dilation: 2", 8) == expected

    def test_of_a_long_axis_are_bounded_at_once(self) -> None:
        network = convcalc.loads(
            "{input: [1, 1073741824], layers: ["
            "{attention: {query: [], key: [], value: []}, window: 4, dilation: 268435456}]}"
        )
        (axis,) = fields(network)["attention0"].axes["input"]
        assert (axis.size, axis.at_most) == (2**30, True)


def test_a_batch_computes_the_network_of_a_continuous_bias_once() -> None:
    layer = made("attention", 2, heads=2, position_bias="continuous")
    network = attention(layer, *[(4, 3, 3)] * 3)
    one, three = (convcalc.analyze(network, batch=batch).layers[2].cost for batch in (1, 3))
    assert one.macs == three.macs == 25 * 512 * (2 + 2)
    assert three.counts.adds - one.counts.adds == 2 * 2 * 81
    assert three.counts.multiplies == one.counts.multiplies


class TestInFiles:
    def test_dropout_beside_it_is_its_argument(self) -> None:
        branches = "query: [], key: [], value: []"
        layers = f"[{{dropout: 0.1, attention: {{{branches}}}}}, {{dropout: 0.2}}]"
        network = convcalc.loads(f"{{input: [2, 3], layers: {layers}}}")
        assert [node.path for node in network.operations][-3:] == [
            "attention0.dropout",
            "attention0",
            "dropout0",
        ]

    def test_references_reach_its_branches_and_not_its_parts(self) -> None:
        branches = "query: [], key: [], value: [relu]"
        layers = f"{{attention: {{{branches}}}, name: a}}, {{tanh: , from: a.value}}"
        network = convcalc.loads(f"{{input: [2, 3], layers: [{layers}, {{add: [[], a]}}]}}")
        assert network.nodes[-2].inputs == (1,)
        with pytest.raises(convcalc.ConvcalcError) as caught:
            convcalc.loads(f"{{input: [2, 3], layers: [{layers}, {{relu: , from: a.scores}}]}}")
        assert [problem.code for problem in caught.value.problems] == ["unknown-layer"]

    @pytest.mark.parametrize("kind", ["attention_scores", "attention_values", "attention_bias"])
    def test_its_parts_cannot_be_written(self, kind: str) -> None:
        with pytest.raises(convcalc.ConvcalcError) as caught:
            convcalc.loads(f"{{input: [2, 3], layers: [{{{kind}: [[], []]}}]}}")
        assert caught.value.problems[0].code == "unknown-kind"

    def test_a_shift_keeps_the_ends_of_the_map_apart_in_a_run(self) -> None:
        """What stands at one end does not change what is computed at the other."""
        branches = "query: [], key: [], value: []"
        network = convcalc.loads(
            f"{{input: [2, 8], layers: [{{attention: {{{branches}}}, window: 4, shift: 2}}]}}"
        )
        x = np.random.default_rng(0).uniform(-1, 1, (1, 2, 8))
        other = x.copy()
        other[..., :2] += 1
        before, after = (
            convcalc.execute(network, value, dtype="float64")["attention0"] for value in (x, other)
        )
        changed = np.any(before != after, axis=(0, 1))
        assert changed.tolist() == [True, True, *[False] * 6]
