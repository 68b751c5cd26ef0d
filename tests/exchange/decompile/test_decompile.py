"""Every network that is written as text is the same when it is read again."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

import convcalc
from convcalc.exchange.decompile import decompile
from convcalc.exchange.files import read_bytes
from convcalc.exchange.model import Choices
from convcalc.exchange.ultralytics import read
from convcalc.graph import GraphBuilder, Network
from convcalc.layers import KINDS
from convcalc.layers.activation import ReLU
from convcalc.layers.constants import Parameter
from convcalc.layers.convolution import Conv
from convcalc.layers.joins import Add, Concat
from convcalc.layers.normalisation import BatchNorm
from convcalc.layers.opaque import Opaque
from convcalc.layers.pooling import MaxPool
from tests.exchange.decompile.forms import imported, lines
from tests.networks.grow import random_spec
from tests.quick import each_seed, every_network
from tests.shipped import shipped


def figures(network: Network) -> object:
    """What is computed of a network, whatever its layers are called and in which order they run."""
    report = convcalc.analyze(network)
    layers = Counter(
        (layer.node.kind, layer.output, layer.cost.params, str(layer.cost.counts))
        for layer in report.layers
        # A long concatenation may be written as one of concatenations: it computes nothing.
        if layer.node.kind != "concat"
    )
    shared = sum(node.shares is not None for node in network.nodes)
    totals = report.totals
    return (
        *(totals.params, totals.buffers, totals.macs, totals.counts, shared, layers),
        *(list(network.inputs.values()), list(report.outputs.values())),
    )


def assert_same(network: Network, *, flat: bool) -> str:
    """Holds the text of a network against it; the text."""
    text = decompile(network, flat=flat)
    assert text.flat == flat, text.why_flat
    assert figures(convcalc.loads(text.yaml)) == figures(network)
    assert max(map(len, text.yaml.splitlines())) <= 100
    return text.yaml


@pytest.mark.parametrize("anonymous", [False, True], ids=["paths", "anonymous"])
@every_network
def test_a_network_is_read_again_as_it_was(name: str, anonymous: bool) -> None:
    network = imported(shipped(name), anonymous=anonymous)
    assert_same(network, flat=False)


@every_network
def test_a_flat_text_is_a_list_of_layers(name: str) -> None:
    text = assert_same(imported(shipped(name)), flat=True)
    assert "blocks:" not in text
    assert "repeat:" not in text
    layers = [line for line in text.splitlines() if line.startswith("  - ")]
    assert len(layers) <= len(shipped(name).operations)
    assert not any("- - " in line for line in text.splitlines())


@each_seed(60, 400)
@pytest.mark.parametrize("flat", [False, True], ids=["folded", "flat"])
def test_a_random_network_is_read_again_as_it_was(seed: int, flat: bool) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    assert_same(imported(network, anonymous=seed % 2 == 0), flat=flat)


def test_expects_the_figures_of_the_network() -> None:
    text = decompile(shipped("resnet18")).yaml
    expected = {fact.metric: fact.value for fact in convcalc.spec("-", text=text).expectations}
    assert expected == {"params": 11689512, "macs": 1814073344, "output": (1000,)}


def test_a_value_that_two_layers_share_has_a_name() -> None:
    builder = GraphBuilder()
    image = builder.input("image", (3, 8, 8))
    conv = Conv.read({"channels": 4, "kernel": 3, "padding": 1}, rank=2)
    inner = builder.add(conv, [image], path="encoder.conv")
    first = builder.fuse(ReLU(), inner)
    last = builder.add(Conv.read({"channels": 4, "kernel": 1}, rank=2), [first], path="head.conv")
    text = assert_same(builder.network("two", {"a": first, "b": last}), flat=False)
    assert "name: encoder" in text
    assert "outputs: [encoder, head]" in text


def test_layers_that_share_a_part_of_their_parameters_are_written_apart() -> None:
    builder = GraphBuilder()
    image = builder.input("image", (3, 8, 8))
    conv = Conv.read({"channels": 3, "kernel": 3, "padding": 1}, rank=2)
    first = builder.add(conv, [image])
    end = builder.fuse(BatchNorm.read({}, rank=2), first)
    third = builder.add(conv, [end])
    builder.share([third], [first])
    other = builder.fuse(BatchNorm.read({}, rank=2), third)
    total = builder.add(Add(), [end, other])
    for flat in (False, True):
        text = assert_same(builder.network("half", {"sum": total}), flat=flat)
        assert "share: " in text


def test_a_parameter_whose_elements_share_numbers_stays_so() -> None:
    builder = GraphBuilder()
    tokens = builder.input("tokens", (4, 9))
    bias = builder.add(Parameter(shape=(4, 9), learned=12), [tokens])
    total = builder.add(Add(), [tokens, bias])
    assert "learned: 12" in assert_same(builder.network("biased", {"sum": total}), flat=False)


def test_a_layer_that_no_text_can_have_is_refused_with_its_name() -> None:
    builder = GraphBuilder()
    image = builder.input("image", (3, 8, 8))
    boxes = builder.add(Opaque(op="NonMaxSuppression", shape=(4, 10)), [image], path="boxes")
    if "opaque" in KINDS:
        assert_same(builder.network("detector", {"boxes": boxes}), flat=False)
        return
    with pytest.raises(convcalc.ConvcalcError, match="boxes is an operation without a rule"):
        decompile(builder.network("detector", {"boxes": boxes}))


def test_an_unknown_operation_of_one_value_is_written_as_a_word() -> None:
    builder = GraphBuilder()
    image = builder.input("image", (3, 8, 8))
    found = builder.add(Opaque(op="TopK", shape=(3, 4), params=0), [image], path="found")
    both = builder.add(Opaque(op="Merge", shape=(5,)), [image, found], path="both")
    text = assert_same(builder.network("detector", {"both": both}), flat=False)
    word = "{opaque: TopK, shape: [3, 4], params: 0}"
    assert f"  - {{opaque: [[], [{word}]], op: Merge, shape: [5]}}\n" in text


def test_layers_without_order_are_written_in_bounded_time() -> None:
    builder, rng = GraphBuilder(), Random(0)
    value = builder.input("image", (8, 4, 4))
    for _ in range(4000):
        kernel, channels = rng.choice([1, 3, 5]), rng.choice([4, 8, 16])
        arguments = {"channels": channels, "kernel": kernel, "padding": kernel // 2}
        value = builder.add(Conv.read(arguments, rank=2), [value])
    assert_same(builder.network("random", {"end": value}), flat=False)


def test_a_long_chain_of_concatenations_takes_no_quadratic_time() -> None:
    builder = GraphBuilder()
    value = builder.input("image", (1, 2, 2))
    conv = Conv.read({"channels": 1, "kernel": 1}, rank=2)
    for _ in range(2000):
        value = builder.add(Concat(axis=0), [value, builder.add(conv, [value])])
    assert_same(builder.network("dense", {"end": value}), flat=False)


def test_a_dense_block_is_a_repeat_whoever_concatenates_its_values() -> None:
    builder = GraphBuilder()
    values = [builder.input("image", (8, 8, 8))]
    conv = Conv.read({"channels": 4, "kernel": 3, "padding": 1}, rank=2)
    for _ in range(12):
        value = values[0] if len(values) == 1 else builder.add(Concat(axis=0), values)
        normed = builder.fuse(BatchNorm.read({}, rank=2), value)
        values.append(builder.add(conv, [builder.fuse(ReLU(), normed)]))
    end = builder.add(Concat(axis=0), values)
    network = builder.network("dense", {"end": end})
    assert lines(assert_same(network, flat=False)) <= 14


def test_all_copies_of_a_layer_are_taken_together() -> None:
    builder = GraphBuilder()
    image = builder.input("image", (8, 8, 8))
    conv = Conv.read({"channels": 8, "kernel": 3, "padding": 1}, rank=2)
    stem = Conv.read({"channels": 8, "kernel": 1}, rank=2)
    values = [builder.add(stem, [image], path="stem")]
    for number in range(5):
        values.append(builder.add(conv, [values[-1]], path=f"osa.{number}"))
    end = builder.add(Concat(axis=0), values)
    text = assert_same(builder.network("osa", {"end": end}), flat=False)
    assert "repeat: 5, name: osa}" in text
    assert "{concat: [stem, osa*]}" in text


def test_equal_joins_after_each_other_are_a_repeat() -> None:
    text = """
