"""The kinds of which it is known what they compute: those that have counts, a kernel, an oracle."""

from convcalc.layers import KINDS, NODE_KINDS, layer_class

#: Kinds that a spec can write.
KNOWN_KINDS = [kind for kind in KINDS if not layer_class(kind).unknown]
#: Kinds that nodes have.
KNOWN_NODE_KINDS = [kind for kind in NODE_KINDS if not layer_class(kind).unknown]
