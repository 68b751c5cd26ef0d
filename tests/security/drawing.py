"""Draws cases: which files are hostile, and which command with which options reads them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tests.cli.runner import run
from tests.security.hostile import PATHS, SCALARS, SMALL, configs, corpus, devices, mutated
from tests.security.hostile_arrays import array_changed, arrays_changed
from tests.security.hostile_locks import lock_changed
from tests.security.hostile_models import bases, drawn, model_changed
from tests.security.project import Project


class Case(NamedTuple):
    """One case.

    files       what is written into the project, by name
    arguments   of the command
    in_actions  whether a step of GitHub Actions runs it
    stdin       what standard input holds
    writes      names of the files that the command may write
    shared      the options that change the network
    """

    files: dict[str, bytes]
    arguments: tuple[str, ...]
    in_actions: bool
    stdin: bytes = b""
    writes: tuple[str, ...] = ()
    shared: tuple[tuple[str, ...], ...] = ()


#: Options with their values, of which some are drawn.
Options = tuple[tuple[str, ...], ...]

_TABLES = ("table", "plain", "json", "csv", "markdown", "latex")
_SORTS: Options = (("--depth", "1"), ("--expand",), ("--sort", "params"), ("--top", "3"))
_ROWS: Options = (*_SORTS, ("--by", "kind"), ("--depth", "0"), ("--sort", "name"))
_COLUMNS: Options = (
    ("--columns", "params,macs,intensity,field"),
    ("--columns", "name,output,live,backward,fvcore"),
)
_STEP: Options = (
    ("--training",),
    ("--training", "--optimizer", "adam"),
    ("--training", "--input-gradient"),
)
_COUNTS: Options = (
    ("--as", "fvcore"),
    ("--as", "thop", "--partial"),
    ("--compare",),
    ("--double-channels",),
    ("--kernel", "5"),
    ("--scale-channels", "1/2"),
    ("--double-padding",),
    ("--valid-taps",),
)
_STEPS: Options = (("--order", "least"), ("--concat-in-place",), ("--fused-attention",))
_BYTES: Options = (("--dtype", "int8"), ("--weights", "float16"))
_DRAWN: Options = (
    ("--nodes", "1"),
    ("--nodes", "1000000"),
    ("--depth", "0"),
    ("--depth", "1000000"),
    ("--open", "stage0"),
    ("--cost", "params"),
    ("--cost", "live"),
    ("--cost", "backward"),
    ("--wide",),
    ("--volumes",),
    ("--dark",),
)
_RUN: Options = (
    ("--exact",),
    ("--dtype", "float64"),
    ("--seed", "5"),
    ("--threads", "2"),
    ("--repeat", "2"),
    ("--layers", "conv0"),
    ("--max-memory", "1MB"),
    ("--max-memory", "1GB"),
)
_SHARED: Options = (
    ("--input", "3x32x32"),
    ("--input", "a=3x9x9"),
    ("--set", "width=0.5"),
    ("--set", "n=1000000"),
    ("--set", "w=::error::pwned"),
)
_BATCH: Options = (("--batch", "7"), ("--batch", "1000000007"))
#: Options of every command that reads a file.
_ACCESS: Options = (
    ("--allow-outside",),
    *[("--max-layers", number) for number in ("1", "30", "1000", "0")],
    *[("--max-file-size", size) for size in ("100", "1kB", "100kB", "16MiB", "0")],
)


class Command(NamedTuple):
    """How often a command is drawn, its formats, and its own options."""

    weight: int
    formats: tuple[str, ...] = ()
    options: Options = ()
    shared: Options = (*_SHARED, *_BATCH)
    access: Options = _ACCESS


COMMANDS: dict[str, Command] = {
    "shapes": Command(4, (*_TABLES, "listing"), (*_ROWS, *_COLUMNS)),
    "flops": Command(4, _TABLES, (*_ROWS, *_COUNTS, *_STEP, *_COLUMNS)),
    "memory": Command(
        4,
        _TABLES,
        (*_STEP, *_BYTES, *_STEPS, ("--depth", "1"), ("--summary",)),
    ),
    "field": Command(
        4, _TABLES, (*_SORTS, ("--unit", "0"), ("--unit", "0,0"), ("--ignore-global",))
    ),
    "balance": Command(4, _TABLES, (*_ROWS, *_BYTES, ("--sort", "time"))),
    "explain": Command(2, ("table", "plain", "json", "markdown", "svg"), shared=_SHARED),
    "animate": Command(1, (), shared=_SHARED),
    "report": Command(1, (), (("--nodes", "5"),), _SHARED),
    "draw": Command(3, ("svg", "mermaid", "dot"), _DRAWN, _SHARED),
    "reconcile": Command(3, _TABLES),
    "verify": Command(5, _TABLES, _RUN),
    "weights": Command(2, (), (("--seed", "5"), ("--dtype", "float64")), _SHARED),
    "export": Command(2, (), (("--seed", "5"), ("--framework", "keras"))),
    "import": Command(3, (), (("--flat",),), _SHARED),
    "run": Command(
        3, _TABLES, (("--dtype", "float64"), ("--layers", "conv0"), ("--top", "2")), _SHARED
    ),
    "diff": Command(4, _TABLES, (("--expand",), ("--top", "2"), ("--exit-code",))),
    "diff --base": Command(1, _TABLES, (("--expand",), ("--merge-base",), ("--exit-code",))),
    "check": Command(
        10,
        ("text", "concise", "json", "github", "junit", "sarif", "markdown"),
        (
            ("--fail-on", "macs>1M"),
            ("--fail-on", "params>+2%"),
            ("--exit-zero",),
            ("--base", "HEAD"),
        ),
        _SHARED,
    ),
    "lock": Command(4, ("text", "json"), (), (("--set", "n=2"),)),
    "lock --check": Command(5, ("text", "json"), (), (("--set", "n=2"),)),
    "sweep": Command(
        4,
        (*_TABLES, "jsonl"),
        (
            ("--limit", "macs<=1M"),
            ("--limit", "arena<=1kB", "--keep"),
            ("--sort", "macs"),
            ("--pareto", "+macs,params"),
            ("--metrics", "layers,weights,largest_activation,peak_least"),
            ("--dtype", "int8"),
            ("--over", "width=0.25..1:0.25"),
            ("--over", "n=1..3"),
            ("--sample", "3"),
        ),
        (("--set", "width=0.5"), ("--set", "w=::error::pwned")),
    ),
    "solve": Command(
        3,
        ("text", "json"),
        (
            ("--limit", "macs<=1M"),
            ("--limit", "arena<=1kB"),
            ("--metrics", "layers,weights"),
            ("--over", "width=0.25..1:0.25"),
            ("--over", "n=1..3"),
        ),
        (("--set", "width=0.5"), ("--set", "w=::error::pwned")),
    ),
    "sizes": Command(2, ("text", "json"), (("--set", "width=0.5"),), ()),
    "formula": Command(
        3,
        ("text", "latex"),
        (("--over", "in_size"), ("--over", "width"), ("--over", "n=1..3"), ("--dtype", "int8")),
        (("--set", "width=0.5"),),
    ),
    "zoo": Command(
        1, _TABLES, (("--sort", "macs"), ("--top", "2"), ("--tag", "detection")), (), ()
    ),
    "kinds": Command(1, _TABLES, (), (), ()),
    "schema": Command(1, (), (), (), ()),
}
#: Options of every command that reads a model file.
_CUTS: Options = (
    ("--outputs", "nosuch"),
    ("--outputs", "layer1.0"),
    ("--scale", "n"),
    ("--dim", "height=64"),
    ("--dim", "x.2=2147483647"),
    ("--dim", "width=::error::pwned"),
)
_WEIGHTS = [command.weight for command in COMMANDS.values()]

#: What a user may call a spec, and what only an attacker does.
_NAMES = ("net.yaml",) * 16 + (
    "::error::pwned.yaml",
    "##[error]pwned.yaml",
    "a b\u202e.yaml",
    "-x.yaml",
    "a'\"|\\`.yaml",
    "%0A::error::pwned.yaml",
    "\udcff.yaml",
    "models/net.yaml",
)
#: Values of options that no user means; paths would be read, as he has named them.
_WRONG = tuple(
    text for value in SCALARS if (text := str(value)) not in PATHS and "/" not in text[:1]
)
#: Options whose values a user is believed, whatever they cost, or which name a file.
_BELIEVED = {
    *("--max-layers", "--repeat", "--output", "--save", "--save-weights", "--input-file", "--base")
}
#: Commands that draw their own output.
_WRITING = ("weights", "export", "import")

_LAYERS = ("conv0", "dense0", "0", "stage0.conv0", "relu0", "*", "input", "matmul0")
_FIGURES = ("1000", "4.1G", "0", "123456789", "macs", "1e400", "1,000", "30.96GFLOPs")
_PATTERNS = ("lenet", "figure*", "nosuch", "[", "vgg1?", "::error::pwned")


class Material:
    """What cases are made of: texts, words, and what convcalc itself writes of them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.specs = corpus()
        self.configs = configs()
        self.devices = devices()
        texts = [text for group in self.specs for text in group]
        self.words = sorted({word for text in texts for word in re.findall(r"\S+", text)})
        self.lock_of = cache(self._lock_of)
        self.arrays_of = cache(self._arrays_of)

    def _lock_of(self, text: str, config: str) -> str:
        """The lock of a spec called net.yaml; without convcalc.yaml where this does not fit."""
        for wanted in (config, ""):
            files = {"net.yaml": text.encode(), "convcalc.yaml": wanted.encode()}
            if not wanted:
                del files["convcalc.yaml"]
            self._project.write(files)
            try:
                arguments = ("lock",) if wanted else ("lock", "net.yaml")
                if run(*arguments).status == 0:
                    return Path("convcalc.lock").read_text(encoding="utf-8")
            finally:
                self._project.restore(files, ("convcalc.lock",))
        return _LOCK

    def _arrays_of(self, text: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """A small network's weights and its inputs, by name; None for others."""
        self._project.write({"net.yaml": text.encode()})
        try:
            report = run("flops", "net.yaml", "--format", "json")
            if report.status:
                return None
            totals = json.loads(report.out)
            if totals["totals"]["params"] > 100_000 or totals["totals"]["flops"] > 10**7:
                return None
            if run("weights", "net.yaml", "--output", "made.npz").status:
                return None
            with np.load(io.BytesIO(Path("made.npz").read_bytes())) as read:
                weights = dict(read)
        finally:
            self._project.restore({"net.yaml": text.encode()}, ("made.npz",))
        shapes = totals["inputs"]
        return weights, {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


_LOCK = """convcalc.lock 1
network net.yaml
  input input: 3x8x8
  layer conv0: conv 4 3x3 -> 4x6x6, params 112, macs 3,888
  total params: 112
"""


#: One file of so many is a model of another program.
_MODELS = 4


def case(seed: int, number: int, material: Material) -> Case:
    """The case with this number."""
    return _Drawing(f"{seed}/{number}", material).case()


class _Drawing:
    """The draws of one case.

    random   draws the command: the same, whatever files the repository has
    changes  draws the files and their changes
    """

    def __init__(self, seed: str, material: Material) -> None:
        self.random = Random(seed)
        self.changes = Random(f"{seed}/changes")
        self.material = material
        self.files: dict[str, bytes] = {}
        self.writes: list[str] = []
        self.name = self.random.choice(_NAMES)
        # Short files take less time, and have as many kinds of mistakes.
        group = self.changes.choices(material.specs, (2, 2, 1))[0]
        place = min(self.changes.randrange(len(group)), self.changes.randrange(len(group)))
        self.original = group[place]
        #: What the changed file was.
        self.right = self.original.encode()
        self.is_model = self._once_in(_MODELS)
        if self.is_model:
            suffix = drawn(self.random)
            self.name = self.name.removesuffix(".yaml") + suffix
            self.right = self.changes.choice(bases(suffix))
        if self._once_in(10):
            self.text = self.right
        elif self.is_model:
            self.text = model_changed(Path(self.name).suffix, self.right, self.changes)
        else:
            self.text = self._mutated(self.original)

    def case(self) -> Case:
        random = self.random
        word = random.choices(tuple(COMMANDS), _WEIGHTS)[0]
        command = COMMANDS[word]
        draw = _DRAWS.get(word, _Drawing._one_file)
        arguments = [*word.split(), *draw(self)]
        if command.formats and random.random() < 0.7:
            arguments += ["--format", random.choice(command.formats)]
        for option in random.sample(command.options, min(len(command.options), self._few())):
            arguments += option
        shared = (random.choice(command.shared),) if command.shared and self._once_in(12) else ()
        arguments += [part for option in shared for part in option]
        if command.access and self._once_in(16):
            arguments += random.choice(command.access)
        if self.is_model and command.access and self._once_in(5):
            arguments += random.choice(_CUTS)
        if "lock" not in word and word not in _WRITING and self._once_in(12):
            arguments += ["--output", random.choice(("out.txt",) * 6 + ("nosuch/out.txt", "."))]
            self.writes.append("out.txt")
        stdin = b""
        if self.name in arguments and self._once_in(30):
            arguments[arguments.index(self.name)] = "-"
            stdin = self.files[self.name]
        if self._once_in(25):
            self._wrong_value(arguments)
        in_actions = random.random() < 0.5
        return Case(
            self.files, tuple(arguments), in_actions, stdin, tuple(self.writes), tuple(shared)
        )

    def _once_in(self, times: int) -> bool:
        return self.random.random() * times < 1

    def _few(self) -> int:
        return self.random.choice((0, 0, 1, 1, 2, 3))

    def _mutated(self, text: str) -> bytes:
        words = self.material.words
        other = self.changes.choice(self.changes.choice(self.material.specs[1:]))
        return mutated(text, self.changes, words, other)

    def _wrong_value(self, arguments: list[str]) -> None:
        """Puts what nobody means in the place of an argument or of an option's value."""
        places = [
            place
            for place in range(1, len(arguments))
            if arguments[place - 1] not in _BELIEVED and arguments[place][:2] != "--"
        ]
        if places:
            arguments[self.random.choice(places)] = self.random.choice(_WRONG)

    # What a command reads. Each returns the arguments behind the command.

    def _one_file(self) -> list[str]:
        self.files[self.name] = self.text
        return [self.name]

    def _sweep(self) -> list[str]:
        sizes = self.random.choice(("1..9:4", "7,8", "32", "8..32:8", "2147483647,3"))
        return [*self._one_file(), "--over", f"in_size={sizes}"]

    def _solve(self) -> list[str]:
        goal = self.random.choice(("--maximize", "--minimize"))
        return [*self._sweep(), goal, self.random.choice(("macs", "in_size", "peak_least"))]

    def _sizes(self) -> list[str]:
        return [*self._one_file(), "--most", self.random.choice(("8", "20"))]

    def _formula(self) -> list[str]:
        return [*self._one_file(), self.random.choice(("macs", "peak_memory", "layers"))]

    def _field(self) -> list[str]:
        layer = [self.random.choice(_LAYERS)] if self._once_in(3) else []
        return [*self._one_file(), *layer]

    def _explain(self) -> list[str]:
        return [*self._one_file(), self.random.choice(_LAYERS)]

    def _reconcile(self) -> list[str]:
        return [*self._one_file(), self.random.choice(_FIGURES)]

    def _balance(self) -> list[str]:
        arguments = self._one_file()
        if self.random.random() < 0.5:
            return arguments
        device = self.changes.choice(self.material.devices)
        self.files["board.yaml"] = self._mutated(device)
        if self.random.random() < 0.7:  # a good spec, so that the device is used
            self.files[self.name] = self.right
        return [*arguments, "--device", self.random.choice(("board.yaml",) * 9 + ("a100",))]

    def _verify(self) -> list[str]:
        arguments = self._one_file()
        if self._once_in(8):
            arguments += ["--save", "out.npz"]
            self.writes.append("out.npz")
        if self.is_model or self._once_in(8):
            if self.random.random() < 0.7:
                self.files["other.onnx"] = self.changes.choice(bases(".onnx")[-7:])
                if self.random.random() < 0.3:
                    self.files["other.onnx"] = self.right if self.is_model else self.text
                arguments += ["--against", "other.onnx"]
            return arguments
        if self.random.random() < 0.6:
            return arguments
        made = self.material.arrays_of(self.original)
        text = self.original
        if made is None:
            text = self.changes.choice(SMALL)
            made = self.material.arrays_of(text)
        if made is None:
            raise ValueError("a network of ours that cannot be run")
        if self.random.random() < 0.8 or text != self.original:
            self.files[self.name] = text.encode()
        weights, inputs = made
        if self.random.random() < 0.6:
            self.files["w.npz"] = arrays_changed(weights, self.changes)
            arguments += ["--weights", "w.npz"]
        if self.random.random() < 0.6:
            array = array_changed(next(iter(inputs.values())), self.changes)
            several = arrays_changed(inputs, self.changes)
            self.files["x.npy"] = array if self.random.random() < 0.5 else several
            arguments += ["--input-file", "x.npy"]
        return arguments

    def _weights(self) -> list[str]:
        output = self.random.choice(("out.npz", "out.npz", "out.npz", "nosuch/out.npz", "."))
        self.writes.append("out.npz")
        return [*self._one_file(), "--output", output]

    def _export(self) -> list[str]:
        names = ("out.onnx", "out.onnx", "out.py", "out.py", "nosuch/out.onnx", "out.txt", ".")
        self.writes += ["out.onnx", "out.py"]
        return [*self._one_file(), "--output", self.random.choice(names)]

    def _import(self) -> list[str]:
        self.writes += ["out.yaml", "out.npz"]
        arguments = self._one_file()
        if self._once_in(2):
            arguments += ["--output", self.random.choice(("out.yaml", "out.yaml", "nosuch/o", "."))]
        if self._once_in(4):
            arguments += ["--save-weights", self.random.choice(("out.npz", "out.npz", "."))]
        return arguments

    def _run(self) -> list[str]:
        arguments = self._one_file()
        if self._once_in(3):
            array = np.ones(self.random.choice(((1, 3, 32, 32), (3, 8, 8), (1, 8))), np.float32)
            self.files["x.npy"] = array_changed(array, self.changes)
            arguments += ["--input-file", "x.npy"]
        return arguments

    def _diff(self) -> list[str]:
        old = f"old{Path(self.name).suffix}" if self.is_model else "old.yaml"
        self.files |= {self.name: self.text, old: self.right}
        both = [self.name, old]
        return both if self.random.random() < 0.5 else both[::-1]

    def _diff_base(self) -> list[str]:
        number = self.changes.randrange(len(SMALL))
        if not self.is_model and self.random.random() < 0.7:  # a file of the revision, or a new one
            self.name = f"small{number}.yaml"
            self.text = self._mutated(SMALL[number])
        self.files[self.name] = self.text
        files = self.random.choice(([self.name], [self.name], [], ["models"], ["nosuch.yaml"]))
        return [self.random.choice(("HEAD",) * 9 + ("nosuch", "--all", "HEAD~1")), *files]

    def _project(self) -> list[str]:
        """Files of a project: those that convcalc.yaml names, or that are named."""
        self.files[self.name] = self.text
        config = ""
        if self.random.random() < 0.5:
            config = self.changes.choice(self.changes.choice(self.material.configs))
            made = self._mutated(config) if self.random.random() < 0.4 else config.encode()
            self.files["convcalc.yaml"] = made
        if self.random.random() < 0.5:
            self.files["convcalc.lock"] = self._lock(config)
        if config and self.random.random() < 0.5:
            return []
        if self._once_in(12):
            return [
                self.random.choice(
                    ("models", "models/*.yaml", "traps", "traps/[ln]*", "*pwned*", "fifo")
                )
            ]
        return [self.name]

    def _checked_lock(self) -> list[str]:
        arguments = self._project()
        if "convcalc.lock" not in self.files:
            self.files["convcalc.lock"] = self._lock("")
        return arguments

    def _written_lock(self) -> list[str]:
        self.writes.append("convcalc.lock")
        return self._project()

    def _lock(self, config: str) -> bytes:
        """A lock of the file as it was before, with changes of its own or without."""
        text = self.material.lock_of(self.original, config)
        if self.name != "net.yaml":
            named = json.dumps(self.name)
            text = re.sub(r"(?m)^network net\.yaml", lambda _: f"network {named}", text)
        if self.random.random() < 0.5:
            return text.encode("utf-8", "replace")
        return lock_changed(text, self.changes, self.material.words)

    def _zoo(self) -> list[str]:
        return ["--filter", self.random.choice(_PATTERNS)]

    def _kinds(self) -> list[str]:
        kinds = ("conv", "matmul", "Conv2d", "sequential", "nosuch", "::error::pwned")
        return [self.random.choice(kinds)] if self._once_in(2) else []

    def _schema(self) -> list[str]:
        return [self.random.choice(("spec", "config", "lock", "::error::pwned"))]


_DRAWS: Mapping[str, Callable[[_Drawing], Sequence[str]]] = {
    "field": _Drawing._field,
    "sweep": _Drawing._sweep,
    "solve": _Drawing._solve,
    "sizes": _Drawing._sizes,
    "formula": _Drawing._formula,
    "explain": _Drawing._explain,
    "animate": _Drawing._explain,
    "reconcile": _Drawing._reconcile,
    "balance": _Drawing._balance,
    "verify": _Drawing._verify,
    "weights": _Drawing._weights,
    "export": _Drawing._export,
    "import": _Drawing._import,
    "run": _Drawing._run,
    "diff": _Drawing._diff,
    "diff --base": _Drawing._diff_base,
    "check": _Drawing._project,
    "lock": _Drawing._written_lock,
    "lock --check": _Drawing._checked_lock,
    "zoo": _Drawing._zoo,
    "kinds": _Drawing._kinds,
    "schema": _Drawing._schema,
}
