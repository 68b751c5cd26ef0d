"""What is said of text that is not YAML."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from convcalc.facts import worded
from convcalc.language.reading.nodes import read_yaml
from convcalc.problems import ConvcalcError, Problem, Source

KEYS = st.sampled_from(["conv", "kernel", "stride", "padding", "norm", "name", "repeat"])
#: Values as they are written, and what YAML makes of them.
VALUES: dict[str, object] = {
    **{text: text for text in ("6", "2*width", "2 * width", "batch", "a - b", "3 if a else 5")},
    **{text: text for text in ("widths[2]", "max(a, 2)", "max(widths[0], 2)")},
    "[3, 5]": ["3", "5"],
    "{group: 3, eps: 2}": {"group": "3", "eps": "2"},
    "'a, b'": "a, b",
    '"c: d"': "c: d",
}


def problem(text: str) -> Problem:
    """The one problem of a text."""
    with pytest.raises(ConvcalcError) as caught:
        read_yaml(Source("net.yaml", text))
    (found,) = caught.value.problems
    return found


def help_of(text: str) -> str:
    """The help for a text that is not YAML."""
    found = problem(text)
    assert found.code == "yaml-syntax"
    return dict(worded(found.facts)).get("help", "")


@given(
    st.dictionaries(KEYS, st.sampled_from(sorted(VALUES)), min_size=2, max_size=5),
    st.sampled_from([", ", " ", " ,  "]),
    st.sampled_from(["- ", "-  ", "  - ", "- - ", "block: ", "- block: ", ""]),
    st.sampled_from(["", " # what it is", "  "]),
)
def test_keys_on_one_line_are_put_into_braces(
    pairs: dict[str, str], comma: str, before: str, after: str
) -> None:
    line = before + comma.join([f"{key}: {value}" for key, value in pairs.items()]) + after
    above = "a:\n" if "-" in before else "a: 1\n"
    proposed, _, more = help_of(f"{above}{line}\n").removeprefix("write ").partition(", or ")
    assert more == ("" if before else "each key on a line of its own")
    read = yaml.load(proposed, yaml.BaseLoader)  # noqa: S506 - its loader of texts alone
    for layer in before.split():
        read = read[0] if layer == "-" else read["block"]
    assert read == {key: VALUES[value] for key, value in pairs.items()}


@pytest.mark.parametrize(
    ("text", "help_text"),
    [
        ("- conv: 6, kernel: 5", "write - {conv: 6, kernel: 5}"),
        ("- conv: 6, kernel: 5,\n  stride: 2", "write - {conv: 6, kernel: 5, ...}"),
        ("- relu: , name: a", "write - {relu: , name: a}"),
        ("layers: conv: 6, kernel: 5", "write layers: [{conv: 6, kernel: 5}]"),
        ("args: width: 3", "write args: {width: 3}, or quote a text that holds ': '"),
        ("input: 3, layers: 4", "write {input: 3, layers: 4}, or each key on a line of its own"),
    ],
)
def test_the_line_as_it_should_be(text: str, help_text: str) -> None:
    found = problem(text)
    assert found.message == "not YAML: several keys on one line need braces"
    assert help_of(text) == help_text


@pytest.mark.parametrize(
    "text",
    [
        "name: lenet: the network",
        "- name: the first: of all, kernel: 5",
        "- conv: 6, [kernel: 5",
        "- conv: 6,  # kernel:\n   kernel: 5",
        "- conv: " + "6" * 400 + ", kernel: 5",
    ],
)
def test_what_may_be_something_else_gets_no_braces(text: str) -> None:
    assert "{" not in help_of(text)
