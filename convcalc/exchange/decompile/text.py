"""The text of a network file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convcalc.exchange.decompile.items import INPUT, Item, Value
from convcalc.exchange.decompile.spelling import (
    WIDTH,
    Block,
    Defaults,
    Speller,
    wrapped,
)


def file_text(
    inputs: Sequence[Item],
    sequence: Sequence[Item],
    outputs: Sequence[Item],
    names: Mapping[Item, str],
    *,
    args: Mapping[str, Value],
    defaults: Defaults,
    blocks: Mapping[str, Block],
    block_names: Mapping[str, Mapping[Item, str]],
    expect: str,
) -> str:
    """The lines of a file with these layers."""
    speller = Speller(defaults, names, blocks)
    shapes = {names[item]: speller.value(tuple(item.shape)) for item in inputs}
    if list(shapes) == ["input"]:
        lines = [f"input: {shapes['input']}"]
    else:
        lines = wrapped("input: {" + ", ".join([f"{n}: {s}" for n, s in shapes.items()]) + "}", 2)
    if args:
        lines.append(f"args: {{{speller.entries(args)}}}")
    if defaults:
        texts = [f"{kind}: {{{speller.entries(args)}}}" for kind, args in defaults.items()]
        line = f"defaults: {{{', '.join(texts)}}}"
        if len(line) <= WIDTH:
            lines.append(line)
        else:
            lines += ["defaults:", *[f"  {text}" for text in texts]]
    if blocks:
        lines.append("blocks:")
        for block in blocks.values():
            lines += Speller(defaults, block_names.get(block.name, {}), blocks).block(block)
    lines.append("layers:")
    lines += speller.sequence(sequence, 2)
    if len(outputs) > 1 or outputs[0] is not sequence[-1]:
        lines += wrapped(f"outputs: [{', '.join([names[item] for item in outputs])}]", 2)
    lines += wrapped(expect, 2) if expect else []
    return "\n".join(lines) + "\n"


def layers_alone(items: Sequence[Item]) -> bool:
    """Whether a sequence holds no layers at all."""
    return all(item.kind == INPUT for item in items)
