"""Random layers that are valid by construction, small enough to be run by plain loops.

`random_layer(rng, kind)` gives a layer and its input shapes; `random_values(rng, kind)` gives the
arguments as a user would write them. Every argument of a kind is given now and then and left to its
default now and then; windows slide on 1 to 3 axes, other kinds also take none, 4 or 5.

What is valid is worked out here from the rules of the file format, not by asking the layer.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm, prod
from random import Random
from typing import Any

from convcalc.layers import layer_class
from convcalc.layers.base import Layer
from convcalc.shapes import Shape
from tests.oracle.windows import axes

#: Arguments by name as a user writes them, and the input shapes.
Drawn = tuple[dict[str, Any], list[Shape]]

# Largest sizes by number of spatial axes: loops over all of them must stay short.
_LARGEST_INPUT = {0: 1, 1: 14, 2: 6, 3: 4, 4: 3, 5: 2}
_LARGEST_KERNEL = {1: 6, 2: 4, 3: 3}
_LARGEST_PADDING = {1: 12, 2: 4, 3: 2}


def random_layer(rng: Random, kind: str) -> tuple[Layer, list[Shape]]:
    """A valid layer of a kind, with input shapes that fit it."""
    values, inputs = random_values(rng, kind)
    return layer_class(kind).read(values, len(inputs[0]) - 1), inputs


def drawn(kind: str, seed: str) -> tuple[Layer, list[Shape]]:
    """A random layer of a kind, the same one for the same seed on every machine."""
    return random_layer(Random(f"{kind} {seed}"), kind)


def random_values(rng: Random, kind: str) -> Drawn:
    """Valid arguments of a kind as a user writes them, with input shapes that fit them."""
    return GENERATORS[kind](rng)


# Pieces that several kinds share.


def _rank(rng: Random) -> int:
    """Spatial axes that a window slides on; two are the most usual."""
    return rng.choice([1, 2, 2, 2, 3])


def _any_rank(rng: Random, least: int = 0) -> int:
    """Spatial axes of a kind that takes any number of them."""
    return rng.choice([rank for rank in (0, 1, 2, 2, 2, 3, 4, 5) if rank >= least])


def _chance(rng: Random, percent: int) -> bool:
    return rng.randrange(100) < percent


def _sizes(rng: Random, rank: int) -> Shape:
    return tuple([rng.randint(1, _LARGEST_INPUT[rank]) for _ in range(rank)])


def _shape(rng: Random, rank: int, channels: int | None = None) -> Shape:
    return (channels or rng.randint(1, 6), *_sizes(rng, rank))


def _sometimes(rng: Random, values: dict[str, Any], name: str, value: object) -> None:
    """Gives an argument, or leaves it to its default."""
    if _chance(rng, 60):
        values[name] = value


def _per_axis(rng: Random, numbers: list[int]) -> int | list[int]:
    """One number per axis as a user writes it: a single one where all are equal."""
    if len(set(numbers)) == 1 and _chance(rng, 80):
        return numbers[0]
    return numbers


def _padding(rng: Random, pairs: list[tuple[int, int]]) -> object:
    """Padding as a user writes it: as short as it can be, or not."""
    if set(pairs) == {(0, 0)} and _chance(rng, 20):
        return "valid"
    if all(before == after for before, after in pairs) and _chance(rng, 80):
        return _per_axis(rng, [before for before, _ in pairs])
    return [list(pair) for pair in pairs]


def _split(rng: Random, total: int, parts: int) -> list[int]:
    """Whole numbers of at least 0 that sum up to `total`."""
    cuts = sorted(rng.randint(0, total) for _ in range(parts - 1))
    return [high - low for low, high in zip([0, *cuts], [*cuts, total], strict=True)]


class _Axis:
    """One axis of a window: taps, stride, dilation, padding, and an input that they fit."""

    def __init__(self, rng: Random, rank: int, *, dilate: bool, pool: bool, ceil_mode: bool):
        self.taps = rng.randint(1, _LARGEST_KERNEL[rank])
        self.stride = rng.choice([1, 1, 2, 2, 3, 4, self.taps])
        self.dilation = rng.choice([1, 1, 2, 3]) if dilate else 1
        span = self.dilation * (self.taps - 1) + 1
        # Padding beyond the window leaves windows without a real tap; a pool refuses that.
        most = min(span - 1 if pool else span + 2, _LARGEST_PADDING[rank])
        self.before = rng.choice([0, rng.randint(0, most)])
        self.after = rng.choice([self.before, min(self.before + 1, most), rng.randint(0, most)])
        # Under ceil_mode the first window may hang over the edge by less than a stride.
        overhang = self.stride - 1 if ceil_mode else 0
        least = max(1, span - self.before - self.after - overhang)
        self.n = rng.randint(least, max(least, _LARGEST_INPUT[rank]))


def _window(
    rng: Random, rank: int, *, dilate: bool = True, pool: bool = False, ceil_mode: bool = False
) -> tuple[dict[str, Any], list[int]]:
    """Arguments of a sliding window, and the spatial sizes of an input that it fits."""
    axes = [_Axis(rng, rank, dilate=dilate, pool=pool, ceil_mode=ceil_mode) for _ in range(rank)]
    if _chance(rng, 60):
        # Most windows people write are the same along every axis.
        axes = [axes[0]] * rank
    values: dict[str, Any] = {"kernel": _per_axis(rng, [axis.taps for axis in axes])}
    # A pool steps by its own size unless it is told otherwise.
    usual = [axis.taps if pool else 1 for axis in axes]
    if [axis.stride for axis in axes] != usual or _chance(rng, 30):
        values["stride"] = _per_axis(rng, [axis.stride for axis in axes])
    if dilate:
        _set_unless(rng, values, "dilation", [axis.dilation for axis in axes], 1)
    sizes = [axis.n for axis in axes]
    if _chance(rng, 30):
        values["padding"] = rng.choice(["same", "same_lower", *["causal"] * (rank == 1)])
        sizes = list(_sizes(rng, rank))
    elif any(axis.before or axis.after for axis in axes) or _chance(rng, 30):
        values["padding"] = _padding(rng, [(axis.before, axis.after) for axis in axes])
    return values, sizes


def _set_unless(
    rng: Random, values: dict[str, Any], name: str, numbers: list[int], default: int
) -> None:
    """Gives an argument; where it is the default, only now and then."""
    if set(numbers) != {default} or _chance(rng, 30):
        values[name] = _per_axis(rng, numbers)


# Convolutions and dense.


def _conv(rng: Random) -> Drawn:
    values, sizes = _window(rng, _rank(rng))
    groups = rng.choice([1, 1, 1, 2, 3])
    values["channels"] = groups * rng.randint(1, 3)
    c_in = groups * rng.randint(1, 3)
    if groups > 1 or _chance(rng, 30):
        values["groups"] = groups
    _sometimes(rng, values, "bias", _chance(rng, 50))
    _sometimes(rng, values, "flip", _chance(rng, 50))
    return values, [(c_in, *sizes)]


def _depthwise(rng: Random) -> Drawn:
    values, sizes = _window(rng, _rank(rng))
    _sometimes(rng, values, "multiplier", rng.randint(1, 3))
    _sometimes(rng, values, "bias", _chance(rng, 50))
    return values, [(rng.randint(1, 5), *sizes)]


def _deform_conv(rng: Random) -> Drawn:
    rank = _rank(rng)
    values, sizes = _window(rng, rank)
    groups, offset_groups = rng.choice([1, 1, 2]), rng.choice([1, 1, 2, 3])
    values["channels"] = groups * rng.randint(1, 2)
    c_in = lcm(groups, offset_groups) * rng.randint(1, 2 if rank < 3 else 1)
    if groups > 1 or _chance(rng, 30):
        values["groups"] = groups
    if offset_groups > 1 or _chance(rng, 30):
        values["offset_groups"] = offset_groups
    _sometimes(rng, values, "bias", _chance(rng, 50))
    kernel, stride = _each(values["kernel"], rank), _each(values.get("stride", 1), rank)
    dilation = _each(values.get("dilation", 1), rank)
    windows = axes(sizes, kernel, stride, dilation, _sides(values.get("padding", 0), rank))
    outputs = [len(window.starts) for window in windows]
    factors = offset_groups * prod(kernel)
    inputs = [(c_in, *sizes), (rank * factors, *outputs), (factors, *outputs)]
    return values, inputs[: rng.choice([2, 3])]


def _each(given: Any, rank: int) -> list[int]:
    """An argument that a user wrote once for all axes, or once for each."""
    return given if isinstance(given, list) else [given] * rank


def _sides(padding: Any, rank: int) -> Any:
    """Padding as a user wrote it, as (before, after) of each axis, or as a word."""
    if padding == "valid":
        padding = 0
    if isinstance(padding, str):
        return padding
    each: list[Any] = _each(padding, rank)
    return tuple([tuple(side) if isinstance(side, list) else (side, side) for side in each])


def _conv_transpose(rng: Random) -> Drawn:
    rank = _rank(rng)
    taps, strides, dilations, extras, pairs, sizes = [], [], [], [], [], []
    for _ in range(rank):
        taps.append(rng.randint(1, _LARGEST_KERNEL[rank]))
        strides.append(rng.choice([1, 2, 2, 3, 4]))
        dilations.append(rng.choice([1, 1, 2, 3]))
        extras.append(rng.choice([0, rng.randrange(max(strides[-1], dilations[-1]))]))
        sizes.append(rng.randint(1, {1: 8, 2: 4, 3: 3}[rank]))
        uncropped = (sizes[-1] - 1) * strides[-1] + dilations[-1] * (taps[-1] - 1) + 1
        # At least one position must be left.
        cropped = rng.choice([0, rng.randint(0, uncropped + extras[-1] - 1)])
        before = rng.choice([cropped // 2, rng.randint(0, cropped)])
        pairs.append((before, cropped - before))
    values: dict[str, Any] = {"kernel": _per_axis(rng, taps)}
    _set_unless(rng, values, "stride", strides, 1)
    _set_unless(rng, values, "dilation", dilations, 1)
    _set_unless(rng, values, "output_padding", extras, 0)
    # With output padding, `same` leaves nothing of an even kernel at the only position.
    kernels = [d * (k - 1) + 1 for k, d in zip(taps, dilations, strict=True)]
    empty = [
        n == 1 and k % 2 == 0 and not extra
        for n, k, extra in zip(sizes, kernels, extras, strict=True)
    ]
    if not ("output_padding" in values and any(empty)) and _chance(rng, 40):
        values["padding"] = rng.choice(["same", "same_lower"])
    elif set(pairs) != {(0, 0)} or _chance(rng, 30):
        values["padding"] = _padding(rng, pairs)
    groups = rng.choice([1, 1, 1, 2, 3])
    values["channels"] = groups * rng.randint(1, 2)
    if groups > 1 or _chance(rng, 30):
        values["groups"] = groups
    _sometimes(rng, values, "bias", _chance(rng, 50))
    return values, [(groups * rng.randint(1, 2), *sizes)]


def _dense(rng: Random) -> Drawn:
    values: dict[str, Any] = {"units": rng.randint(1, 6)}
    _sometimes(rng, values, "bias", _chance(rng, 50))
    _sometimes(rng, values, "positionwise", _chance(rng, 50))
    return values, [_shape(rng, _any_rank(rng))]


def _conv_lstm(rng: Random) -> Drawn:
    rank = rng.choice([1, 1, 2, 2, 3])
    values, sizes = _window(rng, rank)
    values["channels"] = rng.randint(1, 2)
    _sometimes(rng, values, "bias", _chance(rng, 50))
    return values, [(rng.randint(1, 2), rng.randint(1, 3), *sizes)]


def _recurrent(rng: Random) -> Drawn:
    values: dict[str, Any] = {"units": rng.randint(1, 4)}
    _sometimes(rng, values, "bidirectional", _chance(rng, 50))
    _sometimes(rng, values, "bias", _chance(rng, 50))
    return values, [(rng.randint(1, 5), rng.randint(1, 6))]


# Pooling.


def _pool(rng: Random, *, dilate: bool) -> Drawn:
    rank = _rank(rng)
    ceil_mode = _chance(rng, 50)
    values, sizes = _window(rng, rank, dilate=dilate, pool=True, ceil_mode=ceil_mode)
    if ceil_mode:
        values["ceil_mode"] = True
    else:
        _sometimes(rng, values, "ceil_mode", value=False)
    return values, [(rng.randint(1, 4), *sizes)]


def _selecting_pool(rng: Random) -> Drawn:
    return _pool(rng, dilate=True)


def _opaque(rng: Random) -> Drawn:
    shapes = [_shape(rng, _any_rank(rng)) for _ in range(rng.randint(1, 3))]
    values: dict[str, Any] = {"op": rng.choice(["NonMaxSuppression", "com.x.Op-2"])}
    values["shape"] = list(_shape(rng, _any_rank(rng)))
    _sometimes(rng, values, "params", rng.randrange(100))
    return values, shapes


def _unpool(rng: Random) -> Drawn:
    """A maxpool stands for its name; its input, its places and what enters have fitting shapes."""
    values, [entered] = _selecting_pool(rng)
    pool = layer_class("maxpool").read(values, len(entered) - 1)
    pooled = pool.output_shape([entered])
    return {"pool": pool}, [pooled, pooled, entered]


def _avgpool(rng: Random) -> Drawn:
    values, inputs = _pool(rng, dilate=False)
    _sometimes(rng, values, "count_include_pad", _chance(rng, 50))
    return values, inputs


def _global_pool(rng: Random) -> Drawn:
    values: dict[str, Any] = {}
    _sometimes(rng, values, "keepdims", _chance(rng, 50))
    return values, [_shape(rng, _any_rank(rng, 1))]


def _adaptive_pool(rng: Random) -> Drawn:
    rank = _rank(rng)
    # Larger than the input is allowed: the windows then share positions.
    size = [rng.randint(1, _LARGEST_INPUT[rank] + 2) for _ in range(rank)]
    if _chance(rng, 50):
        size = size[:1] * rank
    return {"size": _per_axis(rng, size)}, [_shape(rng, rank, rng.randint(1, 3))]


# Normalisation.


def _norm(rng: Random, least_rank: int = 0) -> Drawn:
    values: dict[str, Any] = {}
    _sometimes(
        rng, values, "eps", rng.choice([Fraction(1, 1000), Fraction(1, 100000), Fraction(1, 2)])
    )
    _sometimes(rng, values, "affine", _chance(rng, 50))
    return values, [_shape(rng, _any_rank(rng, least_rank))]


def _instancenorm(rng: Random) -> Drawn:
    return _norm(rng, 1)


def _groupnorm(rng: Random) -> Drawn:
    values, [shape] = _norm(rng)
    values["groups"] = rng.choice([1, 2, 3])
    return values, [(values["groups"] * rng.randint(1, 3), *shape[1:])]


def _lrn(rng: Random) -> Drawn:
    values: dict[str, Any] = {"size": rng.randint(1, 7)}
    _sometimes(rng, values, "alpha", rng.choice([Fraction(1, 10000), 1, 2]))
    _sometimes(rng, values, "beta", rng.choice([Fraction(3, 4), Fraction(1, 2), 1]))
    _sometimes(rng, values, "k", rng.choice([1, 2]))
    return values, [_shape(rng, _any_rank(rng))]


def _l2norm(rng: Random) -> Drawn:
    values: dict[str, Any] = {}
    # Large ones take the place of some lengths.
    _sometimes(
        rng, values, "eps", rng.choice([Fraction(1, 10**12), Fraction(1, 2), Fraction(9, 10)])
    )
    return values, [_shape(rng, _any_rank(rng))]


def _grn(rng: Random) -> Drawn:
    values: dict[str, Any] = {}
    _sometimes(rng, values, "eps", rng.choice([Fraction(1, 10**6), Fraction(1, 2)]))
    return values, [_shape(rng, _any_rank(rng, 1))]


# Activations.


def _plain(rng: Random) -> Drawn:
    return {}, [_shape(rng, _any_rank(rng))]


def _leaky_relu(rng: Random) -> Drawn:
    values, inputs = _plain(rng)
    _sometimes(rng, values, "slope", rng.choice([Fraction(1, 10), Fraction(1, 5), 0]))
    return values, inputs


def _prelu(rng: Random) -> Drawn:
    values, inputs = _plain(rng)
    _sometimes(rng, values, "per_channel", _chance(rng, 50))
    return values, inputs


def _elu(rng: Random) -> Drawn:
    values, inputs = _plain(rng)
    _sometimes(rng, values, "alpha", rng.choice([Fraction(1, 2), 1, 2]))
    return values, inputs


def _softmax(rng: Random) -> Drawn:
    groups = rng.choice([1, 1, 2, 3])
    values: dict[str, Any] = {}
    if groups > 1 or _chance(rng, 30):
        values["groups"] = groups
    return values, [_shape(rng, _any_rank(rng), groups * rng.randint(1, 4))]


def _clip(rng: Random) -> Drawn:
    fifths = sorted(rng.sample(range(-5, 4), 2))
    low, high = [Fraction(n, 5) for n in fifths]
    values: dict[str, Any] = rng.choice([{"min": low}, {"max": high}, {"min": low, "max": high}])
    return values, [_shape(rng, _any_rank(rng))]


def _hard_sigmoid(rng: Random) -> Drawn:
    values, inputs = _plain(rng)
    _sometimes(rng, values, "alpha", rng.choice([Fraction(1, 5), 1, 3]))
    _sometimes(rng, values, "beta", rng.choice([Fraction(1, 2), 0, Fraction(-1, 4), 2]))
    return values, inputs


# Other functions of one element.


def _pow(rng: Random) -> Drawn:
    exponent = rng.choice([2, 3, -1, 0, Fraction(1, 2), Fraction(-3, 2), Fraction(5, 2)])
    return {"exponent": exponent}, [_shape(rng, _any_rank(rng))]


def _rescaling(rng: Random) -> Drawn:
    values, inputs = _plain(rng)
    _sometimes(rng, values, "factor", rng.choice([1, -1, 2, Fraction(1, 255)]))
    _sometimes(rng, values, "offset", rng.choice([0, 1, Fraction(-1, 2)]))
    return values, inputs


# Structure.


def _dropout(rng: Random) -> Drawn:
    values, inputs = _plain(rng)
    _sometimes(rng, values, "rate", rng.choice([0, Fraction(1, 5), Fraction(9, 10)]))
    return values, inputs


def _reshape(rng: Random) -> Drawn:
    shape = _shape(rng, _any_rank(rng))
    left = prod(shape)
    target: list[int] = []
    for _ in range(rng.randrange(6)):
        size = rng.choice([size for size in range(1, left + 1) if left % size == 0])
        target.append(size)
        left //= size
    target.append(left)
    if _chance(rng, 50):
        target[rng.randrange(len(target))] = -1
    return {"shape": target}, [shape]


def _transpose(rng: Random) -> Drawn:
    shape = _shape(rng, _any_rank(rng))
    return {"order": rng.sample(range(len(shape)), len(shape))}, [shape]


def _pad(rng: Random) -> Drawn:
    shape = _shape(rng, _rank(rng), rng.randint(1, 3))
    values: dict[str, Any] = {}
    mode = rng.choice(["zeros", "reflect", "replicate", "circular"])
    if mode != "zeros" or _chance(rng, 50):
        values["mode"] = mode
    pairs = []
    for n in shape[1:]:
        cropped = [0, 0]
        if n > 1 and _chance(rng, 30):
            cropped[rng.randrange(2)] = rng.randint(1, n - 1)
        left = n - sum(cropped)
        most = {"reflect": left - 1, "circular": left}.get(mode, 3)
        before, after = [-cut or rng.randint(0, most) for cut in cropped]
        pairs.append((before, after))
    if _chance(rng, 30):
        least = max(0, min(min(pair) for pair in pairs))
        pairs = [(least, least)] * len(pairs)
    padding = _padding(rng, pairs)
    values["padding"] = 0 if padding == "valid" else padding
    if mode == "zeros":
        _sometimes(rng, values, "value", rng.choice([0, 1, Fraction(-1, 2)]))
    return values, [shape]


def _crop(rng: Random) -> Drawn:
    shape = _shape(rng, _rank(rng))
    pairs = []
    for n in shape[1:]:
        before, after, _ = _split(rng, n - 1, 3)
        pairs.append((before, after))
    padding = _padding(rng, pairs)
    return {"padding": 0 if padding == "valid" else padding}, [shape]


def _upsample(rng: Random) -> Drawn:
    shape = _shape(rng, _rank(rng), rng.randint(1, 3))
    rank = len(shape) - 1
    values: dict[str, Any] = {}
    most = {1: 5, 2: 3, 3: 2}[rank]
    if _chance(rng, 50):
        whole = [Fraction(rng.randint(1, most))] * rank
        # A fraction must leave a position.
        parts = [Fraction(rng.randint(1, 9), rng.randint(1, 4)) for _ in range(rank)]
        fits = all(1 <= n * f <= most * n for n, f in zip(shape[1:], parts, strict=True))
        factors = parts if fits else whole
        if len(set(factors)) == 1 and _chance(rng, 80):
            values["factor"] = factors[0]
        else:
            values["factor"] = factors
    else:
        values["size"] = _per_axis(rng, [rng.randint(1, most * n) for n in shape[1:]])
    _sometimes(rng, values, "mode", rng.choice(["nearest", "bilinear", "bicubic"]))
    _sometimes(
        rng, values, "coordinates", rng.choice(["half_pixel", "align_corners", "asymmetric"])
    )
    return values, [shape]


def _stochastic_depth(rng: Random) -> Drawn:
    values, inputs = _plain(rng)
    values["rate"] = rng.choice([0, Fraction(1, 5), Fraction(9, 10)])
    return values, inputs


def _pixel_unshuffle(rng: Random) -> Drawn:
    rank = _rank(rng)
    factor = rng.randint(1, 3)
    most = max(_LARGEST_INPUT[rank] // factor, 1)
    sizes = [factor * rng.randint(1, most) for _ in range(rank)]
    return {"factor": factor}, [(rng.randint(1, 3), *sizes)]


def _pixel_shuffle(rng: Random) -> Drawn:
    rank = _rank(rng)
    factor = rng.randint(1, 3 if rank < 3 else 2)
    return {"factor": factor}, [_shape(rng, rank, rng.randint(1, 3) * factor**rank)]


def _channel_shuffle(rng: Random) -> Drawn:
    groups = rng.randint(1, 4)
    return {"groups": groups}, [_shape(rng, _any_rank(rng), groups * rng.randint(1, 3))]


def _slice(rng: Random) -> Drawn:
    shape = _shape(rng, _any_rank(rng))
    axis = rng.choice([0, rng.randrange(len(shape))])
    start = rng.randrange(shape[axis])
    values: dict[str, Any] = {"channels": [start, rng.randint(start + 1, shape[axis])]}
    if axis or _chance(rng, 30):
        values["axis"] = axis
    if _chance(rng, 40):
        values["step"] = rng.randint(1, 4)
    return values, [shape]


def _scale(rng: Random) -> Drawn:
    values, inputs = _plain(rng)
    _sometimes(rng, values, "init", rng.choice([0, Fraction(1, 1000000), Fraction(1, 10), 1]))
    _sometimes(rng, values, "learned", _chance(rng, 50))
    _sometimes(rng, values, "per_channel", _chance(rng, 50))
    return values, inputs


def _gather(rng: Random) -> Drawn:
    shape = _shape(rng, _any_rank(rng))
    axis = rng.randrange(len(shape))
    values: dict[str, Any] = {"indices": rng.choices(range(shape[axis]), k=rng.randint(1, 6))}
    if axis or _chance(rng, 30):
        values["axis"] = axis
    return values, [shape]


def _broadcast(rng: Random) -> Drawn:
    shape = [1 if _chance(rng, 40) else n for n in _shape(rng, _any_rank(rng))]
    sizes = [rng.randint(1, 4) if n == 1 else n for n in shape]
    return {
        "shape": [
            -1 if n == size and _chance(rng, 50) else size
            for n, size in zip(shape, sizes, strict=True)
        ]
    }, [tuple(shape)]


def _reduction(rng: Random) -> Drawn:
    shape = _shape(rng, _any_rank(rng))
    axes = rng.sample(range(len(shape)), rng.randint(1, len(shape)))
    values: dict[str, Any] = {"axes": axes}
    if len(axes) < len(shape):
        _sometimes(rng, values, "keepdims", _chance(rng, 50))
    return values, [shape]


def _constant(rng: Random) -> Drawn:
    values: dict[str, Any] = {}
    _sometimes(rng, values, "shape", list(_shape(rng, _any_rank(rng))))
    return values, [_shape(rng, _any_rank(rng))]


def _parameter(rng: Random) -> Drawn:
    values, inputs = _constant(rng)
    elements = prod(values.get("shape", inputs[0]))
    _sometimes(rng, values, "learned", rng.randint(1, elements))
    return values, inputs


# Joins.


def _elementwise_join(most: int, *, gates: bool) -> Callable[[Random], Drawn]:
    """Branches whose axes are those of the result, or 1; `gates`: their channels too."""

    def draw(rng: Random) -> Drawn:
        shape = _shape(rng, _any_rank(rng))
        branches = []
        for _ in range(rng.randint(2, most)):
            channels = 1 if gates and _chance(rng, 20) else shape[0]
            sizes = [1 if _chance(rng, 20) else size for size in shape[1:]]
            branches.append((channels, *sizes))
        return {}, branches

    return draw


def _concat(rng: Random) -> Drawn:
    shape = _shape(rng, _any_rank(rng))
    axis = rng.choice([0, rng.randrange(len(shape))])
    values: dict[str, Any] = {"axis": axis} if axis or _chance(rng, 30) else {}
    branches = [
        (*shape[:axis], rng.randint(1, 4), *shape[axis + 1 :]) for _ in range(rng.randint(2, 4))
    ]
    return values, branches


def _matmul(rng: Random) -> Drawn:
    *before, rows, length = _shape(rng, _any_rank(rng, 1))
    branches = []
    for matrix in ((rows, length), (length, rng.randint(1, 5))):
        sizes = [1 if _chance(rng, 20) else size for size in before]
        branches.append((*sizes, *matrix))
    return {}, branches


# Attention.


def _windows(rng: Random, least: int = 1) -> tuple[dict[str, Any], list[int]]:
    """Arguments of windows, and sizes of a map that they tile."""
    rank = _rank(rng)
    if _chance(rng, 40):
        return {}, [rng.randint(least, {1: 6, 2: 3, 3: 2}[rank]) for _ in range(rank)]
    most = {1: 4, 2: 3, 3: 2}[rank]
    window = [rng.randint(least, most) for _ in range(rank)]
    if _chance(rng, 60):
        window = window[:1] * rank
    values: dict[str, Any] = {"window": _per_axis(rng, window)}
    dilation = [1] * rank
    if _chance(rng, 40):
        dilation = [rng.randint(1, 2) for _ in range(rank)]
        _set_unless(rng, values, "dilation", dilation, 1)
    if set(dilation) == {1} and _chance(rng, 70):
        _set_unless(rng, values, "shift", [rng.randrange(taps) for taps in window], 0)
    blocks = [rng.randint(1, {1: 3, 2: 2, 3: 2}[rank]) for _ in range(rank)]
    sizes = [t * d * b for t, d, b in zip(window, dilation, blocks, strict=True)]
    return values, sizes


def _heads(rng: Random, values: dict[str, Any]) -> int:
    heads = rng.choice([1, 1, 2, 3])
    if heads > 1 or _chance(rng, 30):
        values["heads"] = heads
    return heads


def _other_sizes(rng: Random, values: dict[str, Any], sizes: list[int]) -> list[int]:
    """Sizes of a key for a query of these; without windows they may be others."""
    if "window" in values or _chance(rng, 40):
        return sizes
    rank = _rank(rng)
    return [rng.randint(1, {1: 6, 2: 3, 3: 2}[rank]) for _ in range(rank)]


def _keys(values: dict[str, Any], sizes: list[int]) -> int:
    """How many keys a position has."""
    window = values.get("window", sizes)
    return prod(window) if isinstance(window, list) else window ** len(sizes)


def _attention(rng: Random) -> Drawn:
    values, sizes = _windows(rng)
    heads = _heads(rng, values)
    bias = rng.choice(["none", "none", "relative", "distance"])
    if bias != "none" or _chance(rng, 20):
        values["position_bias"] = bias
    _sometimes(rng, values, "similarity", rng.choice(["dot", "cosine"]))
    _sometimes(rng, values, "dropout", rng.choice([0, Fraction(1, 10)]))
    others = sizes if bias != "none" else _other_sizes(rng, values, sizes)
    c, e = heads * rng.randint(1, 3), heads * rng.randint(1, 3)
    return values, [(c, *sizes), (c, *others), (e, *others)]


def _attention_norm(rng: Random) -> Drawn:
    values: dict[str, Any] = {}
    heads = _heads(rng, values)
    _sometimes(rng, values, "scaled", _chance(rng, 50))
    return values, [_shape(rng, _rank(rng), heads * rng.randint(1, 3))]


def _attention_scores(rng: Random) -> Drawn:
    values, sizes = _windows(rng)
    channels = _heads(rng, values) * rng.randint(1, 3)
    return values, [(channels, *sizes), (channels, *_other_sizes(rng, values, sizes))]


def _attention_bias(rng: Random) -> Drawn:
    values, sizes = _windows(rng)
    # The network of a continuous bias takes long in loops, on more than a few offsets.
    few = prod(sizes) <= 4
    values["form"] = rng.choice(["relative", "distance", *(["continuous"] if few else [])])
    return values, [(_heads(rng, values) * _keys(values, sizes), *sizes)]


def _attention_values(rng: Random) -> Drawn:
    values, sizes = _windows(rng)
    heads = _heads(rng, values)
    others = _other_sizes(rng, values, sizes)
    scores = (heads * _keys(values, others), *sizes)
    return values, [scores, (heads * rng.randint(1, 3), *others)]


#: How to draw each kind; a new kind gets one line.
GENERATORS: dict[str, Callable[[Random], Drawn]] = {
    "conv": _conv,
    "depthwise": _depthwise,
    "conv_transpose": _conv_transpose,
    "maxpool": _selecting_pool,
    "indices": _selecting_pool,
    "unpool": _unpool,
    "opaque": _opaque,
    "minpool": _selecting_pool,
    "avgpool": _avgpool,
    "global_maxpool": _global_pool,
    "global_avgpool": _global_pool,
    "adaptive_maxpool": _adaptive_pool,
    "adaptive_avgpool": _adaptive_pool,
    "channel_maxpool": _plain,
    "channel_avgpool": _plain,
    "dense": _dense,
    "lstm": _recurrent,
    "gru": _recurrent,
    "conv_lstm": _conv_lstm,
    "batchnorm": _norm,
    "layernorm": _norm,
    "groupnorm": _groupnorm,
    "instancenorm": _instancenorm,
    "lrn": _lrn,
    "rmsnorm": _norm,
    "l2norm": _l2norm,
    "grn": _grn,
    "relu": _plain,
    "relu6": _plain,
    "clip": _clip,
    "leaky_relu": _leaky_relu,
    "prelu": _prelu,
    "elu": _elu,
    "selu": _plain,
    "celu": _elu,
    "gelu": _plain,
    "silu": _plain,
    "mish": _plain,
    "softplus": _plain,
    "sigmoid": _plain,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _plain,
    "tanh": _plain,
    "softmax": _softmax,
    "pow": _pow,
    "sqrt": _plain,
    "rescaling": _rescaling,
    "dropout": _dropout,
    "stochastic_depth": _stochastic_depth,
    "identity": _plain,
    "flatten": _plain,
    "reshape": _reshape,
    "transpose": _transpose,
    "pad": _pad,
    "crop": _crop,
    "upsample": _upsample,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle,
    "slice": _slice,
    "gather": _gather,
    "broadcast": _broadcast,
    "reduce_mean": _reduction,
    "reduce_max": _reduction,
    "reduce_sum": _reduction,
    "scale": _scale,
    "parameter": _parameter,
    "buffer": _constant,
    "add": _elementwise_join(4, gates=False),
    "sub": _elementwise_join(2, gates=False),
    "mul": _elementwise_join(4, gates=True),
    "div": _elementwise_join(2, gates=True),
    "concat": _concat,
    "matmul": _matmul,
    "deform_conv": _deform_conv,
    "attention": _attention,
    "attention_norm": _attention_norm,
    "attention_scores": _attention_scores,
    "attention_bias": _attention_bias,
    "attention_values": _attention_values,
}
