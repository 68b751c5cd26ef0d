"""Which networks are checked or locked: files, folders, globs, and the entries of convcalc.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from convcalc.checks.project.config import CONFIG_NAME, Config, Entry, Pattern
from convcalc.checks.project.globs import Walk, is_glob
from convcalc.checks.project.specs import Specs
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.reading.nodes import MOST_PROBLEMS
from convcalc.problems import (
    UNUSABLE,
    ConvcalcError,
    Help,
    Problem,
    Rule,
    Span,
    printable,
    refused,
)
from convcalc.roots import check_inside, is_stream, root_of
from convcalc.spelling import did_you_mean

if TYPE_CHECKING:
    from convcalc.exchange.load import Definition
    from convcalc.language.reading.limits import Limit

#: What networks cost, beside it; no spec either. `convcalc.checks.lock.file` reads and writes it.
LOCK_NAME = "convcalc.lock"
#: Files and variants that all entries of convcalc.yaml may list, and values that all these variants
#: may give to arguments. `--max-layers` allows more in proportion.
MOST_NETWORKS = 10_000
MOST_VALUES = 50_000


class Rules(NamedTuple):
    """What convcalc.yaml says of a network.

    budget  upper limits that must be kept
    warn    upper limits that only warn
    growth  by how much totals may grow over convcalc.lock
    dtype   what a number takes in memory, where a limit does not say
    sets    where each argument of `set` is written, by name
    against the model files that it describes: their paths, and where they are named
    """

    budget: tuple[Limit, ...] = ()
    warn: tuple[Limit, ...] = ()
    growth: tuple[Limit, ...] = ()
    dtype: str = "float32"
    sets: Mapping[str, Span] = {}
    against: tuple[Pattern, ...] = ()


class Target(NamedTuple):
    """A network to look at.

    file     the path to open, or the name of a shipped network
    args     what `--set` or convcalc.yaml's `set` gives it, as texts
    variant  the args by their values, in the file's order, without those that say what the file
             says anyway: "width=0.5"; as they are written where the file refuses them
    rules    the limits of convcalc.yaml that hold for it; None where it names the file nowhere
    named    whether the user named the file, and not a folder, a glob or convcalc.yaml
    """

    file: str
    args: Mapping[str, str] = {}
    variant: str = ""
    rules: Rules | None = None
    named: bool = False


class _Namer:
    """What variants are called: one name, however their arguments are written."""

    def __init__(self, max_layers: int) -> None:
        self._specs = Specs(max_layers)

    def __call__(self, file: str, args: Mapping[str, str]) -> str:
        if not args:
            return ""
        name = None
        # What is read from standard input is read once.
        if not is_stream(file):
            with suppress(ConvcalcError):  # it is reported where the network is built
                name = self._specs.spec(file).variant(args)
        if name is None:
            return " ".join([f"{name}={_unread(value)}" for name, value in args.items()])
        return name


def _unread(value: str) -> str:
    """A value that the file refuses, as it is written: in quotes where it might be two arguments.

    >>> _unread("[3, 4]"), _unread("1 b=2")
    ('[3, 4]', '"1 b=2"')
    """
    if value and value == value.strip() and value.isprintable() and not set(value) & set('="'):
        return value
    import json

    return json.dumps(value, ensure_ascii=False)


def find_targets(
    files: Sequence[str],
    config: Config | None,
    args: Mapping[str, str] | None = None,
    max_layers: int = MOST_LAYERS,
) -> list[Target]:
    """The networks that some files, folders and globs stand for, each with what holds for it.

    Without files they are those of convcalc.yaml. An entry of it that names a file holds for that
    file in the variants that the entry lists. `args`, those of `--set`, make one variant of each
    file; of the entries those hold that list this variant, or none. Raises ConvcalcError with
    status 2 where a file, folder or glob stands for nothing.
    """
    namer = _Namer(max_layers)
    listed = _listed(config, namer, max_layers) if config else []
    if not files:
        if not args:
            return _each_once(listed)
        files = list(dict.fromkeys([target.file for target in listed]))
    by_file: dict[str, list[Target]] = {}
    for target in listed if args else _each_once(listed):
        by_file.setdefault(_identity(target.file), []).append(target)
    found: list[Target] = []
    for path in expand(files, Walk()):
        known = by_file.get(_identity(path), [])
        named = path in files
        if args:
            variant = namer(path, args)
            holding = [t for t in known if not t.args or t.variant == variant]
            found.append(Target(path, args, variant, _merged(holding), named))
        elif known:
            found += [target._replace(file=path, named=named) for target in known]
        else:
            found.append(Target(path, named=named))
    return found


def _listed(config: Config, namer: _Namer, max_layers: int) -> list[Target]:
    """What the entries of convcalc.yaml name, entry by entry, each in every variant."""
    layers = max(max_layers, MOST_LAYERS)
    most, most_values = [most * layers // MOST_LAYERS for most in (MOST_NETWORKS, MOST_VALUES)]
    found: list[Target] = []
    problems: list[Problem] = []
    walk = Walk()
    given = 0
    for entry in config.entries:
        against = _against(config.folder, entry)
        rules = Rules(entry.budget, entry.warn, entry.growth, entry.dtype, entry.places, against)
        for pattern in entry.files:
            try:
                paths = _pattern_paths(config.folder, pattern, walk)
            except ConvcalcError as error:
                problems += [problem._replace(span=pattern.span) for problem in error.problems]
                if len(problems) >= MOST_PROBLEMS or problems[-1].code == "too-many-files":
                    raise ConvcalcError(problems, UNUSABLE) from None
                continue
            count = prod([len(values) for values in entry.sets.values()])
            if count > most:
                raise ConvcalcError([*problems, _too_many_variants(entry, count, most)], UNUSABLE)
            more = len(paths) * count
            given += more * len(entry.sets)
            if len(found) + more > most or given > most_values:
                problems.append(_too_many_networks(pattern, most, most_values))
                raise ConvcalcError(problems, UNUSABLE)
            combinations = _combinations(entry)
            for path in paths:
                found += [Target(path, args, namer(path, args), rules) for args in combinations]
    if problems:
        raise ConvcalcError(problems, UNUSABLE)
    return found


def _too_many_variants(entry: Entry, count: int, most: int) -> Problem:
    message = f"'set' asks for {count:,} combinations"
    facts = (Rule(f"at most {most:,}"), Help("--max-layers N allows more in proportion"))
    return Problem("too-many-variants", message, next(iter(entry.places.values())), facts)


def _too_many_networks(pattern: Pattern, most: int, most_values: int) -> Problem:
    message = f"{CONFIG_NAME} lists too many files and variants, up to here"
    rule = Rule(
        f"at most {most:,}, counted for each entry, with {most_values:,} values of arguments"
    )
    help_text = Help(f"divide the project: a folder may have its own {CONFIG_NAME}")
    return Problem("too-many-networks", message, pattern.span, (rule, help_text))


def _each_once(listed: Sequence[Target]) -> list[Target]:
    """Every network in every variant once, with all that holds for it."""
    found: dict[tuple[str, str], list[Target]] = {}
    for target in listed:
        same = found.setdefault((_identity(target.file), target.variant), [])
        # Two patterns of an entry may name one file.
        if not same or same[-1].rules is not target.rules:
            same.append(target)
    return [targets[0]._replace(rules=_merged(targets)) for targets in found.values()]


def _pattern_paths(folder: str, pattern: Pattern, walk: Walk) -> list[str]:
    """The files that an entry's pattern stands for."""
    path = os.path.join(folder, pattern.text)
    _check_pattern(path, root_of(folder))
    if not os.path.isabs(path):
        path = os.path.relpath(path)
    if not os.path.exists(path):
        from convcalc.language.load import like_names_beside
        from convcalc.language.shipped import is_word, shipped_names, shipped_path

        word = is_word(pattern.text)
        if word and shipped_path(pattern.text) is not None:
            return [pattern.text]
        if not is_glob(pattern.text):
            message = f"there is no file {printable(path, 200)}"
            help_text = did_you_mean(pattern.text, shipped_names()) if word else ""
            help_text = help_text or like_names_beside(path)
            raise refused("no-match", f"{message}{', and no such network ships' * word}", help_text)
    paths = expand([path], walk)
    for found in paths:
        check_inside(found, root_of(folder))
    return paths


