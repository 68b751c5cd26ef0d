"""What was meant by an expression that cannot be read."""

from __future__ import annotations

import re

from convcalc.language.hints.foreign import foreign_kind, takes_value
from convcalc.language.hints.names import SHAPES
from convcalc.layers import KINDS
from convcalc.problems import printable


def base_60(text: str) -> str:
    """What to write for a number with colons, which YAML 1.1 takes for one; "" for other texts.

    >>> base_60("1:30")
    'YAML 1.1 would read it in base 60: write 90 if that is meant'
    """
    if len(text) >= 40 or not re.match(r"\d+(:[0-5]?\d)+\Z", text.strip()):
        return ""
    value = 0
    for digits in text.split(":"):
        value = 60 * value + int(digits)
    return f"YAML 1.1 would read it in base 60: write {value} if that is meant"


def character(character: str, text: str) -> str:
    """What to write instead of a character that no expression has."""
    help_text = ""
    if character == "~":
        help_text = "write none, or leave the argument out"
    elif character in "'\"":
        help_text = "words need no quotes, and an expression holds no text"
    elif character == ":" and re.search(r"\[[^\]]*:", text):
        help_text = "a list gives one item, as in widths[0]; 'repeat' and 'copy' go through it"
    elif ":" in text:
        help_text = "a space is missing after the ':'"
    elif character == "=":
        help_text = "equality is '=='"
        if re.match(r"[A-Za-z_]\w*=\w", text, re.ASCII):
            help_text += f", and an argument is given as '{printable(text.replace('=', ': ', 1))}'"
    elif character in "&|":
        help_text = "write 'and' or 'or'"
    elif character == "^":
        help_text = "a power is '**'"
    elif name := re.match(r"(?:\$\{?|\{\{)\s*([A-Za-z_]\w*)", text, re.ASCII):
        help_text = f"an argument is its name alone: {printable(name[1])}"
    return help_text


def number(written: str) -> str:
    """What to write instead of something that begins like a number.

    >>> number("0x10"), number("3x3")
    ('write 16', 'write 3 for every axis; a shape is a list: [3, 3]')
    """
    help_text = "numbers are decimal: 64, 0.5 or 1e3"
    if re.match(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)\Z", written):
        help_text = f"write {int(written, 0)}" if len(written) < 20 else help_text
    elif re.match(r"\d+(x\d+)+\Z", written):
        help_text = f"a shape is a list: [{printable(written.replace('x', ', '))}]"
        if len(set(written.split("x"))) == 1:
            help_text = f"write {printable(written.partition('x')[0])} for every axis; {help_text}"
    elif re.match(r"\d+[kKMG]\Z", written):
        help_text = "write the number in full; units belong to 'budget'"
    elif re.match(r"\d+[A-Za-z_]\w*\Z", written):
        help_text = "a multiplication is written with '*'"
    return help_text


def leading_zero(written: str) -> str:
    """What to write instead of a number that begins with 0.

    >>> leading_zero("010")
    'write 10, or 8 if it was meant as octal'
    """
    plain = written.lstrip("0") or "0"
    octal = ""
    if set(written) <= set("01234567") and len(written) < 20:
        octal = f", or {int(written, 8)} if it was meant as octal"
    return f"write {printable(plain)}{octal}"


def ended(text: str) -> str:
    """What to write where an expression ends too early; "" where that is not known."""
    if text.rstrip().endswith("%"):
        return "a percentage is written as a fraction: 0.5"
    if re.match(r"[A-Za-z_]\w*\*\s*\Z", text, re.ASCII):
        return f"all copies of a layer are named in a join only: {{concat: [{printable(text)}]}}"
    return ""


def unexpected(found: str, text: str) -> str:
    """What to write where an expression has a word or sign too many; "" where that is not known."""
    if found in (")", "]"):
        return "inside {...} and [...] an expression with a comma needs quotes"
    if found == ",":
        tuple_ = re.match(r"\s*\(([^()]+)\)\s*\Z", text)
        items = printable(tuple_[1]) if tuple_ else "1, 2"
        return f"a list is written in square brackets: [{items}]"
    return "write '==' or '!='" if found == "is" else ""


#: What other languages call functions of a layer's value, and their loops.
_FUNCTIONS = {
    **dict.fromkeys(["shape", "size", "height", "width"], "size_of"),
    **dict.fromkeys(["channels", "num_channels", "out_channels"], "channels_of"),
    **dict.fromkeys(["range", "enumerate", "arange"], "copy"),
}


def called(name: str, text: str) -> str:
    """What to write instead of a function that there is not, or a kind; "" if that is not known.

    name  what is called, in the expression `text`

    >>> called("conv2d", "conv2d(64)"), called("shape", "2 * shape(stem)[0]")
    ('write {conv: 64}', "a layer's sizes are size_of(NAME), its channels channels_of(NAME)")
    """
    meant = _FUNCTIONS.get(name)
    if meant is not None:
        return "a loop is 'repeat: N', and 'copy' counts from 0" if meant == "copy" else SHAPES
    match = re.match(r"([A-Za-z_]\w*)\s*\(([^()]*)\)\Z", text, re.ASCII)
    if match is None:
        return ""
    if match[1] in ("pow", "sqrt"):
        return ""  # of a number, and not the kind
    kind = match[1] if match[1] in KINDS else foreign_kind(match[1], KINDS)
    if kind not in KINDS:
        return ""
    value = printable(match[2]).strip()
    if not value:
        return f"write {kind}"
    if takes_value(kind, value):
        return f"'{kind}' is a layer: {{{kind}: , from: {value}}}"
    return f"write {{{kind}: {'...' if ',' in value or '=' in value else value}}}"
