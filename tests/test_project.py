"""What the project promises about itself: how it installs, starts and is laid out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import grimp
import pytest

import convcalc
from convcalc.language.device import device_names
from convcalc.language.shipped import shipped_names, shipped_path

REPOSITORY = Path(__file__).resolve().parent.parent
#: Too slow to import before they are needed. A command line needs typer, a spec needs yaml.
HEAVY = ("dataclasses", "fractions", "numpy", "pydantic", "rich", "typer", "yaml")


def run_python(
    *arguments: str, folder: Path = REPOSITORY, path: Path = REPOSITORY, **variables: str
) -> str:
    """Runs Python in a folder, with a path to import from; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(path), **variables}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


def loaded_after(code: str) -> set[str]:
    """Which of the heavy modules are loaded once `code` has run in a new process."""
    program = f"{code}\nimport sys\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    return set(run_python("-c", program).splitlines()[-1].split())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a user gets it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    (built,) = folder.glob("*.whl")
    return built


class TestInstalled:
    def test_version_is_the_packages(self) -> None:
        assert distribution("convcalc").version == convcalc.__version__

    def test_command_is_installed(self) -> None:
        scripts = distribution("convcalc").entry_points.select(group="console_scripts")
        assert [(s.name, s.value) for s in scripts] == [("convcalc", "convcalc.cli.main:main")]

    def test_needs_four_packages_at_run_time(self) -> None:
        requirements = distribution("convcalc").requires or []
        needed = {re.split(r"[^\w-]", r)[0].lower() for r in requirements if "extra ==" not in r}
        assert needed == {"numpy", "pyyaml", "rich", "typer"}

    def test_module_runs_as_the_command(self) -> None:
        assert convcalc.__version__ in run_python("-m", "convcalc", "--version")


class TestStart:
    def test_importing_loads_nothing_heavy(self) -> None:
        assert loaded_after("import convcalc") == set()

    def test_analysing_needs_no_reader(self) -> None:
        assert loaded_after("import convcalc; convcalc.analyze") == set()

    def test_reading_a_spec_loads_only_yaml(self) -> None:
        code = "import convcalc; convcalc.analyze(convcalc.load('vgg16'))"
        assert loaded_after(code) <= {"fractions", "yaml"}

    @pytest.mark.parametrize(
        "command",
        ["shapes vgg16", "flops vgg16 --kernel 3 --batch 2", "memory mobilenet_v1 --set width=0.5"],
    )
    def test_command_in_a_pipe_loads_neither_numpy_nor_rich(self, command: str) -> None:
        code = (
            f"import sys; sys.argv = ['convcalc', *'{command}'.split()]\n"
            "from convcalc.cli.main import main\n"
            "try: main()\n"
            "except SystemExit: pass"
        )
        assert loaded_after(code) <= {"dataclasses", "fractions", "typer", "yaml"}


class TestImports:
    def test_no_modules_import_each_other(self) -> None:
        """Nor through others; imports for type checkers count as well."""
        graph = grimp.build_graph("convcalc", cache_dir=None)
        in_a_cycle = [
            f"{module} -> {imported}"
            for module in graph.modules
            for imported in graph.find_modules_directly_imported_by(module)
            if graph.chain_exists(importer=imported, imported=module)
        ]
        assert in_a_cycle == []


class TestPublicNames:
    @pytest.mark.parametrize("name", convcalc.__all__)
    def test_is_found(self, name: str) -> None:
        assert getattr(convcalc, name).__doc__

    def test_are_listed_before_they_are_imported(self) -> None:
        listed = run_python("-c", "import convcalc; print(*dir(convcalc))").split()
        assert {*convcalc.__all__, "__version__"} <= {*listed}

    def test_unknown_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="'convcalc' has no attribute 'no_such_name'"):
            convcalc.__getattr__("no_such_name")


class TestShippedNetworks:
    def test_are_those_of_the_repository(self) -> None:
        assert shipped_names() == sorted(path.stem for path in REPOSITORY.glob("configs/*.yaml"))
        assert "vgg16" in shipped_names()

    def test_are_found_by_name(self) -> None:
        for name in shipped_names():
            path = shipped_path(name)
            assert path is not None
            assert Path(path).samefile(REPOSITORY / "configs" / f"{name}.yaml")

    @pytest.mark.parametrize(
        "name",
        ["", ".", "..", "vgg16.yaml", "configs/vgg16", "../configs/vgg16", "no-such", "a\0b"],
    )
    def test_other_words_are_no_names(self, name: str) -> None:
        assert shipped_path(name) is None


class TestWheel:
    def test_holds_the_package_and_the_shipped_networks(self, wheel: Path) -> None:
        with ZipFile(wheel) as archive:
            names = set(archive.namelist())
        assert {f"convcalc/configs/{name}.yaml" for name in shipped_names()} <= names
        assert {f"convcalc/devices/{name}.yaml" for name in device_names()} <= names
        assert {"convcalc/__init__.py", "convcalc/py.typed"} <= names
        assert {name.split("/")[0] for name in names} == {
            "convcalc",
            f"convcalc-{convcalc.__version__}.dist-info",
        }

    def test_knows_a_network_in_an_empty_folder(self, wheel: Path, tmp_path: Path) -> None:
        unpacked, empty = tmp_path / "unpacked", tmp_path / "empty"
        empty.mkdir()
        with ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        code = "from convcalc.language import shipped; print(shipped.shipped_folder())"
        folder = run_python("-c", code, folder=empty, path=unpacked).strip()
        assert Path(folder).samefile(unpacked / "convcalc" / "configs")
        output = run_python("-m", "convcalc", "shapes", "vgg16", folder=empty, path=unpacked)
        arguments = ["balance", "lenet", "--device", "a100"]
        assert "NVIDIA" in run_python("-m", "convcalc", *arguments, folder=empty, path=unpacked)
        assert "138,357,544" in output  # the parameters that the paper's table rounds to 138M


class TestLayout:
    def test_no_module_is_named_for_anything_and_nothing(self) -> None:
        vague = {"util", "utils", "helper", "helpers", "common", "manager", "misc"}
        modules = {path for room in ("convcalc", "tests", "benchmarks") for path in rooms(room)}
        assert not {path for path in modules if vague & set(path.with_suffix("").parts)}

    @pytest.mark.parametrize("file", [".ci/run", "CONTRIBUTING.md", "README.md"])
    def test_one_command_checks_everything(self, file: str) -> None:
        command = (
            "pip install -r requirements/locked.txt"
            " && pip install --no-deps --no-build-isolation -e . && ./check"
        )
        assert f"    {command}\n" in (REPOSITORY / file).read_text(encoding="utf-8")

    def test_the_quick_part_of_the_tests_is_there(self) -> None:
        text = (REPOSITORY / ".ci" / "quick").read_text(encoding="utf-8")
        paths = re.findall(r"\btests/\S+", text)
        assert len(paths) > 3
        assert [path for path in paths if not (REPOSITORY / path).exists()] == []

    def test_version_is_in_the_changelog_or_unreleased(self) -> None:
        text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
        headings = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
        assert headings[0] in {"Unreleased", convcalc.__version__}


def rooms(folder: str) -> list[Path]:
    """The Python files under a folder of the repository, relative to the repository."""
    return [path.relative_to(REPOSITORY) for path in (REPOSITORY / folder).rglob("*.py")]


@pytest.mark.no_cover
def test_a_test_marked_no_cover_runs_without_measuring() -> None:
    assert sys.gettrace() is None
