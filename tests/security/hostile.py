"""Files as an attacker or an accident writes them: shipped ones with changes."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import yaml

from convcalc.language.shipped import shipped_folder

#: What YAML makes of a text: mappings, lists and scalars.
Tree: TypeAlias = Any

#: What stands in files that must not be shown: outside of the project, or no spec at all.
SECRET = "s3cr3t-t0ken"  # noqa: S105 - nobody's

#: Files that a spec must not lead to, as seen from its folder.
PATHS = (
    "../secret.txt",
    "../secret.yaml",
    "secret.env",
    "link.yaml",
    "/proc/self/environ",
    "/dev/zero",
    "/etc/passwd",
    ".",
    "net.yaml",
    "convcalc.lock",
    "fifo",
)

SCALARS: tuple[Tree, ...] = (
    0,
    -1,
    1,
    2,
    7,
    999_983,
    2**31,
    2**63,
    10**40,
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    True,
    None,
    "",
    " ",
    "relu",
    "conv",
    "input",
    "no",
    "::error::x",
    "::stop-commands::x",
    "##[error]x",
    "\x1b[31mred",
    "a\nb",
    "a\r\n::warning::b",
    "\u202egnp",
    "\ufeff",
    "x" * 3_000,
    "2^4000",
    "10^10^10",
    "width * width",
    "channels // 0",
    "(" * 200 + "1" + ")" * 200,
    "-" * 500 + "1",
    "1 +" * 1_000 + "1",
    "max(1, 2, size)",
    "if 1 then 2",
    "[1, 2",
    "<script>alert(1)</script>",
    "|*_`<!--",
    "=cmd()",
    "${TOKEN}",
    "&a",
    "*a",
    "!!python/object/apply:os.system [id]",
    *PATHS,
)

KEYS = (
    "input",
    "layers",
    "blocks",
    "args",
    "defaults",
    "outputs",
    "expect",
    "budget",
    "extends",
    "name",
    "repeat",
    "when",
    "from",
    "share",
    "first",
    "sequential",
    "add",
    "concat",
    "conv",
    "dense",
    "upsample",
    "adaptive_avgpool",
    "maxpool",
    "padding",
    "kernel",
    "stride",
    "dilation",
    "groups",
    "norm",
    "activation",
    "files",
    "rules",
    "set",
    "::error::key",
    "a key\nof two lines",
)


def corpus() -> list[str]:
    """The texts that are changed: the shipped networks and the project's files, shortest first."""
    texts = [path.read_text(encoding="utf-8") for path in Path(shipped_folder()).glob("*.yaml")]
    return sorted([*SMALL, *texts], key=len)


#: Every construct of the language in a few lines each.
SMALL = (
    """
input: [3, 8, 8]
layers: [{conv: 4, kernel: 3}, relu, flatten, {dense: 2}]
""",
    """
input: {a: [3, 8, 8], b: [3, 8, 8]}
layers:
  - {concat: [a, b], name: c}
  - {conv: 2, kernel: 1}
""",
    """
input: [3, 9, 9]
args: {n: 2, w: 0.5, act: relu}
defaults: {conv: {activation: act}}
blocks:
  unit(c, s=1):
    - add:
        - [{conv: c, kernel: 3, padding: 1, stride: s, norm: batch}]
        - {when: s > 1, layers: [{conv: c, kernel: 1, stride: s}]}
layers:
  - {unit: 8 * w, repeat: n, first: {s: 2}}
  - {adaptive_avgpool: 1}
  - flatten
expect: {output: [4]}
budget: {macs: 1M, params: 10k}
""",
    """
extends: lenet
name: mine
""",
    """
input: [4, 6, 6]
layers:
  - {conv: 4, kernel: 1, name: d}
  - {from: d, relu: }
  - {matmul: [d, relu0]}
outputs: [d, matmul0]
""",
    """
input: [2, 5, 6, 7]
layers: [{conv: 3, kernel: [1, 2, 3]}, {upsample: , factor: 2}, global_avgpool]
""",
)

CONFIGS = (
    """
networks:
  - {files: 'n*.yaml', budget: {params: 10M}}
""",
    """
networks:
  - files: net.yaml
    set: {n: [1, 2]}
    growth: {macs: 5%}
    dtype: int8
""",
    """
networks:
  - {files: [net.yaml, lenet], budget: {macs: 16G, layers: {conv*: {params: 1M}}}}
  - {files: base.yaml, warn: {peak_memory: 1kB}}
""",
)


def mutated(text: str, random: Random, words: Sequence[str]) -> str:
    """A text with one to four changes, of its structure or of its letters."""
    for _ in range(random.choice((1, 1, 1, 1, 2, 4))):
        text = _structure(text, random) if random.random() < 0.7 else _letters(text, random, words)
    return text


