"""A network with operations of unknown cost: no command presents what it knows as the whole."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import pytest

import convcalc
from convcalc.analysis.analysis import Analysis
from convcalc.analysis.metrics import measure
from convcalc.cli.main import COMMANDS
from convcalc.graph import GraphBuilder, Network
from convcalc.language.shipped import shipped_names
from convcalc.layers.opaque import Opaque
from convcalc.polynomials import Unsupported
from convcalc.problems import ConvcalcError
from tests.cli.runner import run, spec
from tests.executor.random_networks import random_network
from tests.quick import each_seed

PLAIN = """
input: [3, 16, 16]
layers:
  - {conv: 8, kernel: 3, padding: same, norm: batch, activation: relu, name: a}
  - {conv: 8, kernel: 3, padding: same, name: b}
  - {conv: 4, kernel: 1}
"""
UNKNOWN = PLAIN.replace(
    "  - {conv: 4", "  - {opaque: Search, shape: [8, 5, 5], name: s}\n  - {conv: 4"
)
VARIANTS = "args: {w: 4}\n" + UNKNOWN.lstrip().replace("conv: 4", "conv: w")
NAMED = {"complete": False, "unknown": [{"name": "s", "op": "Search"}]}
FIGURES = ("multiplies", "adds", "divides", "compares", "specials", "macs", "flops")

#: Commands of one network whose tables have a row for each layer, and then its totals.
TABLES = (
    "shapes",
    "shapes --depth 1",
    "shapes --by kind",
    "shapes --columns name,params,macs,flops,share,training,intensity,live",
    "flops",
    "flops --by kind",
    "flops --valid-taps",
    "flops --kernel 1",
    "flops --training",
    "flops --as torch --partial",
    "flops --compare --partial",
    "balance",
    "balance --device a100 --expand",
    "memory",
    "memory --depth 1",
    "memory --training --optimizer adam",
)


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    spec(tmp_path, PLAIN, "plain.yaml")
    spec(tmp_path, UNKNOWN)
    return "net.yaml"


def entries(data: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in some data."""
    if isinstance(data, dict):
        yield data
        for value in data.values():
            yield from entries(value)
    elif isinstance(data, list):
        for value in data:
            yield from entries(value)


