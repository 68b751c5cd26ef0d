"""Cases that are no text files, or too large to store: made where they are needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_SPEC = "input: [3, 32, 32]\nlayers:\n"


def make(name: str, folder: Path) -> None:
    """Puts the case NAME.yaml into a folder."""
    content = MADE[name]()
    path = folder / f"{name}.yaml"
    if content is not None:
        path.write_bytes(content)
    elif name == "file_folder":
        path.mkdir()
    elif name == "file_pipe":
        os.mkfifo(path)


def _nothing() -> None:
    """No file, or one that bytes do not make."""


def _chain_of_blocks() -> bytes:
    """Each block calls the next one ten times: 10^30 layers in all."""
    calls = ", ".join(["b{next}"] * 10)
    blocks = [f"  b{i}: [{calls.format(next=i + 1)}]\n" for i in range(30)]
    return f"blocks:\n{''.join(blocks)}  b30: [relu]\n{_SPEC}  - b0\n".encode()


def _ring_of_blocks() -> bytes:
    """A thousand blocks, each calling the next, the last one the first."""
    blocks = [f"  b{i}(n): [{{b{(i + 1) % 1000}: n + 1}}]\n" for i in range(1000)]
    return f"blocks:\n{''.join(blocks)}{_SPEC}  - {{b0: 1}}\n".encode()


def _tall_blocks() -> bytes:
    """Every block nests twenty lists deep; a hundred of them nest 2,000 deep."""
    blocks = [f"  b{i}:\n    - {'- ' * 20}b{i + 1}\n" for i in range(100)]
    return f"blocks:\n{''.join(blocks)}  b100: [relu]\n{_SPEC}  - b0\n".encode()


def _aliases() -> bytes:
    """The billion laughs."""
    lines = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40)]
    return ("a0: &a0 [relu]\n" + "".join(lines) + _SPEC + "  - *a39\n").encode()


#: What each file holds; None where it is no file, or is not there.
MADE: dict[str, Callable[[], bytes | None]] = {
    "file_missing": _nothing,
    "file_folder": _nothing,
    "file_pipe": _nothing,
    "file_binary": lambda: bytes(range(256)) * 4,
    "file_latin_1": lambda: "name: réseau\n".encode("latin-1") + _SPEC.encode() + b"  - relu\n",
    "file_utf_16": lambda: (_SPEC + "  - relu\n").encode("utf-16"),
    "file_null_bytes": lambda: _SPEC.encode() + b"  - relu\n\0\0\0\0",
    "file_escape_sequence": lambda: _SPEC.encode() + b"  - \x1b[31mrelu\x1b[0m\n",
    "file_only_spaces": lambda: b" \n\n  \n",
    "monster_brackets": lambda: _SPEC.encode() + b"  - " + b"[" * 200_000,
    "monster_closed_brackets": lambda: _SPEC.encode() + b"  - " + b"[" * 200_000 + b"]" * 200_000,
    "monster_braces": lambda: _SPEC.encode() + b"  - " + b"{a: " * 200_000,
    "monster_dashes": lambda: _SPEC.encode() + b"  " + b"- " * 200_000 + b"relu\n",
    "monster_parentheses": lambda: (
        _SPEC.encode() + b'  - {dense: "' + b"(" * 200_000 + b"1" + b")" * 200_000 + b'"}\n'
    ),
    "monster_sum": lambda: _SPEC.encode() + b'  - {dense: "' + b"1+" * 1_000_000 + b'1"}\n',
    "monster_minus": lambda: _SPEC.encode() + b'  - {dense: "' + b"-" * 1_000_000 + b'1"}\n',
    "monster_number": lambda: _SPEC.encode() + b"  - {dense: " + b"9" * 1_000_000 + b"}\n",
    "monster_exponent": lambda: _SPEC.encode() + b"  - {dense: 1e999999999}\n",
    "monster_word": lambda: _SPEC.encode() + b"  - {dense: " + b"x" * 1_000_000 + b"}\n",
    "monster_kind": lambda: _SPEC.encode() + b"  - " + b"conv" * 1_000_000 + b"\n",
    "monster_powers": lambda: _SPEC.encode() + b"  - {dense: 9**9**9**9**9**9**9**9}\n",
    "monster_squares": lambda: (
        b"args:\n  a0: 10\n"
        + b"".join(b"  a%d: a%d * a%d\n" % (i, i - 1, i - 1) for i in range(1, 60))
        + _SPEC.encode()
        + b"  - {dense: a59}\n"
    ),
    "monster_lists": lambda: (
        b"args:\n  a0: [1, 1]\n"
        + b"".join(b"  a%d: '[a%d, a%d]'\n" % (i, i - 1, i - 1) for i in range(1, 60))
        + _SPEC.encode()
        + b"  - {dense: a59}\n"
    ),
    "monster_blocks": _chain_of_blocks,
    "monster_ring": _ring_of_blocks,
    "monster_tall_blocks": _tall_blocks,
    "monster_aliases": _aliases,
    "monster_repeats": lambda: (
        _SPEC.encode() + b"  - {sequential: [{sequential: [{relu: , repeat: 1000}], repeat: 1000}],"
        b" repeat: 1000}\n"
    ),
    "monster_computed_repeats": lambda: (
        b"args: {n: 1000}\nblocks:\n  wide(n): [{relu: , repeat: n}]\n"
        b"  wider(n): [{wide: n, repeat: n}]\n  widest(n): [{wider: n, repeat: n}]\n".replace(
            b"(n)", b"(m)"
        ).replace(b": n", b": m")
        + _SPEC.encode()
        + b"  - {widest: n * 1}\n"
    ),
    "monster_left_out": lambda: (
        _SPEC.encode() + b"  - {sequential: [{relu: , when: false, repeat: 1000000}],"
        b" repeat: 1000000}\n"
    ),
    "monster_names": lambda: (
        _SPEC.encode()
        + b"".join(b"  - {relu: , name: layer%d}\n" % i for i in range(3_000))
        + b"".join(b"  - {relu: , from: lyer%d}\n" % i for i in range(150))
    ),
    "monster_shared": lambda: (
        _SPEC.encode() + b"  - {conv: 3, kernel: 1, name: first}\n"
        b"  - {conv: 3, kernel: 1, share: first, repeat: 20000}\n  - {dense: 0}\n"
    ),
    "monster_mistakes": lambda: (
        _SPEC.encode() + b"".join(b"  - {conv%d: 0}\n" % i for i in range(20_000))
    ),
}
