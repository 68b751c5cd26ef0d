"""The entry point of the command line: imports only the command that is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from inspect import cleandoc
from keyword import iskeyword
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from convcalc import __version__
from convcalc.cli.guard import error_colours, in_log, report_problems, write_error
from convcalc.gc_pause import collect_no_more, collect_rarely
from convcalc.problems import UNUSABLE, RuleError, Subject, printable
from convcalc.quantities import read_memory_size
from convcalc.roots import access

#: All commands; each is a function in the module of the same name, after which an underscore
#: follows where that is a word of Python.
COMMANDS = (
    "shapes",
    "flops",
    "memory",
    "field",
    "balance",
    "explain",
    "draw",
    "animate",
    "report",
    "sweep",
    "solve",
    "sizes",
    "formula",
    "verify",
    "run",
    "weights",
    "export",
    "import",
    "check",
    "lock",
    "diff",
    "reconcile",
    "new",
    "show",
    "zoo",
    "kinds",
    "schema",
    "completion",
)

_HELP_OPTIONS = ("-h", "--help")
_HELP = """Exact shapes, parameters and operation counts of convolutional networks.

\b
Examples:
  convcalc shapes lenet                    a network that ships with convcalc
  convcalc shapes mynet.yaml --depth 1     your own, by its outermost groups
  convcalc flops vgg16 --double-channels   what a change would cost
  convcalc memory resnet50 --depth 2       what it needs to run
  convcalc draw unet --output unet.svg     a picture, with shapes and costs
  convcalc explain lenet conv1             the arithmetic, step by step
  convcalc check configs/                  does every file keep its promises?
"""


def main() -> None:
    """The entry point."""
    if "_CONVCALC_COMPLETE" in os.environ:
        from convcalc.cli.complete import Program, answer  # a shell asks for it

        answer(Program(COMMANDS, application))
        return
    collect_rarely()
    arguments = _as_options(sys.argv[1:])
    app = application(arguments)
    try:
        app(arguments)
    except OSError as error:
        # Writing the help or the version failed; commands handle errors of their own output.
        write_error(f"error: standard output cannot be written: {error.strerror}\n")
        sys.exit(UNUSABLE)
    finally:
        collect_no_more()


def _as_options(arguments: list[str]) -> list[str]:
    """The arguments with the words `help` and `version` as options, and others as commands."""
    if not arguments:
        return ["--help"]
    if arguments == ["version"]:
        return ["--version"]
    if arguments[:1] == ["help"]:
        return [*arguments[1:2], "--help"]
    if arguments[:1] == ["--show-completion"]:
        return ["completion", *arguments[1:]]
    if arguments[:1] == ["--install-completion"]:
        return ["completion", "--install", *arguments[1:]]
    return arguments


def application(arguments: list[str]) -> typer.Typer:
    """The application with the command that the arguments name; its help needs all commands.

    Importing a command and reading its signature takes a millisecond or two.
    """
    app = typer.Typer(
        cls=_Program,
        add_completion=False,  # `completion` does more, and does not slow the start of others
        help=_HELP,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": _HELP_OPTIONS, "max_content_width": 100},
    )
    app.callback()(_application)
    word = next((text for text in arguments if not text.startswith("-")), "")
    names: Sequence[str] = [word] if word in COMMANDS else []
    if not arguments or arguments[0] in _HELP_OPTIONS:
        names = COMMANDS
    for name in names:
        command = command_named(name)
        # `python -OO` removes docstrings; the options have their own help.
        text = cleandoc(command.__doc__ or "")
        if "\b" not in text:  # the mark that keeps the lines of the examples
            text = text.replace("Examples:", "\b\nExamples:")
        # A text of its own: typer cuts the one that it takes from `help`.
        summary = text.partition("\n")[0]
        app.command(name, cls=_Command, help=text, short_help=summary)(command)
    return app


def command_named(name: str) -> Callable[..., None]:
    """The function of a command, imported now."""
    place = f"{name}_" if iskeyword(name) else name
    command: Callable[..., None] = getattr(import_module(f"convcalc.cli.{place}"), place)
    return command


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


#: Characters of a message about wrong usage.
_LONGEST = 5000
#: The options of every command that reads files.
_ACCESS = ("allow_outside", "max_file_size", "outputs", "scale")
#: The parameters that name files.
_FILES = ("file", "files", "network", "old", "new")


def _access(
    allow_outside: Annotated[
        bool,
        typer.Option(
            "--allow-outside",
            help="Let files name others outside of their project. Do not use it on"
            " files of strangers.",
        ),
    ] = False,
    max_file_size: Annotated[
        str | None,
        typer.Option(
            "--max-file-size",
            metavar="SIZE",
            help="Read at most this much for a spec. By default 4MiB, with all that it extends.",
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--outputs",
            metavar="NAME",
            help="Cut a model file at the value of this name. Repeatable.",
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            "--scale",
            metavar="NAME",
            help="Take this model of a family in one Ultralytics file: n.",
        ),
    ] = None,
) -> None:
    """Has the options of every command that reads files; `_Command` obeys them."""


def _access_options() -> list[Any]:
    """Those options, as this release of typer makes them of a signature."""
    app = typer.Typer(add_completion=False)
    app.command()(_access)
    return [param for param in typer.main.get_command(app).params if param.name != "help"]


def _read_size(text: str | None) -> int:
    """The value of `--max-file-size`; 0 for the usual one."""
    if text is None:
        return 0
    try:
        return read_memory_size(text)
    except RuleError as error:
        report_problems([error.at(None, Subject(option="--max-file-size"))])
        sys.exit(UNUSABLE)


@contextmanager
def _usage_on_one_line() -> Iterator[None]:
    """Escapes what a message about wrong usage quotes, such as a file's name with a line break."""
    try:
        yield
    except Exception as error:
        # Whether its class is click's or typer's own depends on typer's version.
        message = getattr(error, "message", None)
        if isinstance(message, str):
            shown = in_log(printable(message, _LONGEST))
            if error_colours():
                shown = f"\033[1;31m{shown}\033[0m"
            error.message = shown  # type: ignore[attr-defined]
        raise


