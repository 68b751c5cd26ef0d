"""Specs of long chains of random layers, from a seed."""

from __future__ import annotations

from random import Random

#: How many different layers a repeated pattern has.
PATTERN = 16


def chain(layers: int, seed: int = 0) -> str:
    """A chain of random convolutions, all of which keep the map's size."""
    random = Random(seed)
    return _spec([_convolution(random) for _ in range(layers)])


def written_out(layers: int, seed: int = 0) -> str:
    """A repeated pattern of `PATTERN` convolutions, every copy written out."""
    return _spec(_pattern(seed) * (layers // PATTERN))


def repeated(layers: int, seed: int = 0) -> str:
    """The network of `written_out`, with `repeat`."""
    pattern = ", ".join(_pattern(seed))
    return _spec([f"{{sequential: [{pattern}], repeat: {layers // PATTERN}}}"])


def _pattern(seed: int) -> list[str]:
    random = Random(seed)
    return [_convolution(random) for _ in range(PATTERN)]


def _spec(layers: list[str]) -> str:
    return "input: [3, 32, 32]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)


def _convolution(random: Random) -> str:
    channels = 4 * random.randint(1, 64)
    window = random.choice(
        [
            "kernel: 1",
            "kernel: 3, padding: 1",
            "kernel: 3, padding: 2, dilation: 2",
            "kernel: 5, padding: same",
            "kernel: [3, 1], padding: [1, 0]",
            "kernel: 2, padding: [[0, 1], [0, 1]]",
        ]
    )
    rest = random.choice(["", "", ", bias: false", ", stride: 1"])
    return f"{{conv: {channels}, {window}{rest}}}"
