"""The modules of these networks, as functions that add their layers.

Each function takes what enters the module, its arguments from the channels of its result on, and
how often the file repeats it. Sources are the papers and the documents of the networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gcd
from typing import NamedTuple

from convcalc.exchange.ultralytics.writing import SILU, Arguments, Writer


class Module(NamedTuple):
    """A module.

    make      adds its layers; returns its value
    channels  whether its first argument is the channels of its result, which the scale changes
    repeats   whether it repeats a part of itself, where others are repeated as a whole
    """

    make: Callable[[Writer, int, Arguments, int], int]
    channels: bool = True
    repeats: bool = False


# --- Bottlenecks ----------------------------------------------------------------------------------


def _bottleneck(
    w: Writer, x: int, c: int, hidden: int, kernels: tuple[int, int], add: bool, groups: int = 1
) -> int:
    """Two convolutions, and what enters added where that can be."""
    y = w.inside("cv1").conv(x, hidden, kernels[0])
    y = w.inside("cv2").conv(y, c, kernels[1], groups=groups)
    return w.add("add", [x, y], "add") if add and w.channels(x) == c else y


def _rep_bottleneck(w: Writer, x: int, c: int, add: bool) -> int:
    y = _rep_conv(w.inside("cv1"), x, c)
    y = w.inside("cv2").conv(y, c, 3)
    return w.add("add", [x, y], "add") if add and w.channels(x) == c else y


def _rep_conv(w: Writer, x: int, c: int) -> int:
    """RepVGG's convolution before its branches become one (arXiv:2101.03697)."""
    large = w.inside("conv1").conv(x, c, 3, active=False)
    small = w.inside("conv2").conv(x, c, 1, active=False)
    return w.add("add", [large, small], "add", fused=w.activation)


def _csp(
    w: Writer, x: int, c: int, hidden: int, repeated: Callable[[Writer, int], int], n: int
) -> int:
    """Two ways, one through n bottlenecks, and a convolution of both (arXiv:1911.11929)."""
    first = w.inside("cv1").conv(x, hidden)
    for i in range(n):
        first = repeated(w.inside(f"m.{i}"), first)
    second = w.inside("cv2").conv(x, hidden)
    return w.inside("cv3").conv(w.concat([first, second]), c)


def _c3k(w: Writer, x: int, c: int, n: int, add: bool, groups: int = 1, kernel: int = 3) -> int:
    hidden, kernels = c // 2, (kernel, kernel)
    return _csp(
        w, x, c, hidden, lambda v, y: _bottleneck(v, y, hidden, hidden, kernels, add, groups), n
    )


def _kept(
    w: Writer, x: int, c: int, hidden: int, repeated: Callable[[Writer, int], int], n: int
) -> int:
    """Half of the channels goes through n modules, and what each makes is kept for the end."""
    both = w.inside("cv1").conv(x, 2 * hidden)
    values = [both]
    y = w.part(both, hidden, 2 * hidden, "half")
    for i in range(n):
        y = repeated(w.inside(f"m.{i}"), y)
        values.append(y)
    return w.inside("cv2").conv(w.concat(values), c)


def resnet_layer(w: Writer, x: int, a: Arguments, n: int) -> int:
    """ResNetLayer: a stage of a ResNet, or its stem (arXiv:1512.03385).

    Channels that enter, channels inside, stride, whether it is the stem, blocks, and how many times
    as many channels leave.
    """
    c, stride, wider = a.whole(1), a.whole(2, 1), a.whole(5, 4)
    if a.flag(3, False):
        y = w.inside("layer.0").conv(x, c, 7, 2)
        return w.add("maxpool", [y], "pool", kernel=3, stride=2, padding=1)
    for i in range(a.whole(4, 1)):
        x = _resnet_block(w.inside(f"layer.{i}"), x, c, stride if i == 0 else 1, wider * c)
    return x


