"""convcalc.yaml: what is read, and that no text whatever makes the reader fail."""

from __future__ import annotations

import tempfile
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from convcalc.checks.project.config import (
    ENTRY_KEYS,
    MOST_VALUES,
    Config,
    config_schema,
    read_config,
)
from convcalc.problems import ConvcalcError, Problem
from tests.diagnostics.update import CONFIGS, config_names
from tests.language.editor import edited

GOOD = """\
networks:
  - files: [models/*.yaml, vgg16]
    set: {width: [0.5, 1.0], act: relu, depths: [[3, 4], ['min(3, 4)', "it's"]]}
    budget: {params: 3.7M, macs: 310M, peak_memory: 1.5MiB, layers: {conv*: {params: 2.4M}}}
    warn: {macs: 290M, flops: {max: 620M, as: torch}, output: [10]}
    growth: {macs: 2%, params: 10k, layers: 0}
    dtype: int8
"""


def read(text: str, folder: Path) -> Config:
    path = folder / "convcalc.yaml"
    path.write_text(text, encoding="utf-8")
    return read_config(str(path))


def test_what_is_read(tmp_path: Path) -> None:
    (entry,) = read(GOOD, tmp_path).entries
    assert [pattern.text for pattern in entry.files] == ["models/*.yaml", "vgg16"]
    assert entry.sets == {
        "width": ("0.5", "1.0"),
        "act": ("relu",),
        "depths": ("[3, 4]", "['min(3, 4)', 'it''s']"),
    }
    assert entry.places["act"].line == 3
    assert [limit.name for limit in entry.budget] == [
        *("params", "macs", "peak_memory", "layers.conv*.params")
    ]
    assert {limit.dtype for limit in (*entry.budget, *entry.warn, *entry.growth)} == {"int8"}
    assert [limit.span.line for limit in entry.growth if limit.span] == [6, 6, 6]
    assert entry.growth[0].growth is not None
    assert entry.growth[0].growth.most(1000) == 1020


def test_a_value_twice_is_one_variant(tmp_path: Path) -> None:
    text = "networks: [{files: a, set: {w: [1, 1, 2]}}]"
    assert read(text, tmp_path).entries[0].sets == {"w": ("1", "2")}


def test_a_range_is_its_numbers(tmp_path: Path) -> None:
    text = "networks: [{files: a, set: {w: 0.25..1:0.25, n: [1, '2..4, 8'], d: [[1..2], x]}}]"
    assert read(text, tmp_path).entries[0].sets == {
        "w": ("0.25", "0.5", "0.75", "1"),
        "n": ("1", "2", "3", "4", "8"),
        "d": ("[1..2]", "x"),
    }


def test_ranges_have_as_many_values_as_a_file_may_give(tmp_path: Path) -> None:
    text = f"networks: [{{files: a, set: {{w: 1..{MOST_VALUES}}}}}]"
    assert len(read(text, tmp_path).entries[0].sets["w"]) == MOST_VALUES
    for more in ("v: 1..2, w", "w: 1..1e30, v"):
        with pytest.raises(ConvcalcError) as caught:
            read(text.replace("{w", "{" + more), tmp_path)
        assert [problem.code for problem in caught.value.problems] == ["too-many-variants"]


def test_the_schema_names_every_key() -> None:
    entry = config_schema()["properties"]["networks"]["items"]
    assert set(entry["properties"]) == set(ENTRY_KEYS)


class TestSchema:
    validator = jsonschema.Draft7Validator(config_schema())

    def takes(self, text: str) -> bool:
        return bool(self.validator.is_valid(edited(text)))

    def test_is_a_schema(self) -> None:
        jsonschema.Draft7Validator.check_schema(config_schema())

    @pytest.mark.parametrize("name", config_names())
    def test_finds_mistakes_of_structure(self, name: str) -> None:
        about_networks = {
            *("file_missing", "folder_without_specs", "glob_without_a_match", "no_such_layer"),
            *("set_range_beside_its_end", "set_range_too_long", "set_range_without_end"),
            *("set_range_without_numbers", "set_range_without_points"),
            *("growth_without_a_lock", "set_too_many_combinations", "set_unknown_argument"),
            *("set_value_refused", "set_value_that_breaks_the_network", "word_of_no_network"),
            "file_misspelt",
            *("duplicate_key", "anchors"),  # YAML's, which a schema never sees
        }
        try:
            takes = self.takes((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
        except yaml.YAMLError:
            return
        assert takes == (name in about_networks)

    @pytest.mark.parametrize(
        "entry",
        [
            "{files: models/edge/*.yaml, set: {width: [0.5, 1.0]}, dtype: int8}",
            "{files: [a.yaml, vgg16], set: {depths: [[3, 4, 6, 3]], unit: relu}}",
            "{files: a.yaml, budget: {params: 3.7M, macs: 310M, peak_memory: 1.5MiB}}",
            "{files: a.yaml, warn: {flops: {max: 620M, as: convcalc}}, growth: {macs: 2%}}",
            "{files: a.yaml, budget: {layers: {'conv*': {params: 2.4M}}, output: [10]}}",
            "{files: [a.yaml, b], growth: {macs: 2%, weights: 1kB, layers: 3}}",
        ],
    )
    def test_takes_what_the_file_offers(self, entry: str) -> None:
        assert self.takes(f"networks:\n  - {entry}\n")

    def test_takes_what_is_read(self) -> None:
        assert self.takes(GOOD)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The good text with a few pieces cut out, doubled, or replaced."""
    text = GOOD
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(start + draw(st.integers(0, 12)), len(text))
        middle = draw(
            st.sampled_from(["", text[start:end] * 2, "[", "{", "}", ": ", "\n", "- ", "%"])
        )
        text = text[:start] + middle + text[end:]
    return text


@given(text=damaged() | st.text(st.characters(codec="utf-8"), max_size=60))
def test_whatever_is_wrong_is_reported_with_its_place(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        problems = refusals(text, Path(folder))
    assert all(problem.span is not None for problem in problems)


def refusals(text: str, folder: Path) -> tuple[Problem, ...]:
    """What is wrong with a text; nothing where it is read."""
    try:
        read(text, folder)
    except ConvcalcError as error:
        if error.status != 2:
            raise
        return error.problems
    return ()
