"""Networks of TFLite, now LiteRT: `.tflite` files."""

from convcalc.exchange.tflite.reading import read

__all__ = ["read"]
