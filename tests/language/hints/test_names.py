"""What is said of names that have no value, and of keys that are none."""

from __future__ import annotations

import pytest

from convcalc.language.hints import keys
from convcalc.language.hints.names import SHAPES, unknown_layer, unknown_name

NUMBERED = "a layer has a name; the previous one's value enters without one, and as [] in a join"


@pytest.mark.parametrize(
    ("word", "options", "help_text"),
    [
        ("widht", {"args": ["width"]}, "did you mean 'width'?"),
        ("yes", {"args": ["width"]}, "write true"),
        ("Off", {}, "write false"),
        ("null", {}, "leave the argument out"),
        ("depth", {"later": True}, "args are evaluated in order, and 'depth' comes later"),
        ("zzz", {"words": ["same", "valid"], "chosen": True}, "one of same, valid"),
        ("zzz", {"layers": ["stem", "conv0"]}, "earlier values: stem, conv0"),
        ("zzz", {"args": ["width"]}, "arguments in scope: width"),
        ("zzz", {}, "arguments are the file's 'args', and a block's own"),
        ("in_chanels", {}, "did you mean 'in_channels'?"),
        ("idx", {"repeated": True}, "which copy it is, counted from 0, is called 'copy' here"),
        ("idx", {"args": ["width"]}, "arguments in scope: width"),
        ("stem.shape", {}, SHAPES),
        ("stem.channels", {"layers": ["stem"]}, SHAPES),
        ("args.width", {}, "an argument is its name alone: width"),
        ("width.x", {"args": ["width"]}, "'width' is an argument, and has no parts"),
    ],
)
def test_a_name_in_an_expression(word: str, options: dict[str, object], help_text: str) -> None:
    given: dict[str, object] = {"args": [], "layers": [], "words": [], "chosen": False}
    given |= {"later": False, "repeated": False, **options}
    assert unknown_name(word, **given) == help_text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "in_block", "help_text"),
    [
        ("stm", False, "did you mean 'stem'?"),
        ("unit", False, "its copies are called 'unit0', 'unit1', ..."),
        ("g.tahn0", False, "in 'g': did you mean 'tanh0'?"),
        ("zzz", False, "earlier values: stem, unit0, g"),
        ("-1", False, NUMBERED),
        ("6", True, NUMBERED),
        ("zzz", True, "a block sees its own layers only; a name can be handed on as an argument"),
    ],
)
def test_a_layer_that_is_not_there(reference: str, in_block: bool, help_text: str) -> None:
    known, groups = ["stem", "unit0", "g"], {"g": ["tanh0", "relu0"]}
    assert unknown_layer(reference, known, groups, in_block) == help_text


def test_nothing_is_offered_where_there_is_nothing() -> None:
    assert unknown_layer("a", [], {}, in_block=False) == ""
    assert unknown_layer("g.a", ["g"], {"g": []}, in_block=False) == ""


def test_keys_of_a_file() -> None:
    assert keys.top_key("network") == ("it is called 'layers' here", ["layers"])
    assert keys.top_key("layerz") == ("did you mean 'layers'?", ["layers"])
    assert keys.top_key("input:[3]") == ("a space is missing after the ':'", ["input"])


def test_words_that_are_no_metrics() -> None:
    assert keys.metric("ram", "budget", ["macs"]) == "it is called 'peak_memory' here"
    assert keys.metric("maks", "budget", ["macs", "params"]) == "did you mean 'macs'?"
    assert keys.metric("zzz", "budget", ["macs", "params"]) == "one of macs, params"
    assert keys.metric("000", "budget", ["macs"]) == "a number is written without commas"
    assert keys.metric("dtype", "warn", ["macs"]) == "'dtype' stands beside 'warn', not in it"
    assert keys.expectation("000", ["macs"]) == "a number is written without commas"
    assert keys.expectation("maks", ["macs"]) == "did you mean 'macs'?"
    assert keys.config_key("Paths", ["files"]) == "it is called 'files' here"
    assert keys.config_key("filez", ["files"]) == "did you mean 'files'?"