def _against(folder: str, entry: Entry) -> tuple[Pattern, ...]:
    """The model file that an entry's networks describe, by its path from here."""
    if entry.against is None:
        return ()
    path = os.path.join(folder, entry.against.text)
    return (Pattern(path if os.path.isabs(path) else os.path.relpath(path), entry.against.span),)


def _combinations(entry: Entry) -> list[dict[str, str]]:
    """Every combination of the values that an entry sets, the last argument changing fastest."""
    return [dict(zip(entry.sets, values, strict=True)) for values in product(*entry.sets.values())]


def _merged(targets: Sequence[Target]) -> Rules | None:
    """All that several entries say of one network; the first dtype that was chosen counts."""
    # Two patterns of an entry may name one file, two of its values be one.
    rules = [*{id(t.rules): t.rules for t in targets if t.rules is not None}.values()]
    if len(rules) < 2:
        return rules[0] if rules else None
    usual = Rules().dtype
    return Rules(
        tuple([limit for rule in rules for limit in rule.budget]),
        tuple([limit for rule in rules for limit in rule.warn]),
        tuple([limit for rule in rules for limit in rule.growth]),
        next((rule.dtype for rule in rules if rule.dtype != usual), usual),
        {name: span for rule in rules for name, span in rule.sets.items()},
        tuple([model for rule in rules for model in rule.against]),
    )


