"""Runs the counters themselves, and writes the facts in tests/data/counters.jsonl.

    pip install torch torchvision torchinfo==1.8.0 fvcore thop ptflops==0.7.5 calflops==0.3.2 einops
    PYTHONPATH=. python scripts/measure_counters.py --deepspeed PATH > tests/data/counters.jsonl

With --new it measures only what the file does not have, to be appended to it.

Builds every network in PyTorch, with modules as layers and joins as `+`, `-`, `*`, `/`, `torch.cat`
and `torch.matmul`, and runs each counter on it. PATH is DeepSpeed's file
deepspeed/profiling/flops_profiler/profiler.py; the rest of DeepSpeed is not needed. A null means
that the counter ended with an error. Large networks are not run, so counters that need a run are
missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import logging
import sys
import types
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from random import Random

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402, N812 - the usual name
import torchvision  # noqa: E402
from torch import nn  # noqa: E402

import convcalc  # noqa: E402
from convcalc.language.shipped import shipped_names  # noqa: E402
from tests.networks.grow import random_spec  # noqa: E402

# --- Layers as modules -------------------------------------------------------------------------


class Call(nn.Module):
    """An operation that PyTorch has only as an operator or a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


class ChannelsLast(nn.Module):
    """Applies a module for the last axis to the channels of a map."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.movedim(1, -1).contiguous()).movedim(-1, 1)


class LayerScale(nn.Module):
    """A learned factor, one or one per channel: a plain parameter as in ConvNeXt."""

    def __init__(self, channels, rank):
        super().__init__()
        self.layer_scale = nn.Parameter(torch.ones(channels, *[1] * rank))

    def forward(self, x):
        return x * self.layer_scale


class Unpool(nn.Module):
    """The module with the size of the pooling's input, which PyTorch takes beside it."""

    def __init__(self, pool, rank):
        super().__init__()
        sides = () if isinstance(pool.padding, str) else pool.padding
        if not sides or any(before != after for before, after in sides) or max(pool.dilation) > 1:
            raise NotImplementedError
        kind = (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d)[rank - 1]
        self.module = kind(
            pool.kernel, pool.stride or pool.kernel, tuple(before for before, _ in sides)
        )

    def forward(self, x, places, entered):
        # Plain numbers: traced sizes, which fvcore makes, end the unpooling with an error.
        sizes = [int(size) for size in entered.shape]
        return self.module(x, places, output_size=sizes)


class Constant(nn.Module):
    """A value of its own, learned or not, whatever enters: a class token, a position embedding."""

    def __init__(self, shape, learned):
        super().__init__()
        value = torch.zeros(shape)
        if learned:
            self.value = nn.Parameter(value)
        else:
            self.register_buffer("value", value)

    def forward(self, x):
        # A copy: FlopCounterMode fails on a module that returns a view of a parameter.
        return self.value.expand(len(x), *self.value.shape).clone()


class StochasticDepth(nn.Module):
    """What torchvision and timm drop branches with; at inference it does nothing."""

    def forward(self, x):
        return x


def _flat(pairs):
    """Padding in the order of F.pad: the last axis first."""
    return [side for pair in reversed(pairs) for side in pair]


def _behind_pad(module, pairs, value=0.0):
    """The module after a padding that it does not support itself."""
    return nn.Sequential(Call(lambda x: F.pad(x, _flat(pairs), value=value)), module)


def _conv(layer, shape, rank):
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
    windows = layer.windows([shape])
    sides = [(w.before, w.after) for w in windows]
    even = all(before == after for before, after in sides)
    out = layer.output_shape([shape])[0]
    groups = shape[0] if layer.kind == "depthwise" else layer.groups
    padding = tuple(before for before, _ in sides) if even else 0
    made = kind(
        shape[0], out, layer.kernel, layer.stride, padding, layer.dilation, groups, layer.bias
    )
    return made if even else _behind_pad(made, sides)


def _deform_conv(layer, shape, rank):
    # Of the windows only the padding is of interest; the branches' shapes beside value's are not.
    windows = layer.windows([shape])
    if rank != 2 or any(w.before != w.after for w in windows):
        raise NotImplementedError
    return torchvision.ops.DeformConv2d(
        shape[0],
        layer.channels,
        layer.kernel,
        layer.stride,
        tuple(w.before for w in windows),
        layer.dilation,
        layer.groups,
        layer.bias,
    )


def _conv_transpose(layer, shape, rank):
    kind = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[rank - 1]
    windows = layer.windows([shape])
    if any(w.before != w.after for w in windows):
        raise NotImplementedError
    return kind(
        shape[0],
        layer.channels,
        layer.kernel,
        layer.stride,
        tuple(w.before for w in windows),
        layer.settled([shape]).output_padding,
        layer.groups,
        layer.bias,
        layer.dilation,
    )


