"""Attention: each position gathers values from others, weighted by how alike query and key are.

`attention` is one layer of a file and several nodes of a graph, its parts. In each head a position
of the query has K keys: all positions of the key, or those of its window. P is the number of scores
in the formulas: one for each head, each position of the query and each of its keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcalc.counts import NOTHING, Counts
from convcalc.layers.activation import Softmax
from convcalc.layers.base import Layer, Part, only
from convcalc.layers.elementwise import ElementwiseLayer
from convcalc.layers.fields import Choice, Flag, PerAxis, Real, Whole, field
from convcalc.layers.reading import WHOLE, Readings, grouped, same, same_from, windowed
from convcalc.layers.structure import Dropout, Scale
from convcalc.layers.traits import STARTS, Backward, Branches, ChannelRule, Kept, Start
from convcalc.problems import Help, Rule, RuleError
from convcalc.shapes import MOST_WINDOW_AXES, Shape, axis_name, cross_text
from convcalc.symbols import unknown
from convcalc.traced import named

#: Hidden units of the network that computes a continuous position bias.
_HIDDEN = 512


class _Windows(Layer):
    """A layer in which positions attend to all others, or to those of their window; abstract."""

    most_rank = MOST_WINDOW_AXES

    heads: int = field(
        Whole(), "groups of channels that attend on their own", default=1, symbol="heads"
    )
    window: tuple[int, ...] | None = field(
        PerAxis(), "positions per axis that attend to each other, by default all", default=None
    )
    dilation: tuple[int, ...] = field(PerAxis(), "spacing of a window's positions", default=1)
    shift: tuple[int, ...] = field(
        PerAxis(0), "how much later windows begin, except on an axis that is one window", default=0
    )

    def _check_windows(self, sizes: Sequence[int]) -> None:
        """Refuses windows that do not tile a map of these sizes."""
        if self.window is None:
            return
        axes = zip(sizes, self.window, self.dilation, strict=True)
        for axis, (n, taps, spacing) in enumerate(axes):
            if n % (taps * spacing):
                apart = f", {spacing} apart," if spacing != 1 else ""
                unit = f"({taps}*{spacing})" if spacing != 1 else f"{taps}"
                raise RuleError(
                    "window-mismatch",
                    f"windows of {taps}{apart} do not tile the {axis_name(axis, len(sizes))} {n}",
                    "window",
                    [
                        Rule(f"{n} / {unit} must be whole"),
                        Help("'pad' before it fills the last window, 'crop' behind it cuts it off"),
                    ],
                )

    def _keys(self, sizes: Sequence[int]) -> int:
        """How many keys each position of the query has; `sizes` are those of the key."""
        return prod(sizes if self.window is None else self.window)

    def _shifts(self, sizes: Sequence[int]) -> Sequence[int]:
        """How much later the windows begin on each axis of a map of these sizes."""
        if self.window is None:
            return [0 for _ in sizes]
        axes = zip(sizes, self.window, self.shift, strict=True)
        return [0 if shift == 0 or n == taps else shift for n, taps, shift in axes]

    def _pairs(self, sizes: Sequence[int], keys: int) -> int:
        """Pairs of a query and a key in one head, on a map of these sizes with K `keys` each.

        Those that a shift keeps apart are left out: on a shifted axis the first and the last
        positions share a window, and none of one end attends to one of the other.
        """
        if self.window is None:
            return prod(sizes) * keys
        axes = zip(sizes, self.window, self._shifts(sizes), strict=True)
        return prod(
            [
                (n // taps - 1) * taps * taps + (taps - by) * (taps - by) + by * by
                for n, taps, by in axes
            ]
        )

    def _positions(self, shape: Shape) -> Readings:
        """How a position of the query reads the spatial axes of the key or of the value."""
        sizes = shape[1:]
        if self.window is None:
            return tuple([WHOLE for _ in sizes])
        axes = zip(sizes, self.window, self.dilation, self._shifts(sizes), strict=True)
        return tuple(
            [
                WHOLE if n == taps else windowed(axis, taps, spacing, shift)
                for axis, (n, taps, spacing, shift) in enumerate(axes, 1)
            ]
        )


class Attention(_Windows, kind="attention"):
    """softmax(query . key / sqrt(d)) . value, in each head of d channels.

    It learns nothing but its position bias: what projects queries, keys, values and the result are
    layers of their own. In a graph it is its parts: NAME.scale multiplies the query, NAME.scores
    holds its products with each key as channels, NAME.bias adds the position bias, NAME.softmax
    makes probabilities of the scores, NAME.dropout drops some, and NAME adds up the values.

    Windows: blocks of window*dilation positions tile the map, and those positions of a block that
    are a multiple of `dilation` apart attend to each other. Position bias: a learned number for
    each head and offset (relative) or absolute offset (distance) of the query from the key, or
    16*sigmoid of what a small network makes of the offset: dense 512, relu, dense (continuous).
    Similarity `cosine`: queries and keys are divided by their length in each head and multiplied by
    a learned factor per head, instead of 1/sqrt(d).

    Shape:  query (c, *q), key (c, *k), value (e, *k) -> (e, *q), where heads divides c and e; with
            `window` or `position_bias` q = k
    Params: for windows of w positions on r axes: relative heads*(2w - 1)^r; distance heads*w^r;
            continuous 512*r + 512 + 512*heads; cosine heads more
    Counts: of each part, K keys a query, P = heads*K*positions of the query:
            scale: multiplies = elements of the query; cosine: attention_norm of query and key
            scores: T = c/heads: multiplies = P*T, adds = P*(T - 1)
            bias: adds = P; continuous: also its network on the offsets, once for a batch
            softmax: that of heads*K channels in `heads` groups
            values: T = K: multiplies = O*T, adds = O*(T - 1)
            Pairs that a shift keeps apart are counted, but not with --valid-taps.
    Grads:  scores and values: two products each, of as many multiplies, and as many adds less the
            elements of the gradient; bias: adds = n*P - its numbers; keeps what scores and values
            read, and the probabilities
    Errors: heads-mismatch, window-mismatch, join-mismatch, branch-count, wrong-rank
    Source: Vaswani et al., arXiv:1706.03762; windows Liu et al., arXiv:2103.14030; distance Graham
            et al., arXiv:2104.01136; continuous and cosine Liu et al., arXiv:2111.09883

    >>> layer = Attention.read({"heads": 12}, rank=1)
    >>> layer.output_shape([(768, 197), (768, 197), (768, 197)])
    (768, 197)
    >>> [part.name for part in layer.parts([(768, 197), (768, 197), (768, 197)])]
    ['scale', 'scores', 'softmax', '']
    """

    joins = Branches.named("query", "key", "value")
    least_rank = 1

    position_bias: str = field(
        Choice("none", "relative", "distance", "continuous"),
        "a learned number for each offset, added to the scores",
        default="none",
    )
    similarity: str = field(
        Choice("dot", "cosine"), "how query and key are compared", default="dot"
    )
    dropout: float = field(
        Real(0, 1), "probability of dropping a probability in training", default=0.0
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        query, key, value = inputs
        if query[0] != key[0]:
            raise RuleError(
                "join-mismatch",
                "attention needs as many channels in the key as in the query, not"
                f" {int(key[0])} and {int(query[0])}",
            )
        if key[1:] != value[1:]:
            raise RuleError(
                "join-mismatch",
                "attention needs a key for each position of the value, not"
                f" {cross_text(key[1:])} and {cross_text(value[1:])}",
            )
        for name, channels in (("query", query[0]), ("value", value[0])):
            if channels % self.heads:
                raise RuleError(
                    "heads-mismatch",
                    f"{channels} channels of the {name} cannot be split into {self.heads} heads",
                    "heads",
                    [Rule(f"{channels} / {self.heads} must be whole")],
                )
        self._check_arguments()
        self._check_windows(query[1:])
        needs = "window" if self.window is not None else "position_bias"
        if (self.window is not None or self.position_bias != "none") and query[1:] != key[1:]:
            raise RuleError(
                "join-mismatch",
                f"attention with '{needs}' needs equal sizes of query and key, not"
                f" {cross_text(query[1:])} and {cross_text(key[1:])}",
                needs,
            )
        return (value[0], *query[1:])

    def _check_arguments(self) -> None:
        """Refuses arguments that do not go together."""
        if self.window is None:
            for name, usual in (("dilation", 1), ("shift", 0)):
                if any(number != usual for number in getattr(self, name)):
                    message = f"{name} is about windows, and 'window' is not given"
                    raise RuleError("window-mismatch", message, name)
            return
        if any(self.shift) and any(spacing != 1 for spacing in self.dilation):
            raise RuleError("window-mismatch", "shift does not go with dilation", "shift")
        for taps, shift in zip(self.window, self.shift, strict=True):
            if shift >= taps:
                raise RuleError(
                    "window-mismatch",
                    f"a shift of {shift} is not smaller than the window of {taps}",
                    "shift",
                    [Rule(f"0 <= shift < {taps}")],
                )

    def parts(self, inputs: Sequence[Shape]) -> tuple[Part, ...]:
        channels, *_ = inputs[0]
        windows: dict[str, Any] = {
            name: getattr(self, name) for name in ("heads", "window", "dilation", "shift")
        }
        parts: list[Part] = []

        def add(name: str, layer: Layer, *reads: int) -> int:
            parts.append(Part(name, layer, reads))
            return len(inputs) + len(parts) - 1

        query, key, value = range(3)
        if self.similarity == "cosine":
            query = add("scale", AttentionNorm(heads=self.heads, scaled=True), query)
            key = add("key_norm", AttentionNorm(heads=self.heads), key)
        else:
            query = add("scale", _QueryScale(heads=self.heads).with_query(channels), query)
        last = add("scores", AttentionScores(**windows), query, key)
        if self.position_bias != "none":
            last = add("bias", AttentionBias(form=self.position_bias, **windows), last)
        last = add("softmax", _ScoresSoftmax(groups=self.heads, **windows), last)
        if self.dropout:
            last = add("dropout", Dropout(rate=self.dropout), last)
        add("", AttentionValues(**windows), last, value)
        return tuple(parts)

    def fused_statistics(self, inputs: Sequence[Shape]) -> int:
        return self.heads * prod(inputs[0][1:])

    def summary(self) -> str:
        words = [self.kind]
        if self.window is not None:
            words.append(cross_text(self.window))
        for sign, numbers, usual in (("d", self.dilation, 1), ("s", self.shift, 0)):
            if set(numbers) != {usual}:
                alike = len(set(numbers)) == 1
                words.append(f"{sign}{numbers[0] if alike else cross_text(numbers)}")
        words += [f"h{self.heads}"] if self.heads != 1 else []
        return " ".join(words)


class _QueryScale(Scale, kind="scale"):
    """The query times 1/sqrt(d), d being the channels of a head."""

    heads: int = field(Whole(), "groups of channels that attend on their own")
    learned: bool = field(Flag(), "always false", default=False)

    def with_query(self, channels: int) -> _QueryScale:
        """The scale for a query of so many channels."""
        # The factor decides nothing that is counted, so it need not be a formula.
        known = not (unknown(channels) or unknown(self.heads))
        return self.replace(init=(channels // self.heads) ** -0.5 if known else 1.0)

    def with_channels(self, rule: ChannelRule, channels: int, start: int) -> _QueryScale:
        return self.with_query(channels)


class AttentionNorm(Layer, kind="attention_norm"):
    """Each head of each position divided by its length, and times a learned factor if `scaled`.

    Shape:  (c, ...) -> (c, ...)
    Params: scaled: heads
    Counts: x / max(sqrt(sum of x*x), 1e-12), G sums: multiplies = N, adds = N - G, specials = G,
            compares = G, divides = N; scaled: multiplies = N more
    Grads:  xh: divides = N; t = sum of dy*xh: multiplies = N, adds = N - G; dx = (dy - xh*t) /
            length, without t where the length was too small: multiplies = N, adds = N,
            divides = N, compares = G; scaled by s: ds = sum of t: adds = G - heads; dx of s*dy
            and s*t: multiplies = N + G more; keeps x and each length
    """

    most_rank = MOST_WINDOW_AXES

    heads: int = field(Whole(), "groups of channels that attend on their own", default=1)
    scaled: bool = field(Flag(), "learn a factor for each head", default=False)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)

    def start(self, name: str) -> Start:
        return Start(10.0)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": (self.heads,)} if self.scaled else {}

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        elements, sums = named("N", prod(output)), named("G", self.heads * prod(output[1:]))
        return Counts(
            multiplies=elements * 2 if self.scaled else elements,
            adds=elements - sums,
            divides=elements,
            compares=sums,
            specials=sums,
        )

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        elements, sums = batch * prod(output), batch * self.heads * prod(output[1:])
        inner = Counts(multiplies=elements, adds=elements - sums, divides=elements)
        rest = Counts(multiplies=elements, adds=elements, divides=elements, compares=sums)
        if not self.scaled:
            return Backward(input=inner.plus(rest) if any(wanted) else NOTHING)
        weights = inner.plus(Counts(adds=sums - self.heads))
        rest = rest.plus(Counts(multiplies=elements + sums))
        return Backward(weights, input=rest if any(wanted) else NOTHING)

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((0,), statistics=batch * self.heads * prod(output[1:]))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        channels = only(inputs)[0] // self.heads
        return (grouped(0, channels, channels), *same_from(1, inputs[index]))


class AttentionScores(_Windows, kind="attention_scores"):
    """The products of a query with its keys, which are the channels of its position.

    Shape:  query (c, *q), key (c, *k) -> (heads*K, *q)
    Counts: T = c/heads: multiplies = P*T, adds = P*(T - 1)
    Grads:  dquery = sum of dy*key, dkey = sum of dy*query: multiplies = n*P*T each, adds = as many
            less the elements of the query, of the key; keeps the other one
    Errors: window-mismatch
    """

    inputs = 2
    accumulates = True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        query, key = inputs
        self._check_windows(key[1:])
        return (self.heads * self._keys(key[1:]), *query[1:])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        query, key = inputs
        taps = named("T", query[0] // self.heads)
        keys = self._keys(key[1:])
        pairs = self._pairs(query[1:], keys) if valid_taps else prod(query[1:]) * keys
        scores = named("P", self.heads * pairs)
        return Counts(scores * taps, scores * (taps - 1))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        products = batch * prod(output) * (inputs[0][0] // self.heads)
        return Backward(input=_gradients(products, inputs, wanted, batch))

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return _other_inputs(wanted)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        query, key = inputs
        channels = grouped(0, self._keys(key[1:]), query[0] // self.heads)
        # Its channel says which key of the window a unit reads; together they are the window.
        return (channels, *(same_from(1, query) if index == 0 else self._positions(key)))

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("compared", groups=self.heads)


class AttentionBias(_Windows, ElementwiseLayer, kind="attention_bias"):
    """A number for each head and offset of the query from the key, added to the scores.

    Shape:  (heads*K, *q) -> (heads*K, *q)
    Params: relative heads*(2w - 1) for each axis' window w; distance heads*w; continuous, r axes:
            512*r + 512 + 512*heads
    Counts: adds = P; continuous, once for a batch, with M = (2w - 1)... offsets:
            multiplies = M*512*(r + heads) + M*heads, adds = M*512*r + M*heads*512,
            compares = M*512, divides = M*heads, specials = M*heads
    Grads:  each number's is the sum of dy over its pairs: adds = n*P - numbers; continuous also
            goes back through its network: multiplies = M*512*(2*heads + r) + 3*M*heads, adds =
            heads*512*(M - 1) + M*512*(heads - 1) + 512*r*(M - 1) + M*heads, compares = M*512; its
            bias: adds = 512*(M - 1); keeps what its relu and its sigmoid make
    """

    cost = Counts(adds=1)
    gradient_cost = NOTHING
    keeps = ()

    form: str = field(Choice("relative", "distance", "continuous"), "what is learned")

    def _offsets(self, inputs: Sequence[Shape]) -> Shape:
        """How many offsets there are on each axis."""
        sizes = only(inputs)[1:] if self.window is None else self.window
        return tuple(sizes) if self.form == "distance" else tuple([2 * n - 1 for n in sizes])

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        offsets = self._offsets(inputs)
        if self.form != "continuous":
            return {"bias": (self.heads, *offsets)}
        return {
            "hidden_weight": (_HIDDEN, len(offsets)),
            "hidden_bias": (_HIDDEN,),
            "weight": (self.heads, _HIDDEN),
        }

    def start(self, name: str) -> Start:
        starts = {"hidden_weight": Start(0.0, 1.0), "hidden_bias": STARTS["bias"]}
        return starts.get(name) or Start(0.0, 0.1)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return self.batch_counts(inputs, output, valid_taps=valid_taps)

    def batch_counts(
        self, inputs: Sequence[Shape], output: Shape, *, batch: int = 1, valid_taps: bool = False
    ) -> Counts:
        scores = prod(output)
        if valid_taps:
            scores = self.heads * self._pairs(output[1:], output[0] // self.heads)
        added = Counts(adds=batch * scores)
        return added.plus(self._network(inputs)) if self.form == "continuous" else added

    def _network(self, inputs: Sequence[Shape]) -> Counts:
        """What the network of a continuous bias computes, on all offsets."""
        axes, offsets = len(only(inputs)) - 1, prod(self._offsets(inputs))
        hidden, numbers = offsets * _HIDDEN, offsets * self.heads
        return Counts(
            multiplies=hidden * (axes + self.heads) + numbers,
            adds=hidden * axes + numbers * _HIDDEN,
            divides=numbers,
            compares=hidden,
            specials=numbers,
        )

    def macs(self, inputs: Sequence[Shape], output: Shape, counts: Counts) -> int:
        if self.form != "continuous":
            return 0
        axes, offsets = len(only(inputs)) - 1, prod(self._offsets(inputs))
        return offsets * _HIDDEN * (axes + self.heads)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        offsets = prod(self._offsets(inputs))
        numbers, hidden = self.heads * offsets, _HIDDEN * offsets
        summed = Counts(adds=batch * prod(output) - numbers)
        if self.form != "continuous":
            return Backward(bias=summed)
        axes = len(only(inputs)) - 1
        weights = Counts(
            multiplies=numbers * 3 + self._backward_products(inputs),
            adds=numbers
            + self.heads * _HIDDEN * (offsets - 1)
            + hidden * (self.heads - 1)
            + _HIDDEN * axes * (offsets - 1),
            compares=hidden,
        )
        return Backward(summed.plus(weights), Counts(adds=_HIDDEN * (offsets - 1)))

    def _backward_products(self, inputs: Sequence[Shape]) -> int:
        """Products of the gradients of both weights, and of what lies between them."""
        axes, offsets = len(only(inputs)) - 1, prod(self._offsets(inputs))
        return offsets * _HIDDEN * (2 * self.heads + axes)

    def backward_macs(
        self, inputs: Sequence[Shape], output: Shape, back: Backward
    ) -> tuple[int, int]:
        return 0, self._backward_products(inputs) if self.form == "continuous" else 0

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        if self.form != "continuous":
            return Kept()
        return Kept(numbers=prod(self._offsets(inputs)) * (_HIDDEN + self.heads))


class _ScoresSoftmax(_Windows, Softmax, kind="softmax"):
    """The softmax of the scores of each head and position."""

    groups: int = field(Whole(), "groups of channels", symbol="g")

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        if not valid_taps:
            return super().counts(inputs, output)
        rows = prod(output[1:]) * self.groups
        scores = self.groups * self._pairs(output[1:], output[0] // self.groups)
        return Counts(
            adds=scores * 2 - rows, divides=scores, compares=scores - rows, specials=scores
        )


class AttentionValues(_Windows, kind="attention_values"):
    """The values of each head, weighted by a position's probabilities and added up.

    Shape:  probabilities (heads*K, *q), value (e, *k) -> (e, *q)
    Counts: T = K: multiplies = O*T, adds = O*(T - 1)
    Grads:  dprobability = sum of dy*value, dvalue = sum of dy*probability: multiplies = n*O*T each,
            adds = as many less the elements of the probabilities, of the value; keeps the other one
    Errors: window-mismatch
    """

    inputs = 2
    accumulates = True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        probabilities, value = inputs
        self._check_windows(value[1:])
        return (value[0], *probabilities[1:])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        outputs = named("O", prod(output))
        taps = named("T", inputs[0][0] // self.heads)
        if valid_taps:
            products = output[0] * self._pairs(output[1:], taps)
            return Counts(products, products - outputs)
        return Counts(outputs * taps, outputs * (taps - 1))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        products = batch * prod(output) * (inputs[0][0] // self.heads)
        return Backward(input=_gradients(products, inputs, wanted, batch))

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return _other_inputs(wanted)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        probabilities, value = inputs
        if index == 1:
            return (same(0), *self._positions(value))
        keys = probabilities[0] // self.heads
        return (grouped(0, value[0] // self.heads, keys), *same_from(1, probabilities))

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("same", source=1, groups=self.heads)


def _gradients(
    products: int, inputs: Sequence[Shape], wanted: Sequence[bool], batch: int
) -> Counts:
    """The gradients of both factors of a product of activations, each summed for its elements."""
    gradients = NOTHING
    for shape, want in zip(inputs, wanted, strict=True):
        if want:
            gradients = gradients.plus(Counts(products, products - batch * prod(shape)))
    return gradients


def _other_inputs(wanted: Sequence[bool]) -> Kept:
    """Of two factors those that the other one's gradient needs."""
    first, second = wanted
    return Kept((0,) * second + (1,) * first)
