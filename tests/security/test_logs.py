"""In a step of GitHub Actions, nothing that a stranger named is a command to the runner."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.cli import check, explain, lock
from convcalc.cli.output import TABLE_FORMATS
from convcalc.render.github import harmless
from tests.cli.runner import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")

WRONG = "::stop-commands::x.yaml"
GOOD = "::error::good.yaml"
BROKEN_LINE = "a\n::warning::b.yaml"
SPEC = """\
name: "::error::name ##[add-path]"
input: [3, 8, 8]
layers: [{conv: 4, kernel: 3, name: c}, flatten, {dense: 2}]
budget: {macs: 1}
"""


def obeyed(text: str) -> list[str]:
    """The lines that a runner takes for commands: its rules, whatever the command's name."""
    lines = re.split("\r\n|\r|\n", text)
    new = [line for line in lines if re.match("::.*::", line.strip())]
    return new + [line for line in lines if "##[" in line]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    Path(WRONG).write_text("{input: [4], layers: [rel]} # ##[error]x\n", encoding="utf-8")
    for name in (GOOD, BROKEN_LINE, "##[add-mask]a.yaml"):
        Path(name).write_text(SPEC, encoding="utf-8")
    return tmp_path


def cases() -> list[tuple[str, ...]]:
    found = [
        (command, *more, "--format", style)
        for command, *more in (
            ("shapes", GOOD),
            ("shapes", WRONG),
            ("flops", GOOD),
            ("flops", GOOD, "--compare"),
            ("memory", GOOD),
            ("field", GOOD),
            ("balance", GOOD),
            ("reconcile", GOOD, "30M"),
            ("diff", GOOD, BROKEN_LINE),
            ("diff", GOOD, "lenet"),
            ("diff", WRONG, GOOD),
            ("verify", GOOD),
        )
        for style in TABLE_FORMATS
    ]
    found += [("check", ".", "--format", style) for style in check.FORMATS if style != "github"]
    found += [("explain", GOOD, "c", "--format", style) for style in explain.FORMATS]
    found += [("draw", GOOD, "--format", style) for style in ("svg", "mermaid", "dot")]
    found += [("lock", "--check", ".", "--format", style) for style in lock.FORMATS]
    return [
        *found,
        ("shapes", GOOD, "--format", "listing"),
        ("lock", GOOD),
        ("lock", "."),
        # Wrong usage, as a glob of the shell may make it.
        ("shapes", GOOD, BROKEN_LINE),
        (BROKEN_LINE,),
        ("shapes", "lenet", "--##[error]"),
        ("shapes", "lenet", "--batch", BROKEN_LINE),
        ("shapes", "::error::not there"),
    ]


@pytest.mark.parametrize("arguments", cases(), ids=" ".join)
def test_no_line_is_a_command(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    if "--check" in arguments:
        assert run("lock", GOOD, "##[add-mask]a.yaml").status == 0
        Path(GOOD).write_text(SPEC.replace("conv: 4", "conv: 5"), encoding="utf-8")
    elsewhere = run(*arguments)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = run(*arguments)
    assert result.status == elsewhere.status
    assert result.out + result.err
    if GOOD in arguments and not {WRONG, BROKEN_LINE, "lock"} & {*arguments}:
        assert result.status in {0, 1}
        assert result.out
    assert obeyed(result.out) == []
    assert obeyed(result.err) == []
    # Programs read the same data; a run takes another time.
    style = arguments[-1] if arguments[0] != "verify" else ""
    if style in {"json", "sarif"} and elsewhere.out:
        assert json.loads(result.out) == json.loads(elsewhere.out)
    elif style == "junit":
        trees = [ET.tostring(ET.fromstring(r.out.encode())) for r in (result, elsewhere)]  # noqa: S314
        assert trees[0] == trees[1]
    elif style == "csv":
        assert [*csv.reader(io.StringIO(result.out))] == [
            [cell.replace("##[", "##\\[") for cell in row]
            for row in csv.reader(io.StringIO(elsewhere.out))
        ]


def test_the_cases_would_be_obeyed_elsewhere(project: Path) -> None:
    for arguments in [("shapes", WRONG), ("check", ".", "--format", "concise"), ("lock", WRONG)]:
        result = run(*arguments)
        assert obeyed(result.out + result.err)


def test_annotations_are_the_only_commands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = run("check", ".")
    assert obeyed(result.err) == []
    assert {line.split(" ")[0] for line in obeyed(result.out)} == {"::error"}


def test_a_file_is_no_log(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert run("check", GOOD, "--format", "concise", "--output", "out.txt").status == 1
    assert Path("out.txt").read_text(encoding="utf-8").startswith(GOOD)


def test_a_pipe_may_be_the_log(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    reading, writing = os.pipe()
    output = f"/dev/fd/{writing}"
    assert run("check", GOOD, "--format", "concise", "--output", output).status == 1
    assert os.read(reading, 100).startswith(b"\\::error::")
    os.close(reading)
    os.close(writing)


PIECES = ["::", ":", "##[", "#", "]", '"', ",", "\n", "\r", " ", "\t", "\xa0", "\x85", "a", "error"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(TEXTS)
def test_any_text(text: str) -> None:
    shown = harmless(text)
    assert obeyed(shown) == []
    assert harmless(shown) == shown
    assert shown.replace("\\", "") == text


@given(TEXTS)
def test_any_json_and_xml(text: str) -> None:
    written = harmless(json.dumps({"a": [text]}, ensure_ascii=False, indent=1), "json")
    assert obeyed(written) == []
    assert json.loads(written) == {"a": [text]}
    element = ET.Element("a")
    element.text = text
    before = ET.tostring(element, encoding="unicode")
    written = harmless(before, "xml")
    assert obeyed(written) == []
    assert ET.fromstring(written).text == ET.fromstring(before).text  # noqa: S314


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=3))
def test_any_csv(rows: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    written = harmless(out.getvalue(), "csv")
    assert obeyed(written) == []
    read = [*csv.reader(io.StringIO(written, newline=""))]
    if "\r" in out.getvalue():
        return  # Python quotes it in some releases only
    assert [[cell.replace("\\", "") for cell in row] for row in read] == rows
    if not any("##[" in cell or "\n" in cell for row in rows for cell in row):
        assert read == rows
