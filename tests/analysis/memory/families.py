"""The graphs of well-known network families, as tasks with the sizes of their results.

Only what matters to memory is built: what reads what, how large the results are, and what is
written in place.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from convcalc.analysis.memory.liveness import TensorGraph
from tests.analysis.memory.task_graphs import Graph, Task


class Builder:
    """Adds tasks to a graph; values are numbered, the inputs first."""

    def __init__(self, *inputs: int) -> None:
        self.inputs = inputs
        self.sizes = list(inputs)
        self.tasks: list[Task] = []

    def op(self, size: int, *reads: int) -> int:
        """A result of its own."""
        return self._add(Task(reads, size, "plain"))

    def act(self, *reads: int) -> int:
        """An element-wise operation: activation, normalisation, sum or product."""
        reads = tuple(dict.fromkeys(reads))
        return self._add(Task(reads, max(self.sizes[value] for value in reads), "elementwise"))

    def conv(self, size: int, source: int, *, activation: bool = True) -> int:
        """A convolution and a batch normalisation, and perhaps an activation."""
        source = self.act(self.op(size, source))
        return self.act(source) if activation else source

    def join(self, *reads: int) -> int:
        """A concatenation that copies."""
        return self.op(sum(self.sizes[value] for value in reads), *reads)

    def tensor_graph(self) -> TensorGraph:
        read = {value for task in self.tasks for value in task.reads}
        return Graph(self.inputs, self.tasks, set(range(len(self.sizes))) - read).tensor_graph()

    def _add(self, task: Task) -> int:
        self.tasks.append(task)
        self.sizes.append(task.size)
        return len(self.sizes) - 1


def attention(net: Builder, query: int, key: int, value: int, heads: int, width: int) -> int:
    """Projections, scores, softmax, values and output projection."""
    result = net.sizes[query]
    scores = heads * (net.sizes[query] // width) * (net.sizes[key] // width)
    scaled = net.act(net.op(result, query))
    keys, values = net.op(net.sizes[key], key), net.op(net.sizes[value], value)
    probabilities = net.op(scores, net.op(scores, scaled, keys))
    return net.op(result, net.op(result, probabilities, values))


def feed_forward(net: Builder, source: int, widening: int = 4) -> int:
    size = net.sizes[source]
    return net.op(size, net.act(net.op(widening * size, source)))


def transformer(
    layers: int = 12, width: int = 768, tokens: int = 197, heads: int = 12
) -> TensorGraph:
    """ViT-B/16."""
    net = Builder(3 * 224 * 224)
    x = net.op(width * tokens, 0)
    for _ in range(layers):
        normed = net.op(width * tokens, x)
        x = net.act(x, attention(net, normed, normed, normed, heads, width))
        x = net.act(x, feed_forward(net, net.op(width * tokens, x)))
    net.op(width, x)
    return net.tensor_graph()


def separate_heads(heads: int, layers: int = 2, tokens: int = 2048) -> TensorGraph:
    """A transformer whose heads are written one by one."""
    net = Builder(64 * heads * tokens)
    x = 0
    for _ in range(layers):
        normed = net.op(net.sizes[x], x)
        each = []
        for _ in range(heads):
            query, key, value = (net.op(64 * tokens, normed) for _ in range(3))
            scores = net.op(tokens**2, net.op(tokens**2, query, key))
            each.append(net.op(64 * tokens, scores, value))
        x = net.act(x, net.op(net.sizes[x], net.join(*each)))
        x = net.act(x, feed_forward(net, net.op(net.sizes[x], x)))
    return net.tensor_graph()


def detr(encoders: int = 6, decoders: int = 6) -> TensorGraph:
    """Encoder and decoder: all decoder layers read the encoder's result and the positions."""
    width, heads = 256, 8
    places, queries = width * 25 * 38, width * 100
    net = Builder(2048 * 25 * 38, places, queries, queries)
    place, query_place, decoded = 1, 2, 3

    def then(x: int, result: int) -> int:
        return net.op(net.sizes[x], net.act(x, result))

    x = net.op(places, 0)
    for _ in range(encoders):
        found = attention(net, net.act(x, place), net.act(x, place), x, heads, width)
        x = then(x, found)
        x = then(x, feed_forward(net, x, 8))
    encoded, x = x, decoded
    for _ in range(decoders):
        found = attention(net, net.act(x, query_place), net.act(x, query_place), x, heads, width)
        x = then(x, found)
        keys = net.act(encoded, place)
        x = then(x, attention(net, net.act(x, query_place), keys, encoded, heads, width))
        x = then(x, feed_forward(net, x, 8))
    net.op(92 * 100, x)
    net.op(4 * 100, net.act(net.op(queries, x)))
    return net.tensor_graph()


