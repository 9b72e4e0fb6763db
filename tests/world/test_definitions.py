"""Definitions: the committed ones of the SDK, and those that CreatePipeline has to refuse."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.world.pipeline_seed import templates
from console.world.sagemaker.definitions import BadDefinition, BadParameter, duration_s, parse
from tests.world.pipeline_lab import condition, definition, out, processing, step

EQUAL = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}


def test_the_committed_definitions_cover_what_pipelines_can_do() -> None:
    parsed = [parse(text) for text in templates().values()]
    steps = [step for one in parsed for step in one.steps.values()]
    kinds = {step.type for step in steps}
    assert kinds >= {"Processing", "Training", "Tuning", "Transform", "Model", "RegisterModel", "Condition"}
    assert kinds >= {"Callback", "Lambda", "Fail", "QualityCheck"}
    assert any(step.cache_s == 86_400 for step in steps)
    assert any("SageMaker.CAPACITY_ERROR" in policy.errors for step in steps for policy in step.retries)
    assert any(parameter.choices for one in parsed for parameter in one.parameters.values())


def test_implicit_dependencies_branches_and_order() -> None:
    parsed = parse(templates()["delay-risk-train"])
    assert parsed.steps["Evaluate"].upstream == {"Preprocess", "Train"}
    assert parsed.steps["CheckAuc"].upstream == {"Evaluate"}
    assert parsed.steps["Register-RegisterModel"].branch == ("CheckAuc", True)
    assert parsed.steps["QualityTooLow"].branch == ("CheckAuc", False)
    order = list(parsed.steps)
    assert all(order.index(before) < order.index(name) for name in order for before in parsed.steps[name].upstream)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "Unable to parse"),
        ('{"Version": "2019-01-01"}', "Version"),
        (definition(), "at least one step"),
        (definition(step("A", "Dance")), "Unknown step type Dance"),
        (definition({"Name": "A"}), "Type"),
        (definition(processing("A"), processing("A")), "unique"),
        (definition(processing("A", out("B"))), "unknown step B"),
        (definition(processing("A", DependsOn=["B"])), "unknown step B"),
        (definition(processing("A", out("B")), processing("B", out("A"))), "Cycle"),
        (definition(processing("A", {"Get": "Parameters.P"})), "unknown parameter P"),
        (definition(condition("C", {"Type": "Maybe"}, [], [])), "Unknown condition Maybe"),
        (definition(condition("C", {"Type": "Not", "Condition": {"Type": "In"}}, [], [])), "In lacks QueryValue"),
        (definition(step("W", "Callback", {})), "lacks SqsQueueUrl"),
        (definition(step("F", "Fail", {})), "lacks ErrorMessage"),
        (definition(condition("C", EQUAL, [processing("A")], [processing("A")])), "unique"),
        (definition(*(processing(f"S{n}") for n in range(51))), "limit of 50 steps"),
        (definition(processing("A"), parameters=[{"Name": "P", "Type": "Date"}]), "parameter type Date"),
        (definition(processing("A", CacheConfig={"Enabled": True, "ExpireAfter": "tomorrow"})), "duration"),
    ],
)
def test_refused(text: str, told: str) -> None:
    with pytest.raises(BadDefinition, match=told):
        parse(text)


PARAMETERS: list[dict[str, Any]] = [
    {"Name": "S", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
    {"Name": "I", "Type": "Integer", "DefaultValue": 3},
    {"Name": "F", "Type": "Float"},
    {"Name": "B", "Type": "Boolean", "DefaultValue": False},
]


def bind(**given: str) -> dict[str, Any]:
    parsed = parse(definition(processing("A"), parameters=PARAMETERS))
    return parsed.bind([{"Name": name, "Value": value} for name, value in given.items()])


def test_parameters_are_typed() -> None:
    assert bind(F="0.5", I="7", B="True", S="b") == {"S": "b", "I": 7, "F": 0.5, "B": True}
    assert bind(F="1")["S"] == "a"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"F": "1", "X": "1"}, r"Unknown parameter \[X\]"),
        ({"F": "much"}, "not of type Float"),
        ({"F": "1", "I": "1.5"}, "not of type Integer"),
        ({"F": "1", "B": "yes"}, "not of type Boolean"),
        ({"F": "1", "S": "c"}, r"enum values \[a, b\]"),
        ({}, r"missing for pipeline parameters \[F\]"),
    ],
)
def test_parameters_that_do_not_fit(given: dict[str, str], told: str) -> None:
    with pytest.raises(BadParameter, match=told):
        bind(**given)


@pytest.mark.parametrize(
    ("text", "seconds"), [("P1D", 86_400), ("PT5M", 300), ("P1M", 30 * 86_400), ("P1DT1H30S", 90_030)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_is_refused_with_a_sentence(value: Any) -> None:
    for text in (json.dumps(value), json.dumps({"Version": "2020-12-01", "Steps": value, "Parameters": value})):
        with pytest.raises(BadDefinition):
            parse(text)
