"""`convcalc formula` and `convcalc sizes`: closed forms, and the sizes that work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.runner import run, spec

U = """\
input: [3, 64, 64]
args: {w: 4, act: relu}
layers:
  - {conv: w, kernel: 3, padding: 1, activation: act, name: top}
  - {maxpool: 2}
  - {conv: 2*w, kernel: 3, padding: 1}
  - {upsample: 2}
  - {concat: [[], top]}
"""


@pytest.fixture
def net(tmp_path: Path) -> str:
    return spec(tmp_path, U)


class TestFormula:
    def test_resnet50(self) -> None:
        found = run("formula", "resnet50", "macs").out
        assert "macs = 9408*floor((h + 1)/2)*floor((w + 1)/2) + 245760*floor((h + 3)/4)*" in found

    def test_conditions_in_few_words(self, net: str) -> None:
        found = run("formula", net, "macs", "--over", "in_size").out
        assert "  where h >= 2\n  and   w >= 2\n" in found
        assert "  and   h == 2*floor(h/2)\n" in found
        assert "h is in_size[0], w is in_size[1]." in found

    def test_an_argument(self, net: str) -> None:
        found = run("formula", net, "params", "--over", "w").out
        assert "params = 18*w**2 + 30*w\n" in found

    def test_pieces(self, net: str) -> None:
        found = run("formula", net, "params", "--over", "in_size=1..9").out
        assert found.count("params = ") == 3
        assert "params = no network: join-mismatch" in found
        assert run("formula", net, "params", "--over", "w=0.5..2:0.5").out.count("params =") == 2

    def test_latex(self, net: str) -> None:
        assert "Bytes are those of numbers in int8." in (
            run("formula", net, "peak_memory", "--dtype", "int8").out
        )
        found = run("formula", net, "peak_memory", "--format", "latex").out
        assert found.startswith(r"\mathrm{peak\_memory} = \max\left(")
        pieces = run("formula", "lenet", "macs", "--over", "in_size=1..60", "--format", "latex")
        assert r"\left\lfloor \frac{in_size}{4} \right\rfloor" in pieces.out

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("mac",), "no metric is called 'mac'"),
            (("arena",), "arena is searched for in a network and has no formula"),
            (("macs", "--over", "act"), "'act' is no whole number"),
            (("macs", "--over", "x"), "no argument 'x'"),
            (("macs", "--over", "w", "--set", "w=3"), "'w' varies, and --set fixes it"),
            (("macs", "--format", "xml"), "--format cannot be 'xml'"),
        ],
    )
    def test_mistakes(self, net: str, arguments: tuple[str, ...], says: str) -> None:
        result = run("formula", net, *arguments)
        assert (result.status, result.out) == (2, "")
        assert says in result.err


class TestSizes:
    def test_text(self, net: str) -> None:
        assert run("sizes", net).out == (
            f"{Path(net).stem}: input 3x64x64\n"
            "height and width  2, 4, 6, ...: every 2 from 2 on\n"
            "Any height goes with any width.\n"
        )

    def test_dropped_rows(self) -> None:
        found = run("sizes", "inception_v3").out
        assert "every size from 75 on" in found
        assert "no row is dropped at 75, 107, 139, ...: every 32 from 75 on" in found

    def test_json(self, net: str) -> None:
        data = json.loads(run("sizes", net, "--most", "16", "--format", "json").out)
        assert (data["schema"], data["most"], data["independent"]) == ("convcalc.sizes/1", 16, True)
        assert [axis["name"] for axis in data["axes"]] == ["height", "width"]
        works = data["axes"][0]["works"]
        assert works == {"smallest": 2, "period": 2, "from": 1, "sizes": list(range(2, 17, 2))}

    def test_no_size_works(self, tmp_path: Path) -> None:
        wrong = spec(tmp_path, "input: [3, 8, 8]\nlayers: [{conv: 4, kernel: 1, groups: 2}]\n")
        result = run("sizes", wrong)
        assert result.status == 1
        assert "none from 1 to 1024" in result.out

    def test_mistakes(self, tmp_path: Path, net: str) -> None:
        flat = spec(tmp_path, "input: [3]\nlayers: [{dense: 4}]\n", "flat.yaml")
        assert "the input has no spatial sizes" in run("sizes", flat).err
        assert "--most is from 8 to 4096" in run("sizes", net, "--most", "10000").err


COMMANDS = (
    "formula {} macs",
    "sizes {}",
    "sweep {} --over in_size=8..16:8",
    "solve {} --over in_size=8..16:8 --maximize macs",
)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("input: [3, 8, 8], layers: fifo", "bad-value"),
        ("input: [3, 8, 8], layers: 25769803776", "bad-value"),
        ("input: [3, 8, 8], layers: []", "bad-value"),
        ("input: [3, 8, 8], layers: {relu: }", "bad-value"),
        ("input: [3, 8, 8]", "missing-key"),
        ("layers: [relu]", "missing-key"),
        ("input: {}, layers: [relu]", "bad-value"),
        ("input: {relu: , repeat: 300}", "missing-key"),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_without_input_or_layers_is_reported(
    tmp_path: Path, keys: str, code: str, command: str
) -> None:
    file = spec(tmp_path, f"{{args: {{w: 1}}, {keys}}}")
    result = run(*command.format(file).split())
    assert (result.status, result.out) == (1, "")
    assert f"error[{code}]: " in result.err
