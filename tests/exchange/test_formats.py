"""Which files are models."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import threading
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

import convcalc
from convcalc.exchange.files import MOST_UNPACKED
from convcalc.exchange.formats import FORMATS, ULTRALYTICS, format_of, format_of_text
from convcalc.problems import ConvcalcError
from tests.cli.runner import run
from tests.security.fuzz import limited
from tests.security.hostile_models import bases


def test_every_format_has_a_reader() -> None:
    for known in (*FORMATS, ULTRALYTICS):
        assert callable(known.reader()), known.name
        assert import_module(known.module).__doc__


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("net.onnx", "ONNX"),
        ("models/NET.ONNX", "ONNX"),
        ("net.onnx.gz", "ONNX"),
        ("yolov3.cfg", "darknet"),
        ("net.yaml", None),
        ("-", None),
        ("lenet", None),
        ("onnx", None),
    ],
)
def test_the_suffix_names_the_format(path: str, name: str | None) -> None:
    found = format_of(path)
    assert (found and found.name) == name


def test_what_cannot_be_read_is_refused_with_advice() -> None:
    with pytest.raises(ConvcalcError) as caught:
        convcalc.load("resnet50.pth")
    assert caught.value.status == 2
    (problem,) = caught.value.problems
    assert problem.code == "unsupported-model"
    assert "torch.onnx.export" in str(problem.facts)


def _torch_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("net/data.pkl", b"\x80\x02}q\x00.")
    return stream.getvalue()


def _keras_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", bases(".keras")[0])
    return stream.getvalue()


MODELS = {
    ".onnx": bases(".onnx")[5],
    ".onnx.gz": gzip.compress(bases(".onnx")[5]),
    ".tflite": bases(".tflite")[0],
    ".cfg": b"# tiny\n[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nactivation=linear\n",
    ".keras": _keras_archive(),
    ".json": bases(".json")[0],
}


@pytest.mark.parametrize("suffix", MODELS)
def test_a_model_is_known_by_what_it_holds(suffix: str, tmp_path: Path) -> None:
    data = MODELS[suffix]
    named = tmp_path / f"net{suffix}"
    named.write_bytes(data)
    expected = run("shapes", str(named), "--format", "csv")
    assert expected.status == 0, expected.err
    (tmp_path / "model").write_bytes(data)
    (tmp_path / "net.bin").write_bytes(data)
    for path in (tmp_path / "model", tmp_path / "net.bin"):
        assert run("shapes", str(path), "--format", "csv") == expected
    assert run("shapes", "-", "--format", "csv", stdin=data) == expected


def test_a_model_comes_through_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[MODELS[".onnx"]])
    writer.start()
    result = run("shapes", str(path), "--depth", "1")
    while "a pipe that nobody writes to" in result.err:  # the writer has not opened it yet
        result = run("shapes", str(path), "--depth", "1")
    writer.join()
    assert result.status == 0, result.err


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (pickle.dumps([1, 2]), "is a pickle, which is a program"),
        (_torch_archive(), "is PyTorch's pickle, which is a program"),
        (b"\x89HDF\r\n\x1a\n", "is HDF5, which Keras wrote before version 3"),
        (b"\x08\x07", "has no graph: no ONNX file"),
        (gzip.compress(b"input: [8]", mtime=0), "not UTF-8 text"),
        (b"\x00\xff" * 10, "not UTF-8 text"),
        (MODELS[".onnx"] + bytes(MOST_UNPACKED), "name the file instead of a pipe"),
    ],
)
def test_what_standard_input_may_not_hold(data: bytes, what: str) -> None:
    result = run("shapes", "-", stdin=data)
    assert (result.status, result.out) == (2, "")
    assert what in result.err


def test_a_text_of_comments_is_soon_known_to_be_no_model() -> None:
    for comments in ("# " * 50_000, "#\n \n" * 50_000, " " * 200_000):
        with limited():
            assert format_of_text(comments + "\ninput: [8]") is None


def test_a_text_is_a_spec_whatever_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "net.txt"
    path.write_text("input: [8]\nlayers: [{dense: 4}]\n", encoding="utf-8")
    assert convcalc.analyze(convcalc.load(path)).totals.params == 36
