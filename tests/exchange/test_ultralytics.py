"""Networks in the form of Ultralytics' files, against what its package counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.exchange.files import read_bytes
from convcalc.exchange.model import Choices, Model
from convcalc.exchange.ultralytics import read
from convcalc.problems import UNUSABLE, ConvcalcError
from convcalc.roots import access
from tests.exchange.hostile import read_or_refuse
from tests.quick import fewer_examples

FACTS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "ultralytics.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
SMALL = """nc: 7
scales:
  n: [0.5, 0.25, 512]
  x: [1.0, 1.5, 128]
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 3, C2f, [128, True]]
head:
  - [-1, 1, nn.Upsample, [None, 2, "nearest"]]
  - [[-1, 0], 1, Concat, [1]]
  - [-1, 1, C3k2, [64, False, 0.25]]
  - [[5, 2], 1, Detect, [nc]]
"""


def of(text: str, name: str = "yolo77n.yaml", choices: Choices | None = None) -> Model:
    return read(read_bytes(name, text.encode()), choices or Choices())


@pytest.mark.parametrize("fact", FACTS, ids=[f"{fact['what']} {fact['scale']}" for fact in FACTS])
def test_counts_what_the_package_counts(fact: dict[str, Any]) -> None:
    size = fact["size"]
    choices = Choices(input=[3, size, size])
    model = of(fact["text"], f"yolo77{fact['scale']}.yaml", choices)
    totals = convcalc.analyze(model.network).totals
    assert totals.params == fact["params"]
    assert totals.buffers == fact["buffers"]
    assert totals.macs == fact["macs"]


def test_predicts_at_each_place_of_each_level() -> None:
    network = of(SMALL, choices=Choices(input=[3, 64, 96])).network
    shapes = {name: network.nodes[index].shape for name, index in network.outputs.items()}
    places = 32 * 48 + 16 * 24
    assert shapes == {"detect6.classes": (7, places), "detect6.distances": (4, places)}
    assert of(SMALL).network.inputs == {"input": (3, 640, 640)}


def test_classes_have_probabilities() -> None:
    network = of(SMALL, choices=Choices(input=[3, 32, 32])).network
    classes = convcalc.execute(network)["detect6.classes"]
    assert classes.shape == (1, 7, 16 * 16 + 8 * 8)
    assert 0 < classes.min() < classes.max() < 1


def test_nodes_have_pytorchs_names_and_their_lines() -> None:
    model = of(SMALL)
    assert model.names["c2f2.m0.cv1"] == "model.2.m.0.cv1.conv"
    spans = {node.path: node.span for node in model.network.nodes}
    span = spans["c2f2.m0.cv1"]
    assert span is not None
    assert span.in_line == "yolo77n.yaml:8"


class TestScale:
    def params(self, model: Model) -> int:
        return convcalc.analyze(model.network).totals.params

    def test_of_the_name_or_of_the_choice(self) -> None:
        small, large = of(SMALL, "yolo77n.yaml"), of(SMALL, "folder/yolov77x-seg.yaml")
        assert self.params(small) < self.params(large)
        assert not small.network.notes
        chosen = of(SMALL, "yolo77n.yaml", Choices(scale="x"))
        assert self.params(chosen) == self.params(large)

    def test_the_first_where_none_is_named(self) -> None:
        model = of(SMALL, "mine.yaml")
        (note,) = model.network.notes
        assert note.code == "assumed-scale"
        assert self.params(model) == self.params(of(SMALL))

    @pytest.mark.parametrize("text", [SMALL, SMALL.partition("scales")[0] + "backbone:\nhead:\n"])
    def test_one_that_is_not_there(self, text: str) -> None:
        with pytest.raises(ConvcalcError, match="no scale 'q'"):
            of(text, choices=Choices(scale="q"))

    def test_multiples(self) -> None:
        before, rest = SMALL.partition("scales")[0], SMALL.partition("backbone")[2]
        multiples = f"{before}depth_multiple: 0.5\nwidth_multiple: 0.25\nbackbone{rest}"
        assert self.params(of(multiples)) == self.params(of(SMALL))


def test_yolov5_as_first_published_has_anchors() -> None:
    text = SMALL.replace("[nc]]", "[nc, anchors]]") + "anchors: [[1, 2, 3, 4, 5, 6], [1, 2]]\n"
    network = of(text).network
    shapes = [network.nodes[index].shape for index in network.outputs.values()]
    assert shapes == [(3 * 12, 320, 320), (12, 160, 160)]


@pytest.mark.parametrize(
    ("old", "new", "line", "code"),
    [
        ("C2f,", "C2F,", 8, "unsupported-model"),
        ("Detect, [nc]", "RTDETRDecoder, [nc]", 13, "unsupported-model"),
        ("[-1, 3, C2f", "[-7, 3, C2f", 8, "bad-model"),
        ("[-1, 3, C2f", "[2, 3, C2f", 8, "bad-model"),
        ("[-1, 3, C2f", "[-1, 0, C2f", 8, "bad-model"),
        ("[128, True]", "[wide, True]", 8, "bad-model"),
        ("[128, True]", "128", 8, "bad-model"),
        ("[128, True]", "[128, 2]", 8, "bad-model"),
        ("[64, False, 0.25]", "[64, False, 0]", 12, "bad-model"),
        ("[64, 3, 2]", "[64, 3, 2", 6, "yaml-syntax"),
        ("[None, 2,", "[None, 3,", 11, "join-mismatch"),
        ("[0.5, 0.25, 512]", "[0.5, 0.25]", 3, "bad-model"),
        ("head:", "tail:", 1, "bad-model"),
        ("nc: 7", "activation: nn.Strange()", 1, "unsupported-model"),
        ("[64, 3, 2]", "[64, 3, 2]]\n  - [-1, 900, Conv, [16]", 7, "too-many-layers"),
    ],
)
def test_a_mistake_has_its_line(old: str, new: str, line: int, code: str) -> None:
    with pytest.raises(ConvcalcError) as caught:
        of(SMALL.replace(old, new, 1), choices=Choices(max_layers=1000))
    assert caught.value.status == UNUSABLE
    problem = caught.value.problems[0]
    assert problem.code == code
    assert problem.span is not None
    assert problem.span.in_line == f"yolo77n.yaml:{line}"


_WORDS = [
    "-1",
    "0",
    "1e9",
    "[]",
    "[1, 2]",
    "{}",
    "None",
    "True",
    "nc",
    "99999999999999",
    "''",
    "-9",
]
_PARTS = ["-1", "3", "128", "64", "True", "0.25", "[nc]", "Conv", "C2f", "[-1, 0]", "512", "7"]


@fewer_examples(2)
@given(st.lists(st.tuples(st.sampled_from(_PARTS), st.sampled_from(_WORDS)), max_size=4))
def test_a_changed_file_is_read_or_refused(changes: list[tuple[str, str]]) -> None:
    text = SMALL
    for old, new in changes:
        text = text.replace(old, new, 1)
    read_or_refuse(read, "yolo77n.yaml", text.encode())


@given(st.sampled_from([fact["text"] for fact in FACTS]), st.data())
def test_a_cut_file_is_read_or_refused(text: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, min(len(text), first + 20)))
    read_or_refuse(read, "yolo77n.yaml", (text[:first] + text[last:]).encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data: bytes) -> None:
    read_or_refuse(read, "yolo77n.yaml", b"backbone: [" + data)


def test_a_long_text_is_refused_unless_it_is_allowed() -> None:
    text = SMALL + "#" * 2**20
    with pytest.raises(ConvcalcError, match="longer than 1048576 bytes") as caught:
        of(text)
    assert caught.value.status == UNUSABLE
    with access(max_file_size=2**23):
        assert of(text).network.outputs
