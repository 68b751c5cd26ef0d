"""Options that do not exist, and values that an option cannot have."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from convcalc.cli.main import COMMANDS, command_named
from convcalc.cli.usage import _ELSEWHERE
from tests.cli.runner import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("verify lenet --depth 1", "No such option: --depth"),
        ("flops lenet --dtype int8", "No such option: --dtype"),
        ("shapes lenet -z", "No such option: -z"),
        ("shapes lenet --dept 1", "No such option: --dept. Did you mean --depth?"),
        ("shapes lenet --dept=1", "No such option: --dept. Did you mean --depth?"),
        ("shapes lenet -format json", "No such option: -format. Did you mean --format?"),
        (
            "flops lenet --double-channel",
            "No such option: --double-channel. Did you mean --double-channels?",
        ),
    ],
)
def test_an_option_that_does_not_exist(arguments: str, message: str) -> None:
    result = run(*arguments.split())
    command = arguments.split(maxsplit=1)[0]
    assert result.status == 2
    assert result.out == ""
    assert result.err.splitlines()[-1] == f"Error: {message}"
    assert f"Try 'convcalc {command} -h' for help." in result.err


@pytest.mark.parametrize("option", ["--allow-outside", "--max-file-size=1MB", "--depth", "-z"])
def test_an_option_before_the_command(option: str) -> None:
    result = run(option, "shapes", "lenet")
    name = option.partition("=")[0]
    assert (result.status, result.out) == (2, "")
    last = result.err.splitlines()[-1]
    assert last == f"Error: {name} goes behind the command: convcalc shapes ... {name}"
    assert run(option, "lenet").err.splitlines()[-1].startswith(f"Error: No such option: {name}")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("net.yaml", "'net.yaml' is a file, not a command; to read it: convcalc shapes net.yaml"),
        ("my net.onnx", "to read it: convcalc shapes 'my net.onnx'"),
        ("-", "to read it: convcalc shapes -"),
        ("lenet", "'lenet' is a network, not a command; to read it: convcalc shapes lenet"),
        ("models/", "'models/' is a folder, not a command; to check it: convcalc check models/"),
        ("*.yaml", "'*.yaml' is a pattern, not a command; to check it: convcalc check '*.yaml'"),
        ("shape", "No such command: shape. Did you mean shapes?"),
        ("versoin", "No such command: versoin. Did you mean version?"),
        ("summary", "No such command: summary. Did you mean shapes?"),
        ("qqqq", "No such command: qqqq. `convcalc help` lists them all"),
        ("a\nb", "No such command: a\\nb"),
    ],
)
def test_a_word_that_is_no_command(word: str, message: str) -> None:
    result = run(word)
    assert (result.status, result.out) == (2, "")
    assert message in result.err.splitlines()[-1]
    assert "Try 'convcalc -h' for help." in result.err


def test_every_word_of_other_programs_stands_for_a_command() -> None:
    assert set(_ELSEWHERE.values()) <= set(COMMANDS)
    assert not set(_ELSEWHERE) & set(COMMANDS)


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("shapes", "[OPTIONS] FILE"),
        ("field", "[OPTIONS] FILE [LAYER]"),
        ("check", "[OPTIONS] [FILE]..."),
        ("kinds", "[OPTIONS] [KIND]"),
        ("schema", "[OPTIONS] [spec|config]"),
        ("zoo", "[OPTIONS]"),
    ],
)
def test_the_usage_names_the_arguments(command: str, usage: str) -> None:
    assert run(command, "--help").out.splitlines()[0] == f"Usage: convcalc {command} {usage}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("shapes", "Missing argument 'FILE'. A network that ships will do: convcalc shapes lenet"),
        ("explain lenet", "Missing argument 'LAYER'. `convcalc shapes lenet` prints their names"),
        ("export lenet", "Missing option '--output' / '-o'."),
    ],
)
def test_what_is_missing(arguments: str, message: str) -> None:
    result = run(*arguments.split())
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines()[-1] == f"Error: {message}"


def test_help_and_version_are_words_too() -> None:
    assert run("help") == run("--help") == run("-h", "shapes") == run()
    assert run().out.startswith("Usage: convcalc [OPTIONS] COMMAND [ARGS]...\n\n  Exact shapes,")
    assert run("help", "shapes") == run("shapes", "--help")
    assert run("version") == run("--version")
    assert "Did you mean shapes?" in run("help", "shape").err


@pytest.mark.parametrize("figure", ["-1", "-4.13G"])
def test_a_figure_below_zero_is_no_option(figure: str) -> None:
    result = run("reconcile", "lenet", figure)
    assert result.status == 2
    assert f"Error: {figure} is read as an option: no figure is below 0" in result.err
    behind = run("reconcile", "lenet", "--", figure)
    assert behind.status == 2
    assert f"a figure above 0 is expected, not '{figure}'" in behind.err


@pytest.mark.parametrize("value", ["two", "1.0", "", "1e3"])
def test_a_whole_number_is_one_in_every_release_of_typer(value: str) -> None:
    result = run("shapes", "lenet", "--batch", value)
    assert result.status == 2
    assert result.out == ""
    last = result.err.splitlines()[-1]
    assert last.startswith(f"Error: Invalid value for '--batch': {value!r} is not a valid int")


@pytest.mark.parametrize("command", COMMANDS)
def test_values_are_of_types_that_the_command_line_converts(command: str) -> None:
    function = command_named(command)
    converted = (str, int, bool, list[str], str | None, int | None, list[str] | None)
    kinds = get_type_hints(function)
    del kinds["return"]
    assert [name for name, kind in kinds.items() if kind not in converted] == []
