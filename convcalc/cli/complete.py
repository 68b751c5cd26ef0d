"""What may stand at the end of a command line, for a shell that completes it.

Nothing here is imported by a command: a shell asks through the environment, see `answer`.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import typer

#: Set by the script of a shell: "words" where the arguments are those of the command line, "line"
#: where the next variable holds the command line up to the cursor.
MODE = "_CONVCALC_COMPLETE"
LINE = "_CONVCALC_LINE"
#: Entries of a folder that are looked at, layers of a network, and names that are offered at once.
_MOST_ENTRIES = 5000
_MOST_LAYERS = 5000
_MOST_NAMES = 60

#: A text that may stand there, and what it is; "" where nothing says that.
Choice = tuple[str, str]


class Asked(NamedTuple):
    """A value that is asked for.

    command  of which it is a value
    module   of that command
    given    the values before it, by the name of their parameter
    word     what is there of it already
    """

    command: str
    module: str
    given: Mapping[str, Sequence[str]]
    word: str


Completer = Callable[[Asked], Iterable[Choice]]


class Program(NamedTuple):
    """The program: the names of its commands, and what makes it with the commands of a line."""

    commands: Sequence[str]
    application: Callable[[list[str]], typer.Typer]

    def command(self, name: str) -> Any:
        """A command as typer has it."""
        import typer.main

        group: Any = typer.main.get_command(self.application([name]))
        return group.commands[name]


def answer(program: Program) -> None:
    """Prints the choices for the command line that a shell hands over, with what they are.

    Whatever is wrong with it, a prompt is no place for an error.
    """
    if os.environ[MODE] == "line":
        words = _split(os.environ.get(LINE, ""))[1:]
    else:
        words = sys.argv[1:]
    try:
        found = dict(choices(program, words or [""]))
    except Exception:  # noqa: BLE001 - see above
        found = {}
    lines = [f"{text}\t{meaning}".rstrip() for text, meaning in found.items()]
    with suppress(OSError):
        sys.stdout.write("".join([f"{line}\n" for line in lines if _is_one_line(line)]))
        sys.stdout.flush()


def _is_one_line(text: str) -> bool:
    return text.replace("\t", "", 1).isprintable()


def choices(program: Program, words: Sequence[str]) -> list[Choice]:
    """What the last of the words, which may be empty, may become."""
    *before, word = words
    command = next((text for text in before if not text.startswith("-")), "")
    if not command:
        names = (
            ("--help", "--version")
            if word.startswith("-")
            else (*program.commands, "help", "version")
        )
        return [(name, "") for name in names if name.startswith(word)]
    behind = before[before.index(command) + 1 :]
    if command == "help" and not behind:
        return [(name, "") for name in program.commands if name.startswith(word)]
    if command not in program.commands:
        return []
    return _of_command(program.command(command), behind, word)


def _of_command(command: Any, before: Sequence[str], word: str) -> list[Choice]:
    """What a word behind a command and other words may become."""
    params = parameters(command)
    name_and_module = command.name, command.callback.__module__
    options = {name: param for param in params for name in param.opts if name.startswith("-")}
    arguments = [param for param in params if not param.opts[0].startswith("-")]
    given: dict[str, list[str]] = {}
    waiting, plain, position = None, False, 0
    for text in before:
        name, equals, value = text.partition("=")
        if waiting is not None:
            given[waiting.name].append(text)
            waiting = None
        elif not plain and text == "--":
            plain = True
        elif not plain and text.startswith("-") and text != "-":
            param = options.get(name)
            if param is not None:
                given.setdefault(param.name, []).extend([value] if equals else [])
                waiting = None if equals or param.is_flag else param
        elif position < len(arguments):
            given.setdefault(arguments[position].name, []).append(text)
            position += arguments[position].nargs == 1
    if waiting is None and not plain and word.startswith("-"):
        name, equals, value = word.partition("=")
        if not equals:
            return [
                (name, _summary(param))
                for param in params
                for name in param.opts
                if name.startswith(word if word != "-" else "--")
                and (param.multiple or param.name not in given)
            ]
        if name not in options or options[name].is_flag:
            return []
        found = _values(options[name], Asked(*name_and_module, given, value))
        return [(f"{name}={text}", meaning) for text, meaning in found]
    if waiting is None:
        waiting = arguments[position] if position < len(arguments) else None
    return [] if waiting is None else _values(waiting, Asked(*name_and_module, given, word))


def parameters(command: Any) -> list[Any]:
    """The arguments and options of a command, as typer has them."""
    import typer

    return list(command.get_params(typer.Context(command)))


def _summary(param: Any) -> str:
    """The first sentence of an option's help."""
    return (param.help or "").partition(". ")[0].rstrip(".")


def _values(param: Any, asked: Asked) -> list[Choice]:
    completer = COMPLETERS.get(f"{asked.command} {param.name}") or COMPLETERS.get(param.name)
    if completer is None:
        return []
    return [choice for choice in completer(asked) if choice[0].startswith(asked.word)]


