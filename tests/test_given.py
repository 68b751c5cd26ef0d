"""What public functions cannot take, they refuse with a ConvcalcError that speaks Python."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc import given
from convcalc.layers.convolution import Conv
from convcalc.problems import RuleError

#: Type checkers would refuse what is tried here.
ANY: Any = convcalc
NETWORK = convcalc.load("lenet")
SPEC: Any = convcalc.spec("lenet")
ANALYSIS = convcalc.Analysis(NETWORK)
TEXT = "{input: [4], layers: [{dense: 3}]}"
VARIANTS = {"in_size": [28, 32]}


CONV = Conv.read({"channels": 8, "kernel": 3}, rank=2)


def built() -> convcalc.GraphBuilder:
    builder = convcalc.GraphBuilder()
    builder.input("image", (3, 8, 8))
    return builder


def access(**arguments: Any) -> None:
    with convcalc.access(**arguments):
        pass


#: Each public function, and arguments that it takes.
FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Analysis": (convcalc.Analysis, {"network": NETWORK, "batch": 2, "valid_taps": True}),
    "Analysis.arena_in": (ANALYSIS.arena_in, {"dtype": "int8"}),
    "Analysis.balance": (ANALYSIS.balance, {"dtype": "int8", "weights": "int8"}),
    "Analysis.counted": (ANALYSIS.counted, {"convention": "torch"}),
    "Analysis.least_peak_in": (ANALYSIS.least_peak_in, {"dtype": "int8"}),
    "Analysis.live": (ANALYSIS.live, {"in_place": True, "dtype": "int8"}),
    "Analysis.memory": (ANALYSIS.memory, {"in_place": True, "dtype": "int8"}),
    "Analysis.peak": (ANALYSIS.peak, {"in_place": True, "dtype": "int8"}),
    "Analysis.peak_step": (ANALYSIS.peak_step, {"in_place": True, "dtype": "int8"}),
    "Analysis.training": (ANALYSIS.training, {"optimizer": "adam", "input_gradient": True}),
    "GraphBuilder.add": (
        lambda **arguments: built().add(**arguments),
        {"layer": CONV, "inputs": [0], "path": "conv", "unit": "conv"},
    ),
    "GraphBuilder.fuse": (
        lambda **arguments: built().fuse(**arguments),
        {"layer": CONV, "index": 0},
    ),
    "GraphBuilder.network": (
        lambda **arguments: built().network(**arguments),
        {"name": "small", "outputs": {"image": 0}},
    ),
    "GraphBuilder.places": (lambda **arguments: built().places(**arguments), {"index": 0}),
    "GraphBuilder.share": (
        lambda **arguments: built().share(**arguments),
        {"indices": [0], "others": [0]},
    ),
    "Network.with_layers": (
        NETWORK.with_layers,
        {"layers": [node.layer for node in NETWORK.nodes]},
    ),
    "Spec.argument": (SPEC.argument, {"name": "width", "value": 1}),
    "Spec.changes": (SPEC.changes, {"args": {}}),
    "Fields.aligned": (ANALYSIS.fields.aligned, {"path": "conv0", "input": "input"}),
    "Balance.to_dict": (ANALYSIS.balance().to_dict, {"device": None}),
    "GraphBuilder.input": (
        lambda **arguments: convcalc.GraphBuilder().input(**arguments),
        {"name": "image", "shape": (3, 8, 8)},
    ),
    "Runner": (
        convcalc.Runner,
        {
            "network": NETWORK,
            "weights": None,
            "seed": 1,
            "dtype": "float64",
            "layers": ["conv0"],
            "exact": True,
            "threads": 1,
            "max_memory": 10**9,
            "cache_weights": True,
        },
    ),
    "Runner()": (convcalc.Runner(NETWORK), {"inputs": None, "batch": 2}),
    "Spec.network": (SPEC.network, {"args": {}, "input": None, "max_layers": 100}),
    "Spec.read": (SPEC.read, {"args": {}, "input": None, "max_layers": 100}),
    "access": (access, {"allow_outside": True, "max_file_size": 10}),
    "analyze": (convcalc.analyze, {"network": NETWORK, "batch": 2, "valid_taps": True}),
    "evaluate": (
        convcalc.evaluate,
        {
            "spec": "lenet",
            "variants": VARIANTS,
            "metrics": ["macs"],
            "args": {},
            "dtype": "int8",
            "max_layers": 100,
            "executor": None,
        },
    ),
    "execute": (
        convcalc.execute,
        {
            "network": NETWORK,
            "inputs": None,
            "weights": None,
            "seed": 1,
            "dtype": "float64",
            "batch": 1,
            "layers": ["conv0"],
            "exact": True,
            "threads": 1,
            "max_memory": 10**9,
        },
    ),
    "export": (
        convcalc.export,
        {
            "network": NETWORK,
            "path": "nowhere/net.onnx",
            "weights": None,
            "seed": 1,
            "batch": 1,
            "framework": "torch",
        },
    ),
    "load": (convcalc.load, {"path": "lenet", "args": {}, "input": None, "max_layers": 100}),
    "loads": (
        convcalc.loads,
        {"text": TEXT, "name": "-", "args": {}, "input": None, "max_layers": 100},
    ),
    "measure": (
        convcalc.measure,
        {"analysis": ANALYSIS, "name": "flops", "dtype": "int8", "convention": "torch"},
    ),
    "read": (
        convcalc.read,
        {"path": "lenet", "text": TEXT, "args": {}, "input": None, "max_layers": 100},
    ),
    "spec": (convcalc.spec, {"path": "lenet", "text": TEXT}),
    "train": (
        convcalc.train,
        {"network": NETWORK, "batch": 2, "optimizer": "adam", "input_gradient": True},
    ),
}
#: Values of every sort, of which no parameter takes more than a few.
VALUES: tuple[Any, ...] = (
    None,
    0,
    -1,
    3,
    2.5,
    float("nan"),
    True,
    "",
    "lenet",
    "float8",
    "nope",
    "\0",
    b"lenet",
    [],
    [1],
    ["a"],
    {},
    {"a": 1},
    {1: 2},
    object(),
    np.arange(3),
    np.zeros(3),
    NETWORK,
    SPEC,
)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_arguments_are_refused_with_a_convcalc_error(name: str) -> None:
    function, arguments = FUNCTIONS[name]
    refused = []
    for parameter in arguments:
        for value in VALUES:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    function(**{**arguments, parameter: value})
                except convcalc.ConvcalcError as error:
                    refused.append(str(error))
                except RuleError:  # of a network that is made in Python
                    refused.append("")
    assert len(refused) > len(arguments)
    assert not [text for text in refused if "--" in text], "options are not Python's"


def test_every_public_function_is_tried() -> None:
    public = {
        name
        for name in convcalc.__all__
        if inspect.isfunction(getattr(convcalc, name)) or name in {"Analysis", "Runner"}
    }
    assert public <= FUNCTIONS.keys()
    methods = {
        f"Analysis.{name}"
        for name, method in vars(convcalc.Analysis).items()
        if inspect.isfunction(method)
        and name[0] != "_"
        and len(inspect.signature(method).parameters) > 1
    }
    assert methods <= FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("refuse", "message"),
    [
        (lambda: ANY.analyze("lenet"), "network must be a convcalc.Network, not 'lenet'"),
        (lambda: ANALYSIS.balance("float8"), "no type of numbers is called 'float8'"),
        (lambda: ANALYSIS.counted("nope"), "no counter is called 'nope'"),
        (
            lambda: convcalc.execute(NETWORK, layers="conv0"),
            "layers must be a list of names, not 'conv0'",
        ),
        (lambda: convcalc.load("lenet", args={"a": 1}), "args a: the file has no such argument"),
        (lambda: convcalc.load("lenet", input=[3]), "input 3: "),
        (lambda: convcalc.analyze(NETWORK, batch=True), "batch must be a whole number from 1 on"),
        (lambda: convcalc.train(NETWORK, optimizer="adm"), "there is no optimizer 'adm'"),
    ],
)
def test_the_message_names_the_parameter(refuse: Callable[[], Any], message: str) -> None:
    with pytest.raises(convcalc.ConvcalcError) as caught:
        refuse()
    assert message in str(caught.value)
    assert caught.value.status == 2


def test_a_path_in_place_of_a_network_is_answered_with_how_to_load_it() -> None:
    with pytest.raises(convcalc.ConvcalcError) as caught:
        ANY.analyze("lenet")
    (help_,) = caught.value.problems[0].facts
    assert "convcalc.load('lenet')" in str(help_)


def test_whole_numbers_of_other_types_are_taken() -> None:
    assert ANY.analyze(NETWORK, batch=np.int64(2)).batch == 2
    assert type(given.whole("batch", np.int16(3))) is int
