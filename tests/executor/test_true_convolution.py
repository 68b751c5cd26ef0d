"""Convolutions as textbooks and other libraries define them, shown with the executor.

Much of it is what Dive into Deep Learning's exercises ask for.
Cross-correlation slides a kernel as it is, convolution slides it turned by 180 degrees; a learned
kernel makes no difference of that. `conv` does the first, and the second with `flip: true`.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.executor.arrays import Array
from convcalc.executor.kernels.convolution import conv_transpose
from convcalc.layers.convolution import ConvTranspose
from convcalc.problems import RuleError


def run(layer: str, x: Array, dtype: str = "float64", **weights: Array) -> Array:
    """One layer called `layer` on an input (batch, channels, height, width)."""
    shape = list(x.shape[1:])
    network = convcalc.loads(f"input: {shape}\nlayers:\n  - {{{layer}, name: layer}}\n")
    named = {f"layer.{name}": value for name, value in weights.items()}
    (value,) = convcalc.execute(network, x, named, dtype=dtype).values()
    return value


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


class TestConvolutionAndCrossCorrelation:
    def test_the_books_figure(self) -> None:
        """The book's first figure: 0*0 + 1*1 + 3*2 + 4*3 = 19."""
        x = np.arange(9.0).reshape(1, 1, 3, 3)
        kernel = np.arange(4.0).reshape(1, 1, 2, 2)
        found = run("conv: 1, kernel: 2, bias: false", x, weight=kernel)
        assert found.tolist() == [[[[19, 25], [37, 43]]]]
        turned = run("conv: 1, kernel: 2, bias: false, flip: true", x, weight=kernel)
        assert turned.tolist() == [[[[5, 11], [23, 29]]]]

    def test_they_differ_by_a_turn_of_the_kernel(self, rng: np.random.Generator) -> None:
        x, kernel = rng.normal(size=(2, 3, 9, 8)), rng.normal(size=(4, 3, 3, 2))
        plain = run("conv: 4, kernel: [3, 2], bias: false", x, weight=kernel)
        flipped = np.ascontiguousarray(kernel[:, :, ::-1, ::-1])
        turned = run("conv: 4, kernel: [3, 2], bias: false, flip: true", x, weight=flipped)
        np.testing.assert_array_equal(plain, turned)
        assert (
            np.abs(plain - run("conv: 4, kernel: [3, 2], bias: false", x, weight=flipped)).max() > 1
        )

    def test_flip_is_the_mathematicians_convolution(self, rng: np.random.Generator) -> None:
        """NumPy's own convolution, which turns the kernel too."""
        x, kernel = rng.normal(size=20), rng.normal(size=5)
        network = convcalc.loads(
            "{input: [1, 20], layers: [{conv: 1, kernel: 5, bias: false, flip: true, name: layer}]}"
        )
        (found,) = convcalc.execute(
            network,
            x.reshape(1, 1, -1),
            {"layer.weight": kernel.reshape(1, 1, -1)},
            dtype="float64",
        ).values()
        np.testing.assert_allclose(found[0, 0], np.convolve(x, kernel, "valid"), atol=1e-13)


