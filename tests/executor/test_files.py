"""Files of arrays: refused with a reason where they are no good, never unpickled."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.executor import run as run_module
from convcalc.executor.files import array_headers, read_arrays, write_npz
from convcalc.executor.run import execute, inputs_in_file
from convcalc.facts import worded
from convcalc.graph import Network
from convcalc.problems import ConvcalcError

LENET = "lenet"


class Explosive:
    """Unpickling this is noticed."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("it was unpickled",))


@pytest.fixture
def network() -> Network:
    return convcalc.load(LENET)


def refusal(function: Any, *arguments: Any) -> str:
    with pytest.raises(convcalc.ConvcalcError) as caught:
        function(*arguments)
    assert caught.value.status == 2
    (problem,) = caught.value.problems
    return "\n".join([problem.text, *[text for _, text in worded(problem.facts)]])


def saved(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


class TestInputs:
    def test_npy_and_npz(self, network: Network, tmp_path: Path) -> None:
        image = np.ones((3, 1, 28, 28))
        np.save(tmp_path / "x.npy", image)
        for path in (str(tmp_path / "x.npy"), saved(tmp_path / "x.npz", input=image)):
            (value,) = inputs_in_file(network, path).values()
            np.testing.assert_array_equal(value, image)

    def test_wrong_shape(self, network: Network, tmp_path: Path) -> None:
        path = saved(tmp_path / "x.npz", input=np.ones((1, 3, 28, 28)))
        told = refusal(inputs_in_file, network, path)
        assert "x.npz: the input input has the shape (1, 3, 28, 28), not (batch, 1, 28, 28)" in told

    def test_forgotten_batch_axis(self, network: Network) -> None:
        told = refusal(execute, network, np.ones((1, 28, 28)))
        assert "the batch axis comes first" in told

    def test_no_samples(self, network: Network) -> None:
        assert "(0, 1, 28, 28)" in refusal(execute, network, np.ones((0, 1, 28, 28)))

    def test_a_large_file_is_refused_by_its_header(
        self, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run_module, "read_arrays", lambda path: pytest.fail("it was read"))
        path = saved(tmp_path / "x.npz", input=np.ones((1, 3, 99, 99)))
        assert "(1, 3, 99, 99)" in refusal(inputs_in_file, network, path)

    def test_unknown_name(self, network: Network, tmp_path: Path) -> None:
        path = saved(tmp_path / "x.npz", imput=np.ones((1, 1, 28, 28)))
        told = refusal(inputs_in_file, network, path)
        assert "no input called 'imput'" in told
        assert "did you mean 'input'" in told

    def test_missing_name(self) -> None:
        network = convcalc.loads("{input: {a: [2], b: [2]}, layers: [{add: [a, b]}]}")
        told = refusal(execute, network, {"a": np.ones((1, 2))})
        assert "the input b, (2,), is missing" in told

    def test_one_array_for_two_inputs(self) -> None:
        network = convcalc.loads("{input: {a: [2], b: [2]}, layers: [{add: [a, b]}]}")
        assert "has 2 inputs" in refusal(execute, network, np.ones((1, 2)))

    def test_different_batches(self) -> None:
        network = convcalc.loads("{input: {a: [2], b: [2]}, layers: [{add: [a, b]}]}")
        told = refusal(execute, network, {"a": np.ones((1, 2)), "b": np.ones((3, 2))})
        assert "differ in the number of samples: a 1, b 3" in told

    @pytest.mark.parametrize("value", ["text", 1j, True])
    def test_wrong_type(self, network: Network, value: Any) -> None:
        assert "not numbers" in refusal(execute, network, np.full((1, 1, 28, 28), value))

    def test_too_large_for_the_type_is_a_warning(self, network: Network) -> None:
        with pytest.warns(UserWarning, match="result dense2 holds values that are not finite"):
            convcalc.execute(network, np.full((1, 1, 28, 28), 1e300))

    def test_not_finite_is_a_warning(self, network: Network) -> None:
        image = np.full((1, 1, 28, 28), np.nan)
        with pytest.warns(UserWarning, match="not finite") as caught:
            execute(network, image)
        assert [str(warning.message) for warning in caught] == [
            "input input holds values that are not finite",
            "result dense2 holds values that are not finite",
        ]


class TestUnreadable:
    def test_no_file(self, tmp_path: Path) -> None:
        assert "there is no such file" in refusal(read_arrays, tmp_path / "none.npy")

    def test_folder(self, tmp_path: Path) -> None:
        assert "folder" in refusal(read_arrays, tmp_path)

    @pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY", b"PK\x03\x04 broken"])
    def test_no_array(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "x.npy").write_bytes(content)
        assert "is no complete .npy or .npz file" in refusal(read_arrays, tmp_path / "x.npy")

    def test_cut_off_anywhere(self, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.ones(50))
        np.savez(tmp_path / "x.npz", a=np.ones(50), b=np.ones(3))
        for name in ("x.npy", "x.npz"):
            whole = (tmp_path / name).read_bytes()
            for length in range(0, len(whole) - 1, 7):
                (tmp_path / "cut").write_bytes(whole[:length])
                assert "is no complete" in refusal(read_arrays, tmp_path / "cut")

    def test_bytes_changed_anywhere(self, tmp_path: Path) -> None:
        """Only what leaves the values as they are can be read; nothing else than refused."""
        np.save(tmp_path / "x.npy", np.ones(5))
        np.savez(tmp_path / "x.npz", a=np.ones(50), b=np.ones(3))
        np.savez_compressed(tmp_path / "y.npz", a=np.arange(50))
        chance = Random(0)
        for name in ("x.npy", "x.npz", "y.npz"):
            whole = (tmp_path / name).read_bytes()
            for _ in range(300):
                changed = bytearray(whole)
                for _ in range(chance.choice([1, 1, 3])):
                    changed[chance.randrange(len(whole))] = chance.choice(
                        [0, 40, chance.randrange(256)]
                    )
                (tmp_path / "changed").write_bytes(changed)
                for function in (array_headers, read_arrays):
                    with suppress(ConvcalcError):
                        function(tmp_path / "changed")

    @pytest.mark.parametrize(
        "header",
        [
            "{'descr': (), 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{1: 2, 'a': 3, None: 4}",
            "{[]: 1}",
            "(" * 3000,
            "(" * 20_000,
        ],
    )
    def test_a_header_that_means_nothing(self, tmp_path: Path, header: str) -> None:
        text = header.encode() + b"\n"
        length = len(text).to_bytes(2, "little")
        content = b"\x93NUMPY\x01\x00" + length + text + bytes(40)
        (tmp_path / "x.npy").write_bytes(content)
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr("a.npy", content)
        for name in ("x.npy", "x.npz"):
            assert "is no complete" in refusal(read_arrays, tmp_path / name)

    def test_a_header_of_gigabytes_is_not_read(self, tmp_path: Path) -> None:
        with open(tmp_path / "x.npy", "wb") as file:
            file.write(b"\x93NUMPY\x02\x00\xff\xff\xff\xff")
            file.truncate(2**32 + 100)
        tracemalloc.start()
        assert "is no complete" in refusal(array_headers, tmp_path / "x.npy")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**20

    def test_changed_byte(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "x.npz", a=np.arange(500.0))
        whole = bytearray((tmp_path / "x.npz").read_bytes())
        whole[len(whole) // 2] ^= 255
        (tmp_path / "x.npz").write_bytes(whole)
        assert "is no complete" in refusal(read_arrays, tmp_path / "x.npz")

    def test_a_header_that_promises_too_much(self, tmp_path: Path) -> None:
        header = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }"
        text = header.ljust(117) + "\n"
        (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00\x76\x00" + text.encode())
        assert refusal(read_arrays, tmp_path / "x.npy")

    def test_a_member_that_is_no_array(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr("readme.txt", "hello")
        assert "is no complete" in refusal(read_arrays, tmp_path / "x.npz")


class TestPickles:
    def test_an_array_of_objects(self, network: Network, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.array([Explosive()], object), allow_pickle=True)
        told = refusal(inputs_in_file, network, str(tmp_path / "x.npy"))
        assert "the input input holds Python objects, not numbers" in told
        told = refusal(read_arrays, tmp_path / "x.npy")
        assert "holds Python objects, which are never read" in told

    def test_a_pickle_alone(self, network: Network, tmp_path: Path) -> None:
        import pickle

        (tmp_path / "x.npy").write_bytes(pickle.dumps(Explosive()))
        assert "is no complete" in refusal(inputs_in_file, network, str(tmp_path / "x.npy"))

    def test_among_the_weights(self, network: Network, tmp_path: Path) -> None:
        path = tmp_path / "w.npz"
        arrays: Any = {"conv0.weight": np.array([Explosive()] * 2, object)}
        np.savez(path, **arrays)
        told = refusal(execute, network, None, path)
        assert "w.npz does not fit lenet" in told


class TestWriting:
    def test_what_is_written_can_be_read(self, tmp_path: Path) -> None:
        arrays = {"a.b": np.arange(6.0).reshape(2, 3).T, "c": np.ones(1, np.float32)}
        assert write_npz(tmp_path / "x.npz", arrays.items()) == 2
        with np.load(tmp_path / "x.npz") as found:
            assert set(found) == set(arrays)
            for name, value in arrays.items():
                np.testing.assert_array_equal(found[name], value)

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        told = refusal(write_npz, tmp_path / "none/x.npz", [])
        assert "x.npz" in told

    def test_a_device_is_not_replaced(self) -> None:
        told = refusal(write_npz, os.devnull, [])
        assert "is not a regular file" in told


class TestOddFiles:
    """What once ended in an internal error."""

    def test_a_member_that_needs_a_password(self, tmp_path: Path) -> None:
        path = tmp_path / "x.npz"
        np.savez(path, input=np.zeros((1, 1, 28, 28), np.float32))
        data = bytearray(path.read_bytes())
        # The flag of encryption, in the member's header and in the directory.
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(data)
        with pytest.raises(ConvcalcError) as caught:
            read_arrays(path)
        assert caught.value.status == 2
        assert caught.value.problems[0].code == "bad-array-file"

    def test_a_header_of_brackets(self, tmp_path: Path) -> None:
        path = tmp_path / "x.npy"
        header = b"(" * 5000
        path.write_bytes(b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header)
        with pytest.raises(ConvcalcError, match="no complete"):
            read_arrays(path)

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        with pytest.raises(ConvcalcError, match="not a regular file"):
            read_arrays(path)
