"""Names that people know from other libraries, and what they are called here.

None is a second spelling: each gets an error that names ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from convcalc.layers import layer_class

#: Kinds of other libraries, in small letters without "1d", "2d", "3d", "_" and "layer".
_KINDS = {
    "convolution": "conv",
    "convolutional": "conv",
    "convnd": "conv",
    "lazyconv": "conv",
    "separableconv": "depthwise, then conv with kernel: 1",
    "depthwiseconv": "depthwise",
    "dwconv": "depthwise",
    "convdw": "depthwise",
    "deformableconv": "deform_conv",
    "modulateddeformconv": "deform_conv with a mask",
    "dcn": "deform_conv",
    "dcnv2": "deform_conv with a mask",
    "convtranspose": "conv_transpose",
    "deconv": "conv_transpose",
    "deconvolution": "conv_transpose",
    "transposedconv": "conv_transpose",
    "upconv": "conv_transpose",
    "maxpooling": "maxpool",
    "poolmax": "maxpool",
    "minpooling": "minpool",
    "averagepool": "avgpool",
    "averagepooling": "avgpool",
    "meanpool": "avgpool",
    "avgpooling": "avgpool",
    "globalaveragepool": "global_avgpool",
    "globalaveragepooling": "global_avgpool",
    "globalavgpooling": "global_avgpool",
    "gap": "global_avgpool",
    "globalmaxpooling": "global_maxpool",
    "channelpool": "channel_maxpool or channel_avgpool",
    "channelmean": "channel_avgpool",
    "channelmax": "channel_maxpool",
    "adaptiveaveragepool": "adaptive_avgpool",
    "linear": "dense",
    "fc": "dense",
    "fullyconnected": "dense",
    "innerproduct": "dense",
    "gemm": "dense",
    "lstmcell": "lstm",
    "convlstmcell": "conv_lstm",
    "cudnnlstm": "lstm",
    "bilstm": "lstm with bidirectional: true",
    "grucell": "gru",
    "cudnngru": "gru",
    "bigru": "gru with bidirectional: true",
    "bidirectional": "lstm or gru with bidirectional: true",
    "batchnormalization": "batchnorm",
    "bn": "batchnorm",
    "layernormalization": "layernorm",
    "ln": "layernorm",
    "gn": "groupnorm",
    "groupnormalization": "groupnorm",
    "instancenormalization": "instancenorm",
    "localresponsenorm": "lrn",
    "rmsnormalization": "rmsnorm",
    "simplifiedlayernormalization": "rmsnorm",
    "normalize": "l2norm",
    "l2normalize": "l2norm",
    "l2normalization": "l2norm",
    "lpnormalization": "l2norm",
    "unitnormalization": "l2norm",
    "globalresponsenorm": "grn",
    "rectifier": "relu",
    "leaky": "leaky_relu",
    "clamp": "clip",
    "clipbyvalue": "clip",
    "hardtanh": "clip with min: -1 and max: 1",
    "swish": "silu",
    "logistic": "sigmoid",
    "activation": "relu, say, or 'activation: relu' on the layer before",
    "drop": "dropout",
    "alphadropout": "dropout",
    "droppath": "stochastic_depth",
    "dropconnect": "stochastic_depth",
    "view": "reshape",
    "permute": "transpose",
    "zeropad": "pad",
    "zeropadding": "pad",
    "constantpad": "pad",
    "reflectionpad": "pad with mode: reflect",
    "replicationpad": "pad with mode: replicate",
    "circularpad": "pad with mode: circular",
    "cropping": "crop",
    "upsampling": "upsample",
    "upsamplingnearest": "upsample",
    "upsamplingbilinear": "upsample with mode: bilinear",
    "interpolate": "upsample",
    "resize": "upsample",
    "resizing": "upsample",
    "maxunpool": "unpool",
    "maxunpooling": "unpool",
    "unpooling": "unpool",
    "depthtospace": "pixel_shuffle",
    "spacetodepth": "pixel_unshuffle",
    "focus": "pixel_unshuffle, then conv",
    "reorg": "pixel_unshuffle",
    "subpixel": "pixel_shuffle",
    "layerscale": "scale",
    "power": "pow",
    "square": "pow with exponent: 2",
    "rsqrt": "pow with exponent: -0.5",
    "reciprocal": "pow with exponent: -1",
    "rescale": "rescaling",
    "affine": "rescaling, of constants, or scale, of learned factors",
    "negative": "rescaling with factor: -1",
    "neg": "rescaling with factor: -1",
    "clstoken": "concat, with a parameter of one position as a branch",
    "classtoken": "concat, with a parameter of one position as a branch",
    "posembed": "add, with a parameter as a branch",
    "posembedding": "add, with a parameter as a branch",
    "positionembedding": "add, with a parameter as a branch",
    "positionalembedding": "add, with a parameter as a branch",
    "positionalencoding": "add, with a buffer as a branch",
    "registerbuffer": "buffer",
    "registerparameter": "parameter",
    "constant": "buffer",
    "concatenate": "concat",
    "cat": "concat",
    "merge": "concat",
    "stack": "concat with axis",
    "split": "slice, once for each part",
    "chunk": "slice, once for each part",
    "narrow": "slice",
    "stridedslice": "slice with step",
    "sum": "reduce_sum along axes, or add of branches",
    "mean": "reduce_mean",
    "max": "reduce_max",
    "amax": "reduce_max",
    "indexselect": "gather",
    "take": "gather",
    "expand": "broadcast",
    "broadcastto": "broadcast",
    "shortcut": "add",
    "residual": "add",
    "subtract": "sub",
    "minus": "sub",
    "difference": "sub",
    "multiply": "mul",
    "divide": "div",
    "truediv": "div",
    "quotient": "div",
    "bmm": "matmul",
    "mm": "matmul",
    "batchmatmul": "matmul",
    "dot": "matmul",
    "einsum": "matmul, behind transpose and reshape",
    "multiheadattention": "attention, with its projections as dense layers",
    "multiheadselfattention": "attention, with its projections as dense layers",
    "selfattention": "attention, with its projections as dense layers",
    "crossattention": "attention, with its projections as dense layers",
    "groupqueryattention": "attention, with its projections as dense layers",
    "mha": "attention, with its projections as dense layers",
    "mhsa": "attention, with its projections as dense layers",
    "unfold": "reshape and transpose, or attention with a window",
    "windowattention": "attention with a window",
    "shiftedwindowattention": "attention with a window and a shift",
    "windowpartition": "attention with a window",
    "windowreverse": "attention with a window",
    "roll": "attention with a window and a shift",
    "scaleddotproductattention": "attention",
    "dotproductattention": "attention",
    "sdpa": "attention",
    "seq": "sequential",
    "sequential": "sequential",
    "convbn": "conv with norm: batch",
    "convbnrelu": "conv with norm: batch and activation: relu",
    "convbnact": "conv with norm: batch and an activation",
    "convrelu": "conv with activation: relu",
    "passthrough": "identity",
    "nonmaxsuppression": "opaque",
    "customop": "opaque",
    "customlayer": "opaque",
    "plugin": "opaque",
    "unknown": "opaque",
    "noop": "identity",
}

#: Kinds of other libraries, spelt likewise, that are nothing here: no name of ours is meant,
#: however much alike ('transformer' and 'transpose', 'rnn' and 'lrn').
_ABSENT = (
    r"(additive|.*deformable)attention|transformer.*|.*embedding|embeddingbag|positionalencoding"
    r"|(simple)?rnn(cell)?|timedistributed"
    r"|encoder|decoder|lambda|(swi|ge|re)?glu"
    r"|gridsample|roi(pool|align)|nms|yolo|region|detect"
)
#: Instead of an embedding.
_INSTEAD = (
    "a table of embeddings multiplies nothing: what it gives is the input, [features, length]"
)

#: Arguments of other libraries, and ours: the first that the kind has.
_ARGUMENTS = {
    "kernel_size": ("kernel",),
    "kernel_shape": ("kernel",),
    "ksize": ("kernel",),
    "window": ("kernel",),
    "window_size": ("window", "kernel"),
    "num_heads": ("heads",),
    "n_heads": ("heads",),
    "nhead": ("heads",),
    "shift_size": ("shift",),
    "attn_drop": ("dropout",),
    "attention_dropout": ("dropout",),
    "dropout_p": ("dropout",),
    "pool_size": ("kernel",),
    "filter_size": ("kernel",),
    "size": ("kernel",),
    "k": ("kernel",),
    "filters": ("channels", "units"),
    "filter": ("channels",),
    "num_filter": ("channels",),
    "num_filters": ("channels",),
    "out_channels": ("channels", "units"),
    "out_channel": ("channels", "units"),
    "num_output": ("channels", "units"),
    "out": ("channels", "units"),
    "nf": ("channels",),
    "c": ("channels",),
    "channel": ("channels",),
    "channels": ("units", "groups"),
    "units": ("channels",),
    "out_features": ("units", "channels"),
    "features": ("units", "channels"),
    "hidden_size": ("units",),
    "num_classes": ("units",),
    "strides": ("stride",),
    "s": ("stride",),
    "step": ("stride",),
    "pad": ("padding",),
    "pads": ("padding",),
    "constant_value": ("value",),
    "constant_values": ("value",),
    "pad_value": ("value",),
    "fill_value": ("value",),
    "paddings": ("padding",),
    "p": ("rate", "padding"),
    "dilations": ("dilation",),
    "dilation_rate": ("dilation",),
    "dilate": ("dilation",),
    "d": ("dilation",),
    "group": ("groups",),
    "num_group": ("groups",),
    "num_groups": ("groups",),
    "deform_groups": ("offset_groups",),
    "deformable_groups": ("offset_groups",),
    "num_deformable_groups": ("offset_groups",),
    "g": ("groups",),
    "use_bias": ("bias",),
    "no_bias": ("bias: false",),
    "act": ("activation",),
    "nonlinearity": ("activation",),
    "activation_fn": ("activation",),
    "act_layer": ("activation",),
    "relu": ("activation: relu",),
    "normalization": ("norm",),
    "norm_layer": ("norm",),
    "bn": ("norm: batch",),
    "batch_norm": ("norm: batch",),
    "batchnorm": ("norm: batch",),
    "batch_normalize": ("norm: batch",),
    "output_size": ("size",),
    "scale_factor": ("factor",),
    "upscale_factor": ("factor",),
    "downscale_factor": ("factor",),
    "block_size": ("factor",),
    "blocksize": ("factor",),
    "scale": ("factor",),
    "scales": ("factor",),
    "interpolation": ("mode",),
    "align_corners": ("coordinates: align_corners",),
    "half_pixel_centers": ("coordinates: half_pixel",),
    "coordinate_transformation_mode": ("coordinates",),
    "shift": ("offset",),
    "negative_slope": ("slope",),
    "min_val": ("min",),
    "max_val": ("max",),
    "clip_value_min": ("min",),
    "clip_value_max": ("max",),
    "max_value": ("max",),
    "power": ("exponent",),
    "alpha": ("slope",),
    "epsilon": ("eps",),
    "depth_multiplier": ("multiplier",),
    "drop_rate": ("rate",),
    "drop_prob": ("rate",),
    "prob": ("rate",),
    "ceil": ("ceil_mode",),
    "keep_dims": ("keepdims",),
    "keepdim": ("keepdims",),
    "perm": ("order",),
    "dims": ("order", "axes"),
    "axis": ("axes",),
    "dim": ("axes", "axis"),
    "index": ("indices",),
    "sizes": ("shape",),
    "target_shape": ("shape",),
}

#: What is said of our arguments beside their names.
_REMARKS = dict.fromkeys(("axis", "axes"), ", counted from 0, the channels, without the batch")

#: Arguments that ours have no need of.
_NEEDLESS = {
    "start_dim": "flatten joins all axes; {reshape: [in_channels, -1]} keeps the channels",
    "embed_dim": "the widths of query, key and value are those of their dense layers",
    "key_dim": "the widths of query and key are those of their dense layers",
    "qkv_bias": "query, key and value are dense layers, each with its own bias",
    "in_channels": "the input's channels follow from the layer before",
    "in_features": "the inputs of a dense layer follow from the layer before",
    "num_features": "the channels follow from the layer before",
    "normalized_shape": "the channels follow from the layer before",
    "input_shape": "the network's input is the top-level key 'input'",
    "data_format": "shapes are channels first",
    "padding_mode": "put a 'pad' layer before, with its mode",
    "dim": "concat, slice and gather take an axis, reductions axes; other kinds have theirs",
    "inplace": "what runs in place is found out, not written",
    "momentum": "training settings are no part of the network",
    "kernel_initializer": "training settings are no part of the network",
    "kernel_regularizer": "training settings are no part of the network",
    "n": "copies are made by 'repeat'",
    "num_layers": "copies are made by 'repeat'",
    "input_size": "the input's channels follow from the layer before",
    "batch_first": "shapes have no batch axis",
    "return_sequences": "the states after all positions are the result",
    "times": "copies are made by 'repeat'",
    "for": "a loop is 'repeat: N', and 'copy' counts from 0",
    "foreach": "a loop is 'repeat: N', and 'copy' counts from 0",
    "loop": "a loop is 'repeat: N', and 'copy' counts from 0",
    "inputs": "an earlier layer's value is taken by 'from'",
    "bottom": "an earlier layer's value is taken by 'from'",
    "type": "the kind is the key: {conv: 64, kernel: 3}",
    "class_name": "the kind is the key: {conv: 64, kernel: 3}",
    "if": "a condition is written 'when'",
    "id": "a layer is named by 'name'",
}

#: Top-level keys of other formats, and near misses.
TOP_LEVEL = {
    "network": "layers",
    "model": "layers",
    "backbone": "layers",
    "architecture": "layers",
    "layer": "layers",
    "inputs": "input",
    "data_format": "layout",
    "image_data_format": "layout",
    "memory_format": "layout",
    "input_shape": "input",
    "input_size": "input",
    "output": "outputs",
    "default": "defaults",
    "block": "blocks",
    "params": "args",
    "arguments": "args",
    "variables": "args",
    "parameters": "args",
    "expected": "expect",
    "budgets": "budget",
    "limits": "budget",
    "extend": "extends",
    "inherits": "extends",
    "base": "extends",
    "title": "name",
}

#: Words for padding and choices in other libraries, and ours: the first that the field has.
_WORDS = {
    "same_upper": ("same",),
    "bn": ("batch",),
    "batch_norm": ("batch",),
    "batchnorm": ("batch",),
    "batchnormalization": ("batch",),
    "layernorm": ("layer",),
    "ln": ("layer",),
    "instancenorm": ("instance",),
    "rmsnorm": ("rms",),
    "rmsnormalization": ("rms",),
    "linear": ("none", "bilinear"),
    "identity": ("none",),
    "null": ("none",),
    "swish": ("silu",),
    "leaky": ("leaky_relu",),
    "edge": ("replicate",),
    "constant": ("zeros",),
    "zero": ("zeros",),
    "wrap": ("circular",),
    "symmetric": ("reflect",),
    "reflection": ("reflect",),
    "trilinear": ("bilinear",),
    "nearestexact": ("nearest",),
    "cubic": ("bicubic",),
    "pytorch_half_pixel": ("half_pixel",),
    "nchw": ("channels_first",),
    "nhwc": ("channels_last",),
    "ncdhw": ("channels_first",),
    "ndhwc": ("channels_last",),
}

#: What goes with our word for one of those.
_WITH = {"nearestexact": "write 'coordinates: half_pixel' with it"}


def _plain(name: str) -> str:
    # Of nn.Conv2d the last part.
    return re.sub(r"[123]d|_|-|layer$", "", name.rpartition(".")[2].lower())


def foreign_kind(name: str, kinds: Iterable[str]) -> str:
    """What another library's kind is called here; empty where it is none."""
    plain = _plain(name)
    if plain in _KINDS and _KINDS[plain] != name:
        return _KINDS[plain]
    for kind in kinds:
        if kind != name and plain == kind.replace("_", ""):
            return kind
    return ""