class TestAsMatrixProducts:
    @pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-5), ("float64", 1e-13)])
    def test_1x1_convolution_is_a_dense_layer_on_pixels(
        self, rng: np.random.Generator, dtype: str, close: float
    ) -> None:
        """Equal but for the order of additions: about 1e-7 in float32, 1e-16 in float64."""
        x = rng.normal(size=(1, 64, 14, 14)).astype(dtype)
        weight, bias = rng.normal(size=(32, 64)), rng.normal(size=32)
        as_conv = run("conv: 32, kernel: 1", x, dtype, weight=weight[:, :, None, None], bias=bias)
        as_dense = run("dense: 32, positionwise: true", x, dtype, weight=weight, bias=bias)
        by_hand = np.einsum("oc,nchw->nohw", weight, x) + bias[:, None, None]
        scale = np.abs(by_hand).max()
        assert np.abs(as_conv - as_dense).max() <= close * scale
        assert np.abs(as_conv - by_hand).max() <= close * scale

    @pytest.mark.parametrize("stride", [1, 2])
    @pytest.mark.parametrize("padding", [0, 1])
    def test_a_convolution_is_one_large_matrix(
        self, rng: np.random.Generator, stride: int, padding: int
    ) -> None:
        """Every convolution is a matrix, found here column by column from unit images."""
        options = f"kernel: 3, stride: {stride}, padding: {padding}, bias: false"
        kernel = rng.normal(size=(2, 3, 3, 3))
        size = 3 * 5 * 4
        units = np.eye(size).reshape(size, 3, 5, 4)
        matrix = run(f"conv: 2, {options}", units, weight=kernel).reshape(size, -1)
        x = rng.normal(size=(6, 3, 5, 4))
        found = run(f"conv: 2, {options}", x, weight=kernel)
        np.testing.assert_allclose(found.reshape(6, -1), x.reshape(6, -1) @ matrix, atol=1e-13)
        # Its entries are those of the kernel, each as often as it falls on the image.
        assert {round(v, 12) for v in np.unique(matrix)} <= {
            0.0,
            *[round(v, 12) for v in kernel.reshape(-1)],
        }

    def test_a_transposed_convolution_is_the_transposed_matrix(
        self, rng: np.random.Generator
    ) -> None:
        kernel = rng.normal(size=(2, 3, 4, 4))
        options = "kernel: 4, stride: 2, padding: 1, bias: false"
        size = 3 * 8 * 8
        units = np.eye(size).reshape(size, 3, 8, 8)
        matrix = run(f"conv: 2, {options}", units, weight=kernel).reshape(size, -1)
        y = rng.normal(size=(1, 2, 4, 4))
        found = run(f"conv_transpose: 3, {options}", y, weight=kernel)
        np.testing.assert_allclose(found.reshape(-1), matrix @ y.reshape(-1), atol=1e-13)


