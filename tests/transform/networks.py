"""Random networks made of the structures that real ones are made of."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from convcalc.graph import Network
from convcalc.language.load import loads

Draw = Any
Layers = list[Any]

ACTIVATIONS = ("none", "relu", "silu", "sigmoid")


def _common_divisors(*numbers: int) -> list[int]:
    return [d for d in range(1, min(numbers) + 1) if all(n % d == 0 for n in numbers)]


class _Growth:
    """A network on the way: `c` channels on `size` x `size` positions so far."""

    def __init__(self, draw: Draw, c: int, size: int) -> None:
        self.draw = draw
        self.c = c
        self.size = size
        self.names: list[tuple[str, int, int]] = []
        self.shares = 0

    def channels(self) -> int:
        return int(self.draw(st.integers(1, 12)))

    def conv(self, c: int, c_in: int) -> dict[str, Any]:
        kernel = self.draw(st.sampled_from([1, 3]))
        conv: dict[str, Any] = {"conv": c, "kernel": kernel, "padding": kernel // 2}
        if self.draw(st.booleans()):
            conv["padding"] = "same"
        conv["groups"] = self.draw(st.sampled_from(_common_divisors(c, c_in)))
        conv["bias"] = self.draw(st.booleans())
        conv["activation"] = self.draw(st.sampled_from(ACTIVATIONS))
        norm = self.draw(st.sampled_from(["none", "batch", "layer", "group"]))
        groups = self.draw(st.sampled_from(_common_divisors(c)))
        conv["norm"] = {"groupnorm": groups} if norm == "group" else norm
        return conv

    # The structures; each changes `c` and `size` to what they make of them.

    def plain(self) -> Layers:
        before, self.c = self.c, self.channels()
        return [self.conv(self.c, before)]

    def residual(self) -> Layers:
        inner = self.channels()
        return [{"add": [[], [self.conv(inner, self.c), self.conv(self.c, inner)]]}]

    def projected(self) -> Layers:
        inner, self.c = self.channels(), self.channels()
        stride = 2 if self.size % 2 == 0 and self.size > 2 else 1
        self.size //= stride
        shortcut = {"conv": self.c, "kernel": 1, "stride": stride}
        main = {"conv": inner, "kernel": 3, "stride": stride, "padding": 1}
        return [{"add": {"short": [shortcut], "main": [main, self.conv(self.c, inner)]}}]

    def squeeze_excite(self) -> Layers:
        inner = self.channels()
        gate = [
            "global_avgpool",
            {"conv": inner, "kernel": 1, "activation": "relu"},
            {"conv": self.c, "kernel": 1, "activation": "sigmoid"},
        ]
        return [{"mul": [[], gate]}]

    def inverted_residual(self) -> Layers:
        wide = self.c * self.draw(st.integers(1, 4))
        depthwise: dict[str, Any] = {"depthwise": 3, "padding": 1}
        if self.draw(st.booleans()):
            depthwise = {"conv": wide, "kernel": 3, "padding": "same", "groups": wide}
        inside = [{"conv": wide, "kernel": 1}, depthwise, {"conv": self.c, "kernel": 1}]
        return [{"add": [[], inside]}]

    def multiplied(self) -> Layers:
        multiplier = self.draw(st.integers(1, 3))
        self.c *= multiplier
        return [{"depthwise": 3, "padding": 1, "multiplier": multiplier}]

    def convnext(self) -> Layers:
        inside = [
            {"depthwise": 5, "padding": "same", "norm": "layer"},
            {"dense": 4 * self.c, "positionwise": True, "activation": "gelu"},
            {"dense": self.c, "positionwise": True},
            "scale",
        ]
        return [{"add": [[], inside]}]

    def dense_block(self) -> Layers:
        layers: Layers = []
        for _ in range(self.draw(st.integers(1, 3))):
            growth = self.channels()
            layers.append({"concat": [[], ["batchnorm", self.conv(growth, self.c)]]})
            self.c += growth
        return layers

    def inception(self) -> Layers:
        branches: Layers = [[{"maxpool": 3, "stride": 1, "padding": 1}]]
        total = self.c
        for _ in range(self.draw(st.integers(1, 3))):
            c = self.channels()
            branches.append([self.conv(c, self.c)])
            total += c
        add = self.draw(st.booleans())
        concat: Layers = [{"concat": branches}]
        layers = [{"add": [concat, [self.conv(total, self.c)]]}] if add else concat
        self.c = total
        return layers

    def shuffle_unit(self) -> Layers:
        if self.c % 2:
            return self.plain()
        half = self.c // 2
        right = [{"slice": [half, self.c]}, self.conv(half, half), {"depthwise": 3, "padding": 1}]
        join = {"concat": [[{"slice": [0, half]}], right]}
        groups = self.draw(st.sampled_from(_common_divisors(self.c)))
        return [join, {"channel_shuffle": groups}]

    def cut(self) -> Layers:
        start = self.draw(st.integers(0, self.c - 1))
        stop = self.draw(st.integers(start + 1, self.c))
        self.c = stop - start
        return [{"slice": [start, stop]}]

    def pixels(self) -> Layers:
        if self.c % 4 or self.size > 8:
            return self.plain()
        self.c, self.size = self.c // 4, self.size * 2
        return [{"pixel_shuffle": 2}]

    def upward(self) -> Layers:
        if self.size > 8:
            return self.plain()
        before, self.c, self.size = self.c, self.channels(), self.size * 2
        groups = self.draw(st.sampled_from(_common_divisors(self.c, before)))
        return [{"conv_transpose": self.c, "kernel": 2, "stride": 2, "groups": groups}]

    def pooled(self) -> Layers:
        if self.size % 2 or self.size == 2:
            return ["relu"]
        self.size //= 2
        return [{"avgpool": 2}]

    def long_skip(self) -> Layers:
        fitting = [(name, c) for name, c, size in self.names if size == self.size]
        if not fitting:
            return self.named()
        name, c = self.draw(st.sampled_from(fitting))
        if c == self.c and self.draw(st.booleans()):
            return [{"add": [[], name]}]
        self.c += c
        return [{"concat": [name, []]}]

    def named(self) -> Layers:
        layers = self.plain()
        name = f"skip{len(self.names)}"
        self.names.append((name, self.c, self.size))
        layers[0]["name"] = name
        return layers

    def shared(self) -> Layers:
        inner = self.conv(self.c, self.c)
        self.shares += 1
        name = f"twice{self.shares}"
        return [{**inner, "name": name}, {**inner, "share": name}]

    def reshaped(self) -> Layers:
        return [{"reshape": [self.c, -1]}, {"reshape": [self.c, self.size, self.size]}]

    def head(self) -> Layers:
        classes = self.channels()
        return list(
            self.draw(
                st.sampled_from(
                    [
                        [{"conv": classes, "kernel": 1}, "global_avgpool", "flatten"],
                        ["global_avgpool", {"dense": classes}],
                        ["flatten", {"dense": 8, "activation": "relu"}, {"dense": classes}],
                        [{"conv": classes, "kernel": 3, "padding": 1, "activation": "softmax"}],
                        [],
                    ]
                )
            )
        )


STRUCTURES = (
    _Growth.plain,
    _Growth.residual,
    _Growth.projected,
    _Growth.squeeze_excite,
    _Growth.inverted_residual,
    _Growth.multiplied,
    _Growth.convnext,
    _Growth.dense_block,
    _Growth.inception,
    _Growth.shuffle_unit,
    _Growth.cut,
    _Growth.pixels,
    _Growth.upward,
    _Growth.pooled,
    _Growth.long_skip,
    _Growth.named,
    _Growth.shared,
    _Growth.reshaped,
)


@st.composite
def specs(draw: Draw, structures: tuple[Any, ...] = STRUCTURES, most: int = 8) -> str:
    """The text of a spec: up to `most` structures in a row, then a head."""
    c, size = draw(st.integers(1, 4)), draw(st.sampled_from([4, 6, 8]))
    growth = _Growth(draw, c, size)
    layers: Layers = []
    for structure in draw(st.lists(st.sampled_from(structures), min_size=1, max_size=most)):
        if growth.c <= 200:
            layers += structure(growth)
    layers += growth.head()
    return json.dumps({"input": [c, size, size], "layers": layers})


def networks(structures: tuple[Any, ...] = STRUCTURES, most: int = 8) -> st.SearchStrategy[Network]:
    """Random networks; shrunk, they are short."""
    return specs(structures, most).map(loads)