class TestTables:
    @pytest.mark.parametrize("style", ["plain", "markdown", "table"])
    @pytest.mark.parametrize("command", TABLES)
    def test_totals_are_at_least_and_say_what_is_unknown(
        self, net: str, command: str, style: str
    ) -> None:
        name, *options = command.split()
        result = run(name, net, *options, "--format", style)
        assert result.status == 0
        text = " ".join(result.out.split())
        assert re.search(r"At least .*1 operation unknown: s \(Search\)", text.replace("\\", ""))
        totals = [line for line in result.out.splitlines() if re.match(r"\W*total\b", line)]
        if name == "memory":  # of the tensors alive, and of the fields of a heading that says so
            assert all("at least" in line for line in totals) or "at least" in result.out
        else:
            assert totals == []

    @pytest.mark.parametrize(
        "command", [one for one in TABLES if not re.search("memory|compare", one)]
    )
    def test_rows_of_csv_have_no_figure(self, net: str, command: str) -> None:
        name, *options = command.split()
        rows = list(csv.reader(io.StringIO(run(name, net, *options, "--format", "csv").out)))
        (row,) = [row for row in rows if row[0] in {"s", "opaque"}]
        heading = rows[0]
        shown = {
            title: cell
            for title, cell in zip(heading, row, strict=True)
            if title not in {"name", "kind", "layers", "output_shape", "note"}
        }
        assert shown
        assert set(shown.values()) <= {"?", ""}
        if "--partial" in options:
            assert row[heading.index("note")] == "partial: 1 layer not covered"
        else:
            assert "" not in shown.values()

    def test_comparisons_are_partial_in_every_row(self, net: str) -> None:
        result = run("flops", net, "--compare", "--partial", "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(result.out)))
        assert {row["note"] for row in rows} == {"partial: 1 layer not covered"}

    def test_memory_of_the_step_is_at_least(self, net: str) -> None:
        rows = list(csv.DictReader(io.StringIO(run("memory", net, "--format", "csv").out)))
        marks = {row["step"]: row["mark"] for row in rows}
        assert [name for name, mark in marks.items() if "at least" in mark] == ["s"]

    def test_fields_behind_it_are_unknown(self, net: str) -> None:
        rows = list(csv.DictReader(io.StringIO(run("field", net, "--format", "csv").out)))
        fields = {row["name"]: row["field"] for row in rows}
        assert fields == {"a": "3x3", "b": "5x5", "s": "?", "conv0": "?"}
        assert "1 operation unknown: s (Search)" in run("field", net, "--format", "plain").out
        one = run("field", net, "conv0", "--format", "plain").out
        assert "It is unknown what it depends on" in one

    def test_a_constant_of_unknown_origin_hides_no_field(self, tmp_path: Path) -> None:
        layers = "{conv: 2, kernel: 3}, {add: [[], [{opaque: [], op: Noise, shape: [2, 6, 6]}]]}"
        file = spec(tmp_path, f"{{input: [1, 8, 8], layers: [{layers}]}}")
        rows = list(csv.DictReader(io.StringIO(run("field", file, "--format", "csv").out)))
        assert {row["name"]: row["field"] for row in rows}["add0"] == "3x3"


class TestJson:
    @pytest.mark.parametrize(
        "command", [*TABLES, "field", "field s", "explain s", "reconcile 21k", "check", "lock"]
    )
    def test_says_that_it_is_incomplete(self, net: str, command: str) -> None:
        name, *options = command.split()
        shown = [one for one in options if not one.startswith(("--depth", "--by", "--expand"))]
        if "--depth" in options or "--by" in options:
            shown = []
        if name in {"check", "lock"}:
            shown.append("--allow-unknown")
        data = json.loads(run(name, net, *shown, "--format", "json").out)
        marked = [one for one in entries(data) if "complete" in one and "unknown" in one]
        assert marked
        assert all({key: one[key] for key in NAMED} == NAMED for one in marked)

    @pytest.mark.parametrize("command", ["shapes", "flops", "memory", "balance", "field"])
    def test_counts_of_the_layer_are_null(self, net: str, command: str) -> None:
        data = json.loads(run(command, net, "--format", "json").out)
        layers = {layer["path"]: layer for layer in data["layers"]}
        assert {layers["s"][name] for name in (*FIGURES, "params", "buffers")} == {None}
        assert None not in {layers["conv0"][name] for name in FIGURES}

    def test_given_parameters_are_known(self, tmp_path: Path) -> None:
        file = spec(tmp_path, UNKNOWN.replace("name: s", "name: s, params: 12"))
        data = json.loads(run("shapes", file, "--format", "json").out)
        (layer,) = [layer for layer in data["layers"] if layer["path"] == "s"]
        assert (layer["params"], layer["buffers"], layer["macs"]) == (12, 0, None)
        assert not data["complete"]
        assert run("shapes", file, "--format", "plain").out.count("at least") == 0

    def test_is_complete_where_all_is_known(self, net: str) -> None:
        data = json.loads(run("shapes", "plain.yaml", "--format", "json").out)
        assert (data["complete"], data["unknown"]) == (True, [])


class TestChecks:
    @pytest.mark.parametrize("style", ["text", "concise", "json", "github", "junit", "sarif"])
    def test_check_fails_and_names_it(self, net: str, style: str) -> None:
        result = run("check", net, "--format", style)
        assert result.status == 1
        assert "unknown-cost" in result.out + result.err
        assert "1 operation unknown: s (Search)" in result.out + result.err

    @pytest.mark.parametrize("style", ["text", "concise", "json", "github", "junit", "sarif"])
    def test_check_warns_where_it_is_allowed(self, net: str, style: str) -> None:
        result = run("check", net, "--allow-unknown", "--format", style)
        assert result.status == 0
        assert "1 operation unknown: s (Search)" in result.out + result.err

    def test_markdown_marks_the_totals(self, net: str) -> None:
        result = run("check", net, "--allow-unknown", "--format", "markdown")
        row = next(line for line in result.out.splitlines() if line.startswith("| `net.yaml`"))
        assert row.count("at least") == 4

    @pytest.mark.parametrize(
        ("limit", "status"), [("macs: 1", 1), ("macs: 1G", 0), ("layers: {s: {macs: 1G}}", 0)]
    )
    def test_limits_are_about_the_known_part_and_say_so(
        self, net: str, tmp_path: Path, limit: str, status: int
    ) -> None:
        spec(tmp_path, f"{UNKNOWN}budget: {{{limit}}}\n")
        assert run("check", net).status == 1
        result = run("check", net, "--allow-unknown", "--format", "json")
        assert result.status == status
        (finding,) = json.loads(result.out)["files"][0]["findings"]
        assert (finding["ok"], finding["complete"]) == (not status, False)
        text = run("check", net, "--allow-unknown")
        assert not status or "at least" in text.out + text.err

    def test_an_expectation_is_about_the_known_part(self, net: str, tmp_path: Path) -> None:
        macs = convcalc.analyze(convcalc.load("plain.yaml")).totals.macs
        found = convcalc.analyze(convcalc.load(net)).totals.macs
        assert found < macs  # the last layer has fewer places
        spec(tmp_path, f"{UNKNOWN}expect: {{macs: {found}}}\n")
        assert run("check", net).status == 1
        assert run("check", net, "--allow-unknown").status == 0
        spec(tmp_path, f"{UNKNOWN}expect: {{macs: {macs}}}\n")
        result = run("check", net, "--allow-unknown")
        assert result.status == 1
        assert f"expected macs {macs:,}, found at least {found:,}" in result.err

    def test_growth_fails_unless_allowed(self, net: str, tmp_path: Path) -> None:
        assert run("lock", net, "--allow-unknown").status == 0
        assert run("check", net, "--fail-on", "macs>+1%").status == 1
        assert run("check", net, "--fail-on", "macs>+1%", "--allow-unknown").status == 0
        spec(tmp_path, UNKNOWN.replace("conv: 4", "conv: 40"))
        result = run("check", net, "--fail-on", "macs>+1%", "--allow-unknown")
        assert result.status == 1
        assert "macs at least" in " ".join(result.out.split())

    def test_lock_writes_nothing_unless_allowed(self, net: str, tmp_path: Path) -> None:
        result = run("lock", net)
        assert (result.status, list(tmp_path.glob("*.lock"))) == (1, [])
        assert "unknown-cost" in result.err

    def test_lock_says_what_is_partial(self, net: str, tmp_path: Path) -> None:
        assert "warning[unknown-cost]" in run("lock", net, "--allow-unknown").err
        text = (tmp_path / "convcalc.lock").read_text(encoding="utf-8")
        assert "  layer s: opaque Search -> 8x5x5, params ?, macs ?\n" in text
        totals = dict(re.findall(r"total (\w+): (at least )?", text))
        exact = {name for name, least in totals.items() if not least}
        assert exact == {"layers", "operations", "activations", "largest_activation"}
        assert run("lock", "--check", net).status == 1
        assert run("lock", "--check", net, "--allow-unknown").status == 0

    def test_lock_sees_another_operation(self, net: str, tmp_path: Path) -> None:
        run("lock", net, "--allow-unknown")
        spec(tmp_path, UNKNOWN.replace("Search", "Sort"))
        result = run("lock", "--check", net, "--allow-unknown")
        assert result.status == 1
        assert "s changed: op Search -> Sort, params unknown, macs unknown" in result.err


class TestDiff:
    @pytest.mark.parametrize("style", ["plain", "markdown"])
    @pytest.mark.parametrize("files", [("plain.yaml", "net.yaml"), ("net.yaml", "plain.yaml")])
    def test_shows_what_came_and_went(self, net: str, files: tuple[str, str], style: str) -> None:
        out = run("diff", *files, "--format", style).out
        when = "after" if files[1] == net else "before"
        assert f"{when}: 1 operation unknown: s (Search)" in out.replace("\\", "")
        (macs,) = [line for line in out.splitlines() if "MACs, at least" in line]
        assert macs.count("?") == 2
        (row,) = [line for line in out.splitlines() if "opaque Search" in line]
        assert row.count("?") == 2

    def test_json_has_no_change(self, net: str) -> None:
        (found,) = json.loads(run("diff", "plain.yaml", net, "--format", "json").out)["networks"]
        assert found["old"]["complete"]
        assert {key: found["new"][key] for key in NAMED} == NAMED
        assert found["totals"]["macs"]["change"] is None
        added = next(change for change in found["changes"] if change["change"] == "added")
        assert {added[name] for name in ("params", "macs", "flops")} == {None}

    def test_csv_has_no_figure(self, net: str) -> None:
        out = run("diff", "plain.yaml", net, "--format", "csv").out
        (row,) = [row for row in csv.DictReader(io.StringIO(out)) if row["change"] == "added"]
        assert {row[name] for name in ("params", "macs", "flops")} == {"?"}

    def test_what_is_unknown_on_both_sides_hides_no_change(self, net: str, tmp_path: Path) -> None:
        spec(tmp_path, UNKNOWN.replace("conv: 4", "conv: 5"), "wider.yaml")
        (found,) = json.loads(run("diff", net, "wider.yaml", "--format", "json").out)["networks"]
        assert found["totals"]["macs"]["change"] == 8 * 25
        spec(
            tmp_path,
            UNKNOWN.replace(
                "{conv: 8, kernel: 3, padding: same, name: b",
                "{conv: 9, kernel: 3, padding: same, name: b",
            ),
            "fed.yaml",
        )
        (found,) = json.loads(run("diff", net, "fed.yaml", "--format", "json").out)["networks"]
        assert found["totals"]["macs"]["change"] is None


class TestEveryCommand:
    # The others are about no network of the user's.
    @pytest.mark.parametrize(
        "command",
        sorted({*COMMANDS} - {"completion", "zoo", "kinds", "schema", "new", "show", "sizes"}),
    )
    def test_names_the_operation(self, net: str, command: str) -> None:
        options = {
            "diff": ["plain.yaml", net],
            "explain": [net, "s"],
            "reconcile": [net, "21k"],
            "export": [net, "--output", "net.onnx"],
            "weights": [net, "--output", "w.npz"],
            "sweep": ["variants.yaml", "--over", "w=4,8"],
            "draw": [net, "--format", "mermaid"],
            "animate": [net, "s"],
            "solve": ["variants.yaml", "--over", "w=4,8", "--maximize", "macs"],
            "formula": ["variants.yaml", "macs", "--over", "w=4,8"],
        }
        spec(Path(), VARIANTS, "variants.yaml")
        result = run(command, *options.get(command, [net]))
        shown = result.out + result.err
        assert re.search(r"Search|\bs: opaque|'s' is a|unknown.cost|no formula", shown)

    @pytest.mark.parametrize("style", ["mermaid", "dot", "svg"])
    def test_drawings_show_no_share_of_it(self, net: str, style: str) -> None:
        out = run("draw", net, "--format", style).out
        assert re.search(r"at least [0-9.k]+ params . at least [0-9.k]+ MACs", out)

    def test_variants_have_the_known_part(self, net: str, tmp_path: Path) -> None:
        file = spec(tmp_path, VARIANTS, "variants.yaml")
        data = json.loads(run("sweep", file, "--over", "w=4,8", "--format", "json").out)
        assert (data["points"], data["invalid"], data["unknown"]) == (2, 2, 2)
        table = run("sweep", file, "--over", "w=4,8").out
        for row in data["variants"]:
            assert (row["code"], row["complete"]) == ("unknown-cost", False)
            args = ("--set", f"w={row['args']['w']}", "--format", "json")
            macs = json.loads(run("flops", file, *args).out)["totals"]["macs"]
            assert row["metrics"]["macs"] == macs > 0
            assert f"at least {macs:,}" in table
        assert "2 variants: the cost of 2 is known in part." in table
        assert "no network" not in table


class TestRuns:
    def test_verify_and_weights_refuse_it(self, net: str, tmp_path: Path) -> None:
        for command in (["verify", net], ["weights", net, "--output", "w.npz"]):
            result = run(*command)
            assert result.status == 2
            assert "error[no-kernel]: s: it is unknown what Search computes" in result.err
        assert not list(tmp_path.glob("*.npz"))

    def test_so_do_the_functions(self, net: str) -> None:
        with pytest.raises(ConvcalcError) as caught:
            convcalc.execute(convcalc.load(net))
        assert (caught.value.status, caught.value.problems[0].code) == (2, "no-kernel")

    def test_counters_have_no_rule(self, net: str) -> None:
        result = run("flops", net, "--as", "torch")
        assert result.status == 1
        assert "torch has no rule for opaque" in result.err

    def test_reconcile_compares_nothing(self, net: str) -> None:
        result = run("reconcile", net, "21k", "--format", "plain")
        assert result.status == 1
        out = " ".join(result.out.split())
        assert "convcalc's MACs is left out: 1 operation unknown: s (Search)" in out

    def test_explain_says_that_it_is_unknown(self, net: str) -> None:
        out = run("explain", net, "s").out
        assert "what Search computes is unknown, so its counts and parameters are, and not 0" in out
        data = json.loads(run("explain", net, "s", "--format", "json").out)
        assert data["layers"][0]["counts"] is data["layers"][0]["params"] is None


def with_unknown(network: Network, rng: Random) -> tuple[Network, int]:
    """The network with unknown operations behind some values, and the parameters of these."""
    builder = GraphBuilder()
    found: list[int] = []
    made: list[int] = []
    learned = 0
    for node in network.nodes:
        index = builder.add(
            node.layer,
            [found[source] for source in node.inputs],
            path=node.path,
            unit=node.unit,
            written=node.written,
        )
        made.append(index)
        if node.shares is not None:
            builder.share([index], [made[node.shares]])
        if not node.is_input and rng.random() < 0.3:
            params = rng.choice([None, 0, 7])
            learned += params or 0
            others = rng.choices(found, k=rng.randint(0, 2))
            layer = Opaque(op="Search", shape=node.shape, params=params)
            index = builder.add(layer, [index, *others], path=f"{node.path}.unknown")
        found.append(index)
    layer = Opaque(op="Noise", shape=(3,), params=0)
    outputs = {name: found[index] for name, index in network.outputs.items()}
    outputs["noise"] = builder.add(layer, [], path="noise")
    return builder.network("unknown", outputs), learned


@each_seed(30, 300)
def test_the_known_part_is_the_network_without_what_is_unknown(seed: int) -> None:
    rng = Random(seed)
    plain = random_network(rng)
    network, learned = with_unknown(plain, rng)
    report, known = convcalc.analyze(network), convcalc.analyze(plain)
    assert known.complete
    assert not report.complete
    names = [node.path for node in network.nodes if node.kind == "opaque"]
    assert [one.name for one in report.unknown] == names
    assert report.totals[:4] == (known.totals.params + learned, *known.totals[1:4])
    assert report.totals.unknown == len(names)
    assert all(layer.counts is None for layer in report.layers if layer.node.path in names)
    analysis = Analysis(network)
    assert measure(analysis, "layers") == measure(Analysis(plain), "layers") + len(names)
    assert measure(analysis, "depth") == measure(Analysis(plain), "depth")


def test_every_shipped_network_is_complete() -> None:
    for name in shipped_names():
        assert not [node for node in convcalc.load(name).nodes if node.layer.unknown]


def test_sizes_are_those_of_the_windows(net: str) -> None:
    # What an operation costs does not decide which sizes work.
    found = run("sizes", net)
    assert found.status == 0
    assert "every size from 1 on" in found.out


def test_sizes_of_a_network_without_formulas_are_not_read_one_by_one(
    net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> NoReturn:
        raise Unsupported("no formula")

    monkeypatch.setattr("convcalc.explore.engine.summed", without)
    found = run("sizes", net)
    assert found.status == 2
    assert "formulas do not hold for this network" in found.err
