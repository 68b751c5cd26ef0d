"""Windows on every spatial axis: padding resolved, sizes checked, outputs computed."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.arithmetic import (
    Window,
    extent,
    same_padding,
    transposed_output,
    window_output,
    window_output_ceil,
)
from convcalc.layers.base import Layer
from convcalc.layers.fields import CAUSAL, Padding, PaddingSides
from convcalc.problems import Help, Rule, RuleError
from convcalc.shapes import LARGEST_SIZE, axis_name, cross_text
from convcalc.symbols import compact, larger
from convcalc.traced import Traced, named, plain

#: The padding of a window that slides over its input.
PADDING = PaddingSides("valid", "same", "same_lower", CAUSAL)


def sides(padding: Padding, axis: int, n: int, k: int, s: int) -> tuple[int, int]:
    """Padding (before, after) of one axis, for a window of extent k.

    `same` puts the odd position after, `same_lower` before; `causal` puts all of k - 1 before.

    >>> sides("same", 0, n=224, k=3, s=2), sides("causal", 0, n=16000, k=3, s=1)
    ((0, 1), (2, 0))
    """
    if not isinstance(padding, str):
        return padding[axis]
    if padding == CAUSAL:
        return k - 1, 0
    total = same_padding(n, k, s)
    smaller, larger = total // 2, total - total // 2
    return (larger, smaller) if padding == "same_lower" else (smaller, larger)


def sliding_windows(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Padding,
    ceil_mode: bool = False,
) -> tuple[Window, ...]:
    """The window of each axis; raises RuleError window-too-large where one does not fit."""
    windows = []
    for axis, n in enumerate(sizes):
        k = named("k", extent(kernel[axis], dilation[axis]))
        s = stride[axis]
        before, after = sides(padding, axis, n, k, s)
        p = named("p", before + after)
        if ceil_mode:
            out = window_output_ceil(n, k, before, after, s)
        else:
            out = window_output(n, k, p, s)
        if out < 1:
            raise _too_large(axis, sizes, kernel, stride, dilation, (before, after), ceil_mode)
        windows.append(Window(n, kernel[axis], s, dilation[axis], before, after, compact(out)))
    return tuple(windows)


def transposed_windows(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Padding,
    output_padding: Sequence[int] | None,
) -> tuple[tuple[Window, ...], tuple[int, ...]]:
    """The windows of a transposed convolution, and the positions added after each axis.

    A window has n inputs and `out` cropped outputs.
    """
    windows, added = [], []
    for axis, n in enumerate(sizes):
        k = named("k", extent(kernel[axis], dilation[axis]))
        s = stride[axis]
        given = None if output_padding is None else output_padding[axis]
        if given is not None and given >= larger(s, dilation[axis]):
            raise RuleError(
                "output-padding-too-large",
                f"output_padding {int(given)} must be smaller than"
                f" the stride {int(s)} or the dilation {int(dilation[axis])}",
                "output_padding",
            )
        if isinstance(padding, str):
            before, after, extra = sides_transposed(padding, k, s, given)
        else:
            (before, after), extra = padding[axis], given or 0
        p = named("p", before + after)
        out = transposed_output(n, k, p, s, extra)
        if out < 1:
            rule = transposed_output(
                Traced(n, "n"), Traced(k, "k"), Traced(p, "p"), Traced(s, "s"), extra
            )
            raise RuleError(
                "window-too-large",
                f"padding leaves no output {axis_name(axis, len(sizes))}",
                "padding",
                [Rule(f"{_numbers(rule)} = {int(rule)}, must be at least 1")],
            )
        windows.append(Window(n, kernel[axis], s, dilation[axis], before, after, compact(out)))
        added.append(extra)
    return tuple(windows), tuple(added)


def sides_transposed(word: str, k: int, s: int, extra: int | None) -> tuple[int, int, int]:
    """What `same` crops before and after an axis, and how many positions it adds after it.

    It crops to n*s positions. With an output_padding, as in Keras, half a kernel is cropped on each
    side and the output_padding is cropped less; `same_lower` crops an odd position before.

    >>> sides_transposed("same", 5, 2, None), sides_transposed("same", 5, 2, 1)
    ((1, 2, 0), (1, 2, 0))
    >>> sides_transposed("same", 2, 4, None)
    (0, 0, 2)
    """
    k, s = plain(k), plain(s)
    surplus = k - s if extra is None else k // 2 * 2 - extra
    total = larger(surplus, 0)
    smaller, rest = total // 2, total - total // 2
    before, after = (rest, smaller) if word == "same_lower" else (smaller, rest)
    return before, after, total - surplus


def resized_padding(padded: tuple[int, int], growth: int) -> tuple[int, int]:
    """Padding (before, after) whose sum grows by `growth`, down to 0, split as it was.

    Even sides stay as even as they can, the odd position where it was, or after; others, such as
    the causal (k - 1, 0), keep their proportion.

    >>> resized_padding((1, 1), 2), resized_padding((1, 1), -1), resized_padding((2, 0), 2)
    ((2, 2), (0, 1), (4, 0))
    """
    before, after = padded
    total = max(before + after + growth, 0)
    if abs(after - before) > 1:
        first = total * before // (before + after)
    else:
        first = (total + (before > after)) // 2
    return first, total - first


def _too_large(
    axis: int,
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padded: tuple[int, int],
    ceil_mode: bool,
) -> RuleError:
    n, s, d = int(sizes[axis]), int(stride[axis]), int(dilation[axis])
    k, p = int(extent(kernel[axis], d)), int(sum(padded))

    def positions(n: int, k: int, before: int, after: int, s: int) -> int:
        if ceil_mode:
            return window_output_ceil(n, k, before, after, s)
        return window_output(n, k, named("p", before + after), s)

    name = axis_name(axis, len(sizes))
    dilated = f" ({k} with dilation {d})" if d > 1 else ""
    before, after = padded
    rule = positions(
        Traced(n, "n"),
        Traced(k, "k"),
        Traced(before, "b"),
        Traced(after, "a"),
        Traced(s, "s"),
    )
    helps = []
    per_side = -(-(k - n) // 2)
    if before == after and per_side <= LARGEST_SIZE:
        helps.append(f"'padding: {per_side}' gives {positions(n, k, per_side, per_side, s)}")
    fits = (n + p - 1) // d + 1
    helps.append(f"'kernel: {fits}' gives {positions(n, extent(fits, d), before, after, s)}")
    where = f" {name}" if len(sizes) > 1 else ""
    return RuleError(
        "window-too-large",
        f"kernel{where} {int(kernel[axis])}{dilated} does not fit the padded input {name} {n + p}",
        "kernel",
        [
            Rule(f"{_numbers(rule)} = {int(rule)}, must be at least 1"),
            Help(", ".join(helps)),
        ],
    )


def _numbers(value: int) -> str:
    return value.numbers if isinstance(value, Traced) else str(value)


def padding_summary(padding: Padding) -> str:
    """What stands behind a window for its padding: a blank and a word or numbers, if there is any.

    >>> [padding_summary(padding) for padding in ("same", ((1, 1), (1, 1)), ((0, 1), (2, 2)))]
    [' same', ' p1', ' p0:1x2']
    """
    if isinstance(padding, str):
        return f" {padding}"
    if not any(map(sum, padding)):
        return ""
    axes = [str(before) if before == after else f"{before}:{after}" for before, after in padding]
    return f" p{axes[0] if len(set(axes)) == 1 else 'x'.join(axes)}"


def window_summary(
    layer: Layer, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> str:
    """`conv 3x3 /2`: the kind, its window, its stride and dilation where they are not 1."""
    text = f"{layer.kind} {cross_text(kernel) if len(kernel) > 1 else kernel[0]}"
    if set(stride) != {1}:
        text += f" /{cross_text(stride) if len(set(stride)) > 1 else stride[0]}"
    if set(dilation) != {1}:
        text += f" d{cross_text(dilation) if len(set(dilation)) > 1 else dilation[0]}"
    return text
