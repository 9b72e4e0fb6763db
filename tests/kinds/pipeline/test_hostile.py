"""A definition is whatever JSON somebody stored: it gives a form or one line, never a traceback."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.errors import UsageError
from console.kinds.pipeline.record import Definition, parse
from console.kinds.pipeline.retrain import check_parameters, misfit

leaves = st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8)
keys = st.sampled_from(
    [
        *("Name", "Type", "DefaultValue", "EnumValues", "Parameters", "Steps", "Arguments", "DependsOn", "IfSteps"),
        *("ElseSteps", "CacheConfig", "Enabled", "Get", "StepName", "Std:Join"),
    ]
)
anything: st.SearchStrategy[Any] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=30
)
definitions = st.fixed_dictionaries({}, optional={"Parameters": anything, "Steps": anything, "Version": anything})


@given(definitions | anything, st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2))
@example({"Parameters": [{"Name": "A", "EnumValues": 5}]}, {"A": "5"})
@example({"Parameters": 7, "Steps": {"Name": "x"}}, {})
@example({"Parameters": [{"Name": ["x"], "Type": {}}, {"Name": ""}, 3, {"Name": "B", "DefaultValue": None}]}, {})
@example({"Steps": [{"Name": {}, "Type": "Condition", "Arguments": {"IfSteps": 3}, "DependsOn": 4}]}, {})
def test_whatever_it_holds_there_is_a_form(content: Any, given_: dict[str, str]) -> None:
    found = parse(json.dumps(content))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Definition) == found
    names = [p.name for p in found.parameters]
    assert len(set(names)) == len(names) and all(names)
    for parameter in found.parameters:
        assert isinstance(misfit(parameter, "5"), str)
    try:
        check_parameters(found, given_)
    except UsageError as error:
        assert "\n" not in f"{error.message}{error.advice}"


NOT_ONE = ("", "{", "[" * 50_000, '{"Parameters": ' + "[" * 5_000, "\udcff", '{"a": "\\ud800"}', "5")


@pytest.mark.parametrize("text", NOT_ONE, ids=range(len(NOT_ONE)))
def test_text_that_is_no_definition_is_an_empty_graph(text: str) -> None:
    assert parse(text).parameters == () and parse(text).nodes == ()


def test_steps_nested_a_thousand_deep() -> None:
    step = '{"Name": "s", "Type": "Condition", "Arguments": {"IfSteps": ['
    assert isinstance(parse('{"Steps": [' + step * 300 + "]}}" * 300 + "]}"), Definition)
