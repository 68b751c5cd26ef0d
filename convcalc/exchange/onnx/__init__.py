"""ONNX files, read without the onnx package.

In this order: `wire` (the bytes), `inference` (shapes, and what is known before the network runs),
`patterns` (several operations that are one), `writer` and `writing` (nodes of the network).
"""

from convcalc.exchange.onnx.reader import read

__all__ = ["read"]
