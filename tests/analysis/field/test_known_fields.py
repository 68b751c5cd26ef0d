"""Receptive fields of known networks: published sizes, the closed form, and runs on one axis.

A network of the zoo takes a one-dimensional input as well (`input: [3, 1600]`): its windows are
the same along the one axis, and a run over thousands of pixels costs little.
"""

from __future__ import annotations

import warnings
from math import prod
from random import Random

import numpy as np
import pytest

import convcalc
from convcalc.analysis.field.fields import fields, unit_field
from convcalc.arithmetic import Ratio
from convcalc.graph import Network, Node
from tests.analysis.field.probing import hold_the_report, probed, up_to

#: ResNet-50 with the stride of a stage in its last unit, on the 3x3, and in the shortcut a pool of
#: one pixel, as in TensorFlow's slim library.
SLIM = """
extends: resnet50
blocks:
  bottleneck(c, s=1):
    - add:
        main:
          - {conv: c, kernel: 1}
          - {conv: c, kernel: 3, stride: s, padding: 1}
          - {conv: 4*c, kernel: 1, activation: none}
        shortcut:
          - {conv: 4*c, kernel: 1, stride: s, activation: none, when: in_channels != 4*c}
          - {maxpool: 1, stride: s, when: in_channels == 4*c and s > 1}
      activation: relu
  stage(c, depth, s=2):
    - {bottleneck: c, repeat: depth - 1}
    - {bottleneck: [c, s]}
layers:
  - {conv: 64, kernel: 7, stride: 2, padding: 3}
  - {maxpool: 3, stride: 2, padding: 1}
  - {stage: [64, "depths[0]"], name: stage0}
  - {stage: [128, "depths[1]"], name: stage1}
  - {stage: [256, "depths[2]"], name: stage2}
  - {stage: [512, "depths[3]", 1], name: stage3}
  - global_avgpool
  - {dense: classes}
"""


def on_map(name: str) -> Network:
    """A network of the zoo, or the one above."""
    return convcalc.loads(SLIM, name="configs/slim.yaml") if name == "slim" else convcalc.load(name)


def on_line(name: str, length: int) -> Network:
    """The same on an input with one axis."""
    text = SLIM if name == "slim" else f"extends: {name}\n"
    return convcalc.loads(f"{text}input: [3, {length}]\n", name="configs/line.yaml")


def last_before_head(network: Network) -> Node:
    """The last window before all of the input is seen."""
    seen = fields(network)
    moving = [
        node
        for node in network.operations
        if node.layer.windows(network.input_shapes(node))
        and any(axis.stride for axes in seen[node.path].axes.values() for axis in axes)
    ]
    return moving[-1]


