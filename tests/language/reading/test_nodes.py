"""YAML texts become nodes that know where they stand; what specs leave out is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from convcalc.facts import worded
from convcalc.language.reading.nodes import (
    DEEPEST,
    ListNode,
    MapNode,
    ScalarNode,
    YamlNode,
    read_yaml,
)
from convcalc.problems import ConvcalcError, Problem, Source
from convcalc.roots import access

#: libyaml's, which PyYAML may have been built without, and the one in Python.
LOADERS = (
    pytest.param(
        "CSafeLoader",
        marks=pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="built without libyaml"),
    ),
    "SafeLoader",
)


def use(loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the reader use one of PyYAML's loaders."""
    monkeypatch.setattr(yaml, "CSafeLoader", getattr(yaml, loader), raising=False)


def read(text: str) -> YamlNode | None:
    return read_yaml(Source("t.yaml", text))


def problems(text: str) -> list[Problem]:
    with pytest.raises(ConvcalcError) as caught:
        read(text)
    assert caught.value.status == 1
    return list(caught.value.problems)


def codes(text: str) -> list[str]:
    return [problem.code for problem in problems(text)]


def place(node: YamlNode) -> tuple[int, int]:
    return node.line, node.column


def plain(node: YamlNode | None) -> object:
    """A node as Python's own lists, dicts and texts."""
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    if isinstance(node, MapNode):
        return {text: plain(value) for text, (_, value) in node.entries.items()}
    return node.text if isinstance(node, ScalarNode) else None


class TestNodes:
    def test_scalars_stay_as_written(self) -> None:
        text = "{a: 010, b: yes, c: 1e3, d: ~, e: '3', f: \"x\\ty\", g: }"
        assert plain(read(text)) == {
            "a": "010",
            "b": "yes",
            "c": "1e3",
            "d": "~",
            "e": "3",
            "f": "x\ty",
            "g": "",
        }

    def test_places_are_counted_from_1(self) -> None:
        root = read("# comment\nlayers:\n  - {conv: 64, kernel: 'a b'}\n")
        assert isinstance(root, MapNode)
        key, layers = root.entries["layers"]
        assert place(key) == (2, 1)
        assert isinstance(layers, ListNode)
        assert place(layers) == (3, 3)
        layer = layers.items[0]
        assert isinstance(layer, MapNode)
        assert place(layer) == (3, 5)
        key, value = layer.entries["kernel"]
        assert (place(key), key.width) == ((3, 16), 6)
        assert (place(value), value.width) == ((3, 24), 5)

    def test_columns_count_characters_not_bytes(self) -> None:
        root = read("{é漢: 1, b: 2}")
        assert isinstance(root, MapNode)
        assert place(root.entries["b"][0]) == (1, 9)

    def test_what_was_quoted_is_known(self) -> None:
        root = read("['1', \"2\", 3]")
        assert isinstance(root, ListNode)
        assert [item.quoted for item in root.items if isinstance(item, ScalarNode)] == [
            True,
            True,
            False,
        ]

    @pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n...\n"])
    def test_nothing(self, text: str) -> None:
        node = read(text)
        assert node is None or (isinstance(node, ScalarNode) and not node.text)

    def test_windows_line_ends_and_a_document_marker(self) -> None:
        root = read("---\r\na: 1\r\nb: [2,\r\n 3]\r\n")
        assert plain(root) == {"a": "1", "b": ["2", "3"]}

    @given(
        st.recursive(
            st.text("abc019 _-", min_size=1, max_size=4).map(str.strip),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
            ),
            max_leaves=12,
        )
    )
    def test_reads_what_was_written(self, value: object) -> None:
        text = yaml.safe_dump(value, default_style='"')
        if "&id" in text or "!!" in text:
            return
        assert plain(read(text)) == value


