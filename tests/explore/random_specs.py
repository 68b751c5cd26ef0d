"""Random specs whose arguments decide much: sizes, conditions, repeats, padding, groups, joins."""

from __future__ import annotations

from random import Random
from typing import Any

from convcalc.explore.variables import Variable

#: The arguments of a random spec, and the input's sizes, with the values that they may have.
VALUES: dict[str, list[Any]] = {
    "wide": list(range(1, 17)),
    "thin": list(range(1, 10)),
    "part": ["0.1", "0.25", "0.5", "0.75", "1", "1.2", "2", "2.5"],
    "kernel_size": [1, 2, 3, 4, 5],
    "step": [1, 2, 3],
    "times": [0, 1, 2, 3],
    "depths[1]": [1, 2, 3],
    "in_size[0]": list(range(1, 41)),
    "in_size[1]": list(range(1, 41)),
}
_HEAD = """\
input: [4, 16, 16]
args: {wide: 8, thin: 4, part: 1, kernel_size: 3, step: 1, times: 1, depths: [1, 2], half: wide//2}
blocks:
  unit(width, by=1, grow=2):
    - add:
        main:
          - {conv: grow*width, kernel: kernel_size, padding: kernel_size//2, norm: batch}
          - {conv: width, kernel: 1, stride: by, activation: relu}
        short:
          - {conv: width, kernel: 1, stride: by, when: by > 1 or in_channels != width}
  gate(less=max(1, in_channels//4)):
    - mul:
        - []
        - [global_avgpool, {conv: less, kernel: 1}, {conv: in_channels, kernel: 1}, sigmoid]
layers:
"""


def expression(rng: Random, depth: int = 0) -> str:
    """A number made of the arguments."""
    names = ["wide", "thin", "half", "in_channels", "part", "2", "3", "8", "16", "1.5"]
    if depth > 2 or rng.random() < 0.35:
        return rng.choice(names)
    a, b = expression(rng, depth + 1), expression(rng, depth + 1)
    forms = [
        f"({a} + {b})",
        f"({a} - {b})",
        f"({a} * {b})",
        f"({a} // {b})",
        f"max({a}, {b})",
        f"min({a}, {b})",
        f"abs({a} - {b})",
        f"divisible({a}*part, {rng.choice([2, 4, 8])})",
        f"ceil({a} / {rng.choice([2, 3, 5])})",
        f"floor({a} * part)",
        f"round({a} * part)",
        f"({a} if {b} > {rng.choice(names)} else {b})",
        f"({a} % {rng.choice([3, 4, 7])} + 1)",
        f"sum([{a}, {b}])",
    ]
    return rng.choice(forms)


def width(rng: Random) -> str:
    """An expression that is mostly a number of channels."""
    inner = expression(rng)
    kind = rng.random()
    if kind < 0.6:
        return f'"max(1, ceil({inner}))"'
    return f'"divisible({inner}, {rng.choice([1, 2, 4])})"' if kind < 0.85 else f'"{inner}"'


def layer(rng: Random, depth: int = 0) -> str:
    """One layer."""
    padding = rng.choice(["0", "1", "same", "same_lower", "kernel_size//2", "[[0, 1], [1, 0]]"])
    when = rng.choice(
        ["in_channels > wide", "min(in_size) > 7", "wide % 2 == 0 and thin > 3", "part != 1"]
    )
    forms = [
        (
            f"{{conv: {width(rng)}, kernel: {rng.choice(['1', '3', 'kernel_size', '[1, 3]'])},"
            f" stride: {rng.choice(['1', '2', 'step'])}, padding: {padding},"
            f" norm: {rng.choice(['none', 'batch'])}, activation: {rng.choice(['none', 'silu'])}}}"
        ),
        f"{{conv: {width(rng)}, kernel: 3, padding: 1, when: {when}, repeat: times}}",
        f"{{depthwise: kernel_size, padding: {padding}, stride: step}}",
        (
            f"{{maxpool: {rng.choice(['2', 'kernel_size'])}, stride: {rng.choice(['2', 'step'])},"
            f" ceil_mode: {rng.choice(['true', 'false'])}, padding: {rng.choice(['0', 'same'])}}}"
        ),
        "{avgpool: 2, ceil_mode: true}",
        (
            f"{{conv: {rng.choice(['2*in_channels', '4*wide'])}, kernel: 3, padding: 1,"
            f" groups: {rng.choice(['in_channels', '2', chr(34) + 'min(wide, 4)' + chr(34)])}}}"
        ),
        (
            f"{{conv_transpose: {width(rng)}, kernel: {rng.choice(['2', '4', 'kernel_size'])},"
            f" stride: {rng.choice(['2', 'step'])}, padding: {rng.choice(['0', '1', 'same'])}}}"
        ),
        f"{{upsample: {rng.choice(['2', 'step', 'part'])}}}",
        f"{{adaptive_avgpool: {rng.choice(['3', 'step', 'thin'])}}}",
        f"{{slice: {rng.choice(['[0, in_channels//2]', '[0, thin]'])}}}",
        f"{{maxpool: 2, when: min(in_size) > thin, repeat: {rng.choice(['2', 'times'])}}}",
        f'{{unit: [{width(rng)}, step], repeat: "depths[1]", first: {{grow: thin}}}}',
        "gate",
        *["{channel_shuffle: 2}", "{crop: 1}", "{pad: step}", "relu", "{groupnorm: 2}"],
    ]
    if depth < 2:
        inner = layer(rng, depth + 1)
        forms.append(f"{{concat: [[], [{inner}]]}}")
        forms.append(
            f"{{add: [[], [{{conv: {rng.choice(['in_channels', 'wide'])},"
            f" kernel: kernel_size, padding: {padding}}}]]}}"
        )
    return rng.choice(forms)


