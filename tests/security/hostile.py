"""Texts as an attacker or an accident writes them: files of the repository with changes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import yaml

from convcalc.checks.project.config import ENTRY_KEYS
from convcalc.checks.project.config import TOP_KEYS as CONFIG_KEYS
from convcalc.language.device import KEYS as DEVICE_KEYS
from convcalc.language.keys import COMMON_KEYS, TOP_KEYS
from convcalc.language.shipped import shipped_folder
from convcalc.layers import KINDS, layer_class
from tests.docs.transcripts import REPOSITORY, blocks, documents, files

#: What YAML makes of a text: mappings, lists and scalars.
Tree: TypeAlias = Any

# The compiled parser, where there is one, is eight times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

#: The longest text that is changed; longer ones take too long to read.
_LONGEST = 300_000

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
    "::error::pwned",
    "::stop-commands::pwned",
    "%0A::error::pwned",
    "##[error]pwned",
    "\x1b[31mred",
    "a\nb",
    "a\r\n::warning::pwned",
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
    "5%",
    "+0.1%",
    "1M",
    "1.5 kiB",
    "0B",
    "1e999G",
    "macs",
    "peak_memory",
    "float16",
    "**/*.yaml",
    "models/*",
    "traps",
    "[!a]?*.yaml",
    *PATHS,
)

#: Marks of YAML, which stand in a text without quotes, and what YAML takes for the end of a line.
MARKS = (
    "&a ",
    "*a ",
    "<<: *a",
    "!!binary ",
    "!!python/name:os.system ",
    "---\n",
    "...\n",
    "%YAML 9.9\n",
    "|\n",
    ">-\n",
    "? ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    "@",
    "`",
    "\0",
    "\x85",
    "\u2028",
    "\ufeff",
    "\ufffe",
)

#: Every key of a spec, of convcalc.yaml and of a device, kinds and their arguments among them.
KEYS = (
    *TOP_KEYS,
    *COMMON_KEYS,
    *CONFIG_KEYS,
    *ENTRY_KEYS,
    *DEVICE_KEYS,
    *KINDS,
    *sorted({name for kind in KINDS for name in layer_class(kind).fields}),
    "sequential",
    "layers",
    "macs",
    "params",
    "peak_memory",
    "::error::pwned",
    "a key\nof two lines",
)


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
input: [1, 28, 28]
args: {n: 2, widths: [[2, 3], [4, 5]]}
blocks:
  net: lenet
  unit(c, n=n): [{conv: c, kernel: 1, name: skip}, {upsample: {size: size_of(input)}}]
  up(skip): [{upsample: {size: size_of(skip)}}, {concat: [[], skip]}, {dense: channels_of(skip)}]
layers:
  - {net: , name: t}
  - {unit: "widths[copy][1]", repeat: len(widths), name: u, from: t.conv1}
  - {concat: [[], u*.skip], when: channels_of(u0) > 1}
  - {up: t.conv0}
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
    """
input: [2, 4]
blocks:
  one(c): [{conv: c, kernel: 1}]
  two(c): [{one: c}, {one: c}]
  four(c): [{two: c}, {two: c}]
layers: [{four: 2}, {four: 3, name: last}]
""",
    """
input: [3, 8, 8]
blocks: {trunk: base.yaml, other(n=1): models/good.yaml}
layers: [{trunk: , name: t}, {conv: 3, kernel: 1, from: t.conv0}, {other: , w: 1}]
""",
)

CONFIGS = (
    """
networks:
  - {files: models, growth: {params: 0%}}
  - {files: net.yaml, growth: {params: 0%, macs: 5%, peak_memory: 1kB, layers: 2}}