# Structure.


def _structure(text: str, random: Random) -> str:
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    holder = {"": tree}
    places = list(_places(holder))
    parent, key = random.choice(places)
    change = random.choice(_CHANGES)
    change(parent, key, random, places)
    try:
        return str(
            yaml.safe_dump(
                holder[""],
                default_flow_style=random.choice((None, True, False)),
                sort_keys=False,
                allow_unicode=True,
                width=random.choice((80, 10**6)),
            )
        )
    except (yaml.YAMLError, RecursionError):
        return text


def _places(tree: Tree) -> Iterator[tuple[Tree, Any]]:
    """Every mapping and list with each of its keys."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _set_scalar(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    parent[key] = random.choice(SCALARS)


def _scale(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    value = parent[key]
    number = value if isinstance(value, int) else 3
    parent[key] = number * random.choice((0, -1, 2, 3, 1000, 999_983, 2**33)) + random.choice(
        (0, 1)
    )


def _remove(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    if key == "":
        parent[key] = None
    else:
        del parent[key]


def _rename(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    value = parent[key]
    if isinstance(parent, dict) and key != "":
        del parent[key]
        parent[random.choice(KEYS)] = value
    else:
        parent[key] = {random.choice(KEYS): value}


def _add(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    value = parent[key]
    if isinstance(value, dict):
        value[random.choice(KEYS)] = copy.deepcopy(random.choice([*SCALARS, parent[key]]))
    elif isinstance(value, list):
        item = random.choice([*SCALARS, *value])
        value.insert(random.randint(0, len(value)), copy.deepcopy(item))
    else:
        parent[key] = [value]


def _graft(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    other, place = random.choice(places)
    parent[key] = copy.deepcopy(other[place])


def _multiply(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    value = parent[key]
    times = random.choice((2, 10, 100))
    if isinstance(value, list):
        parent[key] = value * times
    elif isinstance(value, dict):
        for number in range(times):
            value[f"{random.choice(KEYS)}{number}"] = random.choice(SCALARS)
    elif isinstance(value, str):
        parent[key] = value * times


def _nest(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    for _ in range(random.choice((1, 3, 50, 250))):
        parent[key] = random.choice(([parent[key]], {random.choice(KEYS): parent[key]}))


def _repeat(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    if isinstance(parent[key], dict):
        parent[key]["repeat"] = random.choice((0, 2, 50, 3000, 10**6, 10**12, "width", "-1"))
    else:
        parent[key] = {"sequential": [parent[key]], "repeat": random.choice((2, 300, 10**9))}


_Change = Callable[[Tree, Any, Random, Sequence[Any]], None]
_CHANGES: tuple[_Change, ...] = (
    _set_scalar,
    _set_scalar,
    _scale,
    _scale,
    _scale,
    _scale,
    _remove,
    _rename,
    _add,
    _graft,
    _multiply,
    _nest,
    _repeat,
)


# Letters.


def _letters(text: str, random: Random, words: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = random.randrange(len(lines))
    line = lines[place]
    at = random.randint(0, len(line))
    kind = random.randrange(9)
    if kind == 0:
        lines[place] = (
            line[:at] + chr(random.choice((0, 9, 13, 27, 34, 39, 91, 123, 0x2028))) + line[at:]
        )
    elif kind == 1:
        lines[place] = line[:at] + line[at + 1 :]
    elif kind == 2:
        lines[place] = random.choice((" ", "  ", "\t", "- ", "? ", "# ")) + line
    elif kind == 3:
        lines[place] = line.lstrip(" ")
    elif kind == 4:
        del lines[place]
    elif kind == 5:
        lines.insert(place, random.choice(lines))
    elif kind == 6:
        del lines[place:]
        lines.append(line[:at])
    elif kind == 7:
        lines[place] = line[:at] + random.choice(words) + line[at:]
    else:
        lines[place] = line * random.choice((2, 20, 400))
    return "".join(lines)


def prepare(folder: Path) -> Path:
    """A project with an attacker's files beside a spec; the folder of the project."""
    (folder / "secret.txt").write_text(f"token {SECRET}\n", encoding="utf-8")
    (folder / "secret.yaml").write_text(f"token: {SECRET}\n", encoding="utf-8")
    project = folder / "project"
    (project / ".git").mkdir(parents=True)
    (project / "secret.env").write_text(f"TOKEN={SECRET}\n", encoding="utf-8")
    (project / "link.yaml").symlink_to(folder / "secret.yaml")
    (project / "base.yaml").write_text(SMALL[0], encoding="utf-8")
    for path in Path(shipped_folder()).glob("*.yaml"):  # shipped networks extend each other
        shutil.copy(path, project)
    return project
