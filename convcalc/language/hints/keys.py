"""What was meant by a key that a file, its limits or convcalc.yaml does not have."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.language.hints.foreign import TOP_LEVEL
from convcalc.language.keys import TOP_KEYS
from convcalc.spelling import did_you_mean, nearest

#: What people call totals elsewhere.
_METRICS = {
    "memory": "say which: weights, activations, largest_activation or peak_memory",
    "peak": "it is called 'peak_memory' here",
    "ram": "it is called 'peak_memory' here",
    "size": "say which: params is a count, weights are bytes",
    "model_size": "it is called 'weights' here",
    "parameters": "it is called 'params' here",
    "mac": "it is called 'macs' here",
    "madds": "it is called 'macs' here",
    "mult_adds": "it is called 'macs' here",
    "flop": "write macs, or flops: {max: 620M, as: convcalc}",
    "ops": "say which: macs, or operations, the number of layers with fused ones",
    "latency": "time depends on the machine and is not predicted; limit macs and peak_memory",
}
#: Keys that people try in convcalc.yaml.
_CONFIG = {
    "file": "it is called 'files' here",
    "path": "it is called 'files' here",
    "paths": "it is called 'files' here",
    "include": "it is called 'files' here",
    "glob": "it is called 'files' here",
    "args": "it is called 'set' here",
    "limits": "it is called 'budget' here",
    "limit": "it is called 'budget' here",
    "max": "it is called 'budget' here",
    "expect": "expectations stand in the spec itself",
    "layers": "limits on layers stand in 'budget'; a network is a file of its own",
    "input": "a network is a file of its own: name it under 'files'",
}
_NO_COMMAS = "a number is written without commas"


def top_key(text: str) -> tuple[str, list[str]]:
    """The help for an unknown key of a spec, and the key that it stands for, if that is known.

    >>> top_key("model"), top_key("layer:[relu]")
    (("it is called 'layers' here", ['layers']), ("a space is missing after the ':'", ['layer']))
    """
    if text.partition(":")[0] and ":" in text:
        return "a space is missing after the ':'", [text.partition(":")[0]]
    ours = TOP_LEVEL.get(text.lower())
    if ours:
        return f"it is called '{ours}' here", [ours]
    return did_you_mean(text, TOP_KEYS), nearest(text, TOP_KEYS, 1)


def metric(text: str, key: str, names: Sequence[str]) -> str:
    """The help for a word that is no metric that `key` takes; `names` are those."""
    if text == "dtype":
        return f"'dtype' stands beside '{key}', not in it"
    if text.isdecimal():
        return _NO_COMMAS
    help_text = _METRICS.get(text.lower().replace("-", "_")) or did_you_mean(text, names)
    return help_text or "one of " + ", ".join(names)


def expectation(text: str, names: Sequence[str]) -> str:
    """The help for a word that `expect` does not take; `names` are those that it takes."""
    return _NO_COMMAS if text.isdecimal() else did_you_mean(text, names)


def config_key(text: str, names: Sequence[str]) -> str:
    """The help for an unknown key of convcalc.yaml; `names` are those that may stand there."""
    return _CONFIG.get(text.lower()) or did_you_mean(text, names)
