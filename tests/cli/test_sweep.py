"""`convcalc sweep`: rows, formats, files that are interrupted, and wrong usage."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import convcalc
from convcalc.explore import sweep as work
from convcalc.explore.sweep import Counts, Rows
from tests.cli.runner import run, spec

SMALL = """\
input: [3, 16, 16]
args: {w: 4, act: relu, params: 1}
layers:
  - {conv: 2*w, kernel: 3, activation: act}
  - {maxpool: 2}
  - {conv: w, kernel: 3}
  - global_avgpool
"""
WIDE = ("--over", "w=1..40", "--over", "in_size=4..100")


def rows(*options: str) -> list[dict[str, str]]:
    result = run("sweep", *options, "--format", "csv")
    assert result.status == 0, result.err
    return [*csv.DictReader(io.StringIO(result.out))]


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return spec(tmp_path, SMALL)


class TestRows:
    def test_arguments_and_figures(self) -> None:
        found = rows("mobilenet_v2", "--over", "width=0.5,1", "--over", "in_size=96,224")
        assert [(row["width"], row["in_size"], row["macs"]) for row in found] == [
            ("0.5", "96", "18885440"),
            ("0.5", "224", "97131840"),
            ("1", "96", "56289152"),
            ("1", "224", "300774272"),
        ]

    def test_a_variant_that_is_no_network_says_why(self, net: str) -> None:
        found = rows(net, "--over", "in_size=4..8:2")
        assert [row["code"] for row in found] == ["window-too-large", "window-too-large", ""]
        assert found[0]["error"] == "a window does not fit its padded input"
        table = run("sweep", net, "--over", "in_size=4,8", "--format", "plain")
        assert "window-too-large: kernel height 3 does not fit the padded input" in table.out

    def test_limits_sort_and_top(self, net: str) -> None:
        options = ("--over", "w=1..40", "--limit", "macs<=100k", "--sort", "macs")
        found = [int(row["macs"]) for row in rows(net, *options)]
        assert found == sorted(found, reverse=True)
        assert max(found) <= 100_000
        assert [int(row["macs"]) for row in rows(net, *options, "--top", "2")] == found[:2]
        rising = [int(row["macs"]) for row in rows(net, *options, "--ascending")]
        assert rising == found[::-1]
        kept = rows(net, "--over", "w=1..40", "--limit", "macs<=100k", "--keep")
        assert len(kept) == 40
        assert {row["breaks"] for row in kept} == {"", "macs<=100k"}

    def test_a_front(self, net: str) -> None:
        options = ("--over", "w=1..6", "--over", "in_size=12,16")
        found = rows(net, *options, "--pareto", "+macs,params")
        assert {row["in_size"] for row in found if row["front"]} == {"16"}
        assert all(row["front"] for row in found if row["in_size"] == "16")

    def test_a_front_of_a_metric_and_what_varies(self, net: str) -> None:
        result = run("sweep", net, "--over", "in_size=9,8", "--pareto", "+in_size,macs")
        assert result.status == 0
        assert [line.endswith("*") for line in result.out.splitlines()[3:5]] == [True, True]

    def test_values_beyond_64_bits(self, net: str) -> None:
        result = run("sweep", net, "--over", f"in_size=8,{10**30}", "--format", "csv")
        assert result.status == 0
        assert ",,bad-input," in result.out.splitlines()[2]

    def test_a_front_of_figures_beyond_64_bits(self, net: str) -> None:
        Path("large.yaml").write_text(
            "{args: {n: 1, k: 1}, input: [2147483647, n, 1], layers: "
            "[{conv: 2147483647, kernel: [k, 1]}, {global_avgpool: }, {dense: 2147483647}]}",
            "utf-8",
        )
        options = ("--over", "n=3,1999999999,2147483647", "--over", "k=1,2")
        found = rows("large.yaml", *options, "--pareto", "+macs,params")
        assert max(int(row["macs"]) for row in found) > 2**64
        assert [(row["n"], row["k"]) for row in found if row["front"]] == [
            ("2147483647", "1"),
            ("2147483647", "2"),
        ]

    @pytest.mark.parametrize("style", ["table", "plain", "markdown"])
    def test_a_name_with_control_characters_is_escaped(self, net: str, style: str) -> None:
        Path("a\u202eb.yaml").write_text(SMALL, "utf-8")
        result = run("sweep", "a\u202eb.yaml", "--over", "w=1..2", "--format", style)
        assert result.status == 0
        assert "\u202e" not in result.out + result.err

    def test_an_argument_that_is_called_like_a_metric(self, net: str) -> None:
        (row,) = rows(net, "--over", "params=7")
        assert row["args.params"] == "7"
        assert int(row["params"]) > 7

    def test_json(self, net: str) -> None:
        options = ("--over", "act=relu,none", "--over", "w=0.5,4", "--limit", "macs<=1")
        data = json.loads(run("sweep", net, *options, "--keep", "--format", "json").out)
        assert (data["schema"], data["points"], data["invalid"]) == ("convcalc.sweep/1", 4, 2)
        assert data["broken"] == {"macs<=1": 2}
        assert data["variants"][0]["args"] == {"act": "relu", "w": 0.5}
        assert data["variants"][0]["metrics"] is None
        assert data["variants"][3]["breaks"] == ["macs<=1"]
        lines = run("sweep", net, *options, "--keep", "--format", "jsonl").out.splitlines()
        assert [json.loads(line) for line in lines] == data["variants"]

    def test_a_space_in_a_file(self, net: str) -> None:
        Path("space.yaml").write_text("w: 1..4\nin_size: [12, 16]\nwhen: w > 2 or in_size == 12\n")
        found = rows(net, "--space", "space.yaml")
        assert [(row["w"], row["in_size"]) for row in found] == [
            *[("1", "12"), ("2", "12"), ("3", "12"), ("3", "16"), ("4", "12"), ("4", "16")]
        ]

    def test_a_sample(self, net: str) -> None:
        found = rows(net, *WIDE, "--sample", "30", "--seed", "2")
        assert len({(row["w"], row["in_size"]) for row in found}) == 30
        assert found == rows(net, *WIDE, "--sample", "30", "--seed", "2")

    def test_the_table_says_what_it_leaves_out(self, net: str) -> None:
        result = run("sweep", net, *WIDE, "--limit", "macs<=1M", "--format", "plain")
        assert "more rows: --top N, or --format csv." in result.out
        every = rows(net, *WIDE, "--limit", "macs<=1M", "--keep")
        valid = [row for row in every if not row["code"]]
        kept = sum([not row["breaks"] for row in valid])
        line = (
            f"{len(every):,} variants: {kept:,} keep every limit; {len(valid) - kept:,} break"
            f" macs<=1M; {len(every) - len(valid):,} are no networks."
        )
        assert line in result.out

    def test_what_is_wrong_is_put_into_words_for_rows_that_are_shown(
        self, net: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []
        wrong = work.Explorer.wrong

        def counted(self: Any, indices: Any) -> str:
            asked.append(indices)
            return wrong(self, indices)

        monkeypatch.setattr(work.Explorer, "wrong", counted)
        result = run("sweep", net, "--over", "in_size[0]=1..5", "--over", "in_size[1]=1..60")
        assert "200 more rows" in result.out
        assert len(asked) == result.out.count("window-too-large") <= 100

    def test_dtypes_and_metrics(self, net: str) -> None:
        options = ("--over", "w=4", "--metrics", "weights,arena")
        (four,), (one,) = rows(net, *options), rows(net, *options, "--dtype", "int8")
        assert [int(four[m]) for m in ("weights", "arena")] == [
            4 * int(one[m]) for m in ("weights", "arena")
        ]
        analysis = convcalc.Analysis(convcalc.load(net))
        assert int(one["arena"]) == analysis.arena.size


def stop_after(monkeypatch: pytest.MonkeyPatch, parts: int, error: type[BaseException]) -> None:
    """Lets a sweep end after some parts."""
    monkeypatch.setattr(work, "_MOST", 500)
    whole = work.Explorer.look

    def look(self: Any, start: int, stop: int, **options: Any) -> tuple[Rows, Counts]:
        nonlocal parts
        parts -= 1
        if parts < 0:
            raise error
        return whole(self, start, stop, **options)

    monkeypatch.setattr(work.Explorer, "look", look)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("wd < 3", "space.yaml:2:7: error[unknown-name]: 'wd' is neither"),
        ("w <", "space.yaml:2:7: error[bad-expression]: the expression ends too early"),
        ("w", "space.yaml:2:7: error[bad-value]: it is true or false, not 1"),
    ],
)
def test_a_mistake_in_a_condition_is_at_its_place(net: str, condition: str, says: str) -> None:
    Path("space.yaml").write_text(f"w: 1,2\nwhen: {condition}\n")
    result = run("sweep", net, "--space", "space.yaml")
    assert (result.status, result.out) == (2, "")
    assert says in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kills", [2, pytest.param(30, marks=pytest.mark.long)])
def test_a_command_that_is_killed_goes_on(net: str, kills: int) -> None:
    """At any moment: what is there is a part of the whole, and what is resumed is the whole."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    options = ("--over", "in_size[0]=6..205", "--over", "in_size[1]=6..205", "--format", "csv")
    command = [sys.executable, "-m", "convcalc", "sweep", net, *options, "--output", "out"]
    start = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    longest = 1.1 * (time.monotonic() - start)
    whole = Path("out").read_bytes()
    assert whole.count(b"\n") == 40_001
    wait = random.Random(kills)
    command.append("--resume")
    for _ in range(kills):
        Path("out").unlink()
        for _ in range(2):
            with subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as child:
                time.sleep(wait.uniform(0.3, 1) * longest)
                child.kill()
            if not Path("out.sweep").exists():
                break  # it had not begun, or was complete
            assert whole.startswith(Path("out").read_bytes())
        if Path("out.sweep").exists() or not Path("out").exists():
            subprocess.run(command, env=environment, check=True, capture_output=True)
        assert Path("out").read_bytes() == whole
        assert not Path("out.sweep").exists()