""",
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


def corpus() -> list[list[str]]:
    """The specs that are changed, by where they are from, the shortest of each first.

    They are shipped, stand in the documentation, or are wrong in a way that has a test of its own.
    """
    wrong = REPOSITORY / "tests" / "diagnostics" / "cases"
    shown = [text for name, text in documented() if name != "convcalc.yaml"]
    groups = (_texts(Path(shipped_folder())), [*SMALL, *shown], _texts(wrong))
    return [sorted(group, key=lambda text: (len(text), text)) for group in groups]


def _texts(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))]


def configs() -> list[list[str]]:
    """The texts of convcalc.yaml that are changed: those of this module, documented, wrong."""
    shown = [text for name, text in documented() if name == "convcalc.yaml"]
    return [[*CONFIGS], shown, _texts(REPOSITORY / "tests" / "diagnostics" / "config")]


def devices() -> list[str]:
    """The texts of devices that are changed."""
    return _texts(Path(shipped_folder("devices")))


def documented() -> list[tuple[str, str]]:
    """The files that the documentation shows, with their names."""
    texts = [path.read_text("utf-8") for path in documents()]
    return [item for text in texts for item in files(blocks(text)).items()]


def mutated(text: str, random: Random, words: Sequence[str], other: str = "") -> bytes:
    """A text with one to four changes of its structure, its letters or its bytes.

    words  what is inserted between letters
    other  a text of which parts may come into this one
    """
    for _ in range(random.choice((1, 1, 1, 1, 2, 4))):
        if random.random() < 0.7:
            text = structure_changed(text, random, other)
        else:
            text = letters_changed(text, random, words)
    # Half of a pair of surrogates cannot be in a file.
    data = text.encode("utf-8", "replace")
    return bytes_changed(data, random) if random.random() < 0.03 else data


def bytes_changed(data: bytes, random: Random) -> bytes:
    """A text in another encoding, with other ends of lines, or with bytes that are no text."""
    at = random.randint(0, len(data))
    return random.choice(
        (
            data[:at] + random.choice((b"\xff", b"\x00", b"\xc3", b"\xed\xa0\x80")) + data[at:],
            data[:at],
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\n", b"\r"),
            b"\xef\xbb\xbf" + data,
            data.decode().encode("utf-16"),
        )
    )


# Structure.


def structure_changed(text: str, random: Random, other: str = "") -> str:
    """A YAML text with one value or key changed; texts that are no YAML stay as they are."""
    if len(text) > _LONGEST:
        return text
    try:
        tree, grafts = [yaml.load(one, _LOADER) for one in (text, other)]  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return text
    tree = tree_changed(tree, random, grafts)
    try:
        return str(
            yaml.dump(
                tree,
                Dumper=_DUMPER,
                default_flow_style=random.choice((None, True, False)),
                sort_keys=False,
                allow_unicode=True,
                width=random.choice((80, 10**6)),
            )
        )
    except (yaml.YAMLError, RecursionError, ValueError):
        return text


def tree_changed(tree: Tree, random: Random, other: Tree = None) -> Tree:
    """Mappings and lists with one value or key changed, in place; parts of another may come in."""
    holder = {"": tree}
    places = list(_places(holder))
    parent, key = random.choice(places)
    change = random.choice(_CHANGES)
    change(parent, key, random, [*places, *_places({"": other})])
    return holder[""]


def _places(tree: Tree) -> Iterator[tuple[Tree, Any]]:
    """Every mapping and list with each of its keys."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _set_scalar(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    parent[key] = random.choice(SCALARS)


def _nudge(parent: Tree, key: Any, random: Random, places: Sequence[Any]) -> None:
    """Another value that may be as good: many of these networks can be built."""
    value = parent[key]
    if isinstance(value, int):
        parent[key] = random.choice((value + 1, value - 1, value * 2, value // 2, 1))
    elif isinstance(value, str):
        parent[key] = random.choice(
            [
                there
                for other, place in places
                if place == key and isinstance(there := other[place], str)
            ]
        )
    elif isinstance(value, list) and value:
        value.append(copy.deepcopy(value[-1]))


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
    _nudge,
    _nudge,
    _nudge,
    _nudge,
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


def letters_changed(text: str, random: Random, words: Sequence[str]) -> str:
    """A text with a few letters, a word or a line changed."""
    lines = text.splitlines(keepends=True) or [""]
    place = random.randrange(len(lines))
    line = lines[place]
    at = random.randint(0, len(line))
    kind = random.randrange(10)
    if kind == 0:
        lines[place] = line[:at] + chr(random.choice((9, 13, 27, 34, 39, 92, 0x202E))) + line[at:]
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
    elif kind == 8:
        lines[place] = line[:at] + random.choice(MARKS) + line[at:]
    else:
        times = random.choice((2, 2, 20, 20, 400, 400, 400, 20_000))
        lines[place] = line * min(times, _LONGEST // max(len(line), 1))
    return "".join(lines)
