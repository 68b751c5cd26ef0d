"""The JUnit report: of the usual form, and its counts are those of its tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import xmlschema
from hypothesis import given

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.render.junit import junit_text
from tests.render.checked import CHECKED, MANY

SCHEMA = Path(__file__).parents[1] / "data" / "junit.xsd"


@cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(SCHEMA))


def read(checked: list[CheckedNetwork]) -> ET.Element:
    """The report as a reader sees it, of the usual form."""
    text = junit_text(checked)
    root = ET.fromstring(text.encode())  # noqa: S314 - our own text
    schema().validate(root)
    return root


def outcome(case: ET.Element) -> str:
    tags = [child.tag for child in case]
    return tags[0] if tags else "passed"


def test_a_suite_for_each_network_a_test_for_each_limit() -> None:
    root = read(list(CHECKED))
    told = {
        suite.get("name"): [(case.get("name"), outcome(case)) for case in suite.iter("testcase")]
        for suite in root
    }
    spec = "shapes and expectations"
    assert told == {
        "models/edge/a.yaml (width=0.5)": [
            (spec, "passed"),
            ("budget macs", "failure"),
            ("warn params", "passed"),
            ("growth macs", "failure"),
            ("budget peak_memory", "passed"),
        ],
        "models/edge/b.yaml": [(spec, "failure")],
        "models/gone.yaml": [(spec, "error")],
        "models/edge/c.yaml": [(spec, "passed"), ("what was left out", "skipped")],
    }
    assert [root.get(key) for key in ("tests", "failures", "errors", "skipped")] == list("9311")


def test_a_failure_holds_the_message_and_the_drawn_problem() -> None:
    (failure,) = read(list(CHECKED[1:2])).iter("failure")
    assert failure.get("type") == "window-too-large"
    assert (failure.get("message") or "").startswith("conv0: kernel height 40")
    assert "3 |     - {conv: 8, kernel: 40}" in (failure.text or "")


def test_warnings_are_output_of_the_suite() -> None:
    (output,) = read(list(CHECKED[:1])).iter("system-out")
    assert "warning[over-budget]: params is 1,792, more than 1,700" in (output.text or "")


def test_no_network_is_an_empty_report() -> None:
    assert read([]).get("tests") == "0"


def test_a_failure_without_a_problem_still_fails() -> None:
    root = read([CheckedNetwork("a.yaml", "", 2)])
    assert [outcome(case) for case in root.iter("testcase")] == ["error"]


@given(MANY)
def test_is_always_well_formed_and_counts_right(checked: list[CheckedNetwork]) -> None:
    root = read(checked)
    for element in [root, *root]:
        found = [outcome(case) for case in element.iter("testcase")]
        assert element.get("tests") == str(len(found))
        assert element.get("failures") == str(found.count("failure"))
        assert element.get("errors") == str(found.count("error"))
        assert element.get("skipped") == str(found.count("skipped"))
    for suite, network in zip(root, checked, strict=True):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        assert bool(bad) == bool(network.status)