def _resnet_block(w: Writer, x: int, c: int, stride: int, leaving: int) -> int:
    y = w.inside("cv1").conv(x, c)
    y = w.inside("cv2").conv(y, c, 3, stride)
    y = w.inside("cv3").conv(y, leaving, active=False)
    if stride != 1 or w.channels(x) != leaving:
        x = w.inside("shortcut.0").conv(x, leaving, 1, stride, active=False)
    return w.add("add", [y, x], "add", fused=[("relu", {})])


# --- Convolutions ---------------------------------------------------------------------------------


def conv(w: Writer, x: int, a: Arguments, n: int) -> int:
    """Conv: c, kernel, stride, padding, groups, dilation, activation."""
    kernel, dilation = a.whole(1, 1), a.whole(5, 1)
    return w.conv(
        x,
        a.whole(0),
        kernel,
        a.whole(2, 1),
        padding=a.whole(3, dilation * (kernel - 1) // 2, 0),
        groups=a.whole(4, 1),
        dilation=dilation,
        active=a.flag(6, True),
    )


def dw_conv(w: Writer, x: int, a: Arguments, n: int) -> int:
    """DWConv: as many groups as both numbers of channels allow."""
    c = a.whole(0)
    groups = gcd(c, w.channels(x))
    return w.conv(
        x,
        c,
        a.whole(1, 1),
        a.whole(2, 1),
        groups=groups,
        dilation=a.whole(3, 1),
        active=a.flag(4, True),
    )


def conv_transpose(w: Writer, x: int, a: Arguments, n: int) -> int:
    """nn.ConvTranspose2d: c, kernel, stride, padding."""
    return w.add(
        "conv_transpose",
        [x],
        channels=a.whole(0),
        kernel=a.whole(1),
        stride=a.whole(2, 1),
        padding=a.whole(3, 0, 0),
    )


def _ghost(w: Writer, x: int, c: int, kernel: int, stride: int, active: bool = True) -> int:
    """Half of the channels are made of the other half (arXiv:1911.11907)."""
    hidden = c // 2
    first = w.inside("cv1").conv(x, hidden, kernel, stride, active=active)
    second = w.inside("cv2").conv(first, hidden, 5, groups=hidden, active=active)
    return w.concat([first, second])


def ghost_conv(w: Writer, x: int, a: Arguments, n: int) -> int:
    """GhostConv: c, kernel, stride."""
    return _ghost(w, x, a.whole(0), a.whole(1, 1), a.whole(2, 1))


def sc_down(w: Writer, x: int, a: Arguments, n: int) -> int:
    """SCDown: channels first, then positions (arXiv:2405.14458)."""
    c = a.whole(0)
    y = w.inside("cv1").conv(x, c)
    return w.inside("cv2").conv(y, c, a.whole(1), a.whole(2), groups=c, active=False)


def a_conv(w: Writer, x: int, a: Arguments, n: int) -> int:
    """AConv: a mean of 2x2, then a convolution that halves (arXiv:2402.13616)."""
    y = w.add("avgpool", [x], "pool", kernel=2, stride=1)
    return w.inside("cv1").conv(y, a.whole(0), 3, 2)


def a_down(w: Writer, x: int, a: Arguments, n: int) -> int:
    """ADown: half of the channels by a convolution, half by a maxpool."""
    c = a.whole(0) // 2
    y = w.add("avgpool", [x], "pool", kernel=2, stride=1)
    half = w.channels(y) // 2
    first = w.inside("cv1").conv(w.part(y, 0, half, "first"), c, 3, 2)
    second = w.part(y, half, 2 * half, "second")
    second = w.add("maxpool", [second], "maxpool", kernel=3, stride=2, padding=1)
    return w.concat([first, w.inside("cv2").conv(second, c)])


# --- Modules with bottlenecks ---------------------------------------------------------------------


def bottleneck(w: Writer, x: int, a: Arguments, n: int) -> int:
    """Bottleneck: c, whether it adds, groups, kernels, the part of c that is hidden."""
    c = a.whole(0)
    kernels = a.wholes(3) if len(a.values) > 3 else [3, 3]
    if len(kernels) != 2:
        raise a.wrong(3, "two kernels")
    hidden = a.part(4, c, "1/2")
    return _bottleneck(w, x, c, hidden, (kernels[0], kernels[1]), a.flag(1, True), a.whole(2, 1))


def c2(w: Writer, x: int, a: Arguments, n: int) -> int:
    """C2: half of the channels goes through n bottlenecks."""
    c, add, groups = a.whole(0), a.flag(1, True), a.whole(2, 1)
    hidden = a.part(3, c, "1/2")
    both = w.inside("cv1").conv(x, 2 * hidden)
    y = w.part(both, 0, hidden, "first")
    for i in range(n):
        y = _bottleneck(w.inside(f"m.{i}"), y, hidden, hidden, (3, 3), add, groups)
    second = w.part(both, hidden, 2 * hidden, "second")
    return w.inside("cv2").conv(w.concat([y, second]), c)


def c2f(w: Writer, x: int, a: Arguments, n: int) -> int:
    """C2f: as C2, but what each bottleneck makes is kept."""
    c, add, groups = a.whole(0), a.flag(1, False), a.whole(2, 1)
    hidden = a.part(3, c, "1/2")
    return _kept(
        w,
        x,
        c,
        hidden,
        lambda v, y: _bottleneck(v, y, hidden, hidden, (3, 3), add, groups),
        n,
    )


def c3(w: Writer, x: int, a: Arguments, n: int) -> int:
    """C3: c, whether it adds, groups, the part of c that is hidden."""
    c, add, groups = a.whole(0), a.flag(1, True), a.whole(2, 1)
    hidden = a.part(3, c, "1/2")
    return _csp(
        w, x, c, hidden, lambda v, y: _bottleneck(v, y, hidden, hidden, (1, 3), add, groups), n
    )


def c3_ghost(w: Writer, x: int, a: Arguments, n: int) -> int:
    """C3Ghost: a C3 of ghost bottlenecks."""
    c = a.whole(0)
    hidden = a.part(3, c, "1/2")

    def ghosts(v: Writer, y: int) -> int:
        inner = v.inside("conv")
        z = _ghost(inner.inside("0"), y, hidden // 2, 1, 1)
        z = _ghost(inner.inside("2"), z, hidden, 1, 1, active=False)
        return v.add("add", [z, y], "add")

    return _csp(w, x, c, hidden, ghosts, n)


def c3k2(w: Writer, x: int, a: Arguments, n: int) -> int:
    """C3k2: c, whether its parts are C3s, the part of c that is hidden, ..., whether they add."""
    c, deep = a.whole(0), a.flag(1, False)
    hidden = a.part(2, c, "1/2")
    attends, groups, add = a.flag(3, False), a.whole(4, 1), a.flag(5, True)

    def part(v: Writer, y: int) -> int:
        if attends:
            z = _bottleneck(v.inside("0"), y, hidden, hidden // 2, (3, 3), add, groups)
            return _attention_block(v.inside("1"), z, max(hidden // 64, 1))
        if deep:
            return _c3k(v, y, hidden, 2, add, groups)
        return _bottleneck(v, y, hidden, hidden // 2, (3, 3), add, groups)

    return _kept(w, x, c, hidden, part, n)


def c2f_cib(w: Writer, x: int, a: Arguments, n: int) -> int:
    """C2fCIB: a C2f of blocks of depthwise and pointwise convolutions (arXiv:2405.14458)."""
    c, add, large = a.whole(0), a.flag(1, False), a.flag(2, False)
    hidden = a.part(4, c, "1/2")

    def block(v: Writer, y: int) -> int:
        inner = v.inside("cv1")
        z = inner.inside("0").conv(y, hidden, 3, groups=hidden)
        z = inner.inside("1").conv(z, 2 * hidden)
        wide = inner.inside("2")
        if large:
            seven = wide.inside("conv").conv(z, 2 * hidden, 7, groups=2 * hidden, active=False)
            three = wide.inside("conv1").conv(z, 2 * hidden, 3, groups=2 * hidden, active=False)
            z = wide.add("add", [seven, three], "add", fused=[SILU])
        else:
            z = wide.conv(z, 2 * hidden, 3, groups=2 * hidden)
        z = inner.inside("3").conv(z, hidden)
        z = inner.inside("4").conv(z, hidden, 3, groups=hidden)
        return v.add("add", [y, z], "add") if add else z

    return _kept(w, x, c, hidden, block, n)


def rep_ncsp_elan(w: Writer, x: int, a: Arguments, n: int) -> int:
    """RepNCSPELAN4: c, the first and the later channels, and how many bottlenecks."""
    c, first, later, count = a.whole(0), a.whole(1), a.whole(2), a.whole(3, 1)
    both = w.inside("cv1").conv(x, first)
    values = [both]
    y = w.part(both, first // 2, 2 * (first // 2), "half")
    hidden = later // 2
    for name in ("cv2", "cv3"):
        inner = w.inside(name)
        y = _csp(
            inner.inside("0"),
            y,
            later,
            hidden,
            lambda v, z: _rep_bottleneck(v, z, hidden, True),
            count,
        )
        y = inner.inside("1").conv(y, later, 3)
        values.append(y)
    return w.inside("cv4").conv(w.concat(values), c)


def elan(w: Writer, x: int, a: Arguments, n: int) -> int:
    """ELAN1: the same with a convolution in the place of the bottlenecks."""
    c, first, later = a.whole(0), a.whole(1), a.whole(2)
    both = w.inside("cv1").conv(x, first)
    half = w.part(both, first // 2, 2 * (first // 2), "half")
    second = w.inside("cv2").conv(half, later, 3)
    third = w.inside("cv3").conv(second, later, 3)
    return w.inside("cv4").conv(w.concat([both, second, third]), c)


# --- Pyramids of pools ----------------------------------------------------------------------------


def spp(w: Writer, x: int, a: Arguments, n: int) -> int:
    """SPP: maxpools of several sizes side by side (arXiv:1406.4729)."""
    kernels = a.wholes(1) if len(a.values) > 1 else [5, 9, 13]
    if min(kernels) < 1:
        raise a.wrong(1, "a list of kernels")
    y = w.inside("cv1").conv(x, w.channels(x) // 2)
    pools = [w.pool(y, kernel, f"m{i}") for i, kernel in enumerate(kernels)]
    return w.inside("cv2").conv(w.concat([y, *pools]), a.whole(0))


def sppf(w: Writer, x: int, a: Arguments, n: int) -> int:
    """SPPF: three maxpools, one after the other."""
    y = w.inside("cv1").conv(x, w.channels(x) // 2)
    return w.inside("cv2").conv(w.concat(_pools(w, y, a.whole(1, 5), a.whole(2, 3))), a.whole(0))


def spp_elan(w: Writer, x: int, a: Arguments, n: int) -> int:
    """SPPELAN: the same with channels of its own in between."""
    y = w.inside("cv1").conv(x, a.whole(1))
    return w.inside("cv5").conv(w.concat(_pools(w, y, a.whole(2, 5), 3)), a.whole(0))


def _pools(w: Writer, y: int, kernel: int, count: int) -> list[int]:
    values = [y]
    for i in range(count):
        values.append(w.pool(values[-1], kernel, f"pool{i}"))
    return values


# --- Attention ------------------------------------------------------------------------------------


def _attention(w: Writer, x: int, heads: int) -> int:
    """Attention whose keys have half as many channels as its values, and a depthwise place."""
    c = w.channels(x)
    if c % heads:
        raise w.wrong(f"{c} channels cannot be split into {heads} heads")
    each, key = c // heads, c // heads // 2
    qkv = w.inside("qkv").conv(x, c + 2 * key * heads, active=False)
    parts = _per_head(w, qkv, heads, [key, key, each])
    seen = w.add("attention", parts, "attention", heads=heads)
    place = w.inside("pe").conv(parts[2], c, 3, groups=c, active=False)
    return w.inside("proj").conv(w.add("add", [seen, place], "add"), c, active=False)


def _per_head(w: Writer, qkv: int, heads: int, sizes: list[int]) -> list[int]:
    """Query, key and value of a map that has those of one head after those of another."""
    first, height, width = 0, *w.sizes(qkv)
    if heads > 1:
        shape = [heads, sum(sizes), height, width]
        qkv = w.add("reshape", [qkv], "heads", shape=shape)
    parts = []
    for name, size in zip(("query", "key", "value"), sizes, strict=True):
        taken = [first, first + size]
        if heads == 1:
            parts.append(w.add("slice", [qkv], name, channels=taken))
        else:
            part = w.add("slice", [qkv], f"{name}_heads", channels=taken, axis=1)
            parts.append(w.add("reshape", [part], name, shape=[heads * size, height, width]))
        first += size
    return parts


def _attention_block(w: Writer, x: int, heads: int, add: bool = True) -> int:
    """Attention and two convolutions, to each of which what enters is added."""
    c = w.channels(x)
    y = _attention(w.inside("attn"), x, heads)
    y = w.add("add", [x, y], "add0") if add else y
    inner = w.inside("ffn")
    z = inner.inside("0").conv(y, 2 * c)
    z = inner.inside("1").conv(z, c, active=False)
    return w.add("add", [y, z], "add1") if add else z


def c2_psa(w: Writer, x: int, a: Arguments, n: int) -> int:
    """C2PSA: half of the channels goes through n blocks of attention."""
    return _partly_attended(w, x, a.part(1, w.channels(x), "1/2"), "m.", n, a.whole(0))


def psa(w: Writer, x: int, a: Arguments, n: int) -> int:
    """PSA: the same with one block (arXiv:2405.14458)."""
    return _partly_attended(w, x, a.part(1, w.channels(x), "1/2"), "", 1, a.whole(0))


def _partly_attended(w: Writer, x: int, hidden: int, name: str, n: int, c: int) -> int:
    if c != w.channels(x):
        raise w.wrong(f"{w.channels(x)} channels enter, and {c} should leave: they are equal")
    both = w.inside("cv1").conv(x, 2 * hidden)
    first = w.part(both, 0, hidden, "first")
    y = w.part(both, hidden, 2 * hidden, "second")
    for i in range(n):
        block = w.inside(f"{name}{i}") if name else w
        y = _attention_block(block, y, max(hidden // 64, 1))
    return w.inside("cv2").conv(w.concat([first, y]), c)


def a2c2f(w: Writer, x: int, a: Arguments, n: int) -> int:
    """A2C2f: attention in areas of the map (arXiv:2502.12524).

    c, whether it attends, areas, whether what enters is added, how much wider the convolutions are
    inside, the part of c that is hidden, groups, whether the bottlenecks of one without attention
    add.
    """
    c, attends, areas = a.whole(0), a.flag(1, True), a.whole(2, 1, -1)
    residual, hidden = a.flag(3, False), a.part(5, c, "1/2")
    groups, add = a.whole(6, 1), a.flag(7, True)
    y = w.inside("cv1").conv(x, hidden)
    values = [y]
    for i in range(n):
        inner = w.inside(f"m.{i}")
        if attends:
            for j in range(2):
                y = _area_block(inner.inside(str(j)), y, areas, a.part(4, hidden, "2"))
        else:
            y = _c3k(inner, y, hidden, 2, add, groups)
        values.append(y)
    y = w.inside("cv2").conv(w.concat(values), c)
    if not (attends and residual):
        return y
    return w.add("add", [x, w.add("scale", [y], "gamma", name="gamma", init=0.01)], "add")


def _area_block(w: Writer, x: int, areas: int, wider: int) -> int:
    c = w.channels(x)
    heads = c // 32
    if heads < 1 or c % heads or areas < 1:
        raise w.wrong(f"{c} channels are no heads of 32, or {areas} are no areas")
    y = w.add("add", [x, _area_attention(w.inside("attn"), x, heads, areas)], "add0")
    inner = w.inside("mlp")
    z = inner.inside("0").conv(y, wider)
    return w.add("add", [y, inner.inside("1").conv(z, c, active=False)], "add1")


def _area_attention(w: Writer, x: int, heads: int, areas: int) -> int:
    c, (height, width) = w.channels(x), w.sizes(x)
    qkv = w.inside("qkv").conv(x, 3 * c, active=False)
    parts = _per_head(w, qkv, heads, [c // heads] * 3)
    if areas == 1:
        seen = w.add("attention", parts, "attention", heads=heads)
    elif height % areas == 0:
        window = [height // areas, width]
        seen = w.add("attention", parts, "attention", heads=heads, window=window)
    else:
        # Areas are equal parts of all positions in their order, not always whole rows.
        shape = [c, areas, height * width // areas]
        rows = [
            w.add("reshape", [part], f"{name}_areas", shape=shape)
            for name, part in zip(("query", "key", "value"), parts, strict=True)
        ]
        seen = w.add("attention", rows, "attention", heads=heads, window=[1, shape[2]])
        seen = w.add("reshape", [seen], "map", shape=[c, height, width])
    place = w.inside("pe").conv(parts[2], c, 7, groups=c, active=False)
    return w.inside("proj").conv(w.add("add", [seen, place], "add"), c, active=False)


# --- PyTorch's own modules ------------------------------------------------------------------------


def identity(w: Writer, x: int, a: Arguments, n: int) -> int:
    """nn.Identity: the value that enters."""
    return w.add("identity", [x])


def upsample(w: Writer, x: int, a: Arguments, n: int) -> int:
    """nn.Upsample: size, factor, mode."""
    mode = a.values[2] if len(a.values) > 2 else "nearest"
    if mode not in {"nearest", "bilinear", "bicubic"}:
        raise a.wrong(2, "nearest, bilinear or bicubic")
    if len(a.values) > 0 and a.values[0] is not None:
        return w.add("upsample", [x], size=a.whole(0), mode=mode)
    return w.add("upsample", [x], factor=a.whole(1), mode=mode)


def maxpool(w: Writer, x: int, a: Arguments, n: int) -> int:
    """nn.MaxPool2d: kernel, stride, padding."""
    kernel = a.whole(0)
    return w.add("maxpool", [x], kernel=kernel, stride=a.whole(1, kernel), padding=a.whole(2, 0, 0))


def zero_pad(w: Writer, x: int, a: Arguments, n: int) -> int:
    """nn.ZeroPad2d: left, right, top, bottom."""
    sides = a.wholes(0) if a.values and isinstance(a.values[0], list) else [a.whole(0, None, 0)] * 4
    if len(sides) != 4:
        raise a.wrong(0, "four numbers")
    return w.add("pad", [x], padding=[sides[2:], sides[:2]])


MODULES: Mapping[str, Module] = {
    "Conv": Module(conv),
    "DWConv": Module(dw_conv),
    "GhostConv": Module(ghost_conv),
    "nn.ConvTranspose2d": Module(conv_transpose),
    "SCDown": Module(sc_down),
    "AConv": Module(a_conv),
    "ADown": Module(a_down),
    "Bottleneck": Module(bottleneck),
    "C2": Module(c2, repeats=True),
    "C2f": Module(c2f, repeats=True),
    "C3": Module(c3, repeats=True),
    "C3Ghost": Module(c3_ghost, repeats=True),
    "C3k2": Module(c3k2, repeats=True),
    "C2fCIB": Module(c2f_cib, repeats=True),
    "RepNCSPELAN4": Module(rep_ncsp_elan),
    "ELAN1": Module(elan),
    "SPP": Module(spp),
    "SPPF": Module(sppf),
    "SPPELAN": Module(spp_elan),
    "C2PSA": Module(c2_psa, repeats=True),
    "PSA": Module(psa),
    "A2C2f": Module(a2c2f, repeats=True),
    "ResNetLayer": Module(resnet_layer, channels=False),
    "nn.Identity": Module(identity, channels=False),
    "nn.Upsample": Module(upsample, channels=False),
    "nn.MaxPool2d": Module(maxpool, channels=False),
    "nn.ZeroPad2d": Module(zero_pad, channels=False),
}
