"""What is visible of a network: groups, copies drawn as one, joins, and figures."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcalc
from convcalc.graph import GraphBuilder
from convcalc.layers.activation import ReLU
from convcalc.layers.joins import Add
from convcalc.render.drawing.costs import LAYER_METRICS
from convcalc.render.drawing.picture import Cell, Column, Fan, Frame, Heads, Picture
from convcalc.render.drawing.svg import svg_text
from tests.quick import every_network
from tests.render.drawing.pictures import UNLIMITED, drawings, pictured
from tests.shipped import shipped


def titles(made: Picture) -> list[str]:
    return [
        cell.title + (f" x{cell.times}" if cell.times > 1 else "")
        for cell in made.cells
        if cell.form in {"box", "pill"}
    ]


def loaded(text: str) -> Picture:
    return pictured(convcalc.loads(text), depth=0)


def test_groups_are_opened_a_depth_at_a_time() -> None:
    resnet = shipped("resnet50")
    assert [pictured(resnet, nodes=nodes).depth for nodes in (1, 9, 13, 40, UNLIMITED)] == [
        -1, 0, 1, 1, 2,
    ]  # fmt: skip
    assert len(pictured(resnet, nodes=9).cells) == 9


def test_an_open_group_stands_in_open_groups() -> None:
    made = pictured(shipped("resnet50"), depth=0, open_paths=["stage2.bottleneck0"])
    frames = [item for item in made.top.items if isinstance(item, Frame)]
    assert [frame.title for frame in frames] == ["stage2"]
    inner = [item for item in frames[0].body.items if isinstance(item, Frame)]
    assert [frame.title for frame in inner] == ["bottleneck0"]
    assert titles(made)[-4:] == ["bottleneck1\u20135 x5", "stage3", "global_avgpool", "dense"]


def test_copies_are_drawn_as_one_with_the_figures_of_all() -> None:
    made = pictured(shipped("resnet50"), depth=1)
    run = next(cell for cell in made.cells if cell.times == 5)
    assert run.second == "5 \u00d7 4 layers"
    units = made.units[run.start : run.stop]
    assert run.value == sum([unit.cost.macs for unit in units])
    assert len(units) == 20


def test_groups_named_by_numbers_are_counted_in_layers() -> None:
    builder = GraphBuilder()
    end = builder.input("input", (4, 4))
    for path in ("stage.0.a", "stage.0.b", "stage.1.c", "stage.1.d", "stage.1.e"):
        end = builder.add(ReLU(), [end], path=path)
    made = pictured(builder.network("net", {"out": end}), depth=0)
    assert made.cells[1].second == "5 layers"


def test_parallel_heads_are_no_copies() -> None:
    text = """
input: [8, 4]
blocks:
  head: [{conv: 8, kernel: 1}, {conv: 8, kernel: 1}, {conv: 8, kernel: 1}]
layers:
  - {conv: 8, kernel: 1, name: stem}
  - {head: , name: head0, from: stem}
  - {head: , name: head1, from: stem}
outputs: [head0, head1]
"""
    made = loaded(text)
    assert titles(made) == ["input", "conv 1", "head0", "head1"]
    read = [[made.home[value].title for value in cell.reads] for cell in made.cells[2:]]
    assert read == [["conv 1"], ["conv 1"]]


def test_a_copy_whose_inside_is_read_elsewhere_stands_alone() -> None:
    text = """
input: [8, 4]
blocks:
  part: [{conv: 8, kernel: 1, name: first}, {conv: 8, kernel: 1}]
layers:
  - {part: , name: part0}
  - {part: , name: part1}
  - {part: , name: part2}
  - add: {main: [], inside: [{relu: , from: part1.first}]}
"""
    assert titles(loaded(text))[:4] == ["input", "part0", "part1", "part2"]


def test_copies_that_widen_need_to_be_four() -> None:
    def text(count: int) -> str:
        return (
            "input: [4, 8]\nblocks:\n  wider(c):\n    - {conv: c, kernel: 1}\n    - relu\nlayers:\n"
            + "".join([f"  - {{wider: {4 * (n + 2)}, name: part{n}}}\n" for n in range(count)])
        )

    assert titles(loaded(text(3))) == ["input", "part0", "part1", "part2"]
    made = loaded(text(4))
    assert titles(made) == ["input", "part0\u20133 x4"]
    assert made.cells[1].second == "4 \u00d7 2 layers \u00b7 8 \u2192 20 channels"


def test_copies_that_widen_give_what_the_last_one_gives() -> None:
    for depth in (0, 1, 2):
        made = pictured(shipped("densenet121"), depth=depth)
        beyond = next(cell for cell in made.cells if cell.block.path.startswith("transition0"))
        assert [made.shape_text(value) for value in beyond.reads] == ["256\u00d756\u00d756"]


def test_a_join_has_its_branches_in_order() -> None:
    made = pictured(shipped("googlenet"), open_paths=["inception3a"], depth=0)
    frame = next(item for item in made.top.items if isinstance(item, Frame))
    (fan,) = frame.body.items
    assert isinstance(fan, Fan)
    columns = [arm.column for arm in fan.branches]
    assert all([isinstance(column, Column) for column in columns])
    assert [len(column.items) for column in columns if column] == [1, 2, 2, 2]


def test_a_branch_is_folded_where_there_are_too_many_nodes() -> None:
    made = pictured(shipped("ssd300_vgg16"), nodes=24)
    assert made.depth == -1
    assert titles(made).count("branch0") == 2


FLAT = """
input: [8, 16, 16]
layers:
  - {conv: 8, kernel: 1, name: stem}
  - {conv: 4, kernel: 1, name: a}
  - {conv: 4, kernel: 1, name: b0, from: stem}
  - {conv: 4, kernel: 3, padding: 1, name: b1}
  - {concat: [a, b1], name: both}
  - {conv: 8, kernel: 1, name: c}
  - {add: [c, both], name: sum}
  - {conv: 8, kernel: 1, name: end}
