"""Every code that is raised is in the table, and the other way round."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import convcalc
from convcalc.codes import CODES, is_root_cause
from tests.diagnostics.made import MADE
from tests.diagnostics.test_cases import status_of
from tests.diagnostics.update import case_names, expected

PACKAGE = Path(convcalc.__file__).parent


@pytest.fixture(scope="module")
def modules() -> dict[Path, ast.Module]:
    """The syntax of every module that may raise codes."""
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in PACKAGE.rglob("*.py")
        if path.name != "codes.py"
    }


def takers(tree: ast.Module) -> tuple[dict[str, int], dict[str, int]]:
    """What takes a code, and which argument it is: functions and classes, then methods."""
    functions: dict[str, int] = {}
    methods: dict[str, int] = {}
    for node in tree.body:
        names: list[str] = []
        if isinstance(node, ast.FunctionDef):
            names = parameters(node)
        elif isinstance(node, ast.ClassDef):
            names = [
                part.target.id
                for part in node.body
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            ]
            for part in node.body:
                if not isinstance(part, ast.FunctionDef):
                    continue
                if part.name == "__init__":
                    names = parameters(part)
                elif "code" in parameters(part):
                    methods[part.name] = parameters(part).index("code")
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and "code" in names:
            functions[node.name] = names.index("code")
    return functions, methods


def parameters(function: ast.FunctionDef) -> list[str]:
    names = [argument.arg for argument in function.args.args]
    return names[1:] if names[:1] == ["self"] else names


def constants(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from constants(value)


def named(tree: ast.Module, name: str) -> Iterator[str]:
    """The texts that a name may be in a module: what is assigned to it, and its default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id == name:
                yield from constants(node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for part, value in zip(target.elts, node.value.elts, strict=True):
                    if isinstance(part, ast.Name) and part.id == name:
                        yield from constants(value)
        elif isinstance(node, ast.FunctionDef):
            arguments = node.args.args
            for argument, default in zip(
                arguments[len(arguments) - len(node.args.defaults) :],
                node.args.defaults,
                strict=True,
            ):
                if argument.arg == name:
                    yield from constants(default)


def raised(modules: dict[Path, ast.Module]) -> dict[str, str]:
    """Every code that the package raises, and a place where it does."""
    # What other modules call, and methods, whose objects are not known by the syntax.
    shared, shared_methods = dict[str, int](), dict[str, int]()
    for tree in modules.values():
        for own, public in zip(takers(tree), (shared, shared_methods), strict=True):
            public.update({name: at for name, at in own.items() if not name.startswith("_")})
    shared["refused"] = 0
    found: dict[str, str] = {}
    for path, tree in modules.items():
        functions, methods = takers(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            known: dict[str, int] = {}
            name = ""
            if isinstance(node.func, ast.Attribute):
                name, known = node.func.attr, shared_methods | methods
            elif isinstance(node.func, ast.Name):
                name, known = node.func.id, shared | functions
            if name not in known:
                continue
            given = [word.value for word in node.keywords if word.arg == "code"]
            given += node.args[known[name] : known[name] + 1]
            for argument in given[:1]:
                texts = [*constants(argument)]
                name_of = argument.value if isinstance(argument, ast.Subscript) else argument
                if isinstance(name_of, ast.Name):
                    texts += named(tree, name_of.id)
                for text in texts:
                    found[text] = f"{path.name}:{node.lineno}"
            if not given:
                for text in named(tree, "code"):
                    found[text] = f"{path.name}:{node.lineno}"
    return found


def test_every_code_that_is_raised_is_in_the_table(modules: dict[Path, ast.Module]) -> None:
    codes = raised(modules)
    assert len(codes) > 90
    assert {code: place for code, place in codes.items() if code not in CODES} == {}


def test_every_code_of_the_table_is_raised(modules: dict[Path, ast.Module]) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in modules)
    missing = [code for code in CODES if f'"{code}"' not in text and f"[{code}]" not in text]
    assert missing == []


def test_the_status_of_a_mistake_in_a_spec_is_that_of_its_codes() -> None:
    for name in [*case_names(), *MADE]:
        codes = re.findall(r"error\[([a-z-]+)\]", expected(name))
        assert max(CODES[code].status for code in codes) == status_of(name), name


def test_entries_are_well_formed() -> None:
    for code, entry in CODES.items():
        assert re.fullmatch("[a-z]+(-[a-z]+)*", code)
        assert entry.status in (0, 1, 2, 3)
        assert entry.meaning
        assert "\n" not in entry.meaning
        assert not entry.meaning.endswith(".")
        assert len(entry.meaning) <= 80


def test_root_causes() -> None:
    assert is_root_cause("foreign-name")
    assert not is_root_cause("unknown-key")
