"""Options that do not exist: only what is much like them is offered."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("figure", ["-1", "-4.13G"])
def test_a_figure_below_zero_is_no_option(figure: str) -> None:
    result = run("reconcile", "lenet", figure)
    assert result.status == 2
    assert f"Error: {figure} is read as an option: no figure is below 0" in result.err
    behind = run("reconcile", "lenet", "--", figure)
    assert behind.status == 2
    assert f"a figure above 0 is expected, not '{figure}'" in behind.err