class TestFiles:
    LINES = (*WIDE, "--limit", "macs<=2M")

    def interrupted(self, net: str, monkeypatch: pytest.MonkeyPatch, style: str) -> str:
        with monkeypatch.context() as patched:
            stop_after(patched, 3, KeyboardInterrupt)
            stopped = run("sweep", net, *self.LINES, "--format", style, "--output", "out")
        assert stopped.status == 130
        return Path("out").read_text()

    @pytest.mark.parametrize("style", ["csv", "jsonl"])
    def test_what_is_interrupted_is_whole_and_goes_on(
        self, net: str, style: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = run("sweep", net, *self.LINES, "--format", style).out
        begun = self.interrupted(net, monkeypatch, style)
        assert begun.endswith("\n")
        assert whole.startswith(begun)
        assert 100 < len(begun) < len(whole)
        resumed = ("sweep", net, *self.LINES, "--format", style, "--output", "out", "--resume")
        assert run(*resumed).status == 0
        assert Path("out").read_text() == whole
        assert [path.name for path in Path().iterdir() if "sweep" in path.name] == []

    def test_what_a_kill_left_behind_is_written_once(
        self, net: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = run("sweep", net, *self.LINES, "--format", "csv").out
        begun = self.interrupted(net, monkeypatch, "csv")
        # The lines of the next part, cut off in the middle: their progress is not noted.
        Path("out").write_text(whole[: len(begun) + 100])
        resumed = ("--format", "csv", "--output", "out", "--resume", "--jobs", "2")
        assert run("sweep", net, *self.LINES, *resumed).status == 0
        assert Path("out").read_text() == whole

    def test_a_kill_after_the_head(self, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = run("sweep", net, *self.LINES, "--format", "csv").out
        with monkeypatch.context() as patched:
            stop_after(patched, 0, KeyboardInterrupt)
            run("sweep", net, *self.LINES, "--format", "csv", "--output", "out")
        assert Path("out").read_text() == whole.splitlines(keepends=True)[0]
        resumed = ("sweep", net, *self.LINES, "--format", "csv", "--output", "out", "--resume")
        assert run(*resumed).status == 0
        assert Path("out").read_text() == whole

    def test_the_suffix_chooses_the_format(self, net: str) -> None:
        for suffix, start in (
            (".csv", "w,params,"),
            (".jsonl", '{"'),
            (".md", "### net"),
            (".txt", ""),
        ):
            assert run("sweep", net, "--over", "w=1..2", "--output", f"out{suffix}").status == 0
            assert Path(f"out{suffix}").read_text("utf-8").startswith(start)
        refused = run("sweep", net, "--over", "w=1..2", "--output", "out.svg")
        assert (refused.status, Path("out.svg").exists()) == (2, False)

    def test_a_file_is_not_overwritten_unasked(self, net: str) -> None:
        Path("out").write_text("mine")
        for style in ("csv", "json", "table"):
            result = run("sweep", net, *self.LINES, "--format", style, "--output", "out")
            assert (result.status, result.out) == (2, "")
            assert "error[file-exists]: out exists" in result.err
            assert Path("out").read_text() == "mine"
        result = run("sweep", net, *WIDE, "--format", "csv", "--output", "out", "--overwrite")
        assert result.status == 0
        assert Path("out").read_text() == run("sweep", net, *WIDE, "--format", "csv").out

    def test_the_results_of_another_sweep(self, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
        begun = self.interrupted(net, monkeypatch, "csv")
        again = ("--format", "csv", "--output", "out")
        for other in (
            (*WIDE, *again),
            (*self.LINES, "--dtype", "int8", *again),
            (*self.LINES, "--set", "act=none", *again),
        ):
            result = run("sweep", net, *other, "--resume")
            assert "holds the results of another sweep" in result.err
        Path(net).write_text(SMALL + "# changed\n")
        assert "another sweep" in run("sweep", net, *self.LINES, *again, "--resume").err
        assert Path("out").read_text() == begun

    def test_damaged_progress(self, net: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.interrupted(net, monkeypatch, "csv")
        resumed = ("sweep", net, *self.LINES, "--format", "csv", "--output", "out", "--resume")
        progress = Path("out.sweep").read_text()
        for text in ("", "{", "[]", '{"sweep": 1}', progress.replace('bytes": ', 'bytes": -')):
            Path("out.sweep").write_text(text)
            assert "error[bad-progress]" in run(*resumed).err
        Path("out.sweep").write_text(progress)
        Path("out").write_text("w\n")
        assert "error[bad-progress]" in run(*resumed).err
        Path("out.sweep").unlink()
        assert "not the file of an interrupted sweep" in run(*resumed).err

    def test_nothing_to_go_on_with(self, net: str) -> None:
        for options in (
            ("--format", "csv"),
            ("--format", "csv", "--output", "out", "--sort", "macs"),
            ("--format", "json", "--output", "out"),
        ):
            assert "--resume goes on with a file of lines" in (
                run("sweep", net, *WIDE, *options, "--resume").err
            )
        begun = ("sweep", net, "--over", "w=1,2", "--format", "csv", "--output", "out")
        assert run(*begun, "--resume").status == 0
        assert run(*begun, "--resume").status == 2

    def test_a_folder_that_is_missing(self, net: str) -> None:
        result = run("sweep", net, *WIDE, "--format", "csv", "--output", "no/such/out")
        assert result.status == 2
        assert "--output no/such/out cannot be written" in result.err


class TestWrongUsage:
    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ((), "nothing varies"),
            (("--over", "w=1", "--over", "w=2"), "'w' varies twice"),
            (("--over", "w=1", "--set", "w=2"), "'w' varies, and --set fixes it"),
            (("--over", "w=1", "--set", "v=2"), "no such argument"),
            (("--over", "w=1", "--sort", "mac"), "no metric is called 'mac'"),
            (("--over", "w=1", "--metrics", "a"), "no metric is called 'a'"),
            (("--over", "w=1", "--pareto", "+a"), "no metric is called 'a'"),
            (("--over", "w=1", "--pareto", ""), "no metric is called ''"),
            (("--over", "w=1", "--seed", "-1"), "--seed is a whole number from 0 on"),
            (("--over", "w=1,x"), "--over w=x: 'x' is neither"),
            (("--over", "in_size=28.5"), "--over in_size=28.5: a size is a whole number"),
            (("--over", "in_size=8..9:0.5"), "a size is a whole number, not 0.5"),
            (("--over", "w=1", "--ascending"), "--ascending is about --sort"),
            (("--over", "w=1", "--limit", "arena<=9"), "does not say which bytes"),
            (("--over", "w=1", "--dtype", "int4"), "--dtype cannot be 'int4'"),
            (("--over", "w=1", "--format", "xml"), "--format cannot be 'xml'"),
            (("--over", "w=1", "--jobs", "0"), "--jobs must be at least 1"),
            (("--over", "w=1", "--sample", "0"), "--sample must be at least 1"),
            (("--over", "w=1", "--space", "nosuch.yaml"), "nosuch.yaml cannot be opened"),
            (("--over", "w=1..100000", "--over", "in_size=1..100000"), "10,000,000,000 points"),
        ],
    )
    def test_mistakes(self, net: str, options: tuple[str, ...], says: str) -> None:
        result = run("sweep", net, *options)
        assert (result.status, result.out) == (2, "")
        assert says in result.err

    def test_too_many_layers_are_rows(self, net: str) -> None:
        found = rows(net, "--over", "w=1,2", "--max-layers", "2")
        assert [row["code"] for row in found] == ["too-many-layers"] * 2

    def test_a_file_that_is_wrong(self, tmp_path: Path) -> None:
        result = run("sweep", spec(tmp_path, "input: [3, 8, 8\n"), "--over", "in_size=8")
        assert (result.status, result.out) == (1, "")


def test_the_first_rows_come_before_the_last_are_known(
    net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    whole = work.sweep

    def watched(*args: Any, **options: Any) -> Iterator[tuple[Rows, Counts]]:
        for answer in whole(*args, **options):
            asked.append(answer[1].points)
            yield answer

    monkeypatch.setattr(work, "sweep", watched)
    result = run("sweep", net, *WIDE, "--format", "csv", "--top", "3")
    assert len(result.out.splitlines()) == 4
    assert sum(asked) < 40 * 97
