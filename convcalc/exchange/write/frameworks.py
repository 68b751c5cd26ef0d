"""Source of networks, by the framework that it is for."""

from __future__ import annotations

from convcalc.graph import Network

#: What source can be written for.
FRAMEWORKS = ("torch", "keras")


def source(network: Network, framework: str) -> str:
    """The network's source for one of `FRAMEWORKS`; raises ConvcalcError as its writer does."""
    if framework == "keras":
        from convcalc.exchange.write.source.keras_text import keras_source

        return keras_source(network)
    from convcalc.exchange.write.source.torch_text import torch_source

    return torch_source(network)