def newer_layers(rng: Random, number: int) -> list[str]:
    """Layers of kinds that few networks have: attention, recurrence, products, moved windows."""
    heads = rng.choice(["1", "2", "thin", '"max(1, in_channels//4)"'])
    width = rng.choice(["in_channels", "wide", "2*wide"])
    query = f"{{query: [{{conv: {width}, kernel: 1}}], key: [{{conv: {width}, kernel: 1}}]"
    attention = f"{{attention: {query}, value: [{{conv: wide, kernel: 1}}]}}, heads: {heads}"
    window = rng.choice(["2", "4", "kernel_size", '"min(in_size)"'])
    taps = rng.choice(["3", "kernel_size"])
    moved = (
        f"{{deform_conv: {{value: [], offset: [{{conv: 2*{taps}*{taps}, kernel: {taps},"
        f" padding: 1}}]}}, channels: wide, kernel: {taps}, padding: 1}}"
    )
    forms = [
        [attention + "}"],
        [f"{attention}, position_bias: {rng.choice(['relative', 'distance', 'continuous'])}}}"],
        [
            f'{{pad: [[0, "-in_size[0] % {window.strip(chr(34))}"], [0, 1]]}}',
            (
                f"{attention}, window: {window}, shift: {rng.choice(['0', '1', 'step'])},"
                f" position_bias: relative, similarity: {rng.choice(['dot', 'cosine'])}}}"
            ),
        ],
        [f"{attention}, window: {window}, dilation: step}}"],
        [moved],
        ["{matmul: [[{transpose: [0, 2, 1]}], []]}"],
        ["{matmul: [[{reshape: [1, in_channels, -1]}], [{reshape: [1, -1, thin]}]]}"],
        [
            "{reshape: [-1, 'in_size[1]']}",
            f"{{{rng.choice(['lstm', 'gru'])}: wide, bidirectional: true}}",
            "{reshape: [2, wide, -1]}",
        ],
        [
            "{reshape: [in_channels, 1, 'in_size[0]', 'in_size[1]']}",
            f"{{conv_lstm: thin, kernel: {taps}, padding: same}}",
            "{reshape: [thin, 'in_size[1]', 'in_size[2]']}",
        ],
        [
            f"{{maxpool: 2, name: pooled{number}}}",
            "{conv: in_channels, kernel: 3, padding: 1, repeat: times}",
            f"{{unpool: pooled{number}}}",
        ],
        ["{concat: [[{reduce_mean: [0]}], [{reduce_max: [0]}]]}", "{broadcast: [2, -1, -1]}"],
        ["{gather: [0, 1, 0], axis: 2}"],
        ["{mul: [[], [{parameter: [4, 1, 1]}, {conv: in_channels, kernel: 1, repeat: times}]]}"],
        ["{slice: [0, thin], axis: 1, step: step}"],
        ["{pixel_unshuffle: step}", "{conv: wide, kernel: 1, activation: gelu}", "grn"],
        ["{pixel_shuffle: step}", "layernorm"],
        ["{transpose: [1, 0, 2]}", "{rescaling: {factor: 2}}"],
        ["{mul: [[], [{reduce_mean: [1, 2]}, {conv: in_channels, kernel: 1}, sigmoid]]}"],
        ["{concat: [[], [{broadcast: [-1, 'in_size[0]', 'in_size[1]']}]], axis: 2}", "l2norm"],
    ]
    return rng.choice(forms)


def random_spec(rng: Random) -> str:
    """The text of a spec; many of its networks are invalid."""
    layers = [layer(rng) for _ in range(rng.randint(2, 7))]
    for number in range(rng.choice([0, 0, 1, 2])):
        place = rng.randint(0, len(layers))
        layers[place:place] = newer_layers(rng, number)
    if rng.random() < 0.2:
        place = rng.randrange(len(layers))
        layers.insert(place, "{conv: wide, kernel: 1, name: kept}")
        layers.append("{concat: [[], kept]}")
    layers += rng.choice([["global_avgpool", "{dense: 10}"], ["flatten", "{dense: wide}"], []])
    return _HEAD + "".join([f"  - {one}\n" for one in layers])


def random_variables(rng: Random) -> list[Variable]:
    """Some arguments that vary, and their values."""
    from fractions import Fraction

    chosen = sorted(rng.sample(sorted(VALUES), rng.randint(1, len(VALUES))))
    found = []
    for name in chosen:
        numbers = [Fraction(value) for value in VALUES[name]]
        found.append(Variable(name, [int(n) if n.denominator == 1 else n for n in numbers]))
    return found
