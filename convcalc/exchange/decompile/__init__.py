"""From a network to the text of a file that a person can read."""

from convcalc.exchange.decompile.decompile import Text, decompile

__all__ = ["Text", "decompile"]