def _identity(path: str) -> str:
    """Equal for two paths of one file; a shipped network's name is its own."""
    return os.path.realpath(path) if os.path.exists(path) else path


def expand(files: Sequence[str], walk: Walk) -> list[str]:
    """Folders and globs as the specs in them, each once; convcalc.yaml is no spec.

    Raises ConvcalcError with status 2 where a glob matches nothing, or a folder holds nothing, and
    for a convcalc.yaml.
    """
    found: list[str] = []
    for file in files:
        if os.path.isdir(file):
            found += _inside(_specs_in(file, walk), file)
        elif is_glob(file) and not os.path.exists(file):
            found += _inside(_matches(file, walk), "")
        elif os.path.basename(file) == CONFIG_NAME:
            message = f"{printable(file, 200)} names networks and is none"
            raise refused("bad-option", message, "without files its networks are those looked at")
        else:
            found.append(file)
    return list(dict.fromkeys(found))


def _inside(paths: list[str], folder: str) -> list[str]:
    """Paths that were found, none of which may be a link that leads out of its project."""
    root = root_of(folder) if folder else None
    for path in paths:
        check_inside(path, root or root_of(os.path.dirname(path)))
    return paths


def _matches(pattern: str, walk: Walk) -> list[str]:
    matches = {path for path in walk.paths_like(pattern.replace(os.sep, "/")) if _is_spec(path)}
    if not matches:
        from convcalc.language.load import with_slashes  # only a mistake needs it

        message = f"nothing matches {printable(pattern, 200)}"
        raise refused("no-match", message, with_slashes(pattern))
    return sorted(matches)


def _check_pattern(path: str, root: str) -> None:
    """Refuses a glob that looks for files outside of a root, before it does."""
    parts = path.replace(os.sep, "/").split("/")
    fixed = next((n for n, part in enumerate(parts) if is_glob(part)), len(parts))
    if os.pardir in parts[fixed:]:
        raise refused("bad-option", f"{printable(path, 200)}: '..' cannot stand behind a wildcard")
    check_inside("/".join(parts[:fixed]) or (os.sep if fixed else os.curdir), root)


def _is_spec(path: str) -> bool:
    return os.path.basename(path) not in (CONFIG_NAME, LOCK_NAME) and not os.path.isdir(path)


def _specs_in(folder: str, walk: Walk) -> list[str]:
    shown = printable(folder, 200)
    try:
        names = sorted([entry.name for entry in walk.entries(folder)])
    except OSError as error:
        message = f"the folder {shown} cannot be read: {error.strerror}"
        raise refused("unusable-file", message) from None
    paths = [
        os.path.normpath(os.path.join(folder, name))
        for name in names
        if name.endswith((".yaml", ".yml"))
    ]
    specs = [path for path in paths if _is_spec(path)]
    if not specs:
        help_text = f"for the folders in it: '{shown.rstrip(os.sep)}/**/*.yaml'"
        raise refused("no-match", f"the folder {shown} holds no .yaml file", help_text)
    return specs


def dtype_of(of_file: Definition, rules: Rules | None) -> str:
    """What a number takes in memory in a network's totals: convcalc.yaml's word, or its own."""
    usual = Rules().dtype
    named = [rules.dtype] if rules is not None else []
    named += [limit.dtype for limit in of_file.budget]
    return next((dtype for dtype in named if dtype != usual), usual)


def locked_name(file: str, lock_path: str) -> str:
    """What a file is called in the lock at `lock_path`: relative to its folder, with slashes.

    A shipped network is called by its name.
    """
    from convcalc.language.shipped import is_word

    if is_word(file) and not os.path.exists(file):
        return file
    try:
        relative = os.path.relpath(file, os.path.dirname(lock_path) or os.curdir)
    except ValueError as error:  # another drive of Windows
        message = f"{printable(file, 200)} cannot be locked in {printable(lock_path, 200)}: {error}"
        raise refused("unusable-file", message) from None
    return relative.replace(os.sep, "/")
