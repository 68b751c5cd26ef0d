"""`check` in a project of a few networks: what it prints, and its exit status.

Golden texts lie in `golden/`; `python -m tests.cli.update_golden` writes them anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.runner import Result, run, spec

GOLDEN = Path(__file__).parent / "golden"

EDGE = """\
args: {width: 1.0}
input: [3, 32, 32]
defaults: {conv: {kernel: 3, padding: 1, norm: batch, activation: relu}}
layers:
  - {conv: 32*width}
  - {maxpool: 2}
  - {conv: 64*width, repeat: 2, name: mid}
  - global_avgpool
  - {dense: 10}
expect: {macs: 15041152}
budget: {params: 100k, macs: 20M, peak_memory: 100KiB, dtype: int8}
"""
SMALL = "input: [3, 32, 32]\nlayers:\n  - {conv: 8, kernel: 3}\n  - flatten\n  - {dense: 10}\n"
BROKEN = "input: [3, 32, 32]\nlayers: [{conv: 8, kernel: 40}]\n"
CONFIG = """\
networks:
  - files: models/edge.yaml
    set: {width: [0.5, 1.0, 2]}
    budget:
      params: 200k
      macs: 15M
      weights: 60kB
      output: [10]
      layers: {mid*: {params: 30k}}
    warn: {macs: 14M}
    dtype: int8
  - files: models/*.yaml
    budget: {macs: 310M, flops: {max: 620M, as: convcalc}}
"""


def project(folder: Path, config: str = CONFIG) -> None:
    """Writes a project of two networks and a convcalc.yaml."""
    (folder / "models").mkdir()
    (folder / "models" / "edge.yaml").write_text(EDGE, encoding="utf-8")
    (folder / "models" / "small.yaml").write_text(SMALL, encoding="utf-8")
    if config:
        (folder / "convcalc.yaml").write_text(config, encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project; the commands run in it."""
    project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scenes(folder: Path) -> dict[str, Result]:
    """Every command whose output is golden, run one after the other in a project."""
    found = {
        "check_project.txt": run("check"),
        "check_concise.txt": run("check", "--format", "concise"),
        "check_project.json": run("check", "--format", "json"),
        "check_one.txt": run("check", "models/small.yaml"),
        "check_set.txt": run("check", "models/edge.yaml", "--set", "width=0.5"),
        "check_fail_on.txt": run(
            *("check", "models/small.yaml", "--fail-on", "macs>250k", "--fail-on", "layers>2")
        ),
    }
    config = folder / "convcalc.yaml"
    config.write_text("networks: [{files: models/*.yaml}]\n", encoding="utf-8")
    run("lock", "models")
    limits = "growth: {macs: 2%, params: 0.5k, layers: 0%, weights: 0%}"
    config.write_text(f"networks:\n  - files: models/*.yaml\n    {limits}\n", encoding="utf-8")
    small = folder / "models" / "small.yaml"
    small.write_text(SMALL.replace("conv: 8", "conv: 9"), encoding="utf-8")
    new = folder / "models" / "new.yaml"
    new.write_text("{input: [4], layers: [{dense: 3}]}", encoding="utf-8")
    found["check_growth.txt"] = run("check")
    (folder / "models" / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    found["check_broken.txt"] = run("check")
    return found


def text_of(result: Result) -> str:
    """A result as one text: the status, and both streams."""
    return f"status {result.status}\n--- stdout\n{result.out}--- stderr\n{result.err}"


def test_golden_texts(here: Path) -> None:
    for name, result in scenes(here).items():
        expected = (GOLDEN / name).read_text(encoding="utf-8")
        assert text_of(result) == expected, (
            f"{name}: `python -m tests.cli.update_golden` writes it anew"
        )


class TestConvcalcYaml:
    def test_is_found_upwards_and_its_paths_are_its_folders(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        above = run("check", "--format", "json")
        monkeypatch.chdir(here / "models")
        below = run("check", "--format", "json")
        files = [file["file"] for file in json.loads(below.out)["files"]]
        assert files == ["edge.yaml", "edge.yaml", "edge.yaml", "small.yaml"]
        places = [f["place"] for file in json.loads(below.out)["files"] for f in file["findings"]]
        assert "../convcalc.yaml:5" in places
        totals = [file["totals"] for file in json.loads(above.out)["files"]]
        assert [file["totals"] for file in json.loads(below.out)["files"]] == totals

    def test_without_one_and_without_files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("convcalc.checks.project.config.find_config", lambda: None)
        result = run("check")
        assert result.status == 2
        assert "no FILE, and no convcalc.yaml" in result.err

    def test_every_combination_is_checked(self, here: Path) -> None:
        text = "networks: [{files: n.yaml, set: {a: [1, 2], depths: [[3, 4], [5]], act: relu}}]"
        (here / "convcalc.yaml").write_text(text, encoding="utf-8")
        (here / "n.yaml").write_text(
            "{args: {a: 1, depths: [1], act: none}, input: [4],"
            " layers: [{dense: a * sum(depths), activation: act}]}",
            encoding="utf-8",
        )
        files = json.loads(run("check", "--format", "json").out)["files"]
        assert [(file["variant"], file["totals"]["params"]) for file in files] == [
            ("depths=[3, 4] act=relu", 35),
            ("depths=[5] act=relu", 25),
            ("a=2 depths=[3, 4] act=relu", 70),
            ("a=2 depths=[5] act=relu", 50),
        ]

    def test_words_with_commas_stay_one_value(self, here: Path) -> None:
        text = "networks: [{files: n.yaml, set: {d: [['min(3, 4)', 2]]}}]"
        (here / "convcalc.yaml").write_text(text, encoding="utf-8")
        (here / "n.yaml").write_text(
            "{args: {d: [1, 1]}, input: [4], layers: [{dense: 'd[0] * d[1]'}]}", encoding="utf-8"
        )
        (file,) = json.loads(run("check", "--format", "json").out)["files"]
        assert file["totals"]["params"] == 30

    def test_entries_that_name_a_file_hold_for_it(self, here: Path) -> None:
        result = run("check", "models/edge.yaml", "--format", "json")
        assert result.status == 1
        assert [file["variant"] for file in json.loads(result.out)["files"]] == [
            *("width=0.5", "", "width=2")
        ]

    def test_under_set_those_entries_hold_that_list_the_variant_or_none(self, here: Path) -> None:
        def held(width: str) -> list[str]:
            options = ("--set", f"width={width}", "--format", "json")
            (file,) = json.loads(run("check", "models/edge.yaml", *options).out)["files"]
            return [finding["written"] for finding in file["findings"]]

        assert "15M" in held("2")
        assert "15M" not in held("3")
        assert "310M" in held("2")
        assert "310M" in held("3")

    def test_limits_and_growth_hold_however_a_variant_is_written(self, here: Path) -> None:
        text = "networks: [{files: n.yaml, set: {w: [0.5, 1.0, 2], s: [32, 64]}, budget: {adds: 1},"
        (here / "convcalc.yaml").write_text(f"{text} growth: {{macs: 0}}}}]", encoding="utf-8")
        spec = "args: {w: 1.0, s: 64}\ninput: [3, s, s]\nlayers: [{conv: 8*w, kernel: 3}]\n"
        (here / "n.yaml").write_text(spec, encoding="utf-8")
        assert run("lock").status == 0
        (here / "n.yaml").write_text(spec.replace("conv: 8", "conv: 10"), encoding="utf-8")
        for sets in (("w=2", "s=32"), ("s=32.0", "w=2.00"), ("w=1",), ("s=64", "w=0.50")):
            options = [word for one in sets for word in ("--set", one)]
            result = run("check", "n.yaml", *options, "--format", "json")
            (file,) = json.loads(result.out)["files"]
            broken = {(found["rule"], found["ok"]) for found in file["findings"]}
            assert broken == {("budget", False), ("growth", False)}
        (here / "convcalc.yaml").write_text(
            "networks: [{files: n.yaml, set: {s: [32.0, 64], w: [0.50, 1, 2.0]}}]", "utf-8"
        )
        assert "6 networks, 6 changed" in run("lock", "--check").err

    def test_a_warning_fails_nothing_and_is_counted(self, here: Path) -> None:
        config = "networks: [{files: models/small.yaml, warn: {macs: 1k, params: 1}}]\n"
        (here / "convcalc.yaml").write_text(config, encoding="utf-8")
        result = run("check")
        assert result.status == 0
        assert result.out.startswith("models/small.yaml: ok, 2 warnings\n")
        assert result.out.endswith("1 checked, all ok, 2 warnings\n")

    def test_several_entries_of_one_variant_are_one_network(self, here: Path) -> None:
        text = "networks:\n- {files: models, budget: {macs: 1k}}\n- {files: models/small.yaml, "
        text += "budget: {params: 1k}}\n"
        (here / "convcalc.yaml").write_text(text, encoding="utf-8")
        files = json.loads(run("check", "--format", "json").out)["files"]
        assert [file["file"] for file in files] == ["models/edge.yaml", "models/small.yaml"]
        assert [f["metric"] for f in files[1]["findings"]] == ["macs", "params"]

    def test_a_shipped_network_has_limits_too(self, here: Path) -> None:
        text = "networks: [{files: vgg16, budget: {params: 138357543}}]"
        (here / "convcalc.yaml").write_text(text, encoding="utf-8")
        result = run("check")
        assert result.status == 1
        assert "  1 (+0.00%)  " in result.out

    def test_is_no_spec(self, here: Path) -> None:
        (here / "lone.yaml").write_text("{input: [4], layers: [relu]}", encoding="utf-8")
        for named in (".", "*.yaml", str(here)):
            assert run("check", named).out.endswith("1 checked, all ok\n")
        refused = run("check", "convcalc.yaml")
        assert (refused.status, refused.out) == (2, "")
        assert "names networks and is none" in refused.err


class TestBudget:
    def check(self, folder: Path, budget: str, spec: str = SMALL) -> Result:
        path = folder / "net.yaml"
        path.write_text(f"{spec}budget: {budget}\n", encoding="utf-8")
        return run("check", str(path))

    def test_a_limit_is_kept_to_the_last_unit(self, tmp_path: Path) -> None:
        assert self.check(tmp_path, "{macs: 266400}").status == 0
        result = self.check(tmp_path, "{macs: 266399}")
        assert result.status == 1
        assert "  1 (+0.00%)  " in result.out
        assert f"{tmp_path}/net.yaml:3" in result.out

    @pytest.mark.parametrize(
        ("dtype", "kib"), [("float32", 1156), ("float16", 578), ("bfloat16", 578), ("int8", 289)]
    )
    def test_bytes_follow_the_dtype(self, tmp_path: Path, dtype: str, kib: int) -> None:
        """289 * 1024 parameters: the weights are as many KiB as a number has bytes."""
        spec = "input: [1023]\nlayers: [{dense: 289}]\n"
        assert self.check(tmp_path, f"{{weights: {kib}KiB, dtype: {dtype}}}", spec).status == 0
        less = f"{{weights: {kib * 1024 - 1}B, dtype: {dtype}}}"
        assert self.check(tmp_path, less, spec).status == 1

    def test_the_output_is_no_larger_on_any_axis(self, tmp_path: Path) -> None:
        spec = "input: [3, 8, 8]\nlayers: [{conv: 4, kernel: 3}]\n"
        assert self.check(tmp_path, "{output: [4, 6, 6]}", spec).status == 0
        assert self.check(tmp_path, "{output: [5, 9, 6]}", spec).status == 0
        assert self.check(tmp_path, "{output: [4, 6, 5]}", spec).status == 1
        assert self.check(tmp_path, "{output: [4, 36]}", spec).status == 1

    def test_patterns_are_held_against_names_and_groups(self, tmp_path: Path) -> None:
        spec = (
            "input: [3]\nlayers:\n  - sequential: [{dense: 4}, {dense: 4}]\n    name: stage\n"
            "  - {dense: 4}\n"
        )
        for pattern, params in {"dense0": 20, "stage.dense*": 20, "stage": 36, "*": 36}.items():
            limits = f"{{layers: {{'{pattern}': {{params: {params}}}}}}}"
            assert self.check(tmp_path, limits, spec).status == 0
            less = f"{{layers: {{'{pattern}': {{params: {params - 1}}}}}}}"
            result = self.check(tmp_path, less, spec)
            assert result.status == 1
            assert f"layers.{pattern}.params" in result.out

    def test_a_name_that_no_layer_has(self, tmp_path: Path) -> None:
        result = self.check(tmp_path, "{layers: {conv1: {params: 1M}}}")
        assert result.status == 1
        assert "did you mean 'conv0'?" in result.err
        assert self.check(tmp_path, "{layers: {batchnorm*: {params: 1}}}").status == 0

    def test_flops_as_another_counter_has_them(self, tmp_path: Path) -> None:
        """Torch counts two for a multiply-accumulate, and nothing for a bias or an activation."""
        spec = "input: [10]\nlayers: [{dense: 30, activation: relu}]\n"
        limit = "{{flops: {{max: {}, as: torch}}}}"
        assert self.check(tmp_path, limit.format(600), spec).status == 0
        result = self.check(tmp_path, limit.format(599), spec)
        assert result.status == 1
        assert "599 (torch)" in result.out

    def test_a_kind_that_a_counter_has_no_rule_for(self, tmp_path: Path) -> None:
        spec = "input: [3, 8, 8]\nlayers: [{minpool: 2}]\n"
        result = self.check(tmp_path, "{flops: {max: 1M, as: thop}}", spec)
        assert result.status == 1
        assert "error[no-rule]: pool0: thop has no rule for minpool" in result.err
        assert "--as thop --partial shows the others" in result.err

    def test_mistakes_are_reported_by_every_command(self, tmp_path: Path) -> None:
        assert self.check(tmp_path, "{macs: 3 mio}").status == 1
        assert run("shapes", str(tmp_path / "net.yaml")).status == 1

    def test_is_not_checked_on_an_altered_network(self, tmp_path: Path) -> None:
        (tmp_path / "n.yaml").write_text(EDGE.replace("macs: 20M", "macs: 20"), encoding="utf-8")
        path = str(tmp_path / "n.yaml")
        assert run("check", path).status == 1
        assert run("check", path, "--set", "width=1").status == 1
        smaller = run("check", path, "--set", "width=0.5")
        assert smaller.status == 0
        assert "skipped under --set" in smaller.out
        other = run("check", path, "--input", "3x16x16")
        assert other.status == 0
        assert "skipped under --input" in other.out

    def test_a_mistake_in_a_file_is_reported_once_for_all_its_variants(self, here: Path) -> None:
        (here / "models" / "edge.yaml").write_text(EDGE.replace("maxpool", "maxpol"), "utf-8")
        result = run("check")
        assert result.err.count("error[") == 1
        assert result.out.count("FAILED") == 3


class TestOwnFile:
    """What is blamed in a network that ships with convcalc is told where the reader can edit."""

    def places(self, *options: str) -> list[str]:
        result = run("check", *options, "--format", "concise")
        assert result.status in {1, 2}
        return [line.partition(" ")[0] for line in result.out.splitlines()]

    def test_the_line_that_extends_it(self, here: Path) -> None:
        (here / "small.yaml").write_text("extends: resnet18\nbudget: {macs: 30M}\n", "utf-8")
        assert self.places("small.yaml") == ["small.yaml:1:10:"]
        told = json.loads(run("check", "small.yaml", "--format", "json").out)["files"][0]
        notes = [fact["text"] for fact in told["problems"][0]["facts"]]
        assert any("convcalc/configs/resnet50.yaml:" in note for note in notes)
        for style in ("github", "sarif", "concise"):
            place = run("check", "small.yaml", "--format", style).out
            assert "file=convcalc/configs" not in place
            assert '"uri": "convcalc/configs' not in place
        assert self.places("small.yaml", "--fail-on", "params>1M") == ["small.yaml:1:10:"] * 2
        (here / "smaller.yaml").write_text("extends: small.yaml\nbudget: {params: 1M}\n", "utf-8")
        assert self.places("smaller.yaml") == ["small.yaml:1:10:"]

    def test_the_limit_of_a_network_named_by_its_name(self, here: Path) -> None:
        config = "networks: [{files: vgg16, budget: {params: 1M}}]"
        (here / "convcalc.yaml").write_text(config, encoding="utf-8")
        assert self.places() == ["convcalc.yaml:1:44:"]
        assert self.places("lenet", "--fail-on", "params>1k") == ["lenet:"]

    def test_a_mistake_that_shows_in_it(self, here: Path) -> None:
        (here / "tiny.yaml").write_text("extends: vgg16\ninput: [3, 8, 8]\n", encoding="utf-8")
        assert self.places("tiny.yaml")[0] == "tiny.yaml:1:10:"

    def test_what_is_not_as_locked(self, here: Path) -> None:
        (here / "n.yaml").write_text("extends: resnet18\nargs: {classes: 10}\n", "utf-8")
        assert run("lock", "n.yaml", "vgg16").status == 0
        (here / "n.yaml").write_text("extends: resnet18\nargs: {classes: 11}\n", "utf-8")
        assert run("lock", "--check", "n.yaml").err.startswith("n.yaml:1:10: error[stale-lock]")
        lock = here / "convcalc.lock"
        text = lock.read_text(encoding="utf-8").replace("params 1,792", "params 1,793")
        lock.write_text(text, encoding="utf-8")
        number = text.splitlines().index("network vgg16") + 1
        error = run("lock", "--check", "vgg16").err
        assert error.startswith(f"convcalc.lock:{number}:1: error[stale-lock]")


class TestFailOn:
    def test_needs_a_lock_for_growth(self, here: Path) -> None:
        result = run("check", "models/small.yaml", "--fail-on", "macs>+2%")
        assert result.status == 2
        assert "`convcalc lock` writes it" in result.err
        assert run("check", "models/small.yaml", "--fail-on", "macs>1G").status == 0

    def test_growth_is_measured_against_the_lock(self, here: Path) -> None:
        (here / "convcalc.yaml").unlink()
        assert run("lock", "models").status == 0
        path = here / "models" / "small.yaml"
        path.write_text(SMALL.replace("conv: 8", "conv: 9"), encoding="utf-8")
        small = "models/small.yaml"
        # From 266,400 to 299,700: by exactly an eighth, 12.5 percent.
        assert run("check", small, "--fail-on", "macs>+12.5%").status == 0
        assert run("check", small, "--fail-on", "macs>+12.4%").status == 1
        assert run("check", small, "--fail-on", "macs>+33.3k").status == 0
        result = run("check", small, "--fail-on", "macs > +33k")
        assert result.status == 1
        assert "33,300 (+12.50%)" in result.out

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("macs", "is no condition"),
            ("macs<3", "is no condition"),
            ("mac>+2%", "did you mean 'macs'?"),
            ("macs>2%", "write 'macs>+2%'"),
            ("flops>+2%", "write 'macs>+2%'"),
            ("macs>+2", "write 2% for a share"),
            ("macs>4MB", "did you mean '4M'?"),
            ("weights>+4M", "did you mean '4MB' or '4MiB'?"),
            ("layers.conv0>3", "is nothing that can be limited"),
        ],
    )
    def test_mistakes(self, text: str, told: str) -> None:
        result = run("check", "lenet", "--fail-on", text)
        assert result.status == 2
        assert result.out == ""
        assert told in result.err

    def test_another_input_has_nothing_in_the_lock(self, here: Path) -> None:
        small = ("check", "models/small.yaml", "--input", "3x40x40")
        result = run(*small, "--fail-on", "macs>+2%")
        assert (result.status, result.out) == (2, "")
        assert "goes without --input" in result.err
        # 3*9 products for each of 8 * 38 * 38 results, and 10 of each of those.
        exact = 8 * 38 * 38 * (27 + 10)
        assert run(*small, "--fail-on", f"macs>{exact}").status == 0
        assert run(*small, "--fail-on", f"macs>{exact - 1}").status == 1


class TestDtype:
    def arena(self, here: Path, dtype: str) -> int:
        found = json.loads(
            run(
                "memory", str(here / "models" / "small.yaml"), "--dtype", dtype, "--format", "json"
            ).out
        )
        return int(found["memory"]["arena"])

    def test_limits_of_the_command_line_are_in_it(self, here: Path) -> None:
        file = str(here / "models" / "small.yaml")
        for dtype in ("int8", "float32"):
            arena = self.arena(here, dtype)
            asked = ["check", file, "--dtype", dtype, "--fail-on"]
            kept = run(*asked, f"arena>{arena}B")
            assert kept.status == 0
            assert f"arena 100.0% of {arena}B ({dtype})" in kept.out
            broken = run(*asked, f"arena>{arena - 1}B")
            assert broken.status == 1
            assert f"{arena - 1}B ({dtype})" in broken.out

    def test_json_says_what_bytes_are(self, here: Path) -> None:
        file = str(here / "models" / "small.yaml")
        limit = ["--fail-on", "arena>1MB", "--fail-on", "macs>1G", "--format", "json"]
        for dtype in ("int8", "float16"):
            (network,) = json.loads(run("check", file, "--dtype", dtype, *limit).out)["files"]
            assert network["dtype"] == dtype
            asked = [found["dtype"] for found in network["findings"] if found["rule"] == "fail-on"]
            assert asked == [dtype, None]
            assert network["totals"]["arena"] == self.arena(here, dtype)

    def test_limits_in_files_keep_their_own(self, here: Path) -> None:
        plain, named = [
            json.loads(run("check", *dtype, "--format", "json").out)["files"]
            for dtype in ([], ["--dtype", "float16"])
        ]
        assert [one["findings"] for one in plain] == [one["findings"] for one in named]

    def test_bytes_are_compared_with_those_of_the_same_type(self, here: Path) -> None:
        assert run("lock").status == 0
        result = run("check", "models/small.yaml", "--dtype", "int8", "--fail-on", "weights>+2%")
        assert result.status == 1
        assert "bytes are locked as float32, and are int8 now" in result.err
        asked = ["check", "models/small.yaml", "--dtype", "int8", "--format", "json"]
        (network,) = json.loads(run(*asked).out)["files"]
        assert "weights" not in network["baseline"]
        assert network["baseline"]["macs"] == network["totals"]["macs"]

    def test_markdown_shows_what_is_limited(self, here: Path) -> None:
        asked = ["check", "models/small.yaml", "--dtype", "int8", "--format", "markdown"]
        assert "arena" not in run(*asked).out
        assert "| arena, int8 |" in run(*asked, "--fail-on", "arena>1MB").out
        mixed = run("check", "--format", "markdown").out
        assert "KiB (int8) |" in mixed
        assert "KiB (float32) |" in mixed


class TestDevice:
    def test_the_memory_of_a_board_is_a_limit(self, here: Path) -> None:
        asked = ["check", "models/small.yaml", "--dtype", "int8", "--device", "pico"]
        assert run(*asked).status == 0
        (network,) = json.loads(run(*asked, "--format", "json").out)["files"]
        limits = {one["metric"]: one for one in network["findings"] if one["rule"] == "fail-on"}
        assert {name: one["limit"] for name, one in limits.items()} == {
            "tflm_arena": 264 * 1024,
            "tflm_weights": 2 * 1024 * 1024,
        }
        assert {one["place"] for one in limits.values()} == {"--device pico"}

    def test_what_does_not_fit_fails(self) -> None:
        result = run("check", "mobilenet_v2", "--dtype", "int8", "--device", "stm32f746")
        assert result.status == 1
        assert "320KiB (int8)" in result.out
        assert "--device stm32f746" in result.out
        assert "tflm_weights, heaviest:" in result.out

    def test_a_device_without_memory_and_one_that_is_not_there(self) -> None:
        result = run("check", "lenet", "--device", "a100")
        assert (result.status, "it states neither ram nor flash" in result.err) == (2, True)
        result = run("check", "lenet", "--device", "stm32f764")
        assert (result.status, "did you mean 'stm32f746'?" in result.err) == (2, True)


class TestConfig:
    def test_another_file_in_place_of_the_nearest(self, here: Path) -> None:
        text = "networks: [{files: ../models/small.yaml, budget: {macs: 1k}}]"
        (here / "ci").mkdir()
        (here / "ci" / "strict.yaml").write_text(text, encoding="utf-8")
        result = run("check", "--config", "ci/strict.yaml")
        assert result.status == 1
        assert "ci/strict.yaml:1" in result.out
        assert "1 checked, 1 failed" in result.out
        assert run("lock", "--config", "ci/strict.yaml").status == 0
        assert (here / "ci" / "convcalc.lock").exists()

    def test_one_that_is_not_there(self, here: Path) -> None:
        result = run("check", "--config", "nowhere.yaml")
        assert result.status == 2
        assert "nowhere.yaml cannot be opened" in result.err


class TestManyVariants:
    def write(self, here: Path, sets: str, limits: str) -> None:
        text = f"networks: [{{files: models/edge.yaml, set: {sets}, budget: {limits}}}]"
        (here / "convcalc.yaml").write_text(text, encoding="utf-8")

    def test_the_table_is_short(self, here: Path) -> None:
        self.write(here, "{width: 0.25..10:0.25}", "{macs: 100M}")
        result = run("check")
        found = json.loads(run("check", "--format", "json").out)["files"]
        failed = [one["variant"] for one in found if not one["ok"]]
        kept = [one for one in found if one["ok"]]
        assert (len(found), result.status) == (40, 1)
        lines = result.out.splitlines()
        assert lines[0].startswith(f"models/edge.yaml: {len(kept)} of 40 variants ok, macs ")
        nearest = max(kept, key=lambda one: one["totals"]["macs"])
        assert lines[0].endswith(f"({nearest['variant']})")
        assert next(line for line in lines if ": FAILED" in line).startswith(
            f"models/edge.yaml ({failed[0]}): FAILED"
        )
        assert f"models/edge.yaml: {len(failed) - 2} more failed: {failed[2]}, " in result.out
        assert lines[-1] == f"40 checked, {len(failed)} failed"
        assert len(lines) < 30

    def test_a_mistake_that_many_have_is_shown_twice(self, here: Path) -> None:
        self.write(here, "{width: 0.01..0.6:0.01}", "{macs: 100M}")
        result = run("check")
        found = json.loads(run("check", "--format", "json").out)["files"]
        wrong = [one for one in found if one["problems"]]
        assert len(wrong) > 10
        assert result.err.count("error[") == 4, "at two places"
        problems = sum(len(one["problems"]) for one in wrong)
        assert f"{problems - 4} more at the same places, in other variants" in result.err

    def test_few_variants_have_a_line_each(self, here: Path) -> None:
        self.write(here, "{width: 1..10}", "{macs: 100G}")
        assert len(run("check").out.splitlines()) == 11


class TestStatus:
    def test_exit_zero_forgives_failed_checks_only(self, here: Path) -> None:
        assert run("check").status == 1
        forgiven = run("check", "--exit-zero")
        assert forgiven.status == 0
        assert "3 failed" in forgiven.out or "2 failed" in forgiven.out
        assert run("check", "missing.yaml", "--exit-zero").status == 2

    def test_a_bad_lock_is_unusable_even_where_all_is_well(self, here: Path) -> None:
        config = "networks: [{files: models/small.yaml, growth: {macs: 2%}}]"
        (here / "convcalc.yaml").write_text(config, encoding="utf-8")
        run("lock", "models")
        assert run("check").status == 0
        lock = here / "convcalc.lock"
        good = lock.read_text(encoding="utf-8")
        lock.write_text(good.replace("lock 1", "lock 99", 1), encoding="utf-8")
        assert run("check").status == 2
        lock.write_text(f"{good}<<<<<<< ours\n", encoding="utf-8")
        result = run("check")
        assert result.status == 2
        assert "small.yaml: FAILED (its growth is not checked: the lock" in result.out
        assert "convcalc.lock" in result.err

    def test_an_argument_that_a_file_does_not_have_is_reported_with_the_file(
        self, here: Path
    ) -> None:
        result = run("check", "models/edge.yaml", "models/small.yaml", "--set", "width=0.5")
        assert result.status == 2
        assert "error[unknown-argument]: models/small.yaml: --set width: the file" in result.err

    @pytest.mark.parametrize("key", ["files: [%s]", "files: a.yaml, budget: {%s}"])
    def test_of_very_many_mistakes_a_hundred_are_reported(self, here: Path, key: str) -> None:
        many = ", ".join([f"x{number}: 1" if "{" in key else f"x{number}" for number in range(300)])
        config = f"networks: [{{{key % many}}}]"
        (here / "convcalc.yaml").write_text(config, encoding="utf-8")
        result = run("check")
        assert (result.status, result.out) == (2, "")
        assert result.err.count("error[") == 100

    def test_two_wins_over_one(self, here: Path) -> None:
        assert run("check", "models/edge.yaml", "missing.yaml").status == 2


def test_the_report_can_go_to_a_file(here: Path) -> None:
    for style in ("text", "concise", "json"):
        printed = run("check", "--format", style)
        written = run("check", "--format", style, "--output", "out.txt")
        assert (written.status, written.out) == (printed.status, "")
        assert (here / "out.txt").read_text(encoding="utf-8") == printed.out


def test_names_in_files_are_data(here: Path) -> None:
    (here / "a\x1b[31m.yaml").write_text(f"{SMALL}budget: {{macs: 1}}\n", encoding="utf-8")
    for style in ("text", "concise"):
        assert "\x1b" not in run("check", os.fspath("a\x1b[31m.yaml"), "--format", style).out


class TestFiles:
    def test_networks_that_ship_keep_their_promises(self) -> None:
        result = run("check", "lenet", "unet", "resnet18")
        assert result.status == 0, result.err
        assert result.out.endswith("3 checked, all ok\n")

    def test_a_broken_promise_names_its_line(self, tmp_path: Path) -> None:
        path = spec(
            tmp_path,
            "input: [4]\nlayers: [{dense: 3}]\n"
            "expect:\n  params: 16\n  output: [4]\n  layers: {dense0: [2], dens: [3]}\n",
        )
        result = run("check", path)
        assert result.status == 1
        assert f"{path}:4:11: error[expectation]: expected params 16, found 15" in result.err
        assert "expected dense0 to put out [4], found [3]" in result.err
        assert "expected dense0 to put out [2], found [3]" in result.err
        assert "no layer is called 'dens'" in result.err

    def test_the_worst_status_wins_and_all_are_reported(self, tmp_path: Path) -> None:
        good = spec(tmp_path, "{input: [4], layers: [relu]}", "a.yaml")
        bad = spec(tmp_path, "{input: [4], layers: [rel]}", "b.yaml")
        assert run("check", str(tmp_path)).status == 1
        result = run("check", good, bad, str(tmp_path / "missing.yaml"))
        assert result.status == 2
        assert (
            result.out
            == f"{good}: ok\n{bad}: FAILED\n{tmp_path}/missing.yaml: FAILED\n3 checked, 2 failed\n"
        )
        assert "'rel'" in result.err

    def test_skipped_under_set_and_reported(self, tmp_path: Path) -> None:
        path = spec(
            tmp_path, "{args: {n: 3}, input: [4], layers: [{dense: n}], expect: {params: 15}}"
        )
        assert run("check", path).status == 0
        result = run("check", path, "--set", "n=4")
        assert result.status == 0
        assert "skipped under --set" in result.out

    def test_folders_and_globs(self, tmp_path: Path) -> None:
        spec(tmp_path, "{input: [4], layers: [relu]}", "a.yaml")
        assert run("check", str(tmp_path / "*.yaml")).out.endswith("1 checked, all ok\n")
        assert run("check", str(tmp_path / "*.json")).status == 2
        (tmp_path / "empty").mkdir()
        assert run("check", str(tmp_path / "empty")).status == 2

    def test_a_folder_that_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(folder: str) -> list[str]:
            raise PermissionError(13, "Permission denied")

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(os, "scandir", refuse)
        result = run("check", str(tmp_path))
        assert result.status == 2
        assert "cannot be read: Permission denied" in result.err

    def test_a_failure_leaves_standard_output_empty(self, tmp_path: Path) -> None:
        path = spec(tmp_path, "{input: [4], layers: [rel]}")
        assert run("check", path).out == ""
        target = tmp_path / "report.txt"
        assert run("check", path, "--output", str(target)).status == 1
        assert target.read_text() == f"{path}: FAILED\n1 checked, 1 failed\n"

    def test_json(self, tmp_path: Path) -> None:
        path = spec(tmp_path, "{input: [4], layers: [rel]}")
        data = json.loads(run("check", path, "--format", "json").out)
        assert data["files"][0]["ok"] is False
        assert data["files"][0]["problems"][0]["code"] == "unknown-kind"