def _pool(layer, shape, rank):
    if layer.kind == "minpool":
        raise NotImplementedError
    windows = layer.windows([shape])
    sides = [(w.before, w.after) for w in windows]
    even = all(
        before == after <= w.taps // 2 for (before, after), w in zip(sides, windows, strict=True)
    )
    if not even:
        raise NotImplementedError
    padding = tuple(before for before, _ in sides)
    stride = layer.stride or layer.kernel
    if layer.kind == "maxpool":
        kind = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[rank - 1]
        if rank == 1:
            return kind(
                layer.kernel[0], stride[0], padding[0], layer.dilation[0], False, layer.ceil_mode
            )
        return kind(layer.kernel, stride, padding, layer.dilation, False, layer.ceil_mode)
    kind = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[rank - 1]
    return kind(layer.kernel, stride, padding, layer.ceil_mode, layer.count_include_pad)


def _adaptive(layer, shape, rank):
    size = getattr(layer, "size", (1,) * rank)
    kinds = {
        "max": (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
        "avg": (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    }
    pool = kinds["max" if "max" in layer.kind else "avg"][rank - 1](size if rank > 1 else size[0])
    return pool if getattr(layer, "keepdims", True) else nn.Sequential(pool, nn.Flatten())


def _dense(layer, shape, rank):
    if layer.positionwise:
        linear = nn.Linear(shape[0], layer.units, layer.bias)
        return ChannelsLast(linear) if rank else linear
    linear = nn.Linear(torch.Size(shape).numel(), layer.units, layer.bias)
    return nn.Sequential(nn.Flatten(), linear) if rank else linear


class Sequence(nn.Module):
    """A recurrent module on values whose channels come before their positions."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.transpose(1, 2))[0].transpose(1, 2)


def _recurrent(kind):
    return lambda la, s, r: Sequence(
        kind(s[0], la.units, bias=la.bias, batch_first=True, bidirectional=la.bidirectional)
    )


def _batchnorm(layer, shape, rank):
    kind = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[rank]
    return kind(shape[0], layer.eps, affine=layer.affine)


def _layernorm(layer, shape, rank):
    norm = nn.LayerNorm(shape[0], layer.eps, elementwise_affine=layer.affine)
    return ChannelsLast(norm) if rank else norm


def _instancenorm(layer, shape, rank):
    kind = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[rank - 1]
    return kind(shape[0], layer.eps, affine=layer.affine)


def _lrn(layer, shape, rank):
    if not rank:
        raise NotImplementedError  # PyTorch's needs a position axis
    return nn.LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k)


def _rmsnorm(layer, shape, rank):
    norm = nn.RMSNorm(shape[0], layer.eps, elementwise_affine=layer.affine)
    return ChannelsLast(norm) if rank else norm


class GlobalResponseNorm(nn.Module):
    """ConvNeXt V2's, with plain parameters as there."""

    def __init__(self, channels, rank, eps):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(channels, *[1] * rank))
        self.beta = nn.Parameter(torch.zeros(channels, *[1] * rank))
        self.axes = tuple(range(2, 2 + rank))
        self.eps = eps

    def forward(self, x):
        length = torch.norm(x, p=2, dim=self.axes, keepdim=True)
        share = length / (length.mean(dim=1, keepdim=True) + self.eps)
        return self.gamma * (x * share) + self.beta + x


def _hard_sigmoid(layer, shape, rank):
    if (layer.alpha, layer.beta) == (1 / 6, 0.5):
        return nn.Hardsigmoid()
    return Call(lambda x: torch.clamp(x * layer.alpha + layer.beta, 0, 1))


def _upsample(layer, shape, rank):
    coordinates = layer.argument("coordinates")
    if layer.mode == "nearest":
        mode = "nearest" if coordinates == "asymmetric" else "nearest-exact"
    elif layer.mode == "bilinear":
        mode = ("linear", "bilinear", "trilinear")[rank - 1]
    else:
        mode = "bicubic"
    corners = coordinates == "align_corners"
    absent = {"nearest": corners, "bicubic": rank != 2}.get(layer.mode)
    if absent or (layer.mode != "nearest" and coordinates == "asymmetric"):
        raise NotImplementedError
    how = {"mode": mode, "align_corners": None if layer.mode == "nearest" else corners}
    if layer.size:
        return nn.Upsample(size=tuple(layer.size), **how)
    factors = [factor.numerator / factor.denominator for factor in layer.factor]
    same = len(set(factors)) == 1
    return nn.Upsample(scale_factor=factors[0] if same else tuple(factors), **how)


def _softmax(layer, shape, rank):
    if layer.groups == 1:
        return nn.Softmax(dim=1)
    groups = (layer.groups, shape[0] // layer.groups)
    split = Call(lambda x: x.unflatten(1, groups))
    return nn.Sequential(split, nn.Softmax(dim=2), nn.Flatten(1, 2))


def _scale(layer, shape, rank):
    if layer.learned:
        return LayerScale(shape[0] if layer.per_channel else 1, rank)
    return Call(lambda x: x * layer.init)


# --- Attention: its products are torch.matmul, its softmax is F.softmax --------------------------


def _in_windows(x, layer):
    """(batch, channels, *sizes) as (batch, heads, windows, channels of a head, positions)."""
    sizes = x.shape[2:]
    rank = len(sizes)
    window = layer.window or sizes
    dilation = layer.dilation if layer.window else (1,) * rank
    split = []
    for axis, (n, taps, apart) in enumerate(zip(sizes, window, dilation, strict=True)):
        if n != taps and layer.window:
            x = torch.roll(x, -layer.shift[axis], axis + 2)
        split += [n // taps // apart, taps, apart]
    x = x.reshape(len(x), layer.heads, -1, *split)
    outer = [place for axis in range(rank) for place in (3 + 3 * axis, 5 + 3 * axis)]
    x = x.permute(0, 1, *outer, 2, *[4 + 3 * axis for axis in range(rank)])
    return x.reshape(*x.shape[:2], -1, x.shape[2 + 2 * rank], torch.Size(window).numel())


def _from_windows(x, layer, sizes):
    """The opposite."""
    rank = len(sizes)
    window = layer.window or sizes
    dilation = layer.dilation if layer.window else (1,) * rank
    outer = [
        number
        for n, taps, apart in zip(sizes, window, dilation, strict=True)
        for number in (n // taps // apart, apart)
    ]
    x = x.reshape(*x.shape[:2], *outer, x.shape[3], *window)
    last = 2 + 2 * rank
    order = [0, 1, last]
    for axis in range(rank):
        order += [2 + 2 * axis, last + 1 + axis, 3 + 2 * axis]
    return x.permute(order).reshape(len(x), -1, *sizes)


def _scores(layer, shape, rank):
    def scores(query, key):
        keys = _in_windows(key, layer).transpose(-2, -1)
        products = torch.matmul(keys, _in_windows(query, layer))
        return _from_windows(products, layer, query.shape[2:])

    return Call(scores)


def _values(layer, shape, rank):
    def values(probabilities, value):
        sums = torch.matmul(_in_windows(value, layer), _in_windows(probabilities, layer))
        return _from_windows(sums, layer, probabilities.shape[2:])

    return Call(values)


class PositionBias(nn.Module):
    """A learned number for each offset, or what Swin v2's small network makes of it."""

    def __init__(self, layer, sizes):
        super().__init__()
        self.layer = layer
        window = layer.window or sizes
        offsets = [n if layer.form == "distance" else 2 * n - 1 for n in window]
        self.offsets = torch.Size(offsets).numel()
        self.keys = torch.Size(window).numel()
        if layer.form == "continuous":
            self.network = nn.Sequential(
                nn.Linear(len(window), 512), nn.ReLU(), nn.Linear(512, layer.heads, bias=False)
            )
            self.register_buffer("places", torch.zeros(1, self.offsets, len(window)))
        else:
            self.table = nn.Parameter(torch.zeros(self.offsets, layer.heads))

    def forward(self, scores):
        table = self.table if self.layer.form != "continuous" else self.network(self.places)
        table = table.reshape(-1, self.layer.heads)
        index = torch.zeros(self.keys * self.keys, dtype=torch.long, device=table.device)
        numbers = table[index].reshape(self.keys, self.keys, -1).permute(2, 0, 1)
        if self.layer.form == "continuous":
            numbers = 16 * torch.sigmoid(numbers)
        split = _in_windows(scores, self.layer)
        return _from_windows(split + numbers[None, :, None], self.layer, scores.shape[2:])


class HeadNorm(nn.Module):
    """Each head divided by its length, and times a learned factor."""

    def __init__(self, layer, rank):
        super().__init__()
        self.heads = layer.heads
        if layer.scaled:
            self.factors = nn.Parameter(torch.ones(layer.heads, *[1] * (1 + rank)))
        self.scaled = layer.scaled

    def forward(self, x):
        heads = F.normalize(x.unflatten(1, (self.heads, -1)), dim=2)
        return (heads * self.factors if self.scaled else heads).flatten(1, 2)


def _softmax_of_heads(layer, shape, rank):
    groups = (layer.groups, shape[0] // layer.groups)
    return Call(lambda x: F.softmax(x.unflatten(1, groups), dim=2).flatten(1, 2))


def _pixel_unshuffle(layer, shape, rank):
    if rank != 2:
        raise NotImplementedError  # PyTorch's takes maps
    return nn.PixelUnshuffle(layer.factor)


def _add(*inputs):
    total = inputs[0]
    for other in inputs[1:]:
        total = total + other
    return total


def _mul(*inputs):
    total = inputs[0]
    for other in inputs[1:]:
        total = total * other
    return total


MAKE = {
    "conv": _conv,
    "depthwise": _conv,
    "conv_transpose": _conv_transpose,
    "deform_conv": _deform_conv,
    "maxpool": _pool,
    "minpool": _pool,
    "indices": lambda la, s, r: nn.Identity(),
    "unpool": lambda la, s, r: Unpool(la.pool, r),
    "avgpool": _pool,
    "global_maxpool": _adaptive,
    "global_avgpool": _adaptive,
    "adaptive_maxpool": _adaptive,
    "adaptive_avgpool": _adaptive,
    "channel_maxpool": lambda la, s, r: Call(lambda x: x.max(1, keepdim=True).values),
    "channel_avgpool": lambda la, s, r: Call(lambda x: x.mean(1, keepdim=True)),
    "dense": _dense,
    "lstm": _recurrent(nn.LSTM),
    "gru": _recurrent(nn.GRU),
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
    "groupnorm": lambda la, s, r: nn.GroupNorm(la.groups, s[0], affine=la.affine),
    "instancenorm": _instancenorm,
    "lrn": _lrn,
    "rmsnorm": _rmsnorm,
    "l2norm": lambda la, s, r: Call(lambda x: F.normalize(x, dim=1, eps=la.eps)),
    "grn": lambda la, s, r: GlobalResponseNorm(s[0], r, la.eps),
    "relu": lambda la, s, r: nn.ReLU(),
    "relu6": lambda la, s, r: nn.ReLU6(),
    "clip": lambda la, s, r: Call(lambda x: torch.clamp(x, la.min, la.max)),
    "leaky_relu": lambda la, s, r: nn.LeakyReLU(la.slope),
    "prelu": lambda la, s, r: nn.PReLU(s[0] if la.per_channel else 1),
    "elu": lambda la, s, r: nn.ELU(la.alpha),
    "selu": lambda la, s, r: nn.SELU(),
    "celu": lambda la, s, r: nn.CELU(la.alpha),
    "gelu": lambda la, s, r: nn.GELU(),
    "silu": lambda la, s, r: nn.SiLU(),
    "mish": lambda la, s, r: nn.Mish(),
    "softplus": lambda la, s, r: nn.Softplus(),
    "sigmoid": lambda la, s, r: nn.Sigmoid(),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda la, s, r: nn.Hardswish(),
    "tanh": lambda la, s, r: nn.Tanh(),
    "softmax": _softmax,
    "pow": lambda la, s, r: Call(lambda x: torch.pow(x, la.exponent)),
    "sqrt": lambda la, s, r: Call(lambda x: torch.sqrt(x)),  # noqa: PLW0108
    "rescaling": lambda la, s, r: Call(lambda x: x * la.factor + la.offset),
    "dropout": lambda la, s, r: nn.Dropout(la.rate),
    "stochastic_depth": lambda la, s, r: StochasticDepth(),
    "identity": lambda la, s, r: nn.Identity(),
    "flatten": lambda la, s, r: nn.Flatten(),
    "reshape": lambda la, s, r: Call(lambda x: x.reshape(-1, *la.output_shape([s]))),
    "transpose": lambda la, s, r: Call(lambda x: x.permute(0, *[axis + 1 for axis in la.order])),
    "pad": lambda la, s, r: Call(
        lambda x: F.pad(
            x, _flat(la.padding), {"zeros": "constant"}.get(la.mode, la.mode), la.value or None
        )
    ),
    "crop": lambda la, s, r: Call(lambda x: F.pad(x, [-side for side in _flat(la.padding)])),
    "upsample": _upsample,
    "pixel_shuffle": lambda la, s, r: nn.PixelShuffle(la.factor),
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": lambda la, s, r: nn.ChannelShuffle(la.groups),
    "slice": lambda la, s, r: Call(
        lambda x: x[(*[slice(None)] * (la.axis + 1), slice(*la.channels, la.step))]
    ),
    "gather": lambda la, s, r: Call(
        lambda x: torch.index_select(x, la.axis + 1, torch.tensor(la.indices, device=x.device))
    ),
    "broadcast": lambda la, s, r: Call(
        lambda x: torch.broadcast_to(x, (len(x), *la.output_shape([s])))
    ),
    "reduce_mean": lambda la, s, r: Call(
        lambda x: torch.mean(x, [axis + 1 for axis in la.axes], la.keepdims)
    ),
    "reduce_max": lambda la, s, r: Call(
        lambda x: torch.amax(x, [axis + 1 for axis in la.axes], la.keepdims)
    ),
    "reduce_sum": lambda la, s, r: Call(
        lambda x: torch.sum(x, [axis + 1 for axis in la.axes], la.keepdims)
    ),
    "scale": _scale,
    "parameter": lambda la, s, r: Constant(la.shape or s, learned=True),
    "buffer": lambda la, s, r: Constant(la.shape or s, learned=False),
    "add": lambda la, s, r: Call(_add),
    "sub": lambda la, s, r: Call(lambda a, b: a - b),
    "mul": lambda la, s, r: Call(_mul),
    "div": lambda la, s, r: Call(lambda a, b: a / b),
    "concat": lambda la, s, r: Call(lambda *x: torch.cat(x, la.axis + 1)),
    # Looked up at run time, because counters replace this function.
    "matmul": lambda la, s, r: Call(lambda a, b: torch.matmul(a, b)),  # noqa: PLW0108
    "attention_norm": lambda la, s, r: HeadNorm(la, r),
    "attention_scores": _scores,
    "attention_bias": lambda la, s, r: PositionBias(la, s[1:]),
    "attention_values": _values,
}


#: What is written otherwise as a part of another layer.
MAKE_PARTS = {"softmax": _softmax_of_heads}


class Model(nn.Module):
    """A network of convcalc, layer by layer in its order."""

    def __init__(self, network):
        super().__init__()
        nodes = network.nodes
        self.wiring = [node.inputs for node in nodes]
        # A pool whose places an unpooling uses returns them beside its values.
        self.places = {
            index: next(i for i, pool in enumerate(nodes) if pool.path == node.unit)
            for index, node in enumerate(nodes)
            if node.kind == "indices"
        }
        self.results = list(network.outputs.values())
        made = []
        for node in nodes:
            if node.shares is not None:
                made.append(made[node.shares])
            elif node.inputs:
                shapes = network.input_shapes(node)
                make = MAKE_PARTS.get(node.kind) if node.written else None
                make = make or MAKE[node.kind]
                made.append(make(node.layer, shapes[0], len(shapes[0]) - 1))
            else:
                made.append(nn.Identity())
        for pool in self.places.values():
            made[pool].return_indices = True
        self.steps = nn.ModuleList(made)
        # Some counters take the device from the first parameter.
        self.anchor = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        values = []
        found = {}
        for index, (inputs, step) in enumerate(zip(self.wiring, self.steps, strict=True)):
            if index in self.places:
                value = found[self.places[index]]
            else:
                value = step(*[values[i] for i in inputs]) if inputs else x
            if index in self.places.values():
                value, found[index] = value
            values.append(value)
        results = [values[i] for i in self.results]
        return results[0] if len(results) == 1 else tuple(results)


# --- Counters ----------------------------------------------------------------------------------


def by_torch(model, shape):
    """PyTorch's own counter."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(shape, device=model.anchor.device))
    return {"torch": counter.get_total_flops()}


def by_fvcore(model, shape):
    """fvcore, which traces the model."""
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, torch.zeros(shape, device=model.anchor.device))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return {"fvcore": int(analysis.total())}


def by_torchinfo(model, shape):
    """The table of torchinfo."""
    from torchinfo import summary

    found = summary(
        model, input_data=torch.zeros(shape, device=model.anchor.device), device="meta", verbose=0
    )
    return {"torchinfo": found.total_mult_adds}


def by_ptflops(model, shape):
    """Both backends."""
    from ptflops import get_model_complexity_info

    found = {}
    for backend in ("aten", "pytorch"):
        macs, _ = get_model_complexity_info(
            model,
            tuple(shape[1:]),
            as_strings=False,
            print_per_layer_stat=False,
            backend=backend,
        )
        found[f"ptflops-{backend}"] = int(macs)
    return found


def by_thop(model, shape):
    """The hooks of thop."""
    from thop import profile

    macs, _ = profile(model, (torch.zeros(shape, device=model.anchor.device),), verbose=False)
    return {"thop": int(macs)}


def by_calflops(model, shape):
    """FLOPs and MACs."""
    for name in ("timm", "transformers", "huggingface_hub", "huggingface_hub.utils", "accelerate"):
        sys.modules.setdefault(name, _Anything(name))
    sys.modules.setdefault("accelerate.utils", _Anything("accelerate.utils"))
    from calflops import calculate_flops

    flops, macs, _ = calculate_flops(
        model,
        args=[torch.zeros(shape, device=model.anchor.device)],
        print_results=False,
        output_as_string=False,
    )
    return {"calflops": int(flops), "calflops-macs": int(macs)}


def by_deepspeed(profiler):
    """DeepSpeed's profiler, without the rest of DeepSpeed."""

    def count(model, shape):
        counter = profiler.FlopsProfiler(model)
        counter.start_profile()
        model(torch.zeros(shape, device=model.anchor.device))
        flops = counter.get_total_flops()
        counter.end_profile()
        return {"deepspeed": int(flops)}

    return count


class _Anything(types.ModuleType):
    """A module with every attribute, in place of imports that are not used."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"synchronize": lambda self: None, "info": lambda *a: None})


def deepspeed_profiler(path):
    """DeepSpeed's module that counts, imported on its own."""
    names = ("", ".accelerator", ".utils", ".moe", ".moe.layer", ".utils.timer", ".utils.torch")
    for name in names:
        sys.modules["deepspeed" + name] = _Anything("deepspeed" + name)
    accelerator = types.SimpleNamespace(synchronize=lambda: None)
    sys.modules["deepspeed.accelerator"].get_accelerator = lambda: accelerator
    sys.modules["deepspeed.utils"].logger = logging.getLogger("deepspeed")
    sys.modules["deepspeed.utils.torch"].required_torch_version = lambda **_: True
    spec = importlib.util.spec_from_file_location("profiler", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: Counters that need shapes only and run on the device "meta". The others trace, or replace
#: functions that PyTorch computes shapes with, so they need a real run.
DRY = (by_torch, by_torchinfo, by_thop)
#: Networks with more MACs are not run.
LARGEST_RUN = 16_000_000_000


#: The functions that counters replace. A counter that fails does not put the originals back.
PATCHED = [(owner, dict(vars(owner))) for owner in (torch, F)]
METHODS = {name: getattr(torch.Tensor, name) for name in ("matmul", "mm", "bmm", "addmm")}
METHODS.update({name: getattr(torch.Tensor, name) for name in ("mul", "add", "baddbmm")})


def restore():
    """Puts the original functions back."""
    for owner, names in PATCHED:
        for name, value in names.items():
            setattr(owner, name, value)
    for name, value in METHODS.items():
        setattr(torch.Tensor, name, value)


def counted(network, counters, batch):
    """The totals of every counter; each gets a new model, because some modify it."""
    ((_, sizes),) = network.inputs.items()
    found = {}
    macs = batch * convcalc.analyze(network).totals.macs
    for counter, names in counters:
        if counter not in DRY and macs > LARGEST_RUN:
            continue
        with torch.device("meta" if counter in DRY else "cpu"):
            model = Model(network).eval()
        try:
            with redirect_stdout(io.StringIO()), torch.no_grad():
                found.update(counter(model, (batch, *sizes)))
        except Exception as error:  # noqa: BLE001 - a counter that fails is a fact
            print(f"{names}: {type(error).__name__}: {error}"[:200], file=sys.stderr)
            found.update(dict.fromkeys(names))
        restore()
    return found


# --- Networks to measure -----------------------------------------------------------------------

#: Inputs of one layer each: with 1, 2 and 3 spatial axes.
SIZES = {1: [4, 6], 2: [4, 6, 5], 3: [4, 6, 5, 4]}


def single_layers():
    """Specs of one layer after a convolution, for every kind, in 1, 2 and 3 dimensions."""
    layers = [
        *("{conv: 6, kernel: 3}", "{conv: 6, kernel: 3, padding: 1, bias: false, groups: 2}"),
        *("{conv: 6, kernel: 3, stride: 2, padding: same}", "{depthwise: 3, padding: 1}"),
        *("{depthwise: 3, multiplier: 2, bias: false}",),
        "{conv_transpose: 6, kernel: 3, stride: 2, padding: 1, output_padding: 1}",
        "{conv_transpose: 6, kernel: 3, bias: false}",
        "{conv_transpose: 8, kernel: 2, stride: 2, groups: 2}",
        "{conv_transpose: 4, kernel: 3, groups: 4, bias: false}",
        "{conv_transpose: 4, kernel: 6, stride: 3, dilation: 2}",
        *("{maxpool: 2}", "{maxpool: 3, stride: 1, padding: 1}", "{maxpool: 2, ceil_mode: true}"),
        *("{minpool: 2}", "{avgpool: 2}", "{avgpool: 3, stride: 2, padding: 1}"),
        *("global_maxpool", "global_avgpool", "{global_avgpool: {keepdims: false}}"),
        *("{adaptive_maxpool: 2}", "{adaptive_avgpool: 2}", "{adaptive_avgpool: 3}"),
        *("{dense: 7}", "{dense: 7, bias: false}", "{dense: 7, positionwise: true}"),
        "{dense: 7, positionwise: true, bias: false}",
        *("batchnorm", "{batchnorm: {affine: false}}", "layernorm", "{layernorm: {affine: false}}"),
        *("{groupnorm: 2}", "{groupnorm: {groups: 2, affine: false}}", "instancenorm"),
        *("{instancenorm: {affine: true}}", "{lrn: 3}", "{lrn: 2}"),
        *("rmsnorm", "{rmsnorm: {affine: false}}", "l2norm", "grn"),
        *("relu", "relu6", "leaky_relu", "prelu", "{prelu: {per_channel: true}}", "elu", "selu"),
        *("celu", "gelu", "silu", "mish", "softplus", "sigmoid", "hard_sigmoid", "hard_swish"),
        *(
            "tanh",
            "softmax",
            "{softmax: 2}",
            "dropout",
            "identity",
            "flatten",
            "{reshape: [2, -1]}",
        ),
        *("{clip: {min: -0.5, max: 0.5}}", "{clip: {max: 1}}", "{hard_sigmoid: 0.2}", "{pow: 2}"),
        *("{pow: 0.5}", "sqrt", "{rescaling: {factor: 2, offset: -1}}", "{rescaling: -1}"),
        *("{pad: 1}", "{pad: 1, mode: replicate}", "{pad: -1, value: 0.5}", "{crop: 1}"),
        *("{upsample: 2}", "{upsample: 2, mode: bilinear}", "{upsample: {size: 7}}"),
        *("{upsample: {size: 9, mode: bilinear}}", "{upsample: 1.5}"),
        *("{upsample: 1.5, mode: bilinear}", "{upsample: 2, coordinates: half_pixel}"),
        "{upsample: 2, mode: bilinear, coordinates: align_corners}",
        *("{upsample: 2, mode: bicubic}", "{upsample: {size: 9, mode: bicubic}}"),
        *("{gather: [2, 0, 0]}", "{gather: [1, 3], axis: 1}", "{reduce_mean: [1]}"),
        *(
            "{reduce_mean: {axes: [0], keepdims: false}}",
            "{reduce_max: [0, 1]}",
            "{reduce_sum: [0]}",
        ),
        *("{channel_shuffle: 2}", "{slice: [0, 2]}", "scale", "{add: [[], [relu]]}"),
        *("{scale: 2, per_channel: false}", "{scale: 0.1, learned: false}"),
        *(
            "{add: [[], [], [global_avgpool]]}",
            "{mul: [[], [global_avgpool]]}",
            "{concat: [[], []]}",
        ),
        *("{sub: [[], [relu]]}", "{sub: [[], [global_avgpool]]}", "{div: [[], [relu]]}"),
        *("{div: [[], [global_avgpool]]}", "{mul: [[], [{conv: 1, kernel: 1, bias: false}]]}"),
        *("{concat: [[], [relu]], axis: 1}", "{slice: [1, 4], axis: 1, step: 2}"),
        *("{add: [[], [parameter]]}", "{add: [[], [buffer]]}", "{stochastic_depth: 0.1}"),
        *("channel_avgpool", "channel_maxpool"),
        "{sequential: [{maxpool: 2, name: p}, {unpool: p}]}",
        "{concat: [[], [{sequential: [parameter, {conv: 4, kernel: 1}]}]], axis: 1}",
        "{sequential: [{conv: 4, kernel: 1, name: a}, {conv: 4, kernel: 1, share: a}]}",
    ]
    for rank, sizes in SIZES.items():
        for layer in layers:
            yield f"{{input: {sizes}, layers: [{{conv: 4, kernel: 1, bias: false}}, {layer}]}}"
        order = [*range(1, rank + 1), 0]
        yield f"{{input: {sizes}, layers: [{{conv: 4, kernel: 1}}, {{transpose: {order}}}]}}"
        repeated = f"{{slice: [0, 1]}}, {{broadcast: {[5, *[-1] * rank]}}}"
        yield f"{{input: {sizes}, layers: [{{conv: 4, kernel: 1}}, {repeated}]}}"
        turned = f"{{transpose: {[*range(rank - 1), rank, rank - 1]}}}"
        product = f"{{matmul: [[], [{turned}]]}}"
        yield f"{{input: {sizes}, layers: [{{conv: 4, kernel: 1}}, {product}]}}"
        once = "attention: {query: [], key: [], value: []}"
        narrow = "attention: {query: [], key: [], value: [{slice: [0, 2]}]}"
        for arguments in (
            *("heads: 2", "heads: 2, position_bias: relative, dropout: 0.1"),
            *("heads: 4, similarity: cosine", "heads: 2, position_bias: continuous"),
            *("heads: 2, window: 1", "position_bias: distance"),
        ):
            yield f"{{input: {sizes}, layers: [{{conv: 4, kernel: 1}}, {{{once}, {arguments}}}]}}"
        yield f"{{input: {sizes}, layers: [{{conv: 4, kernel: 1}}, {{{narrow}, heads: 2}}]}}"
    for arguments in ("window: [2, 4]", "window: 2, dilation: [3, 2]", "window: 2, shift: 1"):
        yield (
            "{input: [4, 6, 8], layers: [{conv: 4, kernel: 1}, {attention: {query: [], key: [],"
            f" value: []}}, {arguments}}}]}}"
        )
    # A branch that is repeated, the first or the second.
    turned = "{transpose: [0, 2, 1]}"
    for product in (f"[[{{slice: [0, 1]}}], [{turned}]]", f"[[], [{{slice: [0, 1]}}, {turned}]]"):
        yield f"{{input: [4, 6, 5], layers: [{{conv: 4, kernel: 1}}, {{matmul: {product}}}]}}"
    for kind in ("lstm", "gru"):
        for arguments in ("5", "{units: 5, bias: false}", "{units: 5, bidirectional: true}"):
            yield f"{{input: [4, 6], layers: [{{conv: 4, kernel: 1}}, {{{kind}: {arguments}}}]}}"
    for offsets, more in ((1, ""), (2, ", offset_groups: 2, groups: 2, bias: false")):
        branches = f"value: [], offset: [{{conv: {18 * offsets}, kernel: 3, padding: 1}}]"
        masked = f"{branches}, mask: [{{conv: {9 * offsets}, kernel: 3, padding: 1}}, sigmoid]"
        for inside in (branches, masked):
            moved = f"{{deform_conv: {{{inside}}}, channels: 6, kernel: 3, padding: 1{more}}}"
            yield f"{{input: [4, 6, 5], layers: [{{conv: 4, kernel: 1}}, {moved}]}}"
    for factors in ("[2, 3]", "[1.5, 2.5]"):
        resized = f"{{upsample: {factors}, mode: bilinear}}"
        yield f"{{input: [4, 6, 5], layers: [{{conv: 4, kernel: 1}}, {resized}]}}"
    shuffled = "{conv: 8, kernel: 1}, {pixel_shuffle: 2}"
    yield f"{{input: [4, 6, 5], layers: [{shuffled}]}}"
    yield "{input: [4, 6, 8], layers: [{conv: 4, kernel: 1}, {pixel_unshuffle: 2}]}"
    for layer in (
        "batchnorm",
        "layernorm",
        "rmsnorm",
        "l2norm",
        "{groupnorm: 2}",
        "relu",
        "softmax",
        "prelu",
        "scale",
    ):
        yield f"{{input: [6], layers: [{{dense: 8}}, {layer}]}}"


#: What was measured.
FACTS = Path(__file__).resolve().parents[1] / "tests" / "data" / "counters.jsonl"
#: Random networks that are measured.
SEEDS = range(120)


def networks():
    """The networks to measure: name or spec, the network, and the batch."""
    for name in shipped_names():
        yield {"network": name}, convcalc.load(name), 1
    random = [random_spec(Random(seed)) for seed in SEEDS]  # noqa: S311 - no secret
    for text in [*single_layers(), *random]:
        yield {"spec": text}, convcalc.loads(text), 1
    for text in single_layers():
        yield {"spec": text, "batch": 3}, convcalc.loads(text), 3


def main():
    """Prints a line of JSON for each network that PyTorch can build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deepspeed", help="its profiler.py")
    parser.add_argument("--new", action="store_true", help="only what is not in the file yet")
    options = parser.parse_args()
    known = []
    if options.new:
        lines = FACTS.read_text(encoding="utf-8").splitlines()
        known = [{**json.loads(line), "totals": None} for line in lines]
    counters = [
        (by_torch, ["torch"]),
        (by_fvcore, ["fvcore"]),
        (by_torchinfo, ["torchinfo"]),
        (by_ptflops, ["ptflops-aten", "ptflops-pytorch"]),
        (by_thop, ["thop"]),
        (by_calflops, ["calflops", "calflops-macs"]),
    ]
    if options.deepspeed:
        counters.append((by_deepspeed(deepspeed_profiler(options.deepspeed)), ["deepspeed"]))
    for what, network, batch in networks():
        if {**what, "totals": None} in known:
            continue
        # ptflops always takes one sample.
        asked = [pair for pair in counters if batch == 1 or pair[0] is not by_ptflops]
        try:
            totals = counted(network, asked, batch)
        except NotImplementedError:
            totals = {"torch": None}
        if totals["torch"] is None:
            print(f"PyTorch cannot do it: {what}", file=sys.stderr)
        else:
            print(json.dumps({**what, "totals": totals}), flush=True)


if __name__ == "__main__":
    main()
