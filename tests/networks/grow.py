"""Random networks, grown from the language itself.

A spec is written as text, so that all of the language takes part: blocks and their calls, repeats,
conditions, references, joins, fused layers, expressions. Every piece is valid wherever it stands:
windows are padded to fit, branches of a join keep the spatial sizes, conditions ask for the size
that enters before something shrinks it.
"""

from __future__ import annotations

from random import Random

_ACTIVATIONS = ("relu", "relu6", "gelu", "silu", "sigmoid", "tanh", "hard_swish", "none")
_FUSED_MAPPINGS = (
    *("{leaky_relu: 0.2}", "{prelu: {per_channel: true}}", "{elu: 0.5}"),
    *("{clip: {min: -0.5, max: 1}}", "{hard_sigmoid: 0.2}"),
)
_NORMS = ("batch", "layer", "instance", "rms", "none", "{groupnorm: 1}", "{lrn: 3}", "{l2norm: }")


class _Grower:
    def __init__(self, rng: Random, rank: int) -> None:
        self.rng = rng
        self.rank = rank
        self.blocks: list[str] = []
        self.names = 0

    def block_name(self, prefix: str) -> str:
        """A name that no other block has."""
        self.names += 1
        return f"{prefix}{self.names}"

    def axes(self, low: int, high: int) -> str:
        """One number for all axes, or a list."""
        if self.rng.random() < 0.5:
            return str(self.rng.randint(low, high))
        return "[" + ", ".join(str(self.rng.randint(low, high)) for _ in range(self.rank)) + "]"

    def window(self, strided: bool) -> str:
        """Arguments of a window: with stride 1 the spatial sizes stay, else they shrink."""
        rng = self.rng
        arguments = []
        if strided:
            arguments.append(f"stride: {self.axes(1, 3)}")
            kernel = self.axes(1, 4)
            sides = [f"[{rng.randint(0, 2)}, {rng.randint(0, 2)}]" for _ in range(self.rank)]
            padding = rng.choice(["same", "same_lower", "2", "[" + ", ".join(sides) + "]"])
            # Whatever the kernel, a window fits an axis of at least 4.
            arguments.append("when: min(in_size) >= 4")
        else:
            kernel = self.axes(1, 4)
            padding = rng.choice(["same", "same_lower", *["causal"] * (self.rank == 1)])
            if rng.random() < 0.3:
                arguments.append(f"dilation: {self.axes(1, 2)}")
        return ", ".join([f"kernel: {kernel}", f"padding: {padding}", *arguments])

    def fused(self) -> str:
        rng = self.rng
        text = ""
        if rng.random() < 0.4:
            text += f", norm: {rng.choice(_NORMS)}"
        if rng.random() < 0.5:
            text += f", activation: {rng.choice((*_ACTIVATIONS, *_FUSED_MAPPINGS))}"
        return text

    def conv(self, channels: str, strided: bool) -> str:
        rng = self.rng
        groups = ""
        if rng.random() < 0.25:
            channels = (
                f"in_channels * {rng.randint(1, 2)}" if channels != "in_channels" else channels
            )
            groups = ", groups: in_channels"
            if rng.random() < 0.5:
                groups = ", groups: '2 if in_channels % 2 == 0 else 1'"
        bias = rng.choice(["", ", bias: false", ", bias: true"])
        return f"{{conv: {channels}, {self.window(strided)}{groups}{bias}{self.fused()}}}"

    def keeping(self, depth: int) -> str:
        """A layer that keeps the spatial sizes."""
        rng = self.rng
        choice = rng.randrange(14 if depth else 10)
        if choice <= 1:
            return self.conv(str(rng.randint(1, 8)), strided=False)
        if choice == 2:
            multiplier = rng.choice(["", ", multiplier: 2"])
            return f"{{depthwise: 3, padding: same{multiplier}{self.fused()}}}"
        if choice == 3:
            return rng.choice(
                [
                    "batchnorm",
                    "layernorm",
                    "instancenorm",
                    "{groupnorm: 1}",
                    "grn",
                    "relu",
                    "softmax",
                ]
            )
        if choice == 4:
            pool = rng.choice(["maxpool", "minpool", "avgpool"])
            return f"{{{pool}: 3, stride: 1, padding: 1}}"
        if choice == 5:
            return f"{{dense: {rng.randint(1, 6)}, positionwise: true{self.fused()}}}"
        if choice == 6:
            return rng.choice(
                [
                    *("dropout", "identity", "scale", "{channel_shuffle: 1}", "prelu"),
                    *("{pow: 2}", "{rescaling: {factor: -1, offset: 1}}"),
                    f"[{{reduce_mean: [0]}}, {{broadcast: [3, {', '.join(['-1'] * self.rank)}]}}]",
                ]
            )
        if choice == 7:
            return rng.choice(["{slice: [0, (in_channels + 1) // 2]}", "{gather: [0, 0]}"])
        if choice == 8:
            return rng.choice([self.in_turn(), self.with_constant()])
        if choice == 9:
            # One value for all channels of a place.
            join = rng.choice(["mul", "div"])
            return f"{{{join}: [[], [{{conv: 1, kernel: 1, activation: sigmoid}}]]{self.fused()}}}"
        if choice == 10:
            return self.residual(depth - 1)
        if choice == 11:
            return self.concat(depth - 1)
        if choice == 12:
            return self.attention()
        return self.gate()

    def with_constant(self) -> str:
        """A learned or a fixed map, or a factor for each channel, beside what enters."""
        rng = self.rng
        kind = rng.choice(["parameter", "buffer"])
        ones = ["1"] * self.rank
        sizes = [f"'in_size[{axis}]'" for axis in range(self.rank)]
        shape = rng.choice(["", *[f"[{', '.join(['in_channels', *s])}]" for s in (ones, sizes)]])
        return f"{{{rng.choice(['add', 'mul', 'sub'])}: [[], [{{{kind}: {shape}}}]]}}"

    def in_turn(self) -> str:
        """The first row, and the others less their surroundings, one after the other again."""
        rng = self.rng
        axis = rng.randint(1, self.rank)
        blurred = f"{{avgpool: {rng.choice([1, 3])}, stride: 1, padding: same}}"
        others = f"{{slice: [1, 'in_size[{axis - 1}]'], axis: {axis}}}, {{sub: [[], [{blurred}]]}}"
        first = f"{{slice: [0, 1], axis: {axis}}}"
        when = f"'in_size[{axis - 1}] > 1'"
        return f"{{concat: [[{first}], [{others}]], axis: {axis}, when: {when}}}"

    def branch(self, depth: int, last: str = "") -> str:
        layers = [self.keeping(depth) for _ in range(self.rng.randint(1, 2))]
        return "[" + ", ".join([*layers, *([last] if last else [])]) + "]"

    def residual(self, depth: int) -> str:
        """A block call: the block ties its main branch to the channels that enter."""
        name = self.block_name("residual")
        fused = self.fused()
        main = self.branch(depth, "{conv: c, kernel: 1}")
        shortcut = "{when: keep, layers: []}"
        self.blocks.append(
            f"  {name}(c=in_channels, keep=true):\n"
            f"    - {{add: {{shortcut: {shortcut}, main: {main}}}{fused}}}"
        )
        repeat = self.rng.choice(["", ", repeat: 2", ", repeat: 2, first: {keep: false}"])
        return f"{{{name}: {repeat}}}"

    def concat(self, depth: int) -> str:
        branches = [self.branch(depth) for _ in range(self.rng.randint(1, 2))]
        return "{concat: [[], " + ", ".join(branches) + f"]{self.fused()}}}"

    def attention(self) -> str:
        """Attention to all positions, to those of a smaller map, or to windows."""
        rng = self.rng
        narrow = f"{{dense: {2 * rng.randint(1, 2)}, positionwise: true}}"
        wide = f"{{dense: {2 * rng.randint(1, 3)}, positionwise: true}}"
        even = " and ".join([f"in_size[{axis}] % 2 == 0" for axis in range(self.rank)])
        fewer = rng.choice(["", "", "{maxpool: 2, when: min(in_size) > 1}, "])
        more = [", similarity: cosine", ", dropout: 0.1"]
        if not fewer:
            more += [
                *("", ", position_bias: relative", ", position_bias: distance, dropout: 0.5"),
                f", window: 2, shift: 1, position_bias: relative, when: '{even}'",
                f", window: 1, dilation: 2, when: '{even}'",
            ]
        branches = f"query: [{narrow}], key: [{fewer}{narrow}], value: [{fewer}{wide}]"
        heads = rng.choice(["", ", heads: 2"])
        return f"{{attention: {{{branches}}}{heads}{rng.choice(more)}}}"

    def gate(self) -> str:
        """Squeeze and excite, a block that remembers the channels which entered."""
        name = self.block_name("gate")
        self.blocks.append(
            f"  {name}(c=in_channels):\n"
            "    - mul: [[], [global_avgpool, {conv: 'max(1, c // 2)', kernel: 1},"
            " {conv: c, kernel: 1, activation: sigmoid}]]"
        )
        return name

    def shrinking(self) -> str:
        """A layer that changes the spatial sizes."""
        rng = self.rng
        choice = rng.randrange(7)
        if choice <= 1:
            return self.conv(str(rng.randint(1, 8)), strided=True)
        if choice == 2:
            pool = rng.choice(["maxpool", "minpool", "avgpool"])
            extra = rng.choice(["", ", ceil_mode: true", ", padding: 1", ", stride: 1"])
            return f"{{{pool}: 2{extra}, when: min(in_size) >= 3}}"
        if choice == 3:
            kind = rng.choice(["adaptive_maxpool", "adaptive_avgpool"])
            return f"{{{kind}: {self.axes(2, 5)}}}"
        if choice == 4:
            if rng.random() < 0.3:
                return "{pad: -1, when: min(in_size) > 2}"
            return f"{{pad: {rng.randint(0, 2)}, mode: {rng.choice(['zeros', 'replicate'])}}}"
        if choice == 5:
            mode = rng.choice(["nearest", "bilinear"])
            return f"{{upsample: 2, mode: {mode}, when: max(in_size) <= 6}}"
        arguments = rng.choice(["kernel: 2, stride: 2", "kernel: 3, padding: 1", "kernel: 2"])
        return (
            f"{{conv_transpose: {rng.randint(1, 5)}, {arguments}, "
            "when: max(in_size) <= 6 and min(in_size) > 1}"
        )


