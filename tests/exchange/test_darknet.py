"""darknet's own networks, and files that are not what darknet reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.counters.conventions import CONVENTIONS
from convcalc.analysis.counters.counting import counter_reports
from convcalc.exchange import darknet
from convcalc.exchange.files import read_bytes
from convcalc.exchange.model import Choices, Model
from convcalc.problems import UNUSABLE, ConvcalcError
from tests.exchange.hostile import read_or_refuse
from tests.quick import fewer_examples

_DATA = Path(__file__).parents[1] / "data" / "darknet"
#: What darknet prints of each file, and how many numbers it writes to its file of weights.
FACTS = json.loads((_DATA / "facts.json").read_text(encoding="utf-8"))
(DARKNET,) = [convention for convention in CONVENTIONS if convention.name == "darknet"]

SMALL = """[net]
width=32
height=32
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=8
size=3
pad=1
activation=mish

[shortcut]
from=-2
activation=linear

[route]
layers=-1,-3
groups=2
group_id=1

[maxpool]
size=5
stride=1

[yolo]
mask=0
classes=3
"""


def read(text: str, choices: Choices | None = None) -> Model:
    return darknet.read(read_bytes("small.cfg", text.encode()), choices or Choices())


def of_file(name: str) -> Model:
    return darknet.read(read_bytes(name, (_DATA / name).read_bytes()), Choices())


def bflops(model: Model) -> str:
    """The total as darknet prints it."""
    (found,) = counter_reports(convcalc.analyze(model.network), [DARKNET])
    return f"{found.total / 1e9:.3f}"


@pytest.mark.parametrize("name", FACTS)
def test_costs_what_darknet_prints(name: str) -> None:
    model = of_file(name)
    totals = convcalc.analyze(model.network).totals
    assert bflops(model) == FACTS[name]["bflops"]
    assert totals.params + totals.buffers == FACTS[name]["weights"]


def test_yolov3_is_the_shipped_network_with_what_its_boxes_cost() -> None:
    model = of_file("yolov3.cfg")
    ours, shipped = convcalc.analyze(model.network), convcalc.analyze(convcalc.load("yolov3"))
    assert (ours.totals.params, ours.totals.macs) == (shipped.totals.params, shipped.totals.macs)
    shapes = sorted(model.network.nodes[index].shape for index in model.network.outputs.values())
    assert shapes == [(255, 13, 13), (255, 26, 26), (255, 52, 52)]
    # Of three boxes at each place, all but width and height go through a sigmoid.
    sigmoids = [node for node in model.network.nodes if node.kind == "sigmoid"]
    squashed = sum([int(np.prod(node.shape)) for node in sigmoids])
    assert squashed == 3 * 83 * (13 * 13 + 26 * 26 + 52 * 52)


def test_layers_have_their_lines_and_darknets_numbers() -> None:
    model = read(SMALL.replace("classes=3", "classes=3\n\n[route]\nlayers=2"))
    nodes = {node.path: node for node in model.network.nodes}
    assert nodes["add0"].span is not None
    assert nodes["add0"].span.in_line == "small.cfg:20"
    assert model.names["add0"] == "layer 2 [shortcut]"
    assert model.names["conv0.batchnorm"] == "layer 0 [convolutional]"


def test_what_no_layer_reads_is_a_result() -> None:
    model = read(SMALL)
    assert list(model.network.outputs) == ["yolo0.map"]
    assert model.network.nodes[-1].shape == (8, 16, 16)


class TestValues:
    """What is computed, against darknet's rules written out as loops over places."""

    def run(self, sections: str, image: np.ndarray) -> np.ndarray:
        c, h, w = image.shape
        text = f"[net]\nchannels={c}\nheight={h}\nwidth={w}\n{sections}"
        results = convcalc.execute(read(text).network, image[None])
        found: np.ndarray = next(iter(results.values()))[0]
        return found

    @pytest.mark.parametrize("stride", [1, 2, 3])
    def test_reorg(self, stride: int) -> None:
        c, h, w = 2 * stride**2, 2 * stride, 3 * stride
        image = np.arange(c * h * w, dtype=np.float32).reshape(c, h, w)
        flat, expected = image.reshape(-1), np.empty(c * h * w, np.float32)
        fewer = c // stride**2
        for k in range(c):
            for j in range(h):
                for i in range(w):
                    x = i * stride + k // fewer % stride
                    y = j * stride + k // fewer // stride
                    expected[i + w * (j + h * k)] = flat[
                        x + w * stride * (y + h * stride * (k % fewer))
                    ]
        found = self.run(f"[reorg]\nstride={stride}\n", image)
        assert found.shape == (c * stride**2, h // stride, w // stride)
        assert np.array_equal(found.reshape(-1), expected)

    @pytest.mark.parametrize(("filters", "stride"), [(6, 2), (2, 2), (6, 1), (4, 3)])
    def test_a_shortcut_adds_the_places_and_channels_that_fit(
        self, filters: int, stride: int
    ) -> None:
        image = np.random.default_rng(1).random((4, 7, 7), np.float32)
        model = read(
            "[net]\nchannels=4\nheight=7\nwidth=7\n[activation]\nactivation=linear\n"
            f"[convolutional]\nfilters={filters}\nstride={stride}\nactivation=linear\n"
            "[shortcut]\nfrom=-2\n[route]\nlayers=1\n"
        )
        both = convcalc.execute(model.network, image[None])
        added, conv = (both[name][0] for name in ("add0", "conv0"))
        expected, step = conv.copy(), 7 // conv.shape[1]
        for k in range(min(4, filters)):
            for y in range(conv.shape[1]):
                for x in range(conv.shape[2]):
                    expected[k, y, x] += image[k, y * step, x * step]
        assert added == pytest.approx(expected)

    def test_a_group_of_a_route(self) -> None:
        image = np.arange(4 * 2 * 2, dtype=np.float32).reshape(4, 2, 2)
        sections = "[activation]\n[activation]\n[route]\nlayers=0,1\ngroups=2\ngroup_id=1\n"
        assert np.array_equal(self.run(sections, image), image[[2, 3, 2, 3]])

    def test_yolo(self) -> None:
        image = np.random.default_rng(2).random((2 * 7, 3, 3), np.float32)
        found = self.run("[yolo]\nmask=0,1\nclasses=2\nscale_x_y=1.2\n", image)
        boxes, expected = found.reshape(2, 7, 3, 3), 1 / (1 + np.exp(-image.reshape(2, 7, 3, 3)))
        assert boxes[:, :2] == pytest.approx(expected[:, :2] * 1.2 - 0.1, abs=1e-6)
        assert boxes[:, 4:] == pytest.approx(expected[:, 4:], abs=1e-6)
        assert np.array_equal(boxes[:, 2:4], image.reshape(2, 7, 3, 3)[:, 2:4])


class TestChoices:
    def test_another_input(self) -> None:
        model = read(SMALL, Choices(input=[3, 64, 48]))
        assert model.network.inputs == {"input": (3, 64, 48)}
        assert model.network.nodes[-1].shape == (8, 32, 24)

    def test_a_cut(self) -> None:
        model = read(SMALL, Choices(outputs=("conv1", "layer 2 [shortcut]")))
        assert list(model.network.outputs) == ["conv1", "layer 2 [shortcut]"]
        assert [node.kind for node in model.network.nodes][-1] == "add"
        assert set(model.names) <= {node.path for node in model.network.nodes}

    def test_one_that_is_not_there(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            read(SMALL, Choices(outputs=("conv9",)))
        assert caught.value.status == UNUSABLE
        assert "conv9" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "code"),
    [
        ("[net]", "[convolutional]", 1, "bad-model"),
        ("width=32", "wide", 2, "bad-model"),
        ("[net]", "width=1\n[net]", 1, "bad-model"),
        ("[net]", "[]", 1, "bad-model"),
        ("filters=8\nsize=3\nstride", "filters=8\nsize=x\nstride", 9, "bad-model"),
        ("width=32", "width=99999999999", 2, "bad-model"),
        ("width=32", "#", 1, "unknown-dimension"),
        ("[maxpool]", "[maxpol]", 29, "unsupported-model"),
        ("[maxpool]", "[maxpool]\nantialiasing=1", 30, "unsupported-model"),
        ("from=-2", "from=7", 21, "unknown-layer"),
        ("from=-2", "from=", 21, "bad-model"),
        ("groups=2", "groups=3", 26, "groups-mismatch"),
        ("classes=3", "classes=4", 33, "bad-model"),
        ("activation=mish", "activation=leeky", 18, "bad-model"),
        ("size=5\nstride=1", "size=5\npadding=0\nstride=1\n[maxpool]\nsize=50\npadding=0", 33, ""),
    ],
)
def test_a_mistake_has_its_line(old: str, new: str, line: int, code: str) -> None:
    with pytest.raises(ConvcalcError) as caught:
        read(SMALL.replace(old, new, 1))
    assert caught.value.status == UNUSABLE
    (problem,) = caught.value.problems
    assert problem.code == (code or "window-too-large")
    assert problem.span is not None
    assert problem.span.in_line == f"small.cfg:{line}"