input: [8, 16, 16]
layers:
  - {add: [[], [{conv: 8, kernel: 3, padding: 1, activation: relu}]], activation: relu, repeat: 3}
  - {maxpool: 2}
"""
    written = assert_same(imported(convcalc.loads(text)), flat=False)
    assert "repeat: 3" in written
    assert written.count("conv:") == 1


def test_units_that_are_too_different_for_one_block_make_several() -> None:
    lines = ["input: [8, 64, 64]", "defaults: {conv: {kernel: 3, padding: 1}}", "blocks:"]
    for name, widths in (("narrow", range(24, 40)), ("wide", range(64, 32, -2))):
        first, second, *others = widths
        lines += [
            f"  {name}:",
            f"    - {{conv: {first}, name: a}}",
            f"    - {{conv: {second}, name: b}}",
        ]
        lines += [f"    - {{conv: {width}}}" for width in others]
        lines += ["    - {concat: [a, b, []]}", "    - {conv: 8}", "    - {add: [input, []]}"]
    lines += ["layers:", *["  - narrow", "  - wide", "  - narrow", "  - {maxpool: 2}"] * 2]
    network = convcalc.loads("\n".join(lines))
    written = assert_same(imported(network, anonymous=True), flat=False)
    assert written.count("conv:") <= 2 * 17


def test_a_block_of_residual_units_has_no_join_around_them() -> None:
    text = decompile(imported(shipped("vit_b_16"))).yaml
    body = text.partition("blocks:\n")[2].partition("layers:\n")[0]
    assert [line for line in body.splitlines() if line.startswith("    - add:")]
    assert "- - add:" not in body


def test_heads_that_share_their_parameters_are_calls_of_a_block() -> None:
    text = """
