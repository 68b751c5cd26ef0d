"""Opened model files."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest

from convcalc.exchange.files import MOST_UNPACKED, ModelFile, open_model, read_bytes
from convcalc.problems import ConvcalcError
from convcalc.roots import access


def refusal(path: Path) -> str:
    """The message with which a file is refused."""
    with pytest.raises(ConvcalcError) as caught:
        open_model(str(path))
    assert caught.value.status == 2
    return str(caught.value)


def opened(path: Path) -> ModelFile:
    return open_model(str(path))


def test_a_file_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x08\x07content")
    assert bytes(opened(path).data) == b"\x08\x07content"
    assert opened(path).name == str(path)


def test_an_empty_file_has_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.touch()
    assert len(opened(path).data) == 0


def test_a_compressed_file_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx.gz"
    content = bytes(range(256)) * 10_000
    path.write_bytes(gzip.compress(content))
    assert bytes(opened(path).data) == content


@pytest.mark.parametrize("kept", [11, 40, -9, -1])
def test_a_truncated_compressed_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "net.onnx.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 10)[:kept])
    assert "error[bad-model]" in refusal(path)
    assert "end too early" in refusal(path)


def test_damaged_compressed_data_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx.gz"
    data = bytearray(gzip.compress(bytes(range(256)) * 100))
    data[20] ^= 0xFF
    path.write_bytes(data)
    assert "error[bad-model]" in refusal(path)


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx.gz"
    path.write_bytes(gzip.compress(bytes(MOST_UNPACKED + 1), 1))
    assert f"longer than {MOST_UNPACKED} bytes unpacked" in refusal(path)
    with access(max_file_size=2 * MOST_UNPACKED):
        assert len(opened(path).data) == MOST_UNPACKED + 1


def test_a_pointer_of_large_file_storage_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 102530133\n"
    )
    assert "is a pointer of Git LFS" in refusal(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "net.onnx")
    assert "a folder" in refusal(tmp_path)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[b"x" * 100_000])
    writer.start()
    found = b""
    while not found:
        try:
            found = bytes(opened(path).data)
        except ConvcalcError as error:  # the writer has not opened it yet
            assert "a pipe that nobody writes to" in str(error)  # noqa: PT017
    writer.join()
    assert found == b"x" * 100_000


def test_a_pipe_that_was_only_found_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    os.mkfifo(path)
    with pytest.raises(ConvcalcError, match="not a regular file"):
        open_model(str(path), named=False)


class TestBeside:
    @pytest.fixture
    def file(self, tmp_path: Path) -> ModelFile:
        folder = tmp_path / "models"
        (folder / "data").mkdir(parents=True)
        (folder / "net.onnx").write_bytes(b"model")
        (folder / "data" / "weights.bin").write_bytes(b"weights")
        (tmp_path / "secret").write_bytes(b"secret")
        return opened(folder / "net.onnx")

    def test_a_file_of_the_folder_or_below_it(self, file: ModelFile) -> None:
        found = file.beside("data/weights.bin")
        assert bytes(found.data) == b"weights"
        assert bytes(found.beside("net.onnx").data) == b"model"

    @pytest.mark.parametrize("location", ["../secret", "data/../../secret", "/etc/passwd", ""])
    def test_what_leaves_the_folder_is_refused(self, file: ModelFile, location: str) -> None:
        with pytest.raises(ConvcalcError, match="outside-root") as caught:
            file.beside(location)
        assert caught.value.status == 2

    def test_a_link_out_of_the_folder_is_refused(self, file: ModelFile, tmp_path: Path) -> None:
        (tmp_path / "models" / "link").symlink_to(tmp_path / "secret")
        with pytest.raises(ConvcalcError, match="outside-root"):
            file.beside("link")

    def test_a_missing_one_is_named(self, file: ModelFile) -> None:
        with pytest.raises(ConvcalcError, match=r"missing\.bin cannot be opened: no such file"):
            file.beside("missing.bin")


def test_bytes_that_were_read_already() -> None:
    file = read_bytes("HEAD:net.onnx", gzip.compress(b"content"), name="HEAD:net.onnx")
    assert (bytes(file.data), file.name) == (b"content", "HEAD:net.onnx")
