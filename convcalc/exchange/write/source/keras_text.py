"""A network as Keras source: a function for each block, channels last."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convcalc.exchange.write.source.classes import Classes
from convcalc.exchange.write.source.keras_operations import TRANSLATIONS, attention
from convcalc.exchange.write.source.keras_parts import PARTS
from convcalc.exchange.write.source.layout import Bracketed, call, laid_out
from convcalc.exchange.write.source.operations import Operation
from convcalc.exchange.write.source.parts import (
    ABSENT,
    Class,
    Part,
    Source,
    identifier,
    source_of,
)
from convcalc.exchange.write.source.tree import block_tree
from convcalc.graph import Network
from convcalc.shapes import Shape, cross_text

#: The most statements that are repeated together.
_LONGEST_PERIOD = 4
#: The indent of a statement in a loop in a function.
_INDENT = 8
#: Names that a function has already.
_RESERVED = frozenset(["keras", "layers", "ops", "math", "inputs"])

_SHARED = '''
def shared(block, x, *arguments, **options):
    """A block as a model, which several values enter."""
    inputs = keras.Input((*[None] * (len(x.shape) - 2), x.shape[-1]))
    return keras.Model(inputs, block(inputs, *arguments, **options))
'''


def keras_source(network: Network) -> str:
    """The source of a model that is the network; raises ConvcalcError, see `block_tree`."""
    root = block_tree(network, TRANSLATIONS, attention, "Keras")
    classes = Classes(root, lambda ref: network.nodes[ref[0]].shape[0])
    names = _function_names(classes, network)
    written = [_Writer(cls, names, network).lines() for cls in classes.all]
    body = "\n\n\n".join(["\n".join(lines) for lines in written])
    every = {**PARTS, "shared": _SHARED}
    parts = [text.strip("\n") for name, text in every.items() if re.search(rf"\b{name}\(", body)]
    text = "\n\n\n".join([*parts, body, _main(network, names[classes.all[-1]])])
    return f"{_head(network, text)}\n\n\n{text}\n"


def channels_last(shape: Shape) -> Shape:
    """A shape as Keras has it."""
    return (*shape[1:], shape[0])


def _head(network: Network, text: str) -> str:
    shapes = " and ".join([cross_text(channels_last(s)) for s in network.inputs.values()])
    title = re.sub(r"[^ -~]|[\"\\]", "_", network.name)
    lines = [f'"""{title}, for inputs of {shapes}."""', ""]
    if re.search(r"\bmath\.", text):
        lines += ["import math", ""]
    names = [name for name in ("layers", "ops") if re.search(rf"\b{name}\.", text)]
    lines += ["import keras"]
    lines += [f"from keras import {', '.join(names)}"] if names else []
    return "\n".join(lines)


def _main(network: Network, name: str) -> str:
    inputs = [
        f"keras.random.uniform({source_of((1, *channels_last(shape)))})"
        for shape in network.inputs.values()
    ]
    given = inputs[0] if len(inputs) == 1 else f"[{', '.join(inputs)}]"
    lines = [
        "def main():",
        '    """Runs the network once, on random numbers."""',
        f"    network = {name}()",
        *laid_out("", f"network({given})", "", 4),
        "",
        "",
        'if __name__ == "__main__":',
        "    main()",
    ]
    return "\n".join(lines)


def _function_names(classes: Classes, network: Network) -> dict[Class, str]:
    taken = {*PARTS, *_RESERVED, "shared", "main"}
    arguments = {parameter.name for cls in classes.all for parameter in cls.parameters}
    names: dict[Class, str] = {}
    last = classes.all[-1]
    for cls in [last, *classes.all[:-1]]:
        words = [cls.family or "block"]
        if cls is last:
            words = [network.name]
        elif cls.unit:
            words = [_word(part) for part in cls.parts]
        base = re.sub(r"\W+", "_", "_".join(words), flags=re.ASCII).strip("_").lower() or "network"
        # An argument of the same name would hide the function.
        base = f"{base}_block" if base in arguments else identifier(base)
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        names[cls] = name
    return names


def _word(part: Part) -> str:
    if not isinstance(part.body, Operation):
        return "block"
    value = part.values.get("activation")
    if value is not None and value.is_constant:
        return str(value.constant)
    return part.body.kind


class _Writer:
    """Writes one function."""

    def __init__(self, cls: Class, names: dict[Class, str], network: Network) -> None:
        self.cls = cls
        self.names = names
        self.network = network
        self.root = cls.family == "" and not cls.unit
        self.shared = {part.same for part in cls.parts} - {None}
        self.makers: dict[int, str] = {}

    def lines(self) -> list[str]:
        """The function's lines."""
        cls = self.cls
        inputs = self._inputs()
        statements: list[list[str]] = []
        if self.root:
            for name, shape in zip(inputs, self.network.inputs.values(), strict=True):
                statements.append([f"{name} = keras.Input({source_of(channels_last(shape))})"])
        elif cls.entering in cls.parameters:
            statements.append([f"in_channels = {inputs[0]}.shape[-1]"])
        values = self._statements(inputs, statements)
        results = [values[source] for source in cls.results]
        if not self.root:
            last = statements[-1][0]
            if len(results) == 1 and last.startswith(f"{results[0]} = "):
                statements[-1][0] = last.replace(f"{results[0]} = ", "return ", 1)
            else:
                statements.append([f"return {', '.join(results)}"])
        else:
            outputs = results[0]
            if len(results) > 1:
                pairs = zip(self.network.outputs, results, strict=True)
                outputs = f"{{{', '.join([f'{source_of(name)}: {one}' for name, one in pairs])}}}"
            entering = inputs[0] if len(inputs) == 1 else f"[{', '.join(inputs)}]"
            statements.append(_statement("return ", f"keras.Model({entering}, {outputs})"))
        signature = [] if self.root else inputs + _signature(cls)
        head = laid_out(f"def {self.names[cls]}", Bracketed("(", signature, ")"), ":")
        return [*head, *[f"    {line}" for line in _with_loops(statements)]]

    def _inputs(self) -> list[str]:
        if self.root and len(self.network.inputs) > 1:
            found = [identifier(name) for name in self.network.inputs]
            return [f"{name}_" if name in _RESERVED else name for name in found]
        if self.root:
            return ["inputs"]
        count = self.cls.inputs
        return {1: ["x"], 2: ["x", "skip"]}.get(count, [f"x{n}" for n in range(count)])

    def _statements(self, inputs: list[str], statements: list[list[str]]) -> dict[Source, str]:
        """Adds a statement for each part; the variables that hold the values."""
        cls = self.cls
        left: dict[Source, int] = {}
        for part in cls.parts:
            for source in part.sources:
                left[source] = left.get(source, 0) + 1
        for source in cls.results:
            left[source] = left.get(source, 0) + 1
        values: dict[Source, str] = {("in", n): name for n, name in enumerate(inputs)}
        held = {name: source for source, name in values.items()}
        for place, part in enumerate(cls.parts):
            entering = [values[source] for source in part.sources]
            # A condition first sets the result to what goes through, and then reads the others.
            early = part.sources if not part.condition else [part.sources[part.through]]
            for source in early:
                left[source] -= 1
            count = len(part.body.results) if isinstance(part.body, Class) else 1
            targets = []
            for output in range(count):
                for name in [name for name, one in held.items() if not left.get(one)]:
                    del held[name]
                name = self._variable(part, held, output, count)
                held[name] = (place, output)
                values[place, output] = name
                targets.append(name)
            if part.condition:
                for number, source in enumerate(part.sources):
                    left[source] -= number != part.through
            self._add(place, part, ", ".join(targets), entering, statements)
        return values

    def _add(
        self,
        place: int,
        part: Part,
        target: str,
        entering: list[str],
        statements: list[list[str]],
    ) -> None:
        """Adds the statements that compute a part."""
        if place in self.shared or part.same is not None:
            owner = place if part.same is None else part.same
            if part.same is None:
                self.makers[place] = identifier(part.name.replace(".", "_") + "_shared")
                statements.append(self._maker(part, self.makers[place], entering))
            statements.append([f"{target} = {self.makers[owner]}({', '.join(entering)})"])
            return
        if str(part.count) == "1" and not part.condition:
            statements.append(self._computed(part, target, entering))
            return
        before = entering[part.through]
        if before != target:
            statements.append([f"{target} = {before}"])
        within = [target if name == before else name for name in entering]
        inner = [f"    {line}" for line in self._computed(part, target, within)]
        head = f"if {part.condition}:" if part.condition else f"for _ in range({part.count}):"
        statements.append([head, *inner])

    def _maker(self, part: Part, name: str, entering: list[str]) -> list[str]:
        if isinstance(part.body, Class):
            arguments = [self.names[part.body], entering[0], *self._arguments(part)]
            return _statement(f"{name} = ", call("shared", arguments))
        return _statement(f"{name} = ", self._constructed(part))

    def _computed(self, part: Part, target: str, entering: list[str]) -> list[str]:
        body = part.body
        if isinstance(body, Class):
            made = call(self.names[body], [*entering, *self._arguments(part)])
            return _statement(f"{target} = ", made)
        if body.callee:
            return _statement(f"{target} = ", self._constructed(part), f"({', '.join(entering)})")
        numbers = {name: str(value) for name, value in part.values.items()}
        text = re.sub(
            r"\{(\w+)\}",
            lambda match: entering[int(match[1])] if match[1].isdigit() else numbers[match[1]],
            body.text,
        )
        return _statement(f"{target} = ", text)

    def _constructed(self, part: Part) -> Bracketed:
        body = part.body
        arguments: list[str] = []
        if not isinstance(body, Operation):
            return call("", arguments)
        named = False
        for place, (name, value) in enumerate(part.values.items()):
            default = body.defaults.get(name, ABSENT)
            if value.is_constant and source_of(value.constant) == source_of(default):
                named = True
                continue
            plain = place < body.plain and not named
            arguments.append(str(value) if plain else f"{name}={value}")
        return call(body.callee, arguments)

    def _arguments(self, part: Part) -> list[str]:
        """What the function of a block is called with, beside the values that enter."""
        body = part.body
        if not isinstance(body, Class):
            return []
        arguments = []
        for parameter in sorted(body.parameters, key=lambda p: p.default is not ABSENT):
            value = part.values[parameter.name]
            if parameter is body.entering:
                continue
            if parameter.default is ABSENT:
                arguments.append(str(value))
            elif not value.is_constant or source_of(value.constant) != source_of(parameter.default):
                arguments.append(f"{parameter.name}={value}")
        return arguments

    def _variable(self, part: Part, held: dict[str, Source], output: int, count: int) -> str:
        if output == 0 and "x" not in held:
            return "x"
        *_, branch, own = ("", "", *part.name.split("."))
        base = identifier(own if not branch or branch[-1].isdigit() else branch)
        base = f"{base}_{output}" if count > 1 else base
        if base in _RESERVED or base == "in_channels":
            base += "_"
        taken = {*PARTS, *self.names.values(), *[p.name for p in self.cls.parameters]}
        name, number = base, 2
        while name in held or name in taken:
            name, number = f"{base}_{number}", number + 1
        return name


def _statement(before: str, source: str | Bracketed, after: str = "") -> list[str]:
    """A statement's lines, which fit in a function and in a loop or a condition in it."""
    return [line[_INDENT:] for line in laid_out(before, source, after, _INDENT)]


def _signature(cls: Class) -> list[str]:
    ordered = sorted(cls.parameters, key=lambda p: p.default is not ABSENT)
    return [
        p.name if p.default is ABSENT else f"{p.name}={source_of(p.default)}"
        for p in ordered
        if p is not cls.entering
    ]


def _with_loops(statements: Sequence[list[str]]) -> list[str]:
    """The lines, repeated statements as loops."""
    lines: list[str] = []
    place = 0
    while place < len(statements):
        best = 1, 1
        for period in range(1, _LONGEST_PERIOD + 1):
            first, after = statements[place : place + period], place + period
            while statements[after : after + period] == first:
                after += period
            count = (after - place) // period
            if count > 1 and period * count > best[0] * best[1]:
                best = period, count
        period, count = best
        repeated = [line for one in statements[place : place + period] for line in one]
        if count > 1:
            lines.append(f"for _ in range({count}):")
            lines += [f"    {line}" for line in repeated]
        else:
            lines += repeated
        place += period * count
    return lines
