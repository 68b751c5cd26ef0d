"""Options that do not exist, and values that an option cannot have."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from convcalc.cli.main import COMMANDS, command_named
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
