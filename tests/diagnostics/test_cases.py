"""Each bad file gets the message that stands beside it, and nothing else happens."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.diagnostics.made import MADE
from tests.diagnostics.update import FOLDER, case_names, expected, refused, refused_made

#: Cases of files that cannot be opened or decoded, and of an `extends` that leads to none.
UNUSABLE = {
    "extends_folder",
    "extends_missing",
    "extends_several_mistakes",
    "network_is_a_kind",
    "network_missing",
    "file_binary",
    "file_folder",
    "file_latin_1",
    "file_missing",
    "file_pipe",
    "file_utf_16",
}


def status_of(name: str) -> int:
    return 2 if name in UNUSABLE else 1


@pytest.mark.parametrize("name", case_names())
def test_a_bad_file(name: str) -> None:
    result = refused(name)
    assert result.err == expected(name), "`python -m tests.diagnostics.update` writes it anew"
    assert result.out == ""
    assert result.status == status_of(name)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", case_names())
def test_a_bad_file_without_libyaml(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML may have been built without libyaml: its own parser gives the same message."""
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert refused(name).err == expected(name)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.no_cover) if name.startswith("monster") else name
        for name in MADE
    ],
)
def test_a_bad_file_that_is_made(name: str) -> None:
    result = refused_made(name)
    assert result.err == expected(name), "`python -m tests.diagnostics.update` writes it anew"
    assert result.out == ""
    assert result.status == status_of(name)


def test_every_message_belongs_to_a_case() -> None:
    messages = {path.stem for path in FOLDER.glob("*.txt")}
    assert messages == {*case_names(), *MADE}


def test_messages_are_well_formed() -> None:
    """Place, code and sentence first; then the source with a caret, then labelled facts."""
    for name in [*case_names(), *MADE]:
        text = expected(name)
        assert "Traceback" not in text, name
        assert "internal" not in text, name
        firsts = re.findall(r"^.*error\[.*$", text, re.MULTILINE)
        assert firsts, name
        for first in firsts:
            if name in UNUSABLE and first.startswith("error["):
                continue
            place = r"[\w/]+\.yaml:[1-9]\d*:[1-9]\d*"
            assert re.match(place + r": error\[[a-z-]+\]: \S.*[^.]\Z", first), name
        for label in re.findall(r"^ *= (\w+):", text, re.MULTILINE):
            assert label in {"input", "branch", "first", "rule", "note", "help"}, name


def test_carets_are_under_the_column() -> None:
    for name in case_names():
        check_carets(name, expected(name).splitlines())


def check_carets(name: str, lines: list[str]) -> None:
    for index, line in enumerate(lines):
        place = re.match(r".*?\.yaml:(\d+):(\d+): error", line)
        if place is None or not lines[index + 1 : index + 2] or "|" not in lines[index + 1]:
            continue
        bar = lines[index + 2].index("|")
        assert lines[index + 2][:bar].strip() == place[1], name
        drawn, caret = lines[index + 2][bar + 2 :], lines[index + 3][bar + 2 :]
        column = caret.index("^") + 1
        if not drawn.startswith("...") and "\t" not in drawn and "    -" not in drawn:
            assert column == int(place[2]), name


def test_there_are_enough_cases() -> None:
    assert len(case_names()) + len(MADE) >= 80
