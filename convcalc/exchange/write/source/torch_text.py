"""A network as PyTorch source."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convcalc.exchange.write.source.classes import Classes
from convcalc.exchange.write.source.layout import WIDTH, Bracketed, call, chosen, laid_out
from convcalc.exchange.write.source.operations import Operation
from convcalc.exchange.write.source.parts import (
    ABSENT,
    Class,
    Parameter,
    Part,
    Source,
    identifier,
    source_of,
)
from convcalc.exchange.write.source.torch_operations import TRANSLATIONS, attention
from convcalc.exchange.write.source.torch_parts import PARTS
from convcalc.exchange.write.source.tree import block_tree
from convcalc.graph import Network
from convcalc.shapes import cross_text

#: The most blocks of which several kinds make one repetition.
_LONGEST_PERIOD = 4
#: The most blocks in a loop whose numbers grow, and how far away a value is still written in place.
_MOST_STEPS, _NEAR = 1000, 30
#: Names that a module has already.
_TAKEN = frozenset(
    [
        *(
            "add_module",
            "apply",
            "bfloat16",
            "buffers",
            "call",
            "children",
            "compile",
            "cpu",
            "cuda",
        ),
        *("double", "eval", "extra_repr", "float", "forward", "half", "ipu", "modules"),
        *("mtia", "parameters", "register_buffer", "register_module", "register_parameter"),
        *(
            "state_dict",
            "requires_grad_",
            "to",
            "to_empty",
            "train",
            "training",
            "type",
            "xpu",
            "zero_grad",
        ),
    ]
)
#: The names of joins, whose branches say nothing by that.
_JOIN = re.compile(r"(add|sub|mul|div|concat|matmul|attention|deform_conv)\d+")
#: Names that a function has already.
_RESERVED = frozenset(["self", "torch", "nn", "F", "math", "torchvision", "len"])


def torch_source(network: Network) -> str:
    """The source of a module that is the network; raises ConvcalcError, see `block_tree`."""
    root = block_tree(network, TRANSLATIONS, attention, "PyTorch")
    classes = Classes(root, lambda ref: network.nodes[ref[0]].shape[0])
    names = _class_names(classes, network)
    written = [_Writer(cls, names, network).lines() for cls in classes.all]
    body = "\n\n\n".join(["\n".join(lines) for lines in written])
    parts = [text.strip("\n") for name, text in PARTS.items() if re.search(rf"\b{name}\(", body)]
    text = "\n\n\n".join([*parts, body, _main(network, names[classes.all[-1]])])
    return f"{_head(network, text)}\n\n\n{text}\n"


def _head(network: Network, text: str) -> str:
    shapes = " and ".join([cross_text(shape) for shape in network.inputs.values()])
    lines = [f'"""{_title(network)}, for inputs of {shapes}."""', ""]
    if re.search(r"\bmath\.", text):
        lines += ["import math", ""]
    lines += ["import torch"]
    if re.search(r"\bF\.", text):
        lines += ["import torch.nn.functional as F"]
    if "torchvision." in text:
        lines += ["import torchvision"]
    return "\n".join([*lines, "from torch import nn"])


def _title(network: Network) -> str:
    return re.sub(r"[^ -~]|[\"\\]", "_", network.name)


def _main(network: Network, name: str) -> str:
    inputs = ", ".join(
        [f"torch.rand({', '.join(map(str, (1, *shape)))})" for shape in network.inputs.values()]
    )
    lines = [
        "def main():",
        '    """Runs the network once, on random numbers."""',
        f"    network = {name}().eval()",
        "    with torch.inference_mode():",
        f"        network({inputs})",
        "",
        "",
        'if __name__ == "__main__":',
        "    main()",
    ]
    return "\n".join(lines)


def _class_names(classes: Classes, network: Network) -> dict[Class, str]:
    taken = {*PARTS, "Module"}
    names: dict[Class, str] = {}
    last = classes.all[-1]
    for cls in [last, *classes.all[:-1]]:
        if cls is last:
            base = _camel(network.name) or "Network"
        elif cls.unit:
            base = "".join([_word(part) for part in cls.parts])
        else:
            base = _camel(cls.family) or "Block"
        base = f"Net{base}" if base[0].isdigit() else base
        name, number = base, 2
        while name in taken:
            name, number = f"{base}{'V' if base[-1].isdigit() else ''}{number}", number + 1
        taken.add(name)
        names[cls] = name
    return names


def _camel(text: str) -> str:
    words = re.split(r"[^A-Za-z0-9]+", text)
    return "".join([word[:1].upper() + word[1:] for word in words])


def _word(part: Part) -> str:
    leaf = part.body
    if not isinstance(leaf, Operation):
        return ""
    if leaf.kind == "activation":
        value = part.values.get("activation")
        name = str(value) if value is not None and value.is_constant else leaf.callee
        return name.rpartition(".")[2] if name.startswith("nn.") else "Activation"
    return leaf.kind.capitalize()


class _Text:
    """An expression, and whether it can stand beside an operator without parentheses."""

    __slots__ = ("safe", "text")

    def __init__(self, text: str, *, safe: bool = True) -> None:
        self.text = text
        self.safe = safe


class _Step:
    """Parts that are one attribute of the module, or an operation without one."""

    __slots__ = ("attribute", "parts", "places")

    def __init__(self, places: list[int], parts: list[Part], attribute: str) -> None:
        self.places = places
        self.parts = parts
        self.attribute = attribute

    @property
    def sources(self) -> list[Source]:
        return self.parts[0].sources

    @property
    def leaf(self) -> Operation | None:
        body = self.parts[0].body
        return body if isinstance(body, Operation) and len(self.parts) == 1 else None


class _Writer:
    """Writes one class."""

    def __init__(self, cls: Class, names: dict[Class, str], network: Network) -> None:
        self.cls = cls
        self.names = names
        self.network = network
        self.root = cls.family == "" and not cls.unit
        self.numbers: dict[str, str] = {}
        self.bare: set[int] = set()
        self.steps = self._steps()

    def lines(self) -> list[str]:
        """The class's lines."""
        cls = self.cls
        signature = [
            p.name if p.default is ABSENT else f"{p.name}={source_of(p.default)}"
            for p in self._ordered()
        ]
        if cls.sequence and not self.root:
            inner = self._elements(cls.parts)
            return [
                f"class {self.names[cls]}(nn.Sequential):",
                *laid_out("def __init__", Bracketed("(", ["self", *signature], ")"), ":", 4),
                *laid_out("super().__init__", Bracketed("(", inner, ")"), "", 8, opened=True),
            ]
        forward = self._forward()
        made = self._made()
        numbers = [f"        self.{name} = {text}" for name, text in self.numbers.items()]
        head = [f"class {self.names[cls]}(nn.Module):"]
        if made or numbers:
            head += [
                *laid_out("def __init__", Bracketed("(", ["self", *signature], ")"), ":", 4),
                "        super().__init__()",
                *numbers,
                *made,
                "",
            ]
        return [*head, *forward]

    def _ordered(self) -> list[Parameter]:
        return sorted(self.cls.parameters, key=lambda p: p.default is not ABSENT)

    # What is made in the constructor.

    def _steps(self) -> list[_Step]:
        """The parts in order, runs of modules that read each other as one step."""
        parts = self.cls.parts
        reads: dict[Source, int] = {}
        for part in parts:
            for source in part.sources:
                reads[source] = reads.get(source, 0) + 1
        for source in self.cls.results:
            reads[source] = reads.get(source, 0) + 1
        used_again = {part.same for part in parts} - {None}
        runs: list[list[int]] = []
        for place, part in enumerate(parts):
            before = runs[-1] if runs else []
            joined = (
                before
                and part.chains
                and parts[before[-1]].chains
                and part.sources == [(before[-1], 0)]
                and reads.get((before[-1], 0)) == 1
                and self._run(before[-1]) == self._run(place)
                and self._is_block(before[-1]) == self._is_block(place)
                and not {place, before[-1]} & used_again
                and part.same is None
                and parts[before[-1]].same is None
            )
            if joined:
                before.append(place)
            else:
                runs.append([place])
        taken: set[str] = set()
        steps = []
        for run in runs:
            found = [parts[place] for place in run]
            steps.append(_Step(run, found, self._attribute(run, found, taken, len(runs))))
        return steps

    def _run(self, place: int) -> str:
        """Parts of a run come from one branch or stage."""
        return self.cls.parts[place].name.rpartition(".")[0]

    def _is_block(self, place: int) -> bool:
        """In the network itself, blocks are no run with single layers."""
        part = self.cls.parts[place]
        outer = self.root and not self._run(place)
        return outer and isinstance(part.body, Class) and not part.body.unit

    def _attribute(self, run: list[int], parts: list[Part], taken: set[str], runs: int) -> str:
        prefix = self._run(run[0]).rpartition(".")[2]
        own = parts[0].name.rpartition(".")[2]
        blocks = any(isinstance(part.body, Class) and not part.body.unit for part in parts)
        word = own if _JOIN.fullmatch(prefix) or not prefix else prefix
        if len(run) > 1 and not prefix:
            word = "layers" if runs == 1 else "blocks" if blocks else own
            if self.root and runs > 1 and not blocks:
                last = run[-1] == len(self.cls.parts) - 1
                word = "stem" if run[0] == 0 else "head" if last else own
        base = identifier(word)
        base = f"{base}_" if base in _TAKEN else base
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        return name

    def _made(self) -> list[str]:
        lines: list[str] = []
        for step in self.steps:
            leaf = step.leaf
            if step.parts[0].same is not None or (leaf is not None and not leaf.callee):
                continue
            if step.places[0] in self.bare:
                continue
            target = f"self.{step.attribute} = "
            if len(step.parts) == 1 and str(step.parts[0].count) != "1":
                elements = self._elements(step.parts)
                lines += laid_out(target, call("nn.Sequential", elements), "", 8)
            elif len(step.parts) == 1 and not step.parts[0].condition:
                lines += laid_out(target, self._constructed(step.parts[0]), "", 8)
            elif len(step.parts) == 1:
                part = step.parts[0]
                made = self._constructed(part)
                one = f"        {target}{made} if {part.condition} else nn.Identity()"
                if len(one) <= WIDTH:
                    lines.append(one)
                else:
                    lines += [f"        {target}nn.Identity()", f"        if {part.condition}:"]
                    lines += laid_out(target, made, "", 12)
            else:
                elements = self._elements(step.parts)
                lines += laid_out(target, call("nn.Sequential", elements), "", 8)
        return lines

    def _constructed(self, part: Part) -> Bracketed:
        """The constructor of a module."""
        body, values = part.body, part.values
        if isinstance(body, Operation):
            callee = body.callee.format(**{name: str(value) for name, value in values.items()})
            arguments: list[str] = []
            named = False
            for place, (name, value) in enumerate(values.items()):
                if body.callee == f"{{{name}}}":
                    continue
                default = body.defaults.get(name, ABSENT)
                if value.is_constant and source_of(value.constant) == source_of(default):
                    named = True
                    continue
                plain = place < body.plain and not named
                arguments.append(str(value) if plain else f"{name}={value}")
            return call(callee, arguments)
        ordered = sorted(body.parameters, key=lambda p: p.default is not ABSENT)
        arguments = []
        for parameter in ordered:
            value = values[parameter.name]
            if parameter.default is ABSENT:
                arguments.append(str(value))
            elif not value.is_constant or source_of(value.constant) != source_of(parameter.default):
                arguments.append(f"{parameter.name}={value}")
        return call(self.names[body], arguments)

    def _elements(self, parts: Sequence[Part]) -> list[str | Bracketed]:
        """The modules of a sequence, repeated ones as loops."""
        made: list[Bracketed] = []
        for part in parts:
            constructed = self._constructed(part)
            if str(part.count) != "1":
                constructed = _loop([constructed], str(part.count))
            if part.condition:
                constructed = chosen(constructed, part.condition, "nn.Identity()")
            made.append(constructed)
        elements: list[str | Bracketed] = []
        texts = [str(one) for one in made]
        place = 0
        while place < len(made):
            period, count = _repetition(texts, place)
            blocks = isinstance(parts[place].body, Class)
            repeated = any(str(part.count) != "1" for part in parts[place : place + period])
            if not repeated and count * period >= (2 if blocks else 3) and count > 1:
                elements.append(_loop(made[place : place + period], str(count)))
                place += period * count
                continue
            length, text = _progression(texts, place)
            if length > 2 and blocks:
                elements.append(text)
                place += length
                continue
            elements.append(made[place])
            place += 1
        return elements

    # What is computed.

    def _forward(self) -> list[str]:
        cls = self.cls
        inputs = self._input_names()
        uses: dict[Source, int] = {}
        for step in self.steps:
            for source in step.sources:
                uses[source] = uses.get(source, 0) + 1
        for source in cls.results:
            uses[source] = uses.get(source, 0) + 1
        left = dict(uses)
        values: dict[Source, _Text] = {}
        held: dict[str, Source] = {}
        pending: dict[Source, list[Source]] = {}
        for place, name in enumerate(inputs):
            values["in", place] = _Text(name)
            held[name] = ("in", place)
        lines: list[str] = []
        for number, step in enumerate(self.steps):
            entering = [values[source] for source in step.sources]
            text = self._applied(step, entering)
            ended = [one for source in step.sources for one in pending.pop(source, [source])]
            last = step.places[-1]
            body = step.parts[-1].body
            count = len(body.results) if isinstance(body, Class) else 1
            made: list[Source] = [(last, output) for output in range(count)]
            if count == 1 and self._inlines(number, step, made[0], uses, text):
                # What it is made of is needed until it is.
                values[made[0]] = text
                pending[made[0]] = ended
                continue
            for source in ended:
                left[source] -= 1
            targets = []
            for source in made:
                name = self._variable(step, held, left, count, source[1])
                held[name] = source
                values[source] = _Text(name)
                targets.append(name)
            lines += laid_out(f"{', '.join(targets)} = ", text.text, "", 8)
        results = [values[source].text for source in cls.results]
        if self.root and len(results) > 1:
            pairs = zip(self.network.outputs, results, strict=True)
            entries = [f'"{_quoted(name)}": {value}' for name, value in pairs]
            lines += laid_out("return ", Bracketed("{", entries, "}"), "", 8)
        else:
            lines += laid_out("return ", ", ".join(results), "", 8)
        return [f"    def forward(self, {', '.join(inputs)}):", *lines]

    def _input_names(self) -> list[str]:
        if self.root:
            found = [identifier(name) for name in self.network.inputs]
            if len(found) == 1:
                return ["x"]
            return [name if name not in _RESERVED else f"{name}_" for name in found]
        return {1: ["x"], 2: ["x", "skip"]}.get(
            self.cls.inputs, [f"x{n}" for n in range(self.cls.inputs)]
        )

    def _applied(self, step: _Step, entering: list[_Text]) -> _Text:
        part, leaf = step.parts[0], step.leaf
        attribute = step.attribute
        if part.same is not None:
            attribute = next(one.attribute for one in self.steps if part.same in one.places)
        module = f"self.{attribute}"
        if leaf is None:
            return _Text(f"{module}({', '.join([one.text for one in entering])})")
        if step.places[0] in self.bare or (leaf.bare and self._is_bare(step)):
            self.bare.add(step.places[0])
            return _filled(leaf.bare, entering, {})
        if leaf.callee:
            return _filled(leaf.text, entering, {"self": module})
        numbers = {}
        for name, value in part.values.items():
            shown = str(value)
            if not value.is_constant:
                shown = f"self.{self._number(name, value.text, step)}"
            numbers[name] = shown
        text = _filled(leaf.text, entering, numbers)
        if part.condition:
            flag = f"self.{self._number('with_' + step.attribute, part.condition, step)}"
            other = entering[part.through].text
            return _Text(f"{text.text} if {flag} else {other}", safe=False)
        return text

    def _number(self, name: str, text: str, step: _Step) -> str:
        """The attribute that holds a number."""
        for known, found in self.numbers.items():
            if found == text:
                return known
        taken = {one.attribute for one in self.steps} | set(self.numbers) | _TAKEN
        own = name if name not in taken else f"{step.attribute}_{name}"
        while own in taken:
            own += "_"
        self.numbers[own] = text
        return own

    def _is_bare(self, step: _Step) -> bool:
        """Whether an activation is written as a function: where it does not chain."""
        part = step.parts[0]
        activation = part.values.get("activation")
        if part.condition or (activation is not None and not activation.is_constant):
            return False
        source = step.sources[0]
        if source[0] == "in":
            return True
        before = self.cls.parts[source[0]].body
        return isinstance(before, Operation) and not before.callee

    def _inlines(
        self, number: int, step: _Step, made: Source, uses: dict[Source, int], text: _Text
    ) -> bool:
        """Whether a value is written where it is used, and not kept in a variable."""
        if uses.get(made, 0) != 1 or len(text.text) > 60:
            return False
        if made in self.cls.results:
            return number == len(self.steps) - 1
        for later in self.steps[number + 1 : number + _NEAR]:
            if made in later.sources:
                leaf = later.leaf
                if leaf is None:
                    return False
                template = leaf.bare or leaf.text if not leaf.callee or leaf.bare else ""
                place = later.sources.index(made)
                conditional = bool(later.parts[0].condition)
                return template.count(f"{{{place}}}") == 1 and not conditional
        return False

    def _variable(
        self, step: _Step, held: dict[str, Source], left: dict[Source, int], count: int, output: int
    ) -> str:
        for name in [name for name, source in held.items() if not left.get(source)]:
            del held[name]
        if output == 0 and "x" not in held:
            return "x"
        base = identifier(step.attribute)
        base = f"{base}_{output}" if count > 1 else base
        if base in _RESERVED:
            base += "_"
        name, number = base, 2
        while name in held:
            name, number = f"{base}{number}", number + 1
        return name


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _filled(template: str, entering: Sequence[_Text], numbers: dict[str, str]) -> _Text:
    """A template with its inputs and numbers."""

    def replace(match: re.Match[str]) -> str:
        word = match[1]
        if not word.isdigit():
            return numbers[word]
        value = entering[int(word)]
        if value.safe:
            return value.text
        before, after = template[: match.start()][-1:], template[match.end() :][:1]
        alone = before in ("", "(", "[", " ") and after in (")", ",", "]")
        whole = before == "" and after == ""
        listed = before == " " and template[: match.start()][-2:-1] != ","
        return value.text if whole or (alone and not listed) else f"({value.text})"

    def star(text: str) -> str:
        # A list of numbers that is written out needs no star.
        return re.sub(r"\*\(([^()]*?),?\)", r"\1", text)

    text = star(re.sub(r"\{(\w+)\}", replace, template))
    operator = re.match(r"\{0\} (\S+) ", template) is not None or template.startswith("-")
    return _Text(text, safe=not operator)