def _split(line: str) -> list[str]:
    """The words of a command line, the last one empty behind a space; an open quote is closed."""
    for quote in ("", "'", '"'):
        try:
            words = shlex.split(line + quote)
        except ValueError:
            continue
        return [*words, ""] if not quote and line[-1:].isspace() else words
    return line.split()


# What values there are.


def _words(names: Iterable[str]) -> list[Choice]:
    return [(name, "") for name in names]


def _files(word: str, suffixes: tuple[str, ...]) -> list[Choice]:
    """The files beside a word with one of some suffixes, and the folders, which end in a slash."""
    folder, name = os.path.split(word)
    found = []
    with os.scandir(os.path.expanduser(folder) or os.curdir) as entries:
        for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False):
            hidden = entry.name.startswith(".") and not name.startswith(".")
            if not entry.name.startswith(name) or hidden:
                continue
            path = word[: len(word) - len(name)] + entry.name
            if entry.is_dir():
                found.append((f"{path}/", ""))
            elif entry.name.lower().endswith(suffixes):
                found.append((path, ""))
    return sorted(found)


def _of_suffixes(*suffixes: str) -> Completer:
    return lambda asked: _files(asked.word, suffixes)


def _models() -> tuple[str, ...]:
    from convcalc.exchange.formats import FORMATS

    return tuple([suffix for known in FORMATS for suffix in known.suffixes])


def _networks(asked: Asked) -> list[Choice]:
    """Networks that ship, and files of networks and models."""
    from convcalc.language.shipped import shipped_names

    return _words(shipped_names()) + _files(asked.word, (".yaml", ".yml", ".json", *_models()))


def _devices(asked: Asked) -> list[Choice]:
    from convcalc.language.device import device_names

    return _words(device_names()) + _files(asked.word, (".yaml", ".yml"))


def _formats(asked: Asked) -> list[Choice]:
    from convcalc.cli.output import TABLE_FORMATS

    return _words(vars(sys.modules[asked.module]).get("FORMATS", TABLE_FORMATS))


def _file_of(asked: Asked) -> str:
    """The network that the command line is about."""
    return next(iter([*asked.given.get("file", []), *asked.given.get("network", [])]), "")


def _layers(asked: Asked) -> list[Choice]:
    """The layers of the network, by path; of many, those of the next level."""
    from convcalc.cli.options import read_sets
    from convcalc.exchange.load import opened

    args = read_sets(asked.given.get("sets"))
    network = opened(_file_of(asked)).network(args, max_layers=_MOST_LAYERS)
    found = {node.path: node.kind for node in network.operations if _begins(node.path, asked)}
    units = {node.unit: node.kind for node in network.operations if _begins(node.unit, asked)}
    return _next_level({**units, **found}, asked.word)


def _groups(asked: Asked) -> list[Choice]:
    """The groups of the network, by path."""
    from convcalc.exchange.load import opened

    network = opened(_file_of(asked)).network(max_layers=_MOST_LAYERS)
    paths = [node.path.split(".")[:-1] for node in network.operations]
    names = {".".join(parts[: depth + 1]): "" for parts in paths for depth in range(len(parts))}
    return _next_level(names, asked.word)


def _begins(name: str, asked: Asked) -> bool:
    return name.startswith(asked.word)


def _next_level(names: Mapping[str, str], word: str) -> list[Choice]:
    """Names as they are; where there are many, up to the next dot behind the word."""
    found = {name: meaning for name, meaning in names.items() if name.startswith(word)}
    if len(found) <= _MOST_NAMES:
        return list(found.items())
    level: dict[str, str] = {}
    for name, meaning in found.items():
        end = name.find(".", len(word)) + 1
        level.setdefault(name[:end] if end else name, "" if end else meaning)
    return list(level.items())[:_MOST_ENTRIES]


def _args(asked: Asked) -> list[Choice]:
    """The file's arguments, with the value that the file gives them."""
    from convcalc.exchange.load import opened
    from convcalc.language.building.arguments import value_text

    taken = {text.partition("=")[0] for text in asked.given.get("sets", [])}
    return [
        (f"{name}=", value_text(value))
        for name, value in opened(_file_of(asked)).args.items()
        if name not in taken
    ]


def _variables(asked: Asked) -> list[Choice]:
    """What may vary: the file's arguments and the input's sizes."""
    return [*_args(asked), ("in_size=", "every spatial size of the input")]


def _listed(names: Callable[[], Iterable[str]], marks: str = "") -> Completer:
    """A list of names with commas, each of which may begin with one of some marks."""

    def complete(asked: Asked) -> list[Choice]:
        before, comma, last = asked.word.rpartition(",")
        mark = last[:1] if last[:1] and last[0] in marks else ""
        taken = before.replace("+", "").split(",")
        return [(f"{before}{comma}{mark}{name}", "") for name in names() if name not in taken]

    return complete


def _columns() -> list[str]:
    from convcalc.analysis.costs.columns import column_names

    return column_names()


