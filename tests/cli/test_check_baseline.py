"""`check` where growth is limited and the lock is missing or cannot be read, in every format."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.runner import Result, run

HEAVY = "input: [3, 16, 16]\nlayers:\n  - {conv: 8, kernel: 3}\n  - {dense: 10}\n"
SMALL = "input: [3, 16, 16]\nlayers: [{dense: 2}]\nexpect: {params: 1539}\n"
CONFIG = """\
networks:
  - files: heavy.yaml
    budget: {macs: 10k}
    growth: {macs: 2%}
  - files: small.yaml
    growth: {params: 5%}
  - files: free.yaml
"""
FORMATS = ("text", "concise", "json", "github", "junit", "sarif", "markdown")
MISSING = "growth is measured against convcalc.lock, and there is none"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a lock, in which a budget and an expectation are broken."""
    monkeypatch.chdir(tmp_path)
    Path("heavy.yaml").write_text(HEAVY)
    Path("small.yaml").write_text(SMALL)
    Path("free.yaml").write_text(HEAVY)
    Path("convcalc.yaml").write_text(CONFIG)
    return tmp_path


def told(style: str) -> Result:
    result = run("check", "--format", style)
    assert result.status == 2
    return result


@pytest.mark.parametrize("style", FORMATS)
def test_everything_else_is_reported_as_usual(style: str) -> None:
    result = told(style)
    everything = result.out + result.err
    assert MISSING in everything
    for name in ("convcalc.yaml", "heavy.yaml", "small.yaml"):
        assert name in everything
    assert "58,016" in everything
    assert "expected params 1,539, found 1,538" in everything


def test_text_says_of_each_network_what_is_not_checked() -> None:
    result = told("text")
    assert result.out.startswith("heavy.yaml: FAILED (its growth is not checked: there is no lock)")
    assert "macs    58,016    10k  48,016 (+480.16%)  convcalc.yaml:3\n" in result.out
    assert "small.yaml: FAILED (its growth is not checked: there is no lock)\n" in result.out
    assert "free.yaml: ok\n" in result.out
    assert result.out.endswith("3 checked, 2 failed\n")
    assert "convcalc.yaml:4:20: error[no-lock]: " in result.err
    assert result.err.count("error[no-lock]") == 1


def test_json_has_it_with_each_network_that_is_concerned() -> None:
    heavy, small, free = json.loads(told("json").out)["files"]
    codes = [[problem["code"] for problem in network["problems"]] for network in (heavy, small)]
    assert codes == [["over-budget", "no-lock"], ["expectation", "no-lock"]]
    assert (heavy["status"], small["status"], free["status"]) == (2, 2, 0)
    assert heavy["problems"][1]["file"] == "convcalc.yaml"
    assert free["problems"] == []
    assert free["skipped"] == ""


def test_an_annotation_a_network_and_none_twice() -> None:
    lines = [line for line in told("github").out.splitlines() if line.startswith("::")]
    assert len(lines) == 2
    assert lines[0].startswith("::error file=heavy.yaml,line=3,")
    assert "title=small.yaml%3A expectation" in lines[1]


def test_concise_has_each_line_once() -> None:
    lines = told("concise").out.splitlines()
    assert len(set(lines)) == len(lines)
    assert f"convcalc.yaml:4:20: no-lock: {MISSING}" in lines


def test_junit_and_sarif_tell_a_check_that_could_not_be_done() -> None:
    root = ET.fromstring(told("junit").out)  # noqa: S314 - our own
    assert (root.get("errors"), root.get("failures")) == ("2", "1")
    (ran,) = json.loads(told("sarif").out)["runs"]
    assert ran["invocations"] == [{"executionSuccessful": False}]
    assert [result["ruleId"] for result in ran["results"]].count("no-lock") == 1


def test_a_limit_of_the_command_line_needs_the_lock_as_well() -> None:
    Path("convcalc.yaml").unlink()
    result = run("check", "heavy.yaml", "--fail-on", "macs>+2%", "--fail-on", "macs>10k")
    assert result.status == 2
    assert "error[no-lock]: growth is measured against" in result.err
    assert "--fail-on macs is not checked: there is no lock" in result.out
    assert "58,016" in result.out


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("convcalc.lock 1", "convcalc.lock 2", "convcalc.lock:1:1"),
        ("network heavy.yaml", "=======\nnetwork heavy.yaml", "convcalc.lock:"),
        ("  total macs: ", "  total macs: x", "convcalc.lock:"),
    ],
)
def test_a_lock_that_cannot_be_read(style: str, old: str, new: str, place: str) -> None:
    run("lock", "heavy.yaml", "small.yaml", "free.yaml")
    lock = Path("convcalc.lock")
    lock.write_text(lock.read_text().replace(old, new))
    result = told(style)
    everything = result.out + result.err
    assert place in everything or '"uri": "convcalc.lock"' in everything
    assert "expected params 1,539, found 1,538" in everything
    # What is limited in no growth is as good as ever, in every format.
    Path("convcalc.yaml").write_text("networks: [{files: free.yaml}]\n")
    result = run("check", "--format", style)
    assert (result.status, result.err) == (0, "")


def test_exit_zero_does_not_hide_it() -> None:
    assert run("check", "--exit-zero").status == 2


def test_another_input_needs_no_lock() -> None:
    assert run("check", "free.yaml", "heavy.yaml", "--input", "3x20x20").status == 0


@pytest.mark.parametrize("style", FORMATS)
def test_it_is_reported_where_no_network_can_be_read_either(style: str) -> None:
    Path("convcalc.yaml").write_text("networks: [{files: heavy.yaml, growth: {macs: 2%}}]\n")
    Path("heavy.yaml").write_text(HEAVY.replace("kernel: 3", "kernel: 33"))
    result = told(style)
    assert MISSING in result.out + result.err
    assert "kernel height 33 does not fit" in result.out + result.err
