"""The names of what can vary in a network, and the values that it can have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcalc.explore.variables import IN_SIZE, Setting
from convcalc.language.building.spec import Spec
from convcalc.layers.fields import decimal_text
from convcalc.problems import UNUSABLE, ConvcalcError, RuleError, Subject, printable, refused
from convcalc.spelling import nearest


def check_name(spec: Spec, name: str) -> Setting:
    """What a name stands for in a file; raises ConvcalcError where that is nothing."""
    setting = Setting.named(name)
    if setting is None:
        message = f"'{printable(name)}' names nothing that can vary"
        help_text = "an argument of the file, an item of its list, ARGUMENT[0], or in_size"
        raise refused("bad-option", message, help_text)
    if not setting.argument:
        _check_size(name, setting, spec.ranks)
        return setting
    args = spec.args
    if setting.argument not in args:
        message = f"the file has no argument '{printable(setting.argument)}'"
        has = f"it has {', '.join(args)}" if args else "it has none"
        near = nearest(setting.argument, [*args, IN_SIZE])
        meant = f"did you mean '{near[0]}'?" if near else f"{has}; in_size is the input's sizes"
        raise refused("unknown-argument", message, meant)
    held = args[setting.argument]
    if setting.item is not None and not isinstance(held, list):
        message = f"'{printable(setting.argument)}' holds no list, of which {name} is an item"
        raise refused("bad-option", message)
    if setting.item is not None and setting.item >= len(held):
        message = f"'{printable(setting.argument)}' has {len(held)} items, counted from 0"
        raise refused("bad-option", f"{message}, and no {name}")
    return setting


def _check_size(name: str, setting: Setting, ranks: Mapping[str, int]) -> None:
    if setting.input and setting.input not in ranks:
        message = f"the network has no input '{printable(setting.input)}'"
        raise refused("unknown-input", message, f"its inputs are {', '.join(ranks)}")
    axes = min([rank - 1 for one, rank in ranks.items() if setting.input in ("", one)])
    if axes < 1:
        raise refused("bad-option", f"the input has no spatial sizes, and no {printable(name)}")
    if setting.item is not None and setting.item >= axes:
        message = f"the input has {axes} spatial sizes, counted from 0, and no {printable(name)}"
        raise refused("bad-option", message)


def read_setting(spec: Spec, name: str, value: object) -> Any:
    """A value as the language reads it; raises ConvcalcError with status 2.

    A text is an expression, as on the command line; 0.35 is 7/20.
    """
    if type(value) is int:
        return value
    setting = check_name(spec, name)
    shown = printable(value)
    try:
        if setting.argument and setting.item is None:
            return spec.argument(name, value)
        number = spec.number(value)
        if not setting.argument and type(number) is not int:
            raise RuleError("bad-value", f"a size is a whole number, not {decimal_text(number)}")
    except RuleError as error:
        problem = error.at(None, Subject(argument=name, value=shown))
        raise ConvcalcError([problem], UNUSABLE) from None
    except ConvcalcError as error:
        problems = [p.about(option="", argument=name, value=shown) for p in error.problems]
        raise ConvcalcError(problems, UNUSABLE) from None
    return number
