"""The command line: finds the command, and imports only that one."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from inspect import cleandoc
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from convcalc import __version__
from convcalc.cli.guard import tell
from convcalc.problems import UNUSABLE

#: Every command: the module of this package that holds it, under the same name.
COMMANDS = (
    "shapes",
    "flops",
    "memory",
    "field",
    "balance",
    "explain",
    "verify",
    "weights",
    "check",
    "lock",
    "diff",
    "reconcile",
    "zoo",
    "kinds",
    "schema",
)

_HELP = """Exact shapes, parameters and operation counts of convolutional networks.

\b
Examples:
  convcalc shapes lenet                    a network that ships with convcalc
  convcalc shapes mynet.yaml --depth 1     your own, by its outermost groups
  convcalc flops vgg16 --double-channels   what a change would cost
  convcalc memory resnet50 --depth 2       what it needs to run
  convcalc explain lenet conv1             the arithmetic, step by step
  convcalc check configs/                  does every file keep its promises?
"""


def main() -> None:
    """The entry point."""
    app = application(sys.argv[1:])
    try:
        app()
    except OSError as error:
        # The help or the version could not be written; commands see to their own output.
        tell(f"error: standard output cannot be written: {error.strerror}\n")
        sys.exit(UNUSABLE)


def application(arguments: list[str]) -> typer.Typer:
    """The application, with the one command that the arguments name, or with all of them.

    Importing a command and taking its signature apart costs a millisecond or two; a command should
    start in a blink.
    """
    app = typer.Typer(
        cls=_Program,
        help=_HELP,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_application)
    word = next((text for text in arguments if not text.startswith("-")), "")
    completing = any(name.endswith("_COMPLETE") for name in os.environ)
    names = [word] if word in COMMANDS and not completing else COMMANDS
    for name in names:
        module = import_module(f"convcalc.cli.{name}")
        command = getattr(module, name)
        text = cleandoc(command.__doc__)
        if "\b" not in text:  # the mark that keeps the examples' lines as they are
            text = text.replace("Examples:", "\b\nExamples:")
        app.command(name, cls=_Command, help=text)(command)
    return app


class _Values:
    """Converts the values of arguments and options: texts, whole numbers, flags, lists of texts.

    typer 0.29 and later ask each parameter for an object that does this, and make it with pydantic,
    whose import takes as long as a whole command. Earlier releases do not ask.
    """

    @staticmethod
    def coerce(value: Any, param: Any, ctx: Any) -> Any:
        """The value of a parameter, as the command takes it."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if param.type_descriptor.annotation is int:
            try:
                return int(value)
            except ValueError:
                message = f"{value!r} is not a valid int."
                raise typer.BadParameter(message, ctx=ctx, param=param) from None
        return value


def _without_pydantic(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        parameter.get_runtime_param = _Values
    return parameters


class _Program(TyperGroup):
    """The program itself."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_pydantic(super().get_params(ctx))


class _Command(TyperCommand):
    """A command that offers only options that are much like one that it does not have."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_pydantic(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)  # what cannot be parsed is lost from the list
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            # Whether its class is click's or typer's own depends on typer's version.
            if type(error).__name__ == "NoSuchOption":
                from convcalc.cli.usage import explain_option  # only a mistake needs it

                explain_option(error, given, [name for one in self.params for name in one.opts])
            raise


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"convcalc {__version__}")
        raise typer.Exit


def _application(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Options of the program itself."""