def test_as_many_layers_as_are_allowed() -> None:
    text = "[net]\nchannels=1\nheight=9\nwidth=9\n" + "[activation]\nactivation=relu\n" * 50
    assert len(read(text, Choices(max_layers=50)).network.operations) == 50
    with pytest.raises(ConvcalcError, match="too-many-layers"):
        read(text, Choices(max_layers=49))


@pytest.mark.parametrize("sections", ["[cost]\n" * 400, "[route]\nlayers=" + "0," * 2000])
def test_what_makes_no_nodes_is_bounded_as_well(sections: str) -> None:
    text = "[net]\nchannels=1\nheight=9\nwidth=9\n[activation]\nactivation=relu\n" + sections
    with pytest.raises(ConvcalcError, match="too-many-layers"):
        read(text, Choices(max_layers=300))


_LINES = SMALL.splitlines()
_WORDS = ["[net]", "[reorg]", "[upsample]", "[region]", "[crop]", "[local]", "[softmax]", "pad=1"]
_VALUES = ["0", "-1", "1", "2", "7", "1000000000", "-", "", "1e9", "0,1,-1", "99999999999999999999"]


@fewer_examples(2)
@given(
    st.lists(
        st.tuples(st.integers(0, len(_LINES) - 1), st.sampled_from(["drop", "word", "value"])),
        max_size=6,
    ),
    st.data(),
)
def test_a_changed_file_is_read_or_refused(
    changes: list[tuple[int, str]], data: st.DataObject
) -> None:
    lines = list(_LINES)
    for place, change in changes:
        if change == "drop":
            lines[place] = ""
        elif change == "word":
            lines[place] = data.draw(st.sampled_from(_WORDS))
        else:
            lines[place] = f"{lines[place].partition('=')[0]}={data.draw(st.sampled_from(_VALUES))}"
    read_or_refuse(darknet.read, "small.cfg", "\n".join(lines).encode())


@given(st.binary(max_size=200))
@example(b"[net]\x00\n")
@example(b"[net]\nwidth=1\nheight=1\nchannels=1\n[\xff]\n")
def test_any_bytes_are_refused(data: bytes) -> None:
    read_or_refuse(darknet.read, "small.cfg", data)
