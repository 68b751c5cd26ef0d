"""Models of Keras: `.keras` archives, and the JSON of `model.to_json()`. Weights are not read."""

from convcalc.exchange.keras.reading import read

__all__ = ["read"]
