"""Commands on model files, where they take specs."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from convcalc.executor.files import write_npz
from tests.checks.diff.repository import make_repository
from tests.cli.runner import run, spec
from tests.exchange.onnx.messages import graph, info, message, model, node, tensor

DATA = Path(__file__).resolve().parent.parent / "data"
SQUEEZENET = DATA / "onnx" / "light" / "light_squeezenet.onnx.gz"
#: Parameters of SqueezeNet 1.1 as the paper's authors published it.
PARAMS = 1_235_496
#: A model of which only the structure was saved.
STRUCTURE = str(DATA / "onnx" / "tv__resnet18__ts.onnx.gz")

NET = """\
input: [3, 16, 16]
layers:
  - {conv: 8, kernel: 3, padding: 1, norm: batch, activation: relu}
  - {maxpool: 2}
  - add: [[{conv: 8, kernel: 3, padding: 1, activation: relu}], []]
  - {dense: 10}
"""


@pytest.fixture
def squeezenet(tmp_path: Path) -> str:
    """The model as a file that is not compressed."""
    path = tmp_path / "squeezenet.onnx"
    path.write_bytes(gzip.decompress(SQUEEZENET.read_bytes()))
    return str(path)


def marks(table: str) -> set[str]:
    """The marks of a table of `diff`."""
    return {line[0] for line in table.splitlines()[3:] if line[1:3] == "  "}


@pytest.fixture
def exported(tmp_path: Path) -> tuple[str, str]:
    """A spec, and the model that `export` makes of it, with its weights."""
    net, model = spec(tmp_path, NET), str(tmp_path / "net.onnx")
    assert run("export", net, "--output", model, "--seed", "3").status == 0
    return net, model


class TestReading:
    @pytest.mark.parametrize(
        "command",
        [
            ["shapes"],
            ["flops", "--double-channels"],
            ["memory"],
            ["field"],
            ["balance"],
            ["check"],
            ["verify"],
            ["reconcile", "349M"],
        ],
    )
    def test_every_command_takes_a_model(self, squeezenet: str, command: list[str]) -> None:
        found = run(command[0], squeezenet, *command[1:])
        assert found.status == 0, found.err

    @pytest.mark.parametrize(
        "command",
        [
            ["sweep", "--over", "in_size=8..16:4"],
            ["solve", "--maximize", "macs", "--over", "in_size=8..16:4"],
            ["sizes", "--most", "32"],
            ["formula"],
        ],
    )
    def test_the_sizes_of_a_model_vary_as_those_of_its_spec(
        self, exported: tuple[str, str], command: list[str]
    ) -> None:
        first, *options = command
        of_spec, of_model = [
            run(first, file, *(["macs"] if first == "formula" else options)) for file in exported
        ]
        assert of_spec.status == 0, of_spec.err
        assert of_model == of_spec

    def test_what_a_model_has_no_argument_for(self, exported: tuple[str, str]) -> None:
        found = run("sweep", exported[1], "--over", "width=1,2")
        assert found.status == 2
        assert "in_size is the input's sizes" in found.err

    def test_figures(self, squeezenet: str) -> None:
        totals = json.loads(run("shapes", squeezenet, "--format", "json").out)["totals"]
        assert totals["params"] == PARAMS
        compressed = run("shapes", str(SQUEEZENET)).out
        assert compressed.replace("light_", "") == run("shapes", squeezenet).out

    def test_a_layer_is_explained(self, squeezenet: str) -> None:
        assert "conv 3x3" in run("explain", squeezenet, "conv0").out

    def test_a_network_of_darknet(self) -> None:
        found = run("flops", str(DATA / "darknet" / "yolov3.cfg"), "--format", "json")
        assert json.loads(found.out)["totals"]["params"] == 61_949_149

    def test_a_member_of_a_family(self, tmp_path: Path) -> None:
        lines = (DATA / "ultralytics.jsonl").read_text(encoding="utf-8").splitlines()
        fact = json.loads(lines[-1])
        net = spec(tmp_path, fact["text"], "yolo99.yaml")
        size = f"3x{fact['size']}x{fact['size']}"
        scale = fact["scale"]
        for options in (["--scale", scale], ["--set", f"scale={scale}"]):
            found = run("shapes", net, *options, "--input", size, "--format", "json")
            assert json.loads(found.out)["totals"]["params"] == fact["params"]

    def test_a_lock_holds_models(self, squeezenet: str, tmp_path: Path) -> None:
        lock = str(tmp_path / "convcalc.lock")
        assert run("lock", squeezenet, "--output", lock).status == 0
        assert run("lock", squeezenet, "--check", "--output", lock).status == 0

    def test_a_difference_between_a_spec_and_a_model(self, exported: tuple[str, str]) -> None:
        net, model = exported
        assert marks(run("diff", net, model).out) <= {"="}
        assert marks(run("diff", "lenet", model).out) > {"+", "-"}

    def test_a_model_at_a_revision(
        self, exported: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository = make_repository(tmp_path / "repository", monkeypatch)
        model = tmp_path / "repository" / "net.onnx"
        model.write_bytes(Path(exported[1]).read_bytes())
        repository.commit()
        monkeypatch.chdir(model.parent)
        same = run("diff", "--base", "HEAD", "net.onnx", "--exit-code")
        assert same.status == 0, same.err
        assert run("export", "lenet", "--output", "net.onnx").status == 0
        assert run("diff", "--base", "HEAD", "net.onnx", "--exit-code").status == 1

    def test_a_folder_yields_specs_and_a_glob_models(self, exported: tuple[str, str]) -> None:
        folder = Path(exported[0]).parent
        assert run("check", str(folder)).out.splitlines()[-1] == "1 checked, all ok"
        assert run("check", f"{folder}/*").out.splitlines()[-1] == "2 checked, all ok"


class TestRefusals:
    @pytest.mark.parametrize("suffix", ["pt", "pth", "ckpt", "pkl", "h5", "pb", "safetensors"])
    def test_other_files_are_refused_with_what_helps(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"model.{suffix}"
        path.write_bytes(b"\x80\x04cposix\nsystem\n(S'touch executed'\ntR.")
        found = run("shapes", str(path))
        assert found.status == 2
        assert "error[unsupported-model]" in found.err
        assert " = help: " in found.err
        assert not (tmp_path / "executed").exists()

    def test_a_pointer_of_large_file_storage(self, tmp_path: Path) -> None:
        path = tmp_path / "net.onnx"
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n")
        found = run("check", str(path))
        assert found.status == 2
        assert "is a pointer of Git LFS" in found.err

    def test_a_dimension_that_no_file_has(self, squeezenet: str) -> None:
        found = run("shapes", squeezenet, "--dim", "height=640")
        assert found.status == 2
        assert "has no dimension 'height'" in found.err

    @pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "99999999999"])
    def test_a_dimension_that_is_no_size(self, squeezenet: str, value: str) -> None:
        found = run("shapes", squeezenet, "--dim", f"height={value}")
        assert found.status == 2
        assert f"--dim height={value}" in found.err


class TestImport:
    def test_the_text_is_the_same_network(self, squeezenet: str, tmp_path: Path) -> None:
        text = str(tmp_path / "net.yaml")
        assert run("import", squeezenet, "-o", text).status == 0
        assert marks(run("diff", squeezenet, text).out) == {"="}
        assert run("check", text).status == 0
        assert f"params: {PARAMS}" in Path(text).read_text(encoding="utf-8")

    def test_flat(self, squeezenet: str) -> None:
        lines = run("import", squeezenet, "--flat").out.splitlines()
        assert len([line for line in lines if line.startswith("  - ")]) == 39

    def test_weights_are_saved_under_the_new_names(
        self, exported: tuple[str, str], tmp_path: Path
    ) -> None:
        net, model = exported
        text, weights = str(tmp_path / "again.yaml"), str(tmp_path / "w.npz")
        assert run("import", model, "-o", text, "--save-weights", weights).status == 0
        found = run("verify", text, "--weights", weights, "--save", str(tmp_path / "out.npz"))
        assert found.status == 0, found.err
        run("verify", net, "--seed", "3", "--save", str(tmp_path / "first.npz"))
        with np.load(tmp_path / "out.npz") as ours, np.load(tmp_path / "first.npz") as first:
            # Both have made the input from their own seed.
            assert list(ours) == list(first)

    def test_a_file_without_weights_has_none_to_save(self, tmp_path: Path) -> None:
        found = run("import", STRUCTURE, "--save-weights", str(tmp_path / "w.npz"))
        assert found.status == 2
        assert "does not hold the weights of all layers" in found.err
        assert not (tmp_path / "w.npz").exists()


class TestAgainst:
    def test_every_value_agrees(self, exported: tuple[str, str]) -> None:
        net, model = exported
        found = run("verify", net, "--against", model, "--format", "json")
        data = json.loads(found.out)
        assert found.status == 0
        assert data["same"]
        assert data["values_compared"]
        assert all(pair["agrees"] for pair in data["pairs"] if pair["kind"] != "input")

    def test_a_difference_is_named(self, exported: tuple[str, str], tmp_path: Path) -> None:
        net = spec(tmp_path, NET.replace("dense: 10", "dense: 11"), "other.yaml")
        found = run("verify", net, "--against", exported[1])
        assert found.status == 1
        assert f"{net}:6:6: error[model-differs]: dense0" in found.err

    def test_without_weights_the_structure_is_compared(self, tmp_path: Path) -> None:
        text = str(tmp_path / "net.yaml")
        run("import", STRUCTURE, "-o", text)
        found = run("verify", text, "--against", STRUCTURE)
        assert found.status == 0
        assert "structure and figures are the same" in found.out
        assert "note: structure and figures were compared, and no values" in found.err

    def test_other_values_are_found_at_the_first_layer(
        self, exported: tuple[str, str], tmp_path: Path
    ) -> None:
        text = NET.replace("norm: batch, activation: relu", "activation: {leaky_relu: 0.1}")
        net, model = spec(tmp_path, text, "leaky.yaml"), str(tmp_path / "leaky.onnx")
        assert run("export", net, "--output", model).status == 0
        assert run("verify", net, "--against", model).status == 0
        spec(tmp_path, text.replace("0.1", "0.3"), "leaky.yaml")
        found = run("verify", net, "--against", model)
        assert found.status == 1
        assert f"{net}:3:50: error[model-differs]: conv0.leaky_relu: the first values" in found.err
        assert "they differ by" in found.err

    def test_a_model_may_have_its_normalisations_folded(self, tmp_path: Path) -> None:
        net = spec(tmp_path, NET)
        folded = spec(tmp_path, NET.replace("norm: batch, ", ""), "folded.yaml")
        model = str(tmp_path / "folded.onnx")
        assert run("export", folded, "--output", model).status == 0
        found = run("verify", net, "--against", model)
        assert found.status == 0, found.err
        text = " ".join(found.out.split())
        assert "the model has 1 batch normalisation folded into the layer before it" in text
        data = json.loads(run("verify", net, "--against", model, "--format", "json").out)
        assert data["folded"] == ["conv0.batchnorm"]
        assert all(pair["agrees"] for pair in data["pairs"] if pair["kind"] != "input")
        wider = spec(
            tmp_path, NET.replace("kernel: 3, padding: 1, norm", "kernel: 5, padding: 2, norm")
        )
        found = run("verify", wider, "--against", model)
        assert found.status == 1
        assert f"{wider}:3:6: error[model-differs]: conv0" in found.err

    def test_other_inputs_are_refused(self, exported: tuple[str, str]) -> None:
        found = run("verify", "lenet", "--against", exported[1])
        assert found.status == 2
        assert "do not have the same inputs" in found.err


class TestConfig:
    def check(self, folder: Path, against: str) -> tuple[int, str]:
        (folder / "convcalc.yaml").write_text(
            f"networks:\n  - files: net.yaml\n    against: {against}\n", encoding="utf-8"
        )
        found = run("check")
        return found.status, found.err

    def test_a_network_is_held_against_its_model(
        self, exported: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert self.check(tmp_path, "net.onnx") == (0, "")
        text = NET.replace("kernel: 3, padding: 1, activation", "kernel: 5, padding: 2, activation")
        spec(tmp_path, text)
        status, err = self.check(tmp_path, "net.onnx")
        assert status == 1
        assert "net.yaml:5:13: error[model-differs]: add0.branch0.conv0" in err

    @pytest.mark.parametrize(
        ("against", "code", "status"),
        [
            ("missing.onnx", "unusable-file", 2),
            ("../outside.onnx", "outside-root", 2),
            ("/etc/passwd", "outside-root", 2),
            ("[a.onnx]", "bad-value", 2),
            ("broken.onnx", "bad-model", 2),
        ],
    )
    def test_what_cannot_be_read(
        self,
        exported: tuple[str, str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        against: str,
        code: str,
        status: int,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path.parent / "outside.onnx").write_bytes(Path(exported[1]).read_bytes())
        (tmp_path / "broken.onnx").write_bytes(Path(exported[1]).read_bytes()[:-2000])
        found, err = self.check(tmp_path, against)
        assert found == status
        assert f"convcalc.yaml:3:14: error[{code}]" in err


class TestRun:
    def test_a_model_has_its_own_weights(self, exported: tuple[str, str], tmp_path: Path) -> None:
        _, model = exported
        inputs = np.random.default_rng(5).normal(size=(2, 3, 16, 16)).astype(np.float32)
        np.save(tmp_path / "x.npy", inputs)
        found = run(
            "run", model, "--input-file", str(tmp_path / "x.npy"), "--top", "2",
            "--format", "json", "--save", str(tmp_path / "out.npz"),
        )  # fmt: skip
        assert found.status == 0, found.err
        (samples,) = json.loads(found.out)["results"].values()
        import onnxruntime

        session = onnxruntime.InferenceSession(model)
        name = session.get_inputs()[0].name
        expected = [session.run(None, {name: sample[None]})[0][0] for sample in inputs]
        for sample, values in zip(samples, expected, strict=True):
            best = np.argsort(-values)[:2]
            assert [one["index"] for one in sample["largest"]] == [[int(i)] for i in best]
            np.testing.assert_allclose(
                [one["value"] for one in sample["largest"]], values[best], rtol=1e-4
            )
        with np.load(tmp_path / "out.npz") as saved:
            (result,) = saved.values()
        np.testing.assert_allclose(result, np.stack(expected), rtol=1e-3, atol=1e-4)

    def test_a_model_without_weights_is_run_with_others(self) -> None:
        found = run("run", STRUCTURE, "--input", "3x64x64")
        assert found.status == 0
        assert "note: the model holds no weights: all weights are made from the seed" in found.err

    def test_a_model_with_a_part_of_its_weights(self, tmp_path: Path) -> None:
        nodes = [
            node("Conv", ["x", "w"], ["a"], name="/first/Conv"),
            node("Conv", ["a", "v"], ["y"], name="/second/Conv"),
        ]
        there = tensor("w", [3, 3, 1, 1], kind=1) + message(9, bytes(36))
        weights = [there, tensor("v", [2, 3, 1, 1], kind=1)]
        path = tmp_path / "net.onnx"
        path.write_bytes(model(graph(nodes, weights, [info("x", [1, 3, 4, 4])])))
        found = run("run", str(path))
        assert found.status == 2
        assert "the model does not hold the numbers of second.weight" in found.err
        found = run("verify", str(path))
        assert found.status == 0
        assert "note: the model does not hold the numbers of second.weight" in found.err

    def test_whole_numbers_without_their_scales_are_no_weights(self) -> None:
        found = run("run", str(DATA / "tflite" / "kws_int8.tflite.gz"))
        assert found.status == 2
        assert "the model does not hold the numbers of" in found.err

    def test_a_model_that_needs_no_weights(self, tmp_path: Path) -> None:
        path = tmp_path / "net.onnx"
        path.write_bytes(model(graph([node("Relu", ["x"], ["y"])], [], [info("x", [1, 3, 4, 4])])))
        found = run("run", str(path))
        assert (found.status, found.err) == (0, "")

    def test_a_picture(self, exported: tuple[str, str], tmp_path: Path) -> None:
        from PIL import Image

        pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
        Image.fromarray(pixels).save(tmp_path / "x.png")
        array = pixels.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
        np.save(tmp_path / "x.npy", array)
        shown = [
            run("run", exported[1], "--input-file", str(tmp_path / name)).out
            for name in ("x.png", "x.npy")
        ]
        assert shown[0] == shown[1]

    def test_what_is_no_picture(self, exported: tuple[str, str], tmp_path: Path) -> None:
        (tmp_path / "x.png").write_bytes(b"no picture")
        found = run("run", exported[1], "--input-file", str(tmp_path / "x.png"))
        assert found.status == 2
        assert "cannot be read as a picture" in found.err


class TestPair:
    def test_weights_under_other_names(self, exported: tuple[str, str], tmp_path: Path) -> None:
        net, model = exported
        own = tmp_path / "own.npz"
        assert run("weights", net, "--output", str(own), "--seed", "3").status == 0
        theirs = {}
        with np.load(own) as arrays:
            for name, value in arrays.items():
                prefix, _, last = name.rpartition(".")
                other = {"conv0": "features.0", "conv0.batchnorm": "features.1"}
                theirs[f"{other.get(prefix, prefix)}.{last}"] = value
        theirs["features.1.num_batches_tracked"] = np.array(7)
        write_npz(tmp_path / "theirs.npz", theirs.items())
        plain = run("run", net, "--weights", str(tmp_path / "theirs.npz"))
        assert plain.status == 2
        found = run("run", net, "--weights", str(tmp_path / "theirs.npz"), "--pair")
        assert found.status == 0, found.err
        assert found.out.splitlines()[1:] == run("run", model).out.splitlines()[1:]

    def test_other_structures_are_listed(self, exported: tuple[str, str], tmp_path: Path) -> None:
        write_npz(tmp_path / "w.npz", [("fc.weight", np.zeros((2, 2), np.float32))])
        found = run("run", exported[0], "--weights", str(tmp_path / "w.npz"), "--pair")
        assert found.status == 2
        assert "cannot be paired with net by structure" in found.err
        assert "with weight (2, 2): 0 layers, in the file 1 layer" in found.err

    def test_it_needs_weights(self, exported: tuple[str, str]) -> None:
        assert "--pair goes with --weights" in run("run", exported[0], "--pair").err


def test_csv_of_a_run_is_one_table(exported: tuple[str, str]) -> None:
    found = run("run", exported[1], "--format", "csv", "--top", "2", "--layers", "conv0")
    assert found.status == 0, found.err
    rows = list(csv.reader(io.StringIO(found.out)))
    assert rows[0] == ["result", "sample", "index", "value"]
    names = ["dense0", "conv0", "conv0.batchnorm", "conv0.relu"]
    assert [row[:2] for row in rows[1:]] == [[name, "0"] for name in names for _ in range(2)]


def test_check_names_a_model_whose_cost_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mp_selfie_segmentation", "bp_nmp"):
        data = gzip.decompress((DATA / "tflite" / f"{name}.tflite.gz").read_bytes())
        (tmp_path / f"{name}.tflite").write_bytes(data)
    files = ("bp_nmp.tflite", "mp_selfie_segmentation.tflite")
    found = run("check", *files)
    assert found.status == 1
    for name in files:
        assert f"error[unknown-cost]: {name}: its cost is known in part only" in found.err
    lines = run("check", *files, "--format", "concise").out.splitlines()
    assert [line.count(name) for line, name in zip(lines, files, strict=True)] == [1, 1]
    annotations = run("check", *files, "--format", "github").out
    assert f"::error file={files[0]},title=" in annotations
    assert f"error[unknown-cost]: {files[0]}: " in run("lock", *files).err


def test_show_offers_what_writes_a_model_as_text(exported: tuple[str, str]) -> None:
    found = run("show", exported[1])
    assert found.status == 2
    assert f"`convcalc import {exported[1]}` writes it as a spec" in found.err


def test_a_missing_model_is_looked_for_among_its_like(exported: tuple[str, str]) -> None:
    Path(exported[0]).unlink()
    found = run("shapes", exported[1].replace("net.onnx", "nett.onnx"))
    assert found.status == 2
    assert "did you mean 'net.onnx'?" in found.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "net.onnx", "--output", "net.onnx"), "a spec is YAML, and so is its name"),
        (("import", "net.yaml", "--output", "net.yaml"), "is the file that is read"),
        (("import", "net.onnx", "--output", "net.py"), "a spec is YAML, and so is its name"),
        (("export", "net.onnx", "--output", "net.onnx"), "is the file that is read"),
        (("export", "net.onnx", "--output", "link.onnx"), "is the file that is read"),
    ],
)
def test_what_is_read_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text("{input: [3, 8, 8], layers: [{conv: 4, kernel: 3}]}", "utf-8")
    assert run("export", "net.yaml", "--output", "net.onnx").status == 0
    os.symlink("net.onnx", "link.onnx")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    refused = run(*arguments)
    assert refused.status == 2
    assert says in refused.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_source_of_python_is_traced_by_import(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text("import torch\n", "utf-8")
    refused = run("shapes", str(path))
    assert refused.status == 2
    assert "convcalc import module:NAME" in refused.err


def test_a_norm_folded_before_training_leaves_no_bias(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "input: [3, 8, 8]\nlayers:\n- {conv: 4, kernel: 3, bias: false, norm: batch}\n- relu\n"
    Path("net.yaml").write_text(text, "utf-8")
    Path("folded.yaml").write_text(text.replace(", norm: batch", ""), "utf-8")
    assert run("export", "folded.yaml", "--output", "model.onnx").status == 0
    found = run("verify", "net.yaml", "--against", "model.onnx")
    assert found.status == 0, found.err
    assert "1 batch normalisation folded" in found.out
    assert "3 of 3 values agree" in found.out


def test_without_pytorch_a_module_says_where_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    missing = "raise ModuleNotFoundError('No module named torch', name='torch')"
    Path("needs_torch.py").write_text(missing, "utf-8")
    refused = run("import", "needs_torch:make", "--input", "1x3x8x8")
    assert refused.status == 2
    assert "the environment that has PyTorch" in refused.err