def _no_such_option(error: Exception) -> bool:
    # Whether its class is click's or typer's own depends on typer's version.
    return type(error).__name__ == "NoSuchOption"


class _Program(TyperGroup):
    """The program itself."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_pydantic(super().get_params(ctx))

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _usage_on_one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _usage_on_one_line():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS:
            from convcalc.cli.usage import no_command  # only a mistake needs it

            ctx.fail(no_command(args[0], COMMANDS))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)  # the parser removes what it reads
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if _no_such_option(error):
                from convcalc.cli.usage import explain_place  # only a mistake needs it

                explain_place(error, given, COMMANDS)
            raise


class _Command(TyperCommand):
    """A command that, for an unknown option, suggests only similar ones."""

    def get_params(self, ctx: Any) -> list[Any]:
        params = super().get_params(ctx)
        if any(param.name in _FILES for param in params):
            params[-1:-1] = _access_options()  # --help is the last
        return _without_pydantic(params)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The arguments in the usage, as every release of typer is to show them."""
        pieces = ["[OPTIONS]"]
        for param in self.params:
            if param.param_type_name == "argument":
                name = param.metavar or param.name.upper()
                piece = name if param.required or name.startswith("[") else f"[{name}]"
                more = param.nargs == -1 and "..." not in piece
                pieces.append(f"{piece}..." if more else piece)
        return pieces

    def invoke(self, ctx: Any) -> Any:
        given = {name: ctx.params.pop(name, None) for name in _ACCESS}
        with ExitStack() as stack:
            if given["allow_outside"] or given["max_file_size"]:
                size = _read_size(given["max_file_size"])
                outside = bool(given["allow_outside"])
                stack.enter_context(access(allow_outside=outside, max_file_size=size))
            if given["outputs"] or given["scale"]:
                from convcalc.exchange.definition import reading_models  # few files are models

                outputs, scale = tuple(given["outputs"] or ()), given["scale"] or ""
                stack.enter_context(reading_models(outputs=outputs, scale=scale))
            return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)  # the parser removes what it reads
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if _no_such_option(error):
                from convcalc.cli.usage import explain_option  # only a mistake needs it

                explain_option(error, given, [name for one in self.params for name in one.opts])
            if type(error).__name__ == "MissingParameter":  # of click or of typer
                from convcalc.cli.usage import explain_missing

                explain_missing(error, self.name or "", given)
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
