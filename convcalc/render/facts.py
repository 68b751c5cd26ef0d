"""The words of facts, as output shows them."""

from convcalc.facts import share_text, value_text, worded

__all__ = ["share_text", "value_text", "worded"]
