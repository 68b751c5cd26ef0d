"""Reading takes a limited number of steps, whatever each layer of a short file asks for."""

from __future__ import annotations

import pytest

from convcalc import ConvcalcError, loads
from convcalc.language.reading.document import LONGEST_NAME, LONGEST_PATH, MOST_PARAMETERS

HEAD = "input: [3, 8, 8]\n"
WIDE = "/".join(["in_channels"] * 90)
FRACTIONS = " + ".join(["0.1234567 ** 9 * in_channels"] * 25)
LIST = ", ".join(["1"] * 900)
MANY = "args: {" + ", ".join(f"a{number}: 1" for number in range(3000)) + "}\n"


def codes(text: str, most: int) -> list[str]:
    try:
        loads(text, max_layers=most)
    except ConvcalcError as error:
        return [problem.code for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "text",
    [
        f"layers: [{{dense: 'max(3, min(2, {WIDE}))', repeat: 1000}}]",
        f"layers: [{{dense: 'max(3, min(2, {FRACTIONS}))', repeat: 1000}}]",
        f"args: {{x: [{LIST}]}}\nlayers: [{{dense: in_channels * sum(x) // sum(x), repeat: 1000}}]",
        f"args: {{x: [{LIST}]}}\nlayers: [{{dense: 'in_channels * len([x]) // 1', repeat: 1000}}]",
        f"layers: [{{relu: , when: '{WIDE} > 0', repeat: 1000}}]",
        f"blocks:\n  ? 'b(n, m={WIDE})'\n  : [relu]\nlayers: [{{b: 3, repeat: 1000}}]",
        f"{MANY}blocks: {{b: [relu]}}\nlayers: [{{b: , repeat: 1000}}]",
        f"layers: [{{add: [{', '.join(['[]'] * 50)}], repeat: 1000}}]",
        "layers: [{relu: , name: u, repeat: 1000}, {add: [u*, []], repeat: 90}]",
        "layers: [{relu: , repeat: 600}, elu, {add: [elu*, []], repeat: 450}]",
        "layers: [{add: {a: [], b: [], "
        + ", ".join(f"c{number}: {{when: in_channels > 5, layers: []}}" for number in range(50))
        + "}, repeat: 1000}]",
        "layers: ["
        + "".join(f"{{name: {'n' * 90}, sequential: [" for _ in range(30))
        + "{relu: , repeat: 1000}"
        + "]}" * 30
        + "]",
    ],
    ids=[
        "names",
        "fractions",
        "a list handed to functions",
        "a list in lists",
        "conditions",
        "defaults",
        "arguments",
        "inputs",
        "copies in joins",
        "a search for copies",
        "branches that are left out",
        "paths",
    ],
)
def test_steps_are_limited(text: str) -> None:
    assert codes(HEAD + text, 1100) == ["too-many-steps"]
    assert not codes(HEAD + text, 100_000)


def test_layers_as_people_write_them_take_far_less() -> None:
    layer = (
        "{conv: 4 * in_channels // 4, kernel: [3, 3], padding: 1, norm: batch, activation: relu}"
    )
    text = f"blocks:\n  b(n, m=n): [{layer}, {{add: [[], conv0]}}]\n"
    assert not codes(f"{HEAD}{text}layers: [{{b: 3, repeat: 500}}]", 4 * 500 + 1)


def test_after_a_mistake_they_are_limited_in_silence() -> None:
    text = f"layers: [{{dense: 0}}, {{dense: 'max(3, min(2, {WIDE}))', repeat: 1000}}]"
    assert codes(HEAD + text.replace("in_channels", "7"), 1100) == ["bad-value"]


def test_the_message_names_the_option() -> None:
    with pytest.raises(ConvcalcError) as caught:
        loads(f"{HEAD}layers: [{{relu: , when: '{WIDE} > 0', repeat: 1000}}]", max_layers=1000)
    shown = str(caught.value.problems[0].facts)
    assert "at most 60000 steps" in shown
    assert "--max-layers N" in shown


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("layers: [{relu: , name: NAME}]", "bad-name"),
        ("args: {NAME: 1}\nlayers: [relu]", "bad-name"),
        ("blocks: {NAME: [relu]}\nlayers: [relu]", "bad-signature"),
        ("blocks:\n  ? b(NAME)\n  : [relu]\nlayers: [relu]", "bad-signature"),
        ("layers: [{add: {NAME: [], b: []}}]", "bad-name"),
    ],
)
def test_names_are_not_longer_than_so(text: str, code: str) -> None:
    assert not codes(HEAD + text.replace("NAME", "n" * LONGEST_NAME), 10)
    assert codes(HEAD + text.replace("NAME", "n" * (LONGEST_NAME + 1)), 10)[0] == code


def test_references_go_only_so_deep() -> None:
    layers = "layers: [{relu: , from: REFERENCE}]"
    for count, code in ((LONGEST_PATH, "unknown-layer"), (LONGEST_PATH + 1, "bad-name")):
        assert codes(HEAD + layers.replace("REFERENCE", ".".join("a" * count)), 10) == [code]


def test_a_block_takes_so_many_arguments() -> None:
    for count, code in ((MOST_PARAMETERS, []), (MOST_PARAMETERS + 1, ["bad-signature"])):
        names = ", ".join(f"a{number}" for number in range(count))
        assert codes(f"{HEAD}blocks:\n  ? b({names})\n  : [relu]\nlayers: [relu]", 10) == code


def test_shared_parameters_of_many_layers() -> None:
    """Each is found without going through all layers before it."""
    text = "{name: g, sequential: [{dense: 3, name: a}, {dense: 3}]}, relu, {dense: 3, share: g.a}"
    network = loads(
        f"input: [3]\nlayers: [{text}, {{sequential: [{{dense: 3}}, {{dense: 3}}], share: g}}]"
    )
    shares = {node.path: node.shares for node in network.operations if node.shares is not None}
    assert shares == {"dense0": 1, "sequential0.dense0": 1, "sequential0.dense1": 2}