input: [8, 32, 32]
blocks:
  head: [{conv: 8, kernel: 3, padding: 1, activation: relu, repeat: 3}, {conv: 5, kernel: 1}]
layers:
  - {conv: 8, kernel: 3, padding: 1, name: fine}
  - {maxpool: 2, name: middle}
  - {maxpool: 2, name: coarse}
  - {head: , from: fine, name: first}
  - {head: , share: first, from: middle, name: second}
  - {head: , share: first, from: coarse, name: third}
outputs: [first, second, third]
"""
    written = assert_same(imported(convcalc.loads(text), anonymous=True), flat=False)
    assert written.count("share: ") == 2
    assert written.count("{conv: 5") == 1
    assert lines(written) <= 14


def test_retinanet_is_about_as_long_as_what_a_person_wrote() -> None:
    assert lines(decompile(imported(shipped("retinanet_resnet50_fpn"))).yaml) <= 55


def test_a_constant_is_beside_what_enters() -> None:
    text = decompile(imported(shipped("vit_b_16"), anonymous=True)).yaml
    assert "  - {add: [[], [parameter]]}\n" in text
    assert "  - {concat: [[{parameter: [width, 1]}], []], axis: 1}\n" in text


def test_no_other_layer_is_called_as_a_copy_is() -> None:
    builder = GraphBuilder()
    image = builder.input("image", (8, 8, 8))
    conv = Conv.read({"channels": 8, "kernel": 1}, rank=2)
    pool = MaxPool.read({"kernel": 3, "stride": 1, "padding": 1}, rank=2)
    values = [builder.add(conv, [image], path="pyramid9.first")]
    for number in range(3):
        values.append(builder.add(pool, [values[-1]], path=f"pyramid9.pool.{number}"))
    end = builder.add(Concat(axis=0), values)
    last = builder.add(conv, [builder.add(Concat(axis=0), [end, values[0]])], path="pyramid9.last")
    assert "pyramid9" in assert_same(builder.network("sppf", {"a": end, "b": last}), flat=False)


DETECTOR = """nc: 80
scales: {n: [0.33, 0.25, 1024], l: [1.0, 1.0, 512]}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 3, C2f, [128, True]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, 6, C2f, [256, True]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [-1, 6, BLOCK, [512, True]]
  - [-1, 1, Conv, [1024, 3, 2]]
  - [-1, 3, BLOCK, [1024, True]]
  - [-1, 1, SPPF, [1024, 5]]
