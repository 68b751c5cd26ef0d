"""Memory with attentions that run as one kernel each, and hold no scores and no probabilities."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

import convcalc
from convcalc.analysis.memory.inference import measure_memory
from convcalc.analysis.memory.least_peak import least_peak
from convcalc.analysis.memory.liveness import TensorGraph, peak_of, tensor_graph
from convcalc.analysis.memory.training import kept_tensors
from convcalc.analysis.training.step import train
from convcalc.graph import Network
from tests.cli.runner import run, spec

#: Two heads on a query of 6 positions and a key of 4, the widths of which differ.
TEXT = """
{input: {q: [4, 6], k: [6, 4]}, layers: [
  {attention: {query: [{dense: 8, positionwise: true, from: q}],
               key: [{dense: 8, positionwise: true, from: k}],
               value: [{dense: 10, positionwise: true, from: k}]}, heads: 2, ARGUMENTS name: a},
  {dense: 3, positionwise: true}]}
"""
QUERY, KEY, VALUE, RESULT, SUMS = 8 * 6, 8 * 4, 10 * 4, 10 * 6, 2 * 6
SCORES = 2 * 4 * 6


def network(arguments: str = "") -> Network:
    return convcalc.loads(TEXT.replace("ARGUMENTS", arguments))


def sizes(graph: TensorGraph, made: Network) -> dict[str, int]:
    return {made.nodes[tensor.node].path: tensor.size for tensor in graph.tensors}


@pytest.mark.parametrize("arguments", ["", "similarity: cosine, dropout: 0.5,"])
def test_holds_query_key_value_result_and_a_number_per_head_and_query(arguments: str) -> None:
    made = network(arguments)
    assert sizes(tensor_graph(made, float32=1), made) == {
        "q": 24,
        "k": 24,
        "a.query.dense0": QUERY,
        "a.key.dense0": KEY,
        "a.value.dense0": VALUE,
        "a.softmax": SUMS,
        "a": RESULT,
        "dense0": 18,
    }
    plain = sizes(tensor_graph(made), made)
    assert plain["a.scores"] == plain["a.softmax"] == SCORES


def test_all_of_them_are_alive_while_the_result_is_made() -> None:
    graph = tensor_graph(network(), float32=1)
    last = graph.operations[-2]
    assert sorted(graph.tensors[read].size for read in last.reads) == sorted(
        [QUERY, KEY, VALUE, SUMS]
    )
    assert peak_of(graph) == QUERY + KEY + VALUE + SUMS + RESULT


def test_the_least_peak_is_that_of_all_orders() -> None:
    graph = tensor_graph(network("dropout: 0.1,"), in_place=True, float32=1)
    writers = {operation.writes: number for number, operation in enumerate(graph.operations)}
    peaks = []
    for order in permutations(range(len(graph.operations))):
        ready = all(
            order.index(writers[read]) < order.index(number)
            for number in order
            for read in graph.operations[number].reads
            if read in writers
        )
        if ready:
            peaks.append(peak_of(graph, order))
    found = least_peak(graph)
    assert (found.peak, found.exact) == (min(peaks), True)


@pytest.mark.parametrize(("dtype", "numbers"), [("float32", 1), ("bfloat16", 2), ("int8", 4)])
def test_the_numbers_are_float32_whatever_the_others_are(dtype: str, numbers: int) -> None:
    report = convcalc.analyze(network(), batch=3)
    memory = measure_memory(report, dtype=dtype, fused_attention=True)
    expected = {"float32": 4, "bfloat16": 2, "int8": 1}[dtype]
    elements = QUERY + KEY + VALUE + RESULT + numbers * SUMS
    assert memory.peak == memory.arena_bytes == 3 * expected * elements


def test_is_kept_for_the_backward_pass_instead_of_scores_and_probabilities() -> None:
    step = train(network("dropout: 0.1,"), batch=5)
    fused = {(t.path, t.what): t.bytes for t in kept_tensors(step, 2, fused_attention=True)}
    assert fused == {
        ("q", "value"): 2 * 5 * 24,
        ("k", "value"): 2 * 5 * 24,
        ("a.query.dense0", "value"): 2 * 5 * QUERY,
        ("a.key.dense0", "value"): 2 * 5 * KEY,
        ("a.value.dense0", "value"): 2 * 5 * VALUE,
        ("a", "value"): 2 * 5 * RESULT,
        ("a", "statistics"): 4 * 5 * SUMS,
    }
    plain = {(tensor.path, tensor.what): tensor.bytes for tensor in kept_tensors(step, 2)}
    assert plain["a.softmax", "value"] == plain["a.dropout", "value"] == 2 * 5 * SCORES
    assert plain["a.dropout", "flags"] == 5 * SCORES


def test_what_a_continuous_bias_keeps_is_no_score() -> None:
    text = "{input: [4, 5], layers: [{attention: {query: [], key: [], value: []}, ARGUMENTS}]}"
    made = convcalc.loads(text.replace("ARGUMENTS", "position_bias: continuous, heads: 2"))
    fused = kept_tensors(train(made), fused_attention=True)
    # What its relu and its sigmoid make for nine offsets.
    assert ("attention0.bias", "numbers") in {(t.path, t.what) for t in fused}
    assert next(t.bytes for t in fused if t.what == "numbers") == 4 * 9 * (512 + 2)


def test_an_attention_that_no_gradient_reaches_keeps_nothing() -> None:
    text = "{input: [4, 5], layers: [{attention: {query: [], key: [], value: []}}, {dense: 2}]}"
    fused = kept_tensors(train(convcalc.loads(text)), fused_attention=True)
    assert [(tensor.path, tensor.what) for tensor in fused] == [("attention0", "value")]


def test_without_an_attention_nothing_changes() -> None:
    report = convcalc.analyze(convcalc.load("resnet50"))
    plain, fused = measure_memory(report), measure_memory(report, fused_attention=True)
    assert (plain.peak, plain.peak_least, plain.arena) == (
        fused.peak,
        fused.peak_least,
        fused.arena,
    )


def test_as_an_option(tmp_path: Path) -> None:
    path = spec(tmp_path, TEXT.replace("ARGUMENTS", ""))
    _, _, heading, *rows = run("memory", path, "--fused-attention").out.splitlines()
    assert "the written order, fused attention" in heading
    assert not any("a.scores" in row for row in rows)
    _, _, training, *_ = run("memory", path, "--fused-attention", "--training").out.splitlines()
    assert "float32, fused attention, kept for the backward pass" in training
    for given in ([], ["--fused-attention"]):
        out = run("memory", path, *given, "--training", "--format", "json").out
        memory = json.loads(out)["memory"]
        assert memory["fused_attention"] is bool(given)
        assert memory["training"]["fused_attention"] is bool(given)