def _totals() -> Iterable[str]:
    from convcalc.metrics import TOTALS

    return TOTALS


def _formulas(_: Asked) -> list[Choice]:
    """The metrics that have a formula."""
    from convcalc.explore.figures import LARGEST, SUMMED

    return _words([*SUMMED, *LARGEST])


def _layer_metrics(_: Asked) -> list[Choice]:
    from convcalc.render.drawing.costs import LAYER_METRICS

    return _words(LAYER_METRICS)


def _sort_keys(asked: Asked) -> list[Choice]:
    """The figures that the rows of a command can be sorted by."""
    from convcalc.analysis.costs.rows import ROW_COSTS, TEXT_KEYS

    if asked.command == "zoo":
        from convcalc.cli.zoo import SORT_KEYS

        return _words(SORT_KEYS)
    names = [*TEXT_KEYS, *ROW_COSTS]
    if "columns" in asked.given:
        names += [name for text in asked.given["columns"] for name in text.split(",")]
    return _words(dict.fromkeys([*names, *_MORE_KEYS.get(asked.command, ())]))


#: Figures of single commands that their rows can be sorted by.
_MORE_KEYS = {"field": ("field",)}


def _counters(_: Asked) -> list[Choice]:
    from convcalc.analysis.counters.counting import BY_NAME

    return _words(BY_NAME)


def _dtypes(_: Asked) -> list[Choice]:
    from convcalc.quantities import DTYPES

    return _words(DTYPES)


def _float_dtypes(_: Asked) -> list[Choice]:
    from convcalc.cli.options import FLOAT_DTYPES

    return _words(FLOAT_DTYPES)


def _optimizers(_: Asked) -> list[Choice]:
    from convcalc.analysis.training.optimizers import OPTIMIZERS

    return _words(OPTIMIZERS)


def _kinds(_: Asked) -> list[Choice]:
    from convcalc.layers import KINDS

    return _words(KINDS)


def _frameworks(_: Asked) -> list[Choice]:
    from convcalc.exchange.write.frameworks import FRAMEWORKS

    return _words(FRAMEWORKS)


def _styles(_: Asked) -> list[Choice]:
    from convcalc.render.listing import STYLES

    return _words(STYLES)


def _orders(_: Asked) -> list[Choice]:
    from convcalc.cli.memory import ORDERS

    return _words(ORDERS)


def _schemas(_: Asked) -> list[Choice]:
    from convcalc.cli.schema import WHAT

    return _words(WHAT)


def _shells(_: Asked) -> list[Choice]:
    from convcalc.cli.completion import SHELLS

    return _words(SHELLS)


_ANY_FILE = _of_suffixes("")
_ARRAYS = _of_suffixes(".npy", ".npz")
_TOTAL = _listed(_totals)

#: The values of every parameter that is no number and no text of its own, by its name, or by the
#: command and its name where commands differ.
COMPLETERS: dict[str, Completer] = {
    "against": _networks,
    "as_": _counters,
    "by": lambda _: [("kind", "one row for each kind")],
    "columns": _listed(_columns),
    "config": _of_suffixes(".yaml", ".yml"),
    "cost": _layer_metrics,
    "device": _devices,
    "dtype": _dtypes,
    "edition": _styles,
    "file": _networks,
    "files": _networks,
    "framework": _frameworks,
    "input_file": _of_suffixes(".npy", ".npz", ".png", ".jpg", ".jpeg"),
    "kind": _kinds,
    "layer": _layers,
    "layers": _layers,
    "like": _networks,
    "maximize": lambda _: _words(_totals()),
    "metric": _formulas,
    "metrics": _TOTAL,
    "minimize": lambda asked: [*_words(_totals()), *_words(["in_size"])],
    "name": _networks,
    "new": _networks,
    "network": _networks,
    "open_": _groups,
    "optimizer": _optimizers,
    "order": _orders,
    "output": _ANY_FILE,
    "over": _variables,
    "pareto": _listed(_totals, "+"),
    "pages": _ANY_FILE,
    "path": _of_suffixes(".yaml", ".yml"),
    "pattern": _networks,
    "save": _of_suffixes(".npz"),
    "save_weights": _of_suffixes(".npz"),
    "sets": _args,
    "shell": _shells,
    "sort": _sort_keys,
    "source": _networks,
    "space": _of_suffixes(".yaml", ".yml"),
    "style": _formats,
    "weights": _of_suffixes(".npz", ".safetensors"),
    "what": _schemas,
    "balance weights": _dtypes,
    "formula over": lambda asked: _words([*[name.rstrip("=") for name, _ in _variables(asked)]]),
    "import file": lambda asked: _files(asked.word, (".yaml", ".yml", ".json", *_models())),
    "memory weights": _dtypes,
    "run dtype": _float_dtypes,
    "sweep sort": lambda _: _words([*_totals(), "in_size"]),
    "verify dtype": _float_dtypes,
    "verify input_file": _ARRAYS,
    "weights dtype": _float_dtypes,
}
