"""A network as a block of another: its arguments, its outputs, and what of it nothing uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcalc import ConvcalcError, Network, analyze, load, loads, read
from convcalc.facts import worded
from convcalc.graph import GraphBuilder
from convcalc.layers.activation import ReLU
from convcalc.layers.convolution import Conv
from convcalc.problems import Problem

#: A network with everything of its own: arguments, defaults, blocks, a name of its input.
TRUNK = """
name: trunk
input: {image: [3, 512, 512]}
args: {width: 4, double: 2 * width, act: relu}
defaults: {conv: {padding: 1, activation: act}}
blocks:
  unit(c): [{conv: c, kernel: 3}]
layers:
  - {unit: width, name: first}
  - {maxpool: 2}
  - {unit: double, name: second}
  - {concat: [[], [{maxpool: 2, from: image}]], name: third}
  - flatten
  - {dense: 10}
expect: {params: 1}
"""
#: One with several outputs.
PYRAMID = """
input: [3, 64, 64]
layers:
  - {conv: 4, kernel: 2, stride: 2, name: c1}
  - {conv: 5, kernel: 2, stride: 2, name: c2}
  - {conv: 6, kernel: 2, stride: 2, name: c3}
outputs: [c2, c3]
"""
HEAD = "input: [3, 8, 8]\nblocks: {trunk: trunk.yaml, pyramid: pyramid.yaml}\n"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trunk.yaml").write_text(TRUNK, encoding="utf-8")
    Path("pyramid.yaml").write_text(PYRAMID, encoding="utf-8")


def network(layers: str, head: str = HEAD) -> Network:
    return loads(f"{head}layers: [{layers}]\n")


def shapes(layers: str, head: str = HEAD) -> dict[str, tuple[int, ...]]:
    return {node.unit: node.shape for node in network(layers, head).operations}


def problems(layers: str, head: str = HEAD) -> list[Problem]:
    with pytest.raises(ConvcalcError) as caught:
        network(layers, head)
    return list(caught.value.problems)


def notes(layers: str, head: str = HEAD) -> list[str]:
    return [note.text for note in network(layers, head).notes]


class TestCall:
    def test_its_layers_are_a_group_and_what_enters_is_its_input(self) -> None:
        assert shapes("{conv: 6, kernel: 1}, {trunk: , name: t}") == {
            "conv0": (6, 8, 8),
            "t.first.conv0": (4, 8, 8),
            "t.pool0": (4, 4, 4),
            "t.second.conv0": (8, 4, 4),
            "t.third.branch1.pool0": (6, 4, 4),
            "t.third": (14, 4, 4),
            "t.flatten0": (224,),
            "t.dense0": (10,),
        }

    def test_it_costs_what_the_network_costs_alone(self) -> None:
        alone = analyze(load("trunk.yaml", input=[3, 8, 8])).totals
        assert analyze(network("trunk")).totals == alone

    def test_its_arguments_are_those_of_the_file(self) -> None:
        found = shapes("{trunk: , width: 3, name: t}")
        assert (found["t.first.conv0"][0], found["t.second.conv0"][0]) == (3, 6)
        found = shapes("{trunk: {double: 5}, name: t}")
        assert (found["t.first.conv0"][0], found["t.second.conv0"][0]) == (4, 5)
        assert shapes("{trunk: 7, name: t}")["t.first.conv0"][0] == 7

    def test_a_signature_gives_other_defaults_and_another_order(self) -> None:
        head = (
            "input: [3, 8, 8]\nargs: {width: 9}\nblocks:\n"
            "  trunk(double, width=in_channels + width): trunk.yaml\n"
        )
        found = shapes("{trunk: 5, name: t}", head)
        assert (found["t.first.conv0"][0], found["t.second.conv0"][0]) == (3 + 9, 5)
        (problem,) = problems("trunk", head)
        assert problem.message == "trunk needs 'double'"

    def test_its_words_defaults_and_blocks_are_its_own(self) -> None:
        head = (
            "input: [3, 8, 8]\nargs: {act: tanh}\ndefaults: {conv: {bias: false}}\nblocks:\n"
            "  unit(c): [{dense: c}]\n  trunk: trunk.yaml\n"
        )
        kinds = [node.kind for node in network("{trunk: , name: t}, {unit: 3}", head).operations]
        assert kinds[:3] == ["conv", "relu", "maxpool"]
        kinds = [node.kind for node in network("{trunk: , act: act}", head).operations]
        assert kinds[:3] == ["conv", "tanh", "maxpool"]
        first = network("trunk, {unit: 3}", head).operations[0]
        assert "bias" in first.layer.parameters([(3, 8, 8)])

    def test_a_value_of_an_argument_is_judged_where_it_is_used(self) -> None:
        (problem,) = problems("{trunk: , width: 1/2}")
        assert (problem.subject.layer, problem.code) == ("trunk0.first.conv0", "bad-value")
        assert [call.block for call in problem.calls] == ["trunk", "unit"]

    def test_repeated_it_takes_what_it_gave(self) -> None:
        head = "input: [4, 8, 8]\nblocks: {body: body.yaml}\n"
        Path("body.yaml").write_text(
            "input: [1]\nlayers: [{conv: in_channels + 1, kernel: 1}]\n", encoding="utf-8"
        )
        assert shapes("{body: , repeat: 3}", head)["body2.conv0"] == (7, 8, 8)

    def test_inside_of_blocks_groups_and_branches(self) -> None:
        head = HEAD.replace("}", ", double: [{trunk: , name: t}, relu]}")
        found = shapes("{add: [[double], [[trunk]]]}", head)
        assert "add0.branch0.double0.t.dense0" in found
        assert "add0.branch1.sequential0.trunk0.dense0" in found

    def test_a_network_that_ships(self) -> None:
        head = "input: [1, 28, 28]\nblocks: {net: lenet}\n"
        assert analyze(network("net", head)).totals == analyze(load("lenet")).totals

    def test_of_a_network_of_a_network(self) -> None:
        Path("outer.yaml").write_text(
            "input: [3, 8, 8]\nblocks: {trunk: trunk.yaml}\nlayers: [relu, {trunk: , name: t}]\n",
            encoding="utf-8",
        )
        head = "input: [3, 8, 8]\nblocks: {outer: outer.yaml}\n"
        found = shapes("{outer: , name: o}, {conv: 2, kernel: 1, from: o.t.second}", head)
        assert found["o.t.second.conv0"] == (8, 4, 4)
        assert "o.t.dense0" not in found

    def test_parameters_are_shared(self) -> None:
        layers = "{trunk: , name: a}, {trunk: , name: b, from: input, share: a}, {concat: [a, b]}"
        params = analyze(network("trunk")).totals.params
        assert analyze(network(layers)).totals.params == params

    def test_nothing_enters_it(self) -> None:
        head = HEAD.replace("[3, 8, 8]", "{a: [3, 8, 8], b: [3, 8, 8]}")
        (problem, *_) = problems("trunk, {concat: [a, b]}", head)
        assert (problem.code, problem.message) == ("no-input", "no value enters here")
        assert "trunk0.dense0" in shapes(
            "{trunk: , from: a}, {concat: [[], [{trunk: , from: b}]]}", head
        )

    def test_the_place_of_a_layer_is_in_its_own_file(self) -> None:
        node = network("{trunk: , name: t}").operations[0]
        assert node.span is not None
        assert node.span.in_line == "trunk.yaml:7"
        assert [call.span.in_line for call in node.calls] == ["-:3", "trunk.yaml:9"]


class TestOutputs:
    def test_one_is_the_value(self) -> None:
        text = PYRAMID.replace("[c2, c3]", "[c2]").replace("  - {conv: 6", "  - {conv: 7")
        Path("pyramid.yaml").write_text(text, encoding="utf-8")
        found = network("pyramid, {conv: 1, kernel: 1}")
        assert found.nodes[-1].shape == (1, 2, 2)

    def test_several_are_reached_by_their_names(self) -> None:
        layers = "{pyramid: , name: p}, {upsample: 2, from: p.c3}, {concat: [[], p.c2]}"
        assert network(layers).nodes[-1].shape == (11, 2, 2)

    def test_several_are_results(self) -> None:
        found = loads(f"{HEAD}layers: [{{pyramid: , name: p}}]\noutputs: [p.c3, p.c2]\n")
        assert [found.nodes[index].shape for index in found.outputs.values()] == [
            (6, 1, 1),
            (5, 2, 2),
        ]

    def test_several_can_be_passed_by(self) -> None:
        layers = "{conv: 5, kernel: 1, name: a}, {pyramid: , name: p}"
        assert network(f"{layers}, {{add: [a, [{{upsample: 4, from: p.c2}}]]}}").nodes[
            -1
        ].shape == (5, 8, 8)

    @pytest.mark.parametrize(
        ("layers", "message"),
        [
            ("{pyramid: , name: p}, relu", "no value enters here"),
            ("{pyramid: , name: p}, {add: [[], p.c2]}", "no value enters here"),
            ("{pyramid: , name: p}, {relu: , from: p}", "'p' has several outputs"),
            ("[{pyramid: , name: p}], relu", "no value enters here"),
            ("{sequential: [pyramid], name: p}, {relu: , from: p}", "'p' has several outputs"),
            ("{add: [[pyramid], []]}", "no value enters here"),
            ("{pyramid: , repeat: 2}", "no value enters here"),
            ("{pyramid: , name: p}", "'p' has several outputs, and 'outputs' names none"),
        ],
    )
    def test_several_are_no_value(self, layers: str, message: str) -> None:
        (problem,) = problems(layers)
        assert problem.message == message
        assert ".c2, " in worded(problem.facts)[-1][1]
        assert problem.span is not None
        assert problem.span.source.name == "-"


class TestUnused:
    def test_layers_are_left_out_and_a_note_says_which(self) -> None:
        layers = "{trunk: , name: t}, {conv: 2, kernel: 1, from: t.second}"
        assert [*shapes(layers)] == ["t.first.conv0", "t.pool0", "t.second.conv0", "conv0"]
        assert notes(layers) == ["t: nothing uses third, flatten0 and dense0"]

    def test_of_a_group_that_is_used_in_part_the_rest_is_named(self) -> None:
        layers = "{trunk: , name: t}, {conv: 2, kernel: 1, from: t.third.branch1}"
        assert notes(layers) == ["t: nothing uses first, pool0, second, flatten0 and dense0"]
        assert [*shapes(layers)] == ["t.third.branch1.pool0", "conv0"]

    def test_no_note_where_all_is_used(self) -> None:
        assert notes("{trunk: , name: t}, {dense: 3}") == []

    def test_one_note_for_all_copies_of_a_call(self) -> None:
        head = HEAD.replace(
            "}", ", part: [{trunk: , name: t}, {conv: 3, kernel: 1, from: t.first}]}"
        )
        found = network("{part: , repeat: 3}", head)
        assert [note.message for note in found.notes] == [
            "nothing uses pool0, second, third, flatten0 and dense0"
        ]

    def test_many_are_counted(self) -> None:
        text = "input: [3]\nlayers: [{relu: , name: a}, " + "relu, " * 30 + "tanh]\n"
        Path("trunk.yaml").write_text(text, encoding="utf-8")
        (note,) = notes("{trunk: , name: t}, {elu: , from: t.a}")
        assert note.endswith("relu9 and 21 more")

    def test_the_file_itself_has_none(self) -> None:
        layers = "{trunk: , name: t}, relu, {conv: 2, kernel: 1, from: t.second}"
        (problem,) = problems(layers)
        assert problem.message == "nobody uses the value of 'relu0'"

    def test_a_network_of_which_nothing_is_used_is_a_mistake(self) -> None:
        layers = "{conv: 3, kernel: 1}, {trunk: , name: t}, {relu: , from: input}"
        (problem,) = problems(layers)
        assert (problem.code, problem.message) == ("unused-value", "nobody uses the value of 't'")

    def test_shared_parameters_stay(self) -> None:
        """What `b` shares of `a` is its own, where `a` does not need it."""
        layers = (
            "{trunk: , name: a}, {trunk: , name: b, from: input, share: a},"
            " {trunk: , name: c, from: input, share: a},"
            " {concat: [a.first, [{upsample: 2, from: b.second}], [{upsample: 2, from: c.second}]]}"
        )
        found = network(layers)
        own = {n.path: n.shares for n in found.operations if n.kind == "conv"}
        paths = [node.path for node in found.nodes]
        assert own == {
            "a.first.conv0": None,
            "b.first.conv0": paths.index("a.first.conv0"),
            "b.second.conv0": None,
            "c.first.conv0": paths.index("a.first.conv0"),
            "c.second.conv0": paths.index("b.second.conv0"),
        }
        assert analyze(found).totals.params == (3 * 9 + 1) * 4 + (4 * 9 + 1) * 8


class TestMisfits:
    """What follows a layer that does not fit is missing where it is needed."""

    LAYERS = "{pyramid: , name: p}, {conv: 2, kernel: 1, from: p.c1}"
    SMALL = HEAD.replace("[3, 8, 8]", "[3, 2, 2]")

    def test_layers_that_nothing_uses_need_not_fit(self) -> None:
        found = network(self.LAYERS, self.SMALL)
        assert [node.path for node in found.operations] == ["p.c1", "conv0"]
        (note,) = found.notes
        assert note.text == "p: nothing uses what follows"
        ((_, text),) = worded(note.facts)
        assert text.startswith("no more of it was read: p.c2: kernel")

    @pytest.mark.parametrize(
        "layers",
        [
            "{pyramid: , name: p}, {conv: 2, kernel: 1, from: p.c2}",
            "{pyramid: , name: p}, {conv: 2, kernel: 1, from: p.c3}",
            "{pyramid: , name: p}, {concat: [p.c1, p.c3]}",
            "{pyramid: , name: p}, {conv: channels_of(p.c3), kernel: 1, from: p.c1}",
            "{pyramid: , name: p}, {conv: 1, kernel: 1}, {add: [[], p.c1]}",
            "{pyramid: , name: p}, {relu: , when: in_channels > 3}, {dense: 1, from: p.c1}",
            "{pyramid: , name: p}, {concat: [[], p.c1]}",
            "{part: 1}",
            "pyramid",
            "[pyramid]",
            "{add: [[pyramid]]}, relu",
        ],
    )
    def test_the_mistake_is_reported_where_something_uses_it(self, layers: str) -> None:
        head = self.SMALL.replace("}", ", part(x): [pyramid, {tanh: }]}")
        (problem,) = problems(layers, head)
        assert problem.code == "window-too-large"
        assert problem.subject.layer.endswith(".c2")
        assert problem.span is not None
        assert problem.span.in_line == "pyramid.yaml:5"

    def test_of_a_network_in_a_network(self) -> None:
        Path("outer.yaml").write_text(
            "input: [3, 8, 8]\nblocks: {pyramid: pyramid.yaml}\n"
            "layers: [{conv: 3, kernel: 1, name: a}, {pyramid: , name: p},"
            " {relu: , from: p.c1, name: b}, {tanh: , from: p.c3}, elu]\n",
            encoding="utf-8",
        )
        head = "input: [3, 2, 2]\nblocks: {outer: outer.yaml}\n"
        found = network("{outer: , name: o}, {conv: 1, kernel: 1, from: o.b}", head)
        assert [n.path for n in found.operations] == ["o.a", "o.p.c1", "o.b", "conv0"]
        for used in ("o", "o.elu0", "o.p.c2"):
            (problem,) = problems(f"{{outer: , name: o}}, {{dense: 1, from: {used}}}", head)
            assert (problem.code, problem.subject.layer) == ("window-too-large", "o.p.c2")

    def test_a_mistake_of_the_file_itself_is_reported_alone(self) -> None:
        (problem,) = problems("{pyramid: , name: p}, {dense: x, from: p.c1}", self.SMALL)
        assert problem.code == "unknown-name"

    def test_a_limit_is_no_misfit(self) -> None:
        text = PYRAMID.replace("outputs", "  - {relu: , repeat: 200}\noutputs")
        Path("pyramid.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(ConvcalcError) as caught:
            loads(f"{HEAD}layers: [{self.LAYERS}]", max_layers=100)
        assert [problem.code for problem in caught.value.problems] == ["too-many-layers"]

    def test_shapes_up_to_the_mistake_are_known(self) -> None:
        reading = read("net.yaml", text=f"{self.SMALL}layers: [pyramid, {{dense: 2}}]")
        assert reading.network is not None
        assert [node.path for node in reading.network.nodes] == ["input", "pyramid0.c1"]


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("input: [3]\n", "'other.yaml' has no list of layers to be a block"),
            ("input: [3]\nlayers: []\n", "'other.yaml' has no list of layers to be a block"),
            (
                "input: {a: [3], b: [3]}\nlayers: [{add: [a, b]}]\n",
                "'other.yaml' has several inputs, and one value enters a block: a, b",
            ),
        ],
    )
    def test_what_is_no_block(self, text: str, message: str) -> None:
        Path("other.yaml").write_text(text, encoding="utf-8")
        (problem,) = problems("other", "input: [3]\nblocks: {other: other.yaml}\n")
        assert problem.message == message

    def test_arguments_that_it_does_not_have(self) -> None:
        head = "input: [3, 8, 8]\nblocks:\n  trunk(w=1, act=tanh): trunk.yaml\n"
        found = problems("{trunk: , c: 3}", head)
        assert [problem.message for problem in found] == ["'trunk.yaml' has no argument 'w'"]
        (problem,) = problems("{trunk: , c: 3}")
        assert problem.message == "trunk has no argument 'c'"

    def test_mistakes_of_its_own_keys_are_reported_with_the_block(self) -> None:
        Path("trunk.yaml").write_text(TRUNK + "layer: 3\n", encoding="utf-8")
        (problem,) = problems("trunk")
        assert problem.code == "unknown-key"
        assert ("note", "read as the block at -:2:17") in worded(problem.facts)

    def test_its_expectations_are_not_looked_at(self) -> None:
        text = TRUNK.replace("expect: {params: 1}", "expect: {nonsense: 1}\nbudget: {x: 2}")
        Path("trunk.yaml").write_text(text, encoding="utf-8")
        assert network("trunk").notes == ()


def test_removed_nodes_leave_the_others_as_they_are() -> None:
    builder = GraphBuilder()
    start = builder.input("input", (3, 4, 4))
    conv = Conv.read({"channels": 3, "kernel": 1}, rank=2)
    gone = builder.add(conv, [start])
    kept = builder.add(conv, [start], path="kept")
    last = builder.add(conv, [kept], path="last")
    end = builder.add(ReLU(), [last], path="end")
    builder.share([kept], [gone])
    builder.share([last], [gone])
    assert builder.remove({gone}) == {start: 0, kept: 1, last: 2, end: 3}
    assert [(node.path, node.inputs, node.shares) for node in builder.nodes] == [
        ("input", (), None),
        ("kept", (0,), None),
        ("last", (1,), 1),
        ("end", (2,), None),
    ]
    assert all(node.reads == node.inputs for node in builder.nodes)
    assert builder.add(conv, [0]) == 4
    assert builder.nodes[4].path == "conv1"
    assert builder.network("rest", {"end": 3}).outputs == {"end": 3}