#: What may follow brackets that are too many.
DEEP_ENDS = ("", "@", "\x07", "x\t\n@")


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a: !!int 3", ["yaml-tag"]),
            ("a: !mine [3]", ["yaml-tag"]),
            ("!<tag:example.org,2024:x> {a: 1}", ["yaml-tag"]),
            ("a: ! 3", ["yaml-tag"]),
            ("a: &x 1\nb: *x", ["yaml-anchor", "yaml-alias"]),
            ("a: &x {b: 1}", ["yaml-anchor"]),
            ("&x a: 1", ["yaml-anchor"]),
            ("<<: {a: 1}", ["yaml-merge-key"]),
            ("a: 1\n---\nb: 2", ["yaml-second-document"]),
            ("{[1]: 2}", ["yaml-key"]),
            ("{{a: 1}: 2}", ["yaml-key"]),
            ("{a: 1, a: 2}", ["duplicate-key"]),
            ("{a: {b: 1, 'b': 2}}", ["duplicate-key"]),
            ("a: 1\na: !x 2\n--- 3", ["yaml-tag", "duplicate-key", "yaml-second-document"]),
        ],
    )
    def test_with_a_code(self, text: str, expected: list[str]) -> None:
        assert codes(text) == expected

    def test_a_quoted_merge_key_is_a_word(self) -> None:
        assert plain(read("{'<<': 1}")) == {"<<": "1"}

    def test_a_duplicate_shows_the_first(self) -> None:
        (problem,) = problems("a: 1\nb: 2\na: 3\n")
        assert problem.span is not None
        assert (problem.span.line, problem.span.column) == (3, 1)
        assert worded(problem.facts) == (("first", "line 1, column 1"),)

    def test_tags_are_shown_as_written(self) -> None:
        (problem,) = problems("a: !!python/name:os.system x")
        assert "'!!python/name:os.system'" in problem.message

    @pytest.mark.parametrize(
        ("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")]
    )
    def test_nesting_is_bounded(self, opening: str, closing: str) -> None:
        deep = DEEPEST if opening != "- " else DEEPEST - 1
        good = opening * (deep - 1) + "x" + closing * (deep - 1)
        if opening != "? ":
            read(good)
        found = codes(opening * 5000 + "x" + closing * 5000)
        assert found[-1] in {"nesting-too-deep", "yaml-key"}

    @pytest.mark.no_cover
    @pytest.mark.parametrize("loader", LOADERS)
    @pytest.mark.parametrize("levels", [DEEPEST + 1, 5000])
    @pytest.mark.parametrize(
        ("opening", "closing"),
        [("[", "]"), ("{a: ", "}"), ("[\n", "]\n"), ("{a: [é, ", "]}"), ("- ", "")],
    )
    def test_the_depth_is_reported_before_what_follows_it(
        self,
        opening: str,
        closing: str,
        levels: int,
        loader: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # A scanner reads ahead, so that it may meet a mistake, or a bound of its own, first.
        use(loader, monkeypatch)
        start = opening * levels
        for text in (f"{start}x{closing * levels}", *[start + end for end in DEEP_ENDS]):
            (problem,) = problems(text)
            assert problem.code == "nesting-too-deep"
            first_too_deep = [at for at, c in enumerate(text) if c in "[{-"][DEEPEST]
            before = text[:first_too_deep]
            assert problem.span is not None
            assert problem.span.line == before.count("\n") + 1
            assert problem.span.column == len(before) - before.rfind("\n")

    @pytest.mark.parametrize("loader", LOADERS)
    def test_a_mistake_before_the_depth_is_reported_first(
        self, loader: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(loader, monkeypatch)
        assert codes("a: @\nb: " + "[" * 5000) == ["yaml-syntax"]
        assert codes("a: 1\na: 2\nb: " + "[" * 5000) == ["duplicate-key", "nesting-too-deep"]

    def test_a_hundred_problems_are_enough(self) -> None:
        assert len(problems("[" + "*a, " * 5000 + "1]")) == 100


class TestNotYaml:
    @pytest.mark.parametrize(
        ("text", "line", "column", "message"),
        [
            ("a: [1, 2\nb: 3\n", 1, 4, "the '[' is never closed"),
            ("a:\n  - {b: 1\n  - c\n", 2, 5, "the '{' is never closed"),
            ("a: [1, 2", 1, 4, "the '[' is never closed"),
            ("a: [1, 2}\n", 1, 9, "a ',' or ']' is missing here"),
            ("a: {b: c[0]}\n", 1, 9, "a '[' follows a value"),
            ("a: {b: 1 c: 2}\n", 1, 11, "a ',' or '}' is missing here"),
            ("a: 'b\nc: d\n", 1, 4, "the quote is never closed"),
            ("a: 1}\nb: }\n", 2, 4, "the '}' closes nothing"),
            ("a: 1\n\tb: 2\n", 2, 1, "a tab stands where only spaces may"),
            ("a:\n\t- b\n", 2, 1, "a tab stands where only spaces may"),
            ("a:[1]\nb: 2\n", 1, 2, "a space is missing after the ':'"),
            ("a: b: c d\n", 1, 5, "a ':' stands where no key can"),
            ("a: b: c\n", 1, 1, "several keys on one line need braces"),
            ("a: 1\nb:\n  - c: 1, d: 2\n", 3, 3, "several keys on one line need braces"),
            ("- a: , b: 2\n", 1, 1, "several keys on one line need braces"),
            ("a\nb: 1\n", 1, 1, "a key stands without ':'"),
            ("a 3\n\nb: 1\n", 1, 1, "a key stands without ':'"),
            ("a\n  - b\nc: 1\n", 3, 2, "a ':' stands where no key can"),
            ("c: 1\na\nb: 2\n", 2, 1, "a key stands without ':'"),
            ("a: @b\n", 1, 4, "no value begins with '@'"),
            ("a:\n  - b\n - c\n", 3, 2, "the line does not continue what stands above it"),
            ("a: \x00\n", 1, 4, "a control character is not allowed"),
            ("é: \x07\n", 1, 4, "a control character is not allowed"),
            (" a: 1\nb: 2\n", 1, 1, "the first line is indented, and what follows is not"),
        ],
    )
    @pytest.mark.parametrize("loader", LOADERS)
    def test_a_mistake_and_where_it_is(
        self,
        loader: str,
        text: str,
        line: int,
        column: int,
        message: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        use(loader, monkeypatch)
        (problem,) = problems(text)
        assert problem.code == "yaml-syntax"
        assert problem.message == f"not YAML: {message}"
        assert problem.span is not None
        assert (problem.span.line, problem.span.column) == (line, column)

    @pytest.mark.parametrize("loader", LOADERS)
    def test_where_an_open_bracket_was_noticed(
        self, loader: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(loader, monkeypatch)
        (problem,) = problems("a: [1\nb: 3\n")
        assert ("note", "noticed at line 2, column 2") in worded(problem.facts)

    @given(st.text(max_size=40))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        found: tuple[Problem, ...] = ()
        try:
            read(text)
        except ConvcalcError as error:
            found = error.problems
        assert all(problem.span is not None for problem in found)

    def test_without_libyaml_the_same_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
        assert plain(read("a: [1, {b: 'c'}]")) == {"a": ["1", {"b": "c"}]}
        assert codes("a: [1") == ["yaml-syntax"]
        assert codes("a: \x00") == ["yaml-syntax"]


def test_a_file_may_not_be_endless() -> None:
    with access(max_file_size=10):
        assert codes("# 3456789\n#") == ["file-too-large"]