def keras(x: Array, weight: Array, stride: int, dilation: int, output_padding: int | None) -> Array:
    """Keras 3's Conv2DTranspose with `padding="same"`, on one axis.

    It puts stride - 1 zeros between the inputs and more around them, and slides the turned kernel.
    Of the zeros around, an odd one goes before; at most k - 1 do. Without `output_padding` they
    are stride + k - 2, and else k + k % 2 - 2 + output_padding.
    """
    spread = np.zeros((len(x) - 1) * stride + 1)
    spread[::stride] = x
    kernel = np.zeros((len(weight) - 1) * dilation + 1)
    kernel[::dilation] = weight
    k = len(kernel)
    around = stride + k - 2
    if output_padding is not None:
        around = k + k % 2 - 2 + output_padding
    before = min(-(-around // 2), k - 1)
    data = np.pad(spread, (before, around - before))
    windows = [data[start : start + k] for start in range(len(data) - k + 1)]
    return np.array([window @ kernel[::-1] for window in windows])


class TestTransposedConvolutionsOfKeras:
    @pytest.mark.parametrize("n", range(1, 9))
    def test_size_and_values(self, n: int, rng: np.random.Generator) -> None:
        for taps, stride, dilation in itertools.product(range(1, 9), range(1, 6), range(1, 4)):
            x, weight = rng.normal(size=n), rng.normal(size=taps)
            for extra in (None, *range(stride)):
                values = {"kernel": taps, "stride": stride, "dilation": dilation}
                values |= {} if extra is None else {"output_padding": extra}
                layer = ConvTranspose.read({"channels": 1, "padding": "same", **values}, 1)
                expected = keras(x, weight, stride, dilation, extra)
                if not expected.size:
                    with pytest.raises(RuleError, match="padding leaves no output"):
                        layer.output_shape([(1, n)])
                    continue
                assert layer.output_shape([(1, n)]) == (1, expected.size), layer
                kernel = {"weight": weight.reshape(1, 1, -1)}
                found = conv_transpose(layer, [x.reshape(1, 1, -1)], kernel)
                np.testing.assert_allclose(found[0, 0], expected, atol=1e-12, err_msg=str(layer))

    def test_an_output_padding_of_zero_is_not_none(self) -> None:
        """Both as `compute_output_shape` of Keras 3.15 gives them."""
        sizes = []
        x, weight = np.ones((1, 1, 14, 14)), np.ones((1, 1, 3, 3))
        for extra in ("", ", output_padding: 0", ", output_padding: 1"):
            layer = f"conv_transpose: 1, kernel: 3, stride: 2, padding: same{extra}"
            sizes.append(run(f"{layer}, bias: false", x, weight=weight).shape[2:])
        assert sizes == [(28, 28), (27, 27), (28, 28)]

    def test_same_lower_is_the_mirror_image(self, rng: np.random.Generator) -> None:
        x, weight = rng.normal(size=(1, 1, 6)), rng.normal(size=(1, 1, 5))
        for extra in (None, 0, 1):
            values = {"channels": 1, "kernel": 5, "stride": 2, "padding": "same"}
            given = {} if extra is None else {"output_padding": extra}
            layer = ConvTranspose.read({**values, **given}, 1)
            straight = conv_transpose(layer, [x], {"weight": weight})
            turned = conv_transpose(
                layer.replace(padding="same_lower"),
                [x[..., ::-1]],
                {"weight": weight[..., ::-1]},
            )
            np.testing.assert_allclose(turned[..., ::-1], straight, atol=1e-13)


def picture(kind: str) -> Array:
    """A picture of 8 by 10 pixels, white on the left of (or above) an edge and black behind it."""
    rows, columns = np.mgrid[0:8, 0:10]
    white = {"vertical": columns < 4, "horizontal": rows < 3, "diagonal": rows + columns < 8}[kind]
    return np.where(white, 1.0, 0.0)[None, None]


def edges(x: Array, kernel: list[list[int]]) -> Array:
    weight = np.array(kernel, float)[None, None]
    sizes: Any = list(weight.shape[2:])
    found: Array = run(f"conv: 1, kernel: {sizes}, bias: false", x, weight=weight)[0, 0]
    return found


class TestEdges:
    """A kernel that sums to 0 answers where the picture changes along its own direction."""

    def test_vertical(self) -> None:
        found = edges(picture("vertical"), [[1, -1]])
        expected = np.zeros((8, 9))
        expected[:, 3] = 1
        np.testing.assert_array_equal(found, expected)

    def test_black_to_white_has_the_other_sign(self) -> None:
        found = edges(1 - picture("vertical"), [[1, -1]])
        assert (found[:, 3] == -1).all()

    def test_a_kernel_does_not_see_edges_along_itself(self) -> None:
        assert not edges(picture("vertical"), [[1], [-1]]).any()
        assert not edges(picture("horizontal"), [[1, -1]]).any()

    def test_horizontal(self) -> None:
        found = edges(picture("horizontal"), [[1], [-1]])
        expected = np.zeros((7, 10))
        expected[2] = 1
        np.testing.assert_array_equal(found, expected)

    def test_diagonal(self) -> None:
        x = picture("diagonal")
        # Both see it, each once a row (a column); the kernel across the diagonal sees it too.
        assert (edges(x, [[1, -1]]).sum(axis=1) == 1).all()
        found = edges(x, [[1, 0], [0, -1]])
        rows, columns = np.nonzero(found)
        assert set(rows + columns) == {6, 7}
        # Along the diagonal nothing changes.
        assert not edges(x, [[0, 1], [-1, 0]]).any()

    def test_the_transposed_picture_has_the_transposed_edges(self) -> None:
        x = picture("vertical")
        across = edges(x, [[1, -1]])
        down = edges(x.swapaxes(2, 3), [[1], [-1]])
        np.testing.assert_array_equal(down, across.T)