def absent_kind(name: str) -> bool:
    """Whether it is a kind of other libraries that does not exist here under any name.

    >>> absent_kind("nn.RNN"), absent_kind("lenet_block"), absent_kind("conv2d")
    (True, False, False)
    """
    return re.fullmatch(_ABSENT, _plain(name)) is not None


def absence(name: str) -> str:
    """What to write instead of an absent kind; empty where nothing does.

    >>> absence("nn.Embedding")[:46]
    'a table of embeddings multiplies nothing: what'
    """
    return _INSTEAD if _plain(name).endswith("embedding") else ""


def foreign_argument(name: str, names: Sequence[str]) -> str:
    """A sentence on another library's argument, for a kind that has `names`; empty if it is none.

    >>> foreign_argument("out_channels", ["units", "bias"])
    "it is called 'units' here"
    """
    for ours in _ARGUMENTS.get(name) or _ARGUMENTS.get(name.lower()) or ():
        if ours.partition(":")[0] in names:
            named = f"it is called '{ours}' here{_REMARKS.get(ours, '')}"
            return f"write '{ours}'" if ":" in ours else named
    return _NEEDLESS.get(name, "")


def foreign_word(word: str, choices: Sequence[str]) -> str:
    """Which of a field's choices another library's word means; empty if it is none.

    >>> foreign_word("SAME", ["valid", "same"]), foreign_word("same", ["nearest"])
    ('same', '')
    """
    if word in choices:
        return ""
    plain = _plain(word)
    for ours in (*_WORDS.get(word.lower(), ()), *_WORDS.get(plain, ())):
        if ours in choices:
            return ours
    for ours in choices:
        if plain == ours.replace("_", ""):
            return ours
    return ""


def word_remark(word: str) -> str:
    """What has to be written beside our word for another library's; empty if nothing.

    >>> word_remark("nearest-exact"), word_remark("nearest")
    ("write 'coordinates: half_pixel' with it", '')
    """
    return _WITH.get(_plain(word), "")


def takes_value(kind: str, value: str) -> bool:
    """Whether what is written in the parentheses of a call is a layer's value, as in Python.

    That is so where it is a name, and the kind needs no argument.

    >>> takes_value("softmax", "x"), takes_value("conv", "width"), takes_value("softmax", "4")
    (True, False, False)
    """
    declared = layer_class(kind)
    needs = declared.joins is not None or any(one.required for one in declared.fields.values())
    return not needs and re.fullmatch(r"[A-Za-z_][\w.]*", value, re.ASCII) is not None