def random_spec(rng: Random) -> str:
    """The text of a valid spec: 1, 2 or 3 spatial axes, up to some thirty layers.

    Half of them have a long skip, taken from a named layer.
    """
    rank = rng.choice([1, 2, 2, 2, 3])
    grower = _Grower(rng, rank)
    sizes = [rng.randint(4, 9 if rank < 3 else 6) for _ in range(rank)]
    layers: list[str] = []
    for _ in range(rng.randint(2, 6)):
        layers.append(grower.keeping(2) if rng.random() < 0.65 else grower.shrinking())
    if rng.random() < 0.5:
        # A long skip around layers that keep the size.
        layers.append("{conv: width, kernel: 1, name: skip}")
        layers += [grower.keeping(1) for _ in range(rng.randint(0, 2))]
        layers.append("{concat: [[], skip]}")
    if rng.random() < 0.4:
        layers.append("[" + ", ".join(grower.keeping(0) for _ in range(2)) + "]")
    if rng.random() < 0.6:
        layers.append(rng.choice(["global_avgpool", "global_maxpool", "flatten"]))
        layers.append(f"{{dense: width * 2{grower.fused().replace('instance', 'layer')}}}")
    shape = ", ".join(str(size) for size in [rng.randint(1, 6), *sizes])
    blocks = "blocks:\n" + "\n".join(grower.blocks) + "\n" if grower.blocks else ""
    text = "\n".join(f"  - {layer}" for layer in layers)
    return f"args: {{width: {rng.randint(1, 5)}}}\ninput: [{shape}]\n{blocks}layers:\n{text}\n"
