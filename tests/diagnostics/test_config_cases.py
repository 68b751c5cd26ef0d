"""Each bad convcalc.yaml gets the message that stands beside it, and nothing is checked."""

from __future__ import annotations

import re

import pytest

from tests.diagnostics.update import CONFIGS, config_names, expected_of_config, refused_config

#: Cases in which convcalc.yaml is in order, and a network that it names is not.
WRONG_NETWORK = {"set_value_that_breaks_the_network"}
#: Cases whose networks were looked at, one after the other.
LOOKED_AT = {
    *WRONG_NETWORK,
    "growth_without_a_lock",
    "no_such_layer",
    "set_unknown_argument",
    "set_value_refused",
}


@pytest.mark.parametrize("name", config_names())
def test_a_bad_config(name: str) -> None:
    result = refused_config(name)
    assert result.err == expected_of_config(name), (
        "`python -m tests.diagnostics.update` writes it anew"
    )
    assert result.status == (1 if name in WRONG_NETWORK else 2)
    if name not in LOOKED_AT:
        assert result.out == ""


def test_every_message_belongs_to_a_case() -> None:
    assert sorted(path.stem for path in CONFIGS.glob("*.txt")) == config_names()


@pytest.mark.parametrize("name", config_names())
def test_a_message_has_its_place(name: str) -> None:
    """Every first line names the file and a place in it, and the caret is under that column."""
    lines = expected_of_config(name).splitlines()
    firsts = [index for index, line in enumerate(lines) if "error[" in line]
    for index in firsts:
        place = re.match(r"[\w/]+\.yaml:(\d+):(\d+): error\[[a-z-]+\]: \S.*[^.]\Z", lines[index])
        assert place is not None
        if "|" in "".join(lines[index + 1 : index + 2]):
            source, caret = lines[index + 2], lines[index + 3]
            assert source.strip().startswith(f"{place[1]} | ")
            if "| ..." not in source:  # a long line is shown from its middle
                assert caret.index("^") - source.index("|") - 1 == int(place[2])


def test_there_are_enough_cases() -> None:
    assert len(config_names()) >= 25