def _repetition(texts: Sequence[str], start: int) -> tuple[int, int]:
    """The period of the longest repetition from a place on, and how often it is there."""
    best = 1, 1
    for period in range(1, _LONGEST_PERIOD + 1):
        first, place = texts[start : start + period], start + period
        while texts[place : place + period] == first:
            place += period
        count = (place - start) // period
        if count > 1 and period * count > best[0] * best[1]:
            best = period, count
    return best


def _loop(made: Sequence[Bracketed], count: str) -> Bracketed:
    """So many times these modules, as elements of a sequence."""
    if len(made) == 1:
        return Bracketed("*[", [made[0], f"for _ in range({count})"], "]", commas=False)
    names = Bracketed("for layer in (", made, ")")
    return Bracketed("*[", ["layer", f"for _ in range({count})", names], "]", commas=False)


_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


def _progression(texts: Sequence[str], start: int) -> tuple[int, str]:
    """How many constructors differ only in numbers that grow by steps, and a loop of them."""
    first = texts[start]
    shape = _NUMBER.sub("#", first)
    numbers = [int(number) for number in _NUMBER.findall(first)]
    steps: list[int] | None = None
    before, length = numbers, 1
    for text in texts[start + 1 : start + _MOST_STEPS]:
        row = [int(number) for number in _NUMBER.findall(text)]
        if _NUMBER.sub("#", text) != shape:
            break
        grown = [b - a for a, b in zip(before, row, strict=True)]
        if grown != (steps or grown):
            break
        before, steps, length = row, grown, length + 1
    if steps is None:
        return 1, ""
    pairs = iter(zip(numbers, steps, strict=True))

    def replace(match: re.Match[str]) -> str:
        number, step = next(pairs)
        sign = "+" if step > 0 else "-"
        return f"{number} {sign} {abs(step)} * i" if step else str(number)

    return length, f"*[{_NUMBER.sub(replace, first)} for i in range({length})]"