head:
  - [-1, 1, nn.Upsample, [None, 2, "nearest"]]
  - [[-1, 6], 1, Concat, [1]]
  - [-1, 3, C2f, [512]]
  - [-1, 1, nn.Upsample, [None, 2, "nearest"]]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 3, C2f, [256]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [[-1, 12], 1, Concat, [1]]
  - [-1, 3, C2f, [512]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [[-1, 9], 1, Concat, [1]]
  - [-1, 3, C2f, [1024]]
  - [[15, 18, 21], 1, DETECT, [nc]]
"""


@pytest.mark.parametrize("scale", ["n", "l"])
@pytest.mark.parametrize("detect", ["Detect", "v10Detect"])
@pytest.mark.parametrize("block", ["C2f", "C2fCIB", "C3", "C3k2", "A2C2f"])
def test_a_detector_is_written_with_blocks(block: str, detect: str, scale: str) -> None:
    text = DETECTOR.replace("BLOCK", block).replace("DETECT", detect)
    model = read(read_bytes("yolo77.yaml", text.encode()), Choices(scale=scale))
    written = assert_same(model.network, flat=False)
    flat = assert_same(model.network, flat=True)
    assert 4 * lines(written) < 3 * lines(flat)
    if (block, detect, scale) == ("C2f", "Detect", "n"):
        assert lines(written) <= 60


def test_a_layer_that_nothing_uses_is_a_result() -> None:
    builder = GraphBuilder()
    image = builder.input("image", (3, 8, 8))
    conv = Conv.read({"channels": 4, "kernel": 3, "padding": 1}, rank=2)
    value = builder.add(conv, [image], path="trunk")
    unused = builder.add(conv, [value], path="auxiliary")
    builder.fuse(ReLU(), unused)
    network = builder.network("trained", {"main": builder.add(conv, [value], path="main")})
    for flat in (False, True):
        text = decompile(network, flat=flat)
        assert text.unused == ("auxiliary",)
        again = convcalc.analyze(convcalc.loads(text.yaml))
        assert again.totals == convcalc.analyze(network).totals
        assert len(again.outputs) == 2


def test_the_number_of_classes_is_an_argument() -> None:
    text = decompile(imported(shipped("resnet50"))).yaml
    assert "\nargs: {classes: 1000, width: 64}\n" in text
    changed = convcalc.analyze(convcalc.loads(text, args={"classes": 10}))
    assert list(changed.outputs.values()) == [(1, 10)]
    assert changed.totals.params == 25557032 - 990 * 2049


def test_the_heads_of_a_detector_have_one_number_of_classes() -> None:
    text = DETECTOR.replace("BLOCK", "C2f").replace("DETECT", "Detect")
    network = read(read_bytes("yolo77.yaml", text.encode()), Choices(scale="l")).network
    written = decompile(network).yaml
    changed = convcalc.loads(written, args={"classes": 3})
    shapes = [network.nodes[index].shape for index in network.outputs.values()]
    assert shapes[0][0] == 80
    found = [changed.nodes[index].shape for index in changed.outputs.values()]
    assert found == [(3, *shapes[0][1:]), *shapes[1:]]


@pytest.mark.parametrize("name", ["fc_autoencoder", "unet", "espcn", "dcgan"])
def test_a_result_that_is_a_picture_has_no_classes(name: str) -> None:
    assert "classes" not in decompile(imported(shipped(name))).yaml


def test_numbers_of_channels_are_multiples_of_a_width() -> None:
    text = decompile(imported(shipped("convnext_tiny"))).yaml
    assert "width: 96}\n" in text
    doubled = convcalc.analyze(convcalc.loads(text, args={"width": 192}))
    macs = convcalc.analyze(shipped("convnext_tiny")).totals.macs
    assert macs is not None
    assert 3 * macs < (doubled.totals.macs or 0) < 4 * macs


@every_network
def test_every_argument_can_be_set(name: str) -> None:
    text = decompile(imported(shipped(name), anonymous=True)).yaml
    given = dict(convcalc.spec("-", text=text).args)
    assert given.keys() <= {"classes", "width"}
    for argument, value in given.items():
        changed = convcalc.loads(text, args={argument: 2 * int(str(value))})
        assert figures(changed) != figures(convcalc.loads(text))


#: The most lines of a text: what a person wrote, but for the last one.
SHORT = {
    "resnet50": 22,
    "mobilenet_v2": 26,
    "mobilenet_v3_large": 42,
    "efficientnet_b0": 30,
    "densenet161": 36,
    "convnext_tiny": 32,
    "googlenet": 34,
    "inception_v3": 66,
    "regnet_x_400mf": 22,
    "shufflenet_v2_x1_0": 30,
    "unet": 25,
    "yolov8n": 60,
}


@pytest.mark.parametrize("anonymous", [False, True], ids=["paths", "anonymous"])
@pytest.mark.parametrize("name", SHORT)
def test_a_text_is_no_longer_than_what_a_person_wrote(name: str, anonymous: bool) -> None:
    text = decompile(imported(shipped(name), anonymous=anonymous))
    assert lines(text.yaml) <= SHORT[name]


def test_what_stands_in_an_optional_branch_has_no_condition_of_its_own() -> None:
    text = decompile(imported(shipped("mobilenet_v3_large"))).yaml
    assert text.count("when: squeeze") == 1


def test_a_condition_is_said_by_what_enters_where_that_decides_it() -> None:
    text = decompile(imported(shipped("resnet50"))).yaml
    assert "  bottleneck(channels, stride=1):" in text
    assert "when: in_channels != channels" in text
    assert "  - {bottleneck: 8*width, repeat: 4, first: {stride: 2}}" in text


def test_an_expansion_is_a_factor() -> None:
    text = decompile(imported(shipped("efficientnet_b0"))).yaml
    assert "expand=6, inner=expand*in_channels" in text
    assert text.count("expand: 1") == 1
    assert "first: {stride: 2}" in text


def test_the_first_unit_of_a_stage_is_one_without_its_skip() -> None:
    text = decompile(imported(shipped("efficientnet_v2_s"), anonymous=True)).yaml
    assert text.count("repeat: 4, first: {stride: 2}") == 2
    assert "{when: stride == 1, layers: []}" in text


def test_a_layer_that_occurs_once_stays_outside_of_blocks() -> None:
    text = decompile(imported(shipped("mobilenet_v2"))).yaml
    layers = text.partition("layers:\n")[2].splitlines()
    assert layers[0] == "  - {conv: 32, kernel: 3, stride: 2, padding: 1}"
    assert layers[1].startswith("  - {inverted_residual: 16")