#: Araujo, Norris and Sim, Distill 2019, table of their section on real networks, and what
#: torchvision's ResNet-50 comes to: size, stride.
KNOWN = {
    "alexnet": (195, 32),
    "vgg16": (212, 32),
    "mobilenet_v1": (315, 32),
    "resnet50": (427, 32),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_fields(name: str) -> None:
    network = convcalc.load(name)
    axes = fields(network)[last_before_head(network).path].axes["input"]
    assert [(axis.size, axis.stride) for axis in axes] == [
        (KNOWN[name][0], Ratio.of(KNOWN[name][1]))
    ] * 2


def test_resnet50_of_slim_sees_483() -> None:
    """Its strides come later, when most of a stage has already looked around on a fine map."""
    network = on_map("slim")
    axes = fields(network)[last_before_head(network).path].axes["input"]
    assert [(axis.size, axis.stride) for axis in axes] == [(483, Ratio.of(32))] * 2
    assert convcalc.analyze(network).totals.params == 25557032


def test_wavenet_sees_what_its_dilations_reach_and_nothing_to_come() -> None:
    (axis,) = fields(convcalc.load("wavenet"))["conv2"].axes["input"]
    size = 1 + 1 + 3 * (2**10 - 1)  # one window of 2, then dilations of 1 to 512 three times
    assert (axis.size, axis.offset) == (size, 1 - size)


#: Networks whose windows follow one another without branches.
CHAINS = ["alexnet", "vgg16", "vgg19_bn", "mobilenet_v1", "lenet", "m5"]


def closed_form(network: Network) -> tuple[int, int, int]:
    """Size, stride and first position of a chain's last unit, as Araujo, Norris and Sim give them.

    r = 1 + sum over layers of (k - 1) times the strides before; the first position is minus the sum
    of the paddings, each times the strides before.
    """
    size, stride, first = 1, 1, 0
    for node in network.operations:
        windows = node.layer.windows(network.input_shapes(node))
        if windows:
            size += (windows[0].extent - 1) * stride
            first -= windows[0].before * stride
            stride *= windows[0].stride
    return size, stride, first


@pytest.mark.parametrize("name", CHAINS)
def test_chains_follow_the_closed_form(name: str) -> None:
    network = convcalc.load(name)
    node = last_before_head(network)
    axis = fields(network)[node.path].axes["input"][0]
    found = closed_form(up_to(network, node))
    assert (axis.size, axis.stride, axis.offset) == (found[0], Ratio.of(found[1]), found[2])
    assert axis.centre == Ratio.of(2 * found[2] + found[0] - 1, 2)


def positive(network: Network, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights under which nothing can cancel: factors above zero, no bias, no mean."""
    arrays = {}
    for node in network.operations:
        shapes = network.input_shapes(node)
        declared = {**node.layer.parameters(shapes), **node.layer.buffers(shapes)}
        for name, shape in declared.items():
            value = rng.uniform(0.5, 1.5, shape) / max(prod(shape[1:]), 1)
            zero = name in {"bias", "running_mean"}
            arrays[f"{node.path}.{name}"] = np.zeros(shape) if zero else value
    return arrays


def answers(network: Network, node: Node, probes: list[tuple[int, int]]) -> list[bool]:
    """Whether a unit answers to a single pixel, all others being zero, under positive weights.

    probes  pairs of a unit and a pixel
    """
    ending = up_to(network, node)
    channels, length = network.inputs["input"]
    impulses = np.zeros((len(probes), channels, length))
    for sample, (_, pixel) in enumerate(probes):
        impulses[sample, :, pixel] = 1.0
    weights = positive(ending, np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = convcalc.execute(ending, impulses, weights, dtype="float64", exact=True)["end"]
    return [
        bool((value[:, unit] > 0).any()) for value, (unit, _) in zip(result, probes, strict=True)
    ]


ON_ONE_AXIS = ["alexnet", "mobilenet_v1", "squeezenet1_1", "mobilenet_v2", "shufflenet_v2_x0_5"]
LARGER = ["vgg16", "resnet50", "googlenet", "slim", "resnext50_32x4d", "xception"]
LARGER += ["deeplabv3_resnet50", "densenet121"]


@pytest.mark.parametrize(
    "name", [*ON_ONE_AXIS, *[pytest.param(name, marks=pytest.mark.long) for name in LARGER]]
)
@pytest.mark.no_cover
def test_a_unit_inside_answers_to_its_first_and_last_pixel_and_no_further(name: str) -> None:
    whole = on_map(name)
    node = last_before_head(whole)
    size = fields(whole)[node.path].axes["input"][0].size
    network = on_line(name, 32 * (size * 5 // 64))
    node = next(one for one in network.operations if one.path == node.path)
    (axis,) = fields(network)[node.path].axes["input"]
    assert axis.stride is not None
    assert axis.offset is not None
    assert (axis.size, axis.stride.denominator) == (size, 1)
    unit = node.shape[1] // 2
    first = axis.offset + axis.stride.numerator * unit
    last = first + size - 1
    assert unit_field(network, network.nodes.index(node), (unit,)).inputs == {0: ((first, last),)}
    probes = [(unit, pixel) for pixel in (first - 1, first, last, last + 1)]
    assert answers(network, node, probes) == [False, True, True, False]


#: Networks behind whose upsampling units fall into phases: name, length, units in the middle.
PHASES = [
    pytest.param("unet", 572, 4, marks=pytest.mark.long),
    ("espcn", 64, 4),
    ("dcgan", 4, 17),
]
HEAD = """
input: [2, {length}]
layers:
  - {{conv: 4, kernel: 3, stride: 2, padding: 1, activation: relu}}
  - {{maxpool: 3, stride: 2, padding: 1}}
  - {{conv: 3, kernel: 3, dilation: 2, padding: 2}}
  - {{upsample: 4, mode: bilinear}}
  - {{conv: 2, kernel: 3, padding: 1}}
"""


def neighbours(network: Network, node: Node, count: int) -> tuple[int, list[int]]:
    """The largest field of some neighbouring units, each held against a run; and their sizes."""
    middle = node.shape[1] // 2
    index = network.nodes.index(node)
    length = network.inputs["input"][1]
    sizes = []
    expected: dict[tuple[int, int], bool] = {}
    for unit in range(middle, middle + count):
        ((first, last),) = unit_field(network, index, (unit,)).inputs[0]
        sizes.append(last - first + 1)
        expected |= {(unit, first): True, (unit, last): True}
        expected |= {(unit, at): False for at in (first - 1, last + 1) if 0 <= at < length}
    probes = list(expected)
    assert dict(zip(probes, answers(network, node, probes), strict=True)) == expected
    return max(sizes), sizes


@pytest.mark.parametrize(("name", "length", "count"), PHASES)
def test_units_of_every_phase(name: str, length: int, count: int) -> None:
    channels = convcalc.load(name).inputs["input"][0]
    text = f"extends: {name}\ninput: [{channels}, {length}]\n"
    network = convcalc.loads(text, name="configs/line.yaml")
    node = last_before_head(network)
    (axis,) = fields(network)[node.path].axes["input"]
    largest, sizes = neighbours(network, node, count)
    assert largest == axis.size or length < axis.size
    assert (len(set(sizes)) > 1) == axis.uneven or length < axis.size


def test_bilinear_resizing_under_positive_weights() -> None:
    network = convcalc.loads(HEAD.format(length=96))
    node = network.operations[-1]
    (axis,) = fields(network)[node.path].axes["input"]
    assert axis.stride == Ratio.of(1)
    largest, _ = neighbours(network, node, 4)
    assert largest == axis.size


#: Small networks of two dimensions, and layers whose units are probed with slabs of NaN.
ON_MAPS = ["lenet", "lenet_relu", "ds_cnn", "figure_maxpool_padding", "figure_stride"]
ON_MAPS += ["mobilenet_v1_025_96"]


@pytest.mark.no_cover
@pytest.mark.parametrize("name", [*ON_MAPS, pytest.param("resnet8", marks=pytest.mark.long)])
def test_units_of_maps(name: str) -> None:
    network = convcalc.load(name)
    rng = Random(name)
    seen = fields(network)
    for node in rng.sample(network.operations, min(5, len(network.operations))):
        place = tuple([rng.randrange(n) for n in node.shape[1:]])
        hold_the_report(seen, network, node, place)
        for what, expected, found in probed(network, node, place):
            assert found == expected, f"{node.path} at {place} and {what}"


@pytest.mark.parametrize("name", ["efficientnet_b0", "mobilenet_v3_small", "regnet_y_400mf"])
def test_a_gate_makes_every_unit_see_everything(name: str) -> None:
    network = convcalc.load(name)
    seen = fields(network)
    gates = [node for node in network.operations if node.kind == "mul"]
    assert gates
    for node in gates:
        assert {axis[:3] for axis in seen[node.path].axes["input"]} == {(224, None, 0)}
