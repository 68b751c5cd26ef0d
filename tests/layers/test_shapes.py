"""Any window at all is refused where none fits, and has the size that sliding it shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.layers.convolution import Conv, ConvTranspose
from convcalc.layers.pooling import MaxPool
from convcalc.layers.windows import sides, sliding_windows
from convcalc.problems import RuleError
from tests.oracle import windows as oracle
from tests.oracle.table import observe

sizes = st.integers(1, 12)
steps = st.integers(1, 5)
pads = st.integers(0, 8)
words = st.sampled_from(["same", "same_lower"])


@given(sizes, sizes, steps, steps, pads, pads)
def test_a_window_is_refused_where_none_fits(
    n: int, taps: int, stride: int, dilation: int, before: int, after: int
) -> None:
    seen = oracle.axis(n, taps, stride, dilation, (before, after))
    conv = Conv(
        channels=1,
        kernel=(taps,),
        stride=(stride,),
        dilation=(dilation,),
        padding=((before, after),),
    )
    if seen.starts:
        assert conv.output_shape([(1, n)]) == (1, len(seen.starts))
        return
    with pytest.raises(RuleError) as caught:
        conv.output_shape([(1, n)])
    assert (caught.value.code, caught.value.field) == ("window-too-large", "kernel")


@given(sizes, sizes, steps, steps, pads, pads, st.booleans())
def test_a_pool_refuses_padding_that_could_hold_a_window(
    n: int, taps: int, stride: int, dilation: int, before: int, after: int, ceil_mode: bool
) -> None:
    seen = oracle.axis(n, taps, stride, dilation, (before, after), ceil_mode=ceil_mode)
    pool = MaxPool(
        kernel=(taps,),
        stride=(stride,),
        dilation=(dilation,),
        padding=((before, after),),
        ceil_mode=ceil_mode,
    )
    if seen.starts and max(before, after) <= seen.offsets[-1]:
        assert pool.output_shape([(1, n)]) == (1, len(seen.starts))
        return
    with pytest.raises(RuleError) as caught:
        pool.output_shape([(1, n)])
    code = "padding-too-large" if seen.starts else "window-too-large"
    assert caught.value.code == code


@given(sizes, sizes, steps, steps, words)
def test_same_pads_on_the_side_it_says(
    n: int, taps: int, stride: int, dilation: int, word: str
) -> None:
    seen = oracle.axis(n, taps, stride, dilation, word)
    (window,) = sliding_windows((n,), (taps,), (stride,), (dilation,), word)
    assert window.out == len(seen.starts) == len(range(0, n, stride))
    assert -window.before == seen.starts[0]
    assert window.n + window.after == seen.end


@given(sizes, sizes, steps, steps)
def test_no_unit_of_a_causal_window_sees_what_comes_after_its_place(
    n: int, taps: int, stride: int, dilation: int
) -> None:
    conv = Conv(
        channels=1, kernel=(taps,), stride=(stride,), dilation=(dilation,), padding="causal"
    )
    (window,) = conv.windows([(1, n)])
    assert conv.output_shape([(1, n)]) == (1, len(range(0, n, stride)))
    assert window.after == 0
    _, along = conv.reads([(1, n)], 0)
    assert [along.at(y)[-1] for y in range(window.out)] == [*range(0, n, stride)]


@given(sizes, sizes, steps, steps, pads, pads, st.integers(0, 4))
def test_a_transposed_window_is_refused_where_nothing_is_left(
    n: int, taps: int, stride: int, dilation: int, before: int, after: int, extra: int
) -> None:
    layer = ConvTranspose(
        channels=1,
        kernel=(taps,),
        stride=(stride,),
        dilation=(dilation,),
        padding=((before, after),),
        output_padding=(extra,),
    )
    last_written = (n - 1) * stride + oracle.tap_offsets(taps, dilation)[-1]
    left = len(range(last_written + 1 + extra)) - before - after
    if extra < max(stride, dilation) and left > 0:
        assert layer.output_shape([(1, n)]) == (1, left) == observe(layer, [(1, n)]).shape
        return
    with pytest.raises(RuleError) as caught:
        layer.output_shape([(1, n)])
    code = "window-too-large" if extra < max(stride, dilation) else "output-padding-too-large"
    assert caught.value.code == code


@pytest.mark.parametrize(("word", "expected"), [("same", (0, 1)), ("same_lower", (1, 0))])
def test_the_odd_position_goes_where_the_word_says(word: str, expected: tuple[int, int]) -> None:
    assert sides(word, 0, n=224, k=3, s=2) == expected
    assert oracle.split(1, word) == expected
