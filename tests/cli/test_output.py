"""Where output goes: pipes, files, devices, and terminals."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import pty
import re
import stat
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from convcalc.cli.guard import guarded
from convcalc.cli.output import emit, terminal
from convcalc.problems import ConvcalcError
from tests.cli.runner import run

CONVCALC = [sys.executable, "-m", "convcalc"]


def in_a_terminal(
    *arguments: str,
    columns: int = 100,
    status: int = 0,
    folder: Path | None = None,
    **environment: str,
) -> str:
    """What a command prints on a terminal of some width, errors included."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    variables = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), **environment}
    variables.pop("NO_COLOR", None)
    variables.update(environment)
    with subprocess.Popen(
        [*CONVCALC, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=variables,
        cwd=folder,
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    assert process.returncode == status
    return b"".join(parts).decode().replace("\r\n", "\n")


class TestTerminal:
    def test_has_colour_and_rules(self) -> None:
        text = in_a_terminal("flops", "lenet")
        assert "\x1b[36mconv0" in text
        assert "─────" in text
        assert "█████" in text
        assert "117,600" in text

    @pytest.mark.parametrize("columns", [80, 140])
    def test_is_filled_and_not_overrun(self, columns: int) -> None:
        text = in_a_terminal("flops", "resnet18", columns=columns, NO_COLOR="1")
        lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
        assert max(len(line.rstrip()) for line in lines) <= columns
        assert ("1.81G" in text) == (columns == 80)
        assert ("1,814,073,344" in text) == (columns == 140)

    def test_no_color_is_respected(self) -> None:
        text = in_a_terminal("shapes", "lenet", NO_COLOR="1")
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]", text)

    def test_a_dumb_terminal_gets_plain_text(self) -> None:
        assert in_a_terminal("shapes", "lenet", TERM="dumb") == run("shapes", "lenet").out

    def test_plain_is_plain_anywhere(self) -> None:
        text = in_a_terminal("shapes", "lenet", "--format", "plain")
        assert text == run("shapes", "lenet").out

    def test_one_kind_has_its_page_and_a_table(self) -> None:
        text = in_a_terminal("kinds", "conv", NO_COLOR="1")
        assert "floor((h - k + p + s) / s)" in text
        assert "─────" in text

    @pytest.mark.parametrize(
        "arguments", ["kinds conv", "kinds relu", "explain lenet conv1", "diff vgg16 vgg16"]
    )
    def test_texts_break_at_words(self, arguments: str) -> None:
        wide, text = [
            re.sub(r"\x1b\[[0-9;]*m", "", in_a_terminal(*arguments.split(), columns=columns))
            for columns in (300, 60)
        ]
        assert max(len(line.rstrip()) for line in text.splitlines()) <= 60
        assert text.split("\nargument")[0].split() == wide.split("\nargument")[0].split()
        if arguments == "kinds conv":
            assert re.search(r"\n  Shape:  \S.*\n {10}\S", text)

    @pytest.mark.parametrize("columns", [50, 80, 140])
    def test_errors_break_at_words(self, columns: int, tmp_path: Path) -> None:
        path = tmp_path / "n.yaml"
        path.write_text("{input: [3, 8, 8], layers: [{conv: 8, kernel: 9, name: the_layer}]}")
        text = in_a_terminal(
            "shapes", "n.yaml", columns=columns, status=1, folder=tmp_path, NO_COLOR="1"
        )
        bare = in_a_terminal("shapes", "n.yaml", status=1, folder=tmp_path, TERM="dumb")
        assert max(len(line) for line in text.splitlines()) <= columns
        shown, whole = [re.sub(r"(?m)^1? \|.*\n", "", one).split() for one in (text, bare)]
        assert shown == whole

    @pytest.mark.parametrize("file", ["n.yaml", "none.yaml"])
    def test_errors_are_in_colour_unless_no_color_is_set(self, file: str, tmp_path: Path) -> None:
        (tmp_path / "n.yaml").write_text("{input: [3, 8, 8], layers: [{conv: 8, kernel: 9}]}")
        status = 1 if file == "n.yaml" else 2
        text, bare, dumb = [
            in_a_terminal("shapes", file, status=status, folder=tmp_path, NO_COLOR=no, TERM=term)
            for no, term in (("", "xterm"), ("1", "xterm"), ("", "dumb"))
        ]
        assert "\x1b[1;31merror[" in text
        assert ("\x1b[1;31m^" in text) == (file == "n.yaml")
        assert "\x1b" not in bare + dumb
        assert re.sub(r"\x1b\[[0-9;]*m", "", text) == bare
        piped = run("shapes", str(tmp_path / file)).err
        assert "error[" in piped
        assert "\x1b" not in piped

    def test_wrong_usage_is_in_colour_once(self) -> None:
        text = in_a_terminal("shapess", status=2)
        message = "No such command: shapess. Did you mean shapes?"
        assert text.splitlines()[-1] == f"Error: \x1b[1;31m{message}\x1b[0m"
        assert (
            in_a_terminal("shapess", status=2, NO_COLOR="1").splitlines()[-1] == f"Error: {message}"
        )
        assert run("shapess").err.splitlines()[-1] == f"Error: {message}"

    @pytest.mark.parametrize("arguments", ["draw lenet", "animate lenet conv0", "report lenet"])
    def test_what_nobody_reads_there_needs_a_file(self, arguments: str) -> None:
        text = in_a_terminal(*arguments.split(), status=2)
        assert "needs a file" in text
        assert "--output net." in text
        assert run(*arguments.split()).status == 0

    def test_a_format_that_is_named_is_printed(self) -> None:
        assert "<svg" in in_a_terminal("draw", "lenet", "--format", "svg")
        assert "flowchart TB" in in_a_terminal("draw", "lenet", "--format", "mermaid")

    def test_an_empty_line_parts_two_tables(self) -> None:
        text = in_a_terminal("memory", "lenet", "--training", NO_COLOR="1")
        assert re.search(r"\n\s*\n(\x1b\[[0-9;]*m)*training ", text)

    def test_markup_in_a_name_is_shown(self, tmp_path: Path) -> None:
        path = tmp_path / "net.yaml"
        path.write_text("{name: '[bold]x[/bold] :smile:', input: [4], layers: [relu]}")
        assert "[bold]x[/bold] :smile:" in in_a_terminal("shapes", str(path))


class TestWriting:
    """The same inside this process, where standard output can be anything."""

    def test_a_table_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("convcalc.cli.output.terminal", lambda: True)
        assert "─────" in run("shapes", "lenet").out
        assert "─────" in run("kinds", "conv").out
        assert "─────" not in run("shapes", "lenet", "--format", "plain").out

    def test_what_cannot_be_shown_is_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", write_through=True)
        monkeypatch.setattr(sys, "stdout", out)
        emit("█▌ é 名\n", None)
        assert out.buffer.getvalue() == b"# \xe9 \\u540d\n"

    def test_no_standard_output(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", None)
        assert not terminal()
        with pytest.raises(ConvcalcError, match="standard output is closed"):
            emit("text", None)

    @pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 2), (errno.EPIPE, 0)])
    def test_output_that_cannot_be_written(
        self, number: int, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with open(tmp_path / "out", "w", encoding="utf-8") as file:

            class Broken(io.StringIO):
                encoding = "utf-8"

                def flush(self) -> None:
                    raise OSError(number, os.strerror(number))

                def fileno(self) -> int:
                    return file.fileno()

            monkeypatch.setattr(sys, "stdout", Broken())

            def command() -> int:
                emit("text", None)
                return 0

            with pytest.raises(SystemExit) as left:
                guarded(command)()
            assert left.value.code == status
            # The file behind it is let go of, so that nothing tries again when Python ends.
            file.write("more")
        assert (tmp_path / "out").read_text() == ""


class TestFiles:
    def test_a_file_is_written_whole(self, tmp_path: Path) -> None:
        target = tmp_path / "out.csv"
        result = run("shapes", "lenet", "--format", "csv", "--output", str(target))
        assert result.out == ""
        assert target.read_text() == run("shapes", "lenet", "--format", "csv").out
        assert os.listdir(tmp_path) == ["out.csv"]

    def test_an_error_leaves_the_old_file_alone(self, tmp_path: Path) -> None:
        target = tmp_path / "out.txt"
        target.write_text("old")
        assert run("shapes", "no_such", "--output", str(target)).status == 2
        assert target.read_text() == "old"

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        result = run("shapes", "lenet", "--output", str(tmp_path / "no" / "out.txt"))
        assert result.status == 2
        assert "cannot be written" in result.err

    def test_a_pipe_with_a_name_is_written_to(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(reader) as text:
            subprocess.run([*CONVCALC, "shapes", "lenet", "--output", str(path)], check=True)
            assert "61,706" in text.read()
        assert stat.S_ISFIFO(os.stat(path).st_mode)

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        result = run("shapes", "lenet", "--output", str(tmp_path))
        assert result.status == 2
        assert "cannot be written: is a directory" in result.err
        assert list(tmp_path.iterdir()) == []

    def test_nothing_half_written_is_left(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(source: str, target: str) -> None:
            assert Path(source).read_text()
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "replace", refuse)
        result = run("shapes", "lenet", "--output", str(tmp_path / "out.txt"))
        assert result.status == 2
        assert "out.txt cannot be written: operation not permitted" in result.err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
    def test_a_full_disk(self) -> None:
        result = run("shapes", "lenet", "--output", "/dev/full")
        assert result.status == 2
        assert "no space left" in result.err


class TestStandardOutput:
    def shell(self, command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        line = command.replace("convcalc", f"{sys.executable} -m convcalc")
        return subprocess.run(
            ["/bin/sh", "-c", line],
            capture_output=True,
            env={**os.environ, **environment},
            check=False,
        )

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
    def test_that_is_full(self) -> None:
        done = self.shell("convcalc shapes lenet > /dev/full")
        assert done.returncode == 2
        assert done.stderr.decode() == (
            "error[bad-option]: standard output cannot be written: no space left on device\n"
        )

    def test_that_is_closed(self) -> None:
        done = self.shell("convcalc shapes lenet >&-")
        assert done.returncode == 2
        assert done.stderr.decode() == "error[bad-option]: standard output is closed\n"

    def test_that_knows_no_blocks(self) -> None:
        done = self.shell("convcalc flops lenet", PYTHONIOENCODING="ascii")
        assert done.returncode == 0
        assert " 56.4% #####\n" in done.stdout.decode("ascii")

    def test_a_path_that_is_no_text_is_escaped(self, tmp_path: Path) -> None:
        path = os.fsencode(tmp_path) + b"/\xff.yaml"
        with open(path, "wb") as file:
            file.write(b"{input: [4], layers: [relu]}")
        command: list[str | bytes] = [*CONVCALC, "shapes", path, "--format", "json"]
        done = subprocess.run(command, capture_output=True, check=True)
        assert rb"\udcff.yaml" in done.stdout
        target = tmp_path / "out.json"
        subprocess.run([*command, "--output", str(target)], check=True)
        assert target.read_bytes() == done.stdout


class TestSuffixes:
    @pytest.mark.parametrize(
        ("name", "start"),
        [
            ("net.csv", "name,"),
            ("net.json", "{"),
            ("net.md", "### lenet"),
            ("net.tex", "% lenet"),
            ("net.txt", "lenet: "),
            ("net", "lenet: "),
            ("NET.CSV", "name,"),
        ],
    )
    def test_it_chooses_the_format(self, name: str, start: str, tmp_path: Path) -> None:
        path = tmp_path / name
        assert run("shapes", "lenet", "--output", str(path)).status == 0
        assert path.read_text(encoding="utf-8").startswith(start)

    def test_the_format_wins(self, tmp_path: Path) -> None:
        path = tmp_path / "net.json"
        arguments = ("--format", "csv", "--output", str(path))
        assert run("shapes", "lenet", *arguments).status == 0
        assert path.read_text(encoding="utf-8").startswith("name,")

    @pytest.mark.parametrize("command", ["shapes", "flops", "memory", "field", "zoo", "kinds"])
    def test_what_a_command_does_not_write_is_refused(self, command: str, tmp_path: Path) -> None:
        file = [] if command in {"zoo", "kinds"} else ["lenet"]
        result = run(command, *file, "--output", str(tmp_path / "net.svg"))
        assert result.status == 2
        assert "this command does not write .svg" in result.err
        assert not (tmp_path / "net.svg").exists()

    @pytest.mark.parametrize(
        ("name", "start"),
        [
            ("report.sarif", "{"),
            ("report.xml", "<?xml"),
            ("report.json", "{"),
            ("report.md", "<!-- convcalc-check -->"),
            ("report.txt", "lenet: ok"),
            ("report", "lenet: ok"),
        ],
    )
    def test_of_a_check(self, name: str, start: str, tmp_path: Path) -> None:
        path = tmp_path / name
        assert run("check", "lenet", "--output", str(path)).status == 0
        assert path.read_text(encoding="utf-8").startswith(start)
        if name == "report.sarif":
            assert json.loads(path.read_text(encoding="utf-8"))["version"] == "2.1.0"

    def test_of_a_check_in_github_actions(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        path = tmp_path / "report.xml"
        assert run("check", "lenet", "--output", str(path)).status == 0
        assert path.read_text(encoding="utf-8").startswith("<?xml")

    def test_a_check_writes_no_picture(self, tmp_path: Path) -> None:
        result = run("check", "lenet", "--output", str(tmp_path / "report.svg"))
        assert result.status == 2
        assert "this command does not write .svg" in result.err

    def test_a_lock_is_no_report(self, tmp_path: Path) -> None:
        result = run("lock", "lenet", "--output", str(tmp_path / "lock.json"))
        assert result.status == 2
        assert "a lock has a format of its own, not .json" in result.err
        assert not (tmp_path / "lock.json").exists()

    def test_of_a_sweep(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.jsonl"
        sweep = ("sweep", "mobilenet_v2", "--over", "width=0.5,1", "--output")
        assert run(*sweep, str(path)).status == 0
        assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert "does not write .svg" in run(*sweep, str(tmp_path / "rows.svg")).err