def wavenet(units: int = 30, skips: int = 256, width: int = 64) -> TensorGraph:
    """Gated units, whose skips are summed at the end."""
    length = 16000
    net = Builder(256 * length)
    x = net.op(width * length, 0)
    summed = []
    for unit in range(units):
        gated = net.act(*[net.act(net.op(width * length, x)) for _ in range(2)])
        summed.append(net.op(skips * length, gated))
        if unit < units - 1:
            x = net.act(x, net.op(width * length, gated))
    net.op(256 * length, net.act(net.op(skips * length, net.act(*summed))))
    return net.tensor_graph()


def unet(levels: int = 4, *, nested: bool = False) -> TensorGraph:
    """U-Net, and UNet++ with a node for each pair of levels."""
    sizes = [32 * 512**2 // 2**level for level in range(levels + 1)]
    net = Builder(3 * 512**2)

    def double(size: int, source: int) -> int:
        return net.conv(size, net.conv(size, source))

    grid = {(0, 0): double(sizes[0], 0)}
    for level in range(1, levels + 1):
        pooled = net.op(sizes[level - 1] // 4, grid[level - 1, 0])
        grid[level, 0] = double(sizes[level], pooled)
    for column in range(1, levels + 1):
        for level in range(levels - column, -1, -1):
            if not nested and level != levels - column:
                continue
            below = grid[level + 1, column - 1]
            skips = (
                [grid[level, before] for before in range(column)] if nested else [grid[level, 0]]
            )
            up = net.op(net.sizes[below] * 4, below)
            grid[level, column] = double(sizes[level], net.join(*skips, up))
    net.op(512**2, grid[0, levels])
    return net.tensor_graph()


def hrnet(width: int = 32, modules: tuple[int, int, int] = (1, 4, 3)) -> TensorGraph:
    """Up to four branches of different resolution, fused with each other again and again."""
    places = [56 * 56 // 4**branch for branch in range(4)]
    sizes = [width * 2**branch * places[branch] for branch in range(4)]
    net = Builder(3 * 224 * 224)
    x = net.conv(64 * places[0], net.conv(64 * places[0] * 4, 0))
    for _ in range(4):
        x = bottleneck(net, 64 * places[0], x)
    branches = [net.conv(sizes[0], x)]
    for stage, repeats in enumerate(modules):
        branches.append(net.conv(sizes[stage + 1], branches[-1] if stage else x))
        for _ in range(repeats):
            branches = fused(net, [residuals(net, branch) for branch in branches], sizes)
    heads = [
        bottleneck(net, 32 * 2**branch * places[branch], x) for branch, x in enumerate(branches)
    ]
    x = heads[0]
    for head in heads[1:]:
        x = net.act(net.conv(net.sizes[head], x), head)
    net.op(1000, net.conv(2048 * places[3], x))
    return net.tensor_graph()


def bottleneck(net: Builder, narrow: int, x: int) -> int:
    """A narrow convolution between two others, beside a shortcut."""
    main = net.conv(4 * narrow, net.conv(narrow, net.conv(narrow, x)), activation=False)
    same = net.sizes[x] == net.sizes[main]
    return net.act(net.act(main, x if same else net.conv(net.sizes[main], x, activation=False)))


def residuals(net: Builder, x: int) -> int:
    for _ in range(4):
        size = net.sizes[x]
        x = net.act(net.act(x, net.conv(size, net.conv(size, x), activation=False)))
    return x


def fused(net: Builder, branches: list[int], sizes: list[int]) -> list[int]:
    """Each branch and all others, brought to its resolution, summed."""
    found = []
    for to in range(len(branches)):
        terms = []
        for source, branch in enumerate(branches):
            value = branch
            if source > to:
                small = net.conv(sizes[to] // 4 ** (source - to), branch, activation=False)
                value = net.op(sizes[to], small)
            for step in range(source + 1, to + 1):
                size = sizes[to] if step == to else sizes[source] // 4 ** (step - source)
                value = net.conv(size, value, activation=step < to)
            terms.append(value)
        found.append(net.act(net.act(*terms)))
    return found


def c3k2(net: Builder, size: int, source: int, blocks: int) -> int:
    """A split, a chain of blocks, and a concatenation of all that they made."""
    split = net.conv(size, source)
    parts = [net.op(size // 2, split), net.op(size // 2, split)]
    for _ in range(blocks):
        inner = net.conv(size // 4, parts[-1])
        beside = net.conv(size // 4, parts[-1])
        for _ in range(2):
            inner = net.act(inner, net.conv(size // 4, net.conv(size // 4, inner)))
        parts.append(net.conv(size // 2, net.join(inner, beside)))
    return net.conv(size, net.join(*parts))


def yolo(blocks: int = 2) -> TensorGraph:
    """A backbone, and a neck that goes up and down again; three heads."""
    net = Builder(3 * 640 * 640)
    x = net.conv(64 * 320**2, 0)
    levels = []
    for side in (160, 80, 40, 20):
        x = c3k2(net, 512 * side**2, net.conv(256 * side**2, x), blocks)
        levels.append(x)
    for level in (2, 1):
        up = net.op(net.sizes[levels[level + 1]] * 4, levels[level + 1])
        levels[level] = c3k2(
            net, net.sizes[levels[level]] // 2, net.join(up, levels[level]), blocks
        )
    for level in (2, 3):
        down = net.conv(net.sizes[levels[level - 1]] // 4, levels[level - 1])
        levels[level] = c3k2(net, net.sizes[levels[level]], net.join(down, levels[level]), blocks)
    for level in levels[1:]:
        side = net.sizes[level] // 256
        net.join(*[net.op(side * 64, net.conv(side * 80, level)) for _ in range(2)])
    return net.tensor_graph()


def bifpn(cells: int = 3, width: int = 64) -> TensorGraph:
    """EfficientDet's neck: five resolutions, fused downwards and upwards in each cell."""
    places = [64 * 64 // 4**level for level in range(5)]
    net = Builder(3 * 512 * 512)
    levels = [net.conv(40 * places[0], 0)]
    for level in range(1, 5):
        levels.append(net.conv((80 + 40 * level) * places[level], levels[-1]))
    levels = [net.act(net.op(width * size, x)) for size, x in zip(places, levels, strict=True)]

    def fuse(level: int, *terms: int) -> int:
        size = width * places[level]
        return net.act(net.op(size, net.op(size, net.act(net.act(*terms)))))

    for _ in range(cells):
        down = list(levels)
        for level in (3, 2, 1, 0):
            enlarged = net.op(width * places[level], down[level + 1])
            down[level] = fuse(level, levels[level], enlarged)
        up = [down[0]]
        for level in range(1, 5):
            pooled = net.op(width * places[level], up[-1])
            terms = [levels[level], down[level]] if level < 4 else [levels[level]]
            up.append(fuse(level, *terms, pooled))
        levels = up
    for size, x in zip(places, levels, strict=True):
        net.op(810 * size, net.conv(width * size, x))
        net.op(36 * size, net.conv(width * size, x))
    return net.tensor_graph()


def nasnet(cells: int = 12, width: int = 44) -> TensorGraph:
    """NASNet-A: each cell reads the two before it."""
    net = Builder(3 * 224 * 224)
    size = width * 28 * 28
    before = net.conv(32 * 111**2, 0)
    last = net.conv(size, before)

    def separable(source: int) -> int:
        for _ in range(2):
            source = net.act(net.op(size, net.op(size, source)))
        return source

    for cell in range(cells):
        if cell and cell % 4 == 0:
            size //= 2
        left, right = (net.act(net.op(size, net.act(x))) for x in (before, last))
        pairs = [
            (separable(right), right),
            (separable(left), separable(right)),
            (net.op(size, right), left),
            (net.op(size, left), net.op(size, left)),
            (separable(left), separable(left)),
        ]
        before, last = last, net.join(left, *[net.act(*pair) for pair in pairs])
    net.op(1000, last)
    return net.tensor_graph()


def feature_pyramid() -> TensorGraph:
    """RetinaNet: the stages of a ResNet, summed downwards, with two heads on each."""
    places = [200 * 304 // 4**level for level in range(4)]
    net = Builder(3 * 800 * 1216)
    x = net.op(64 * places[0], net.conv(64 * places[0] * 4, 0))
    stages = []
    for level, blocks in enumerate((3, 4, 6, 3)):
        for _ in range(blocks):
            x = bottleneck(net, 64 * 2**level * places[level], x)
        stages.append(x)
    levels = [net.op(256 * size, x) for size, x in zip(places, stages, strict=True)]
    for level in (2, 1, 0):
        levels[level] = net.act(levels[level], net.op(256 * places[level], levels[level + 1]))
    for size, x in zip(places, levels, strict=True):
        for channels in (720, 36):
            head = net.op(256 * size, x)
            for _ in range(4):
                head = net.act(net.op(256 * size, head))
            net.op(channels * size, head)
    return net.tensor_graph()


def mixture(experts: int = 8, layers: int = 2) -> TensorGraph:
    """A transformer with a gated sum of feed-forward networks."""
    width, tokens = 512, 256
    net = Builder(width * tokens)
    x = 0
    for _ in range(layers):
        normed = net.op(width * tokens, x)
        x = net.act(x, attention(net, normed, normed, normed, 8, width))
        normed = net.op(width * tokens, x)
        gates = net.op(experts * tokens, net.op(experts * tokens, normed))
        each = [net.act(feed_forward(net, normed), net.op(tokens, gates)) for _ in range(experts)]
        x = net.act(x, net.act(*each))
    return net.tensor_graph()


def random_wiring(seed: int, nodes: int = 32) -> TensorGraph:
    """RandWire: a stage of convolutions on a random small-world graph (Watts and Strogatz)."""
    rng = Random(seed)
    size = 78 * 28 * 28
    net = Builder(3 * 224 * 224)
    start = net.conv(size, 0)
    edges: set[tuple[int, int]] = set()
    for node in range(nodes):
        for step in (1, 2):
            other = (node + step) % nodes
            if rng.random() < 0.75:
                other = rng.choice([i for i in range(nodes) if i != node])
            edges.add((min(node, other), max(node, other)))
    values: list[int] = []
    for node in range(nodes):
        sources = [values[one] for one, other in sorted(edges) if other == node] or [start]
        values.append(net.act(net.op(size, net.op(size, net.act(net.act(*sources))))))
    ends = [values[node] for node in range(nodes) if all(node != one for one, _ in edges)]
    net.op(size, net.act(*ends))
    return net.tensor_graph()


#: The families by name.
FAMILIES: dict[str, Callable[[], TensorGraph]] = {
    "transformer": transformer,
    "separate heads": lambda: separate_heads(8),
    "detr": detr,
    "detr, deep": lambda: detr(6, 24),
    "wavenet": wavenet,
    "wavenet, small skips": lambda: wavenet(skips=32, width=512),
    "wavenet, long": lambda: wavenet(120),
    "unet": unet,
    "unet, nested": lambda: unet(5, nested=True),
    "hrnet": hrnet,
    "hrnet, wide": lambda: hrnet(128),
    "hrnet, very wide": lambda: hrnet(256),
    "yolo": yolo,
    "bifpn": bifpn,
    "bifpn, wide": lambda: bifpn(8, 384),
    "nasnet": nasnet,
    "nasnet, wide": lambda: nasnet(18, 168),
    "feature pyramid": feature_pyramid,
    "mixture": mixture,
    "random wiring": lambda: random_wiring(0),
}
