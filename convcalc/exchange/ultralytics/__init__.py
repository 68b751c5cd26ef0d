"""Networks that Ultralytics describes in YAML: a backbone and a head of modules."""

from convcalc.exchange.ultralytics.reading import read

__all__ = ["read"]