"""


def test_branches_are_found_where_none_are_written() -> None:
    made = loaded(FLAT)
    fans = [item for item in made.top.items if isinstance(item, Fan)]
    assert [fan.cell.form for fan in fans] == ["bar", "circle"]
    lengths = [[len(arm.column.items) if arm.column else 0 for arm in fan.branches] for fan in fans]
    assert lengths == [[1, 2], [1, 0]]
    assert len(made.top.items) == 5


def _fans(column: Column) -> list[Fan]:
    found: list[Fan] = []
    for item in column.items:
        if isinstance(item, Fan):
            found.append(item)
        if isinstance(item, Fan | Heads):
            for arm in item.branches:
                found += _fans(arm.column) if arm.column is not None else []
    return found


def test_what_is_read_elsewhere_is_no_branch() -> None:
    other = "  - {conv: 8, kernel: 1, name: other, from: b0}\noutputs: [end, other]\n"
    made = loaded(FLAT + other)
    assert [fan.cell.form for fan in _fans(made.top)] == ["circle"]


def test_heads_stand_side_by_side() -> None:
    made = pictured(shipped("detr_resnet50"))
    heads = made.top.items[-1]
    assert isinstance(heads, Heads)
    columns = [arm.column for arm in heads.branches]
    assert [len(column.items) for column in columns if column] == [1, 3]
    # What parts again stands side by side, too.
    last = pictured(shipped("yolov3")).top.items[-1]
    assert isinstance(last, Heads)
    inner = [arm.column.items[-1] for arm in last.branches if arm.column]
    assert len([item for item in inner if isinstance(item, Heads)]) == 1


@pytest.mark.parametrize("grouped", [False, True])
def test_joins_are_not_nested_without_end(grouped: bool) -> None:
    builder = GraphBuilder()
    first = end = builder.input("input", (4, 4))
    for number in range(400):
        # Each sum has all before it on one of its branches.
        group = "g." * min(number // 4, 100) if grouped else ""
        end = builder.add(ReLU(), [end], path=f"{group}relu{number}")
        end = builder.add(Add(), [end, first], path=f"{group}add{number}")
    network = builder.network("net", {"out": end})
    for drawing in drawings(network).values():
        assert svg_text(drawing)


def test_a_flat_model_file_has_the_branches_of_its_joins() -> None:
    path = Path(__file__).parents[2] / "data" / "onnx" / "light" / "light_inception_v1.onnx.gz"
    made = pictured(convcalc.load(str(path)))
    fans = [item for item in made.top.items if isinstance(item, Fan)]
    assert [len(fan.branches) for fan in fans] == [4, 4, 4, 4]
    assert len(made.cells) <= 35


def test_what_a_layer_needs_only_the_shape_of_does_not_enter_it() -> None:
    made = pictured(shipped("vit_b_16"))
    pills = [cell for cell in made.cells if cell.form == "pill"]
    assert [cell.title for cell in pills] == ["input", "class", "position"]
    assert not any([cell.reads for cell in pills])


@pytest.mark.no_cover
@every_network
def test_nothing_is_counted_twice_or_left_out(name: str) -> None:
    made = pictured(shipped(name), depth=0)
    assert sum([cell.value for cell in made.cells]) == made.costs.whole
    covered = [index for cell in made.cells for index in range(cell.start, cell.stop)]
    assert covered == list(range(len(made.units)))


@pytest.mark.parametrize("metric", LAYER_METRICS)
def test_every_metric_of_layers(metric: str) -> None:
    made = pictured(shipped("lenet"), cost=metric)
    cells: list[Cell] = made.cells
    assert made.costs.metric.together([cell.value for cell in cells]) == made.costs.whole
    assert any([cell.share for cell in cells]) == bool(made.costs.whole)
