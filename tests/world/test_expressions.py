"""Expressions and conditions of pipeline definitions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.world.sagemaker.expressions import (
    Scope,
    Unresolved,
    holds,
    path_parts,
    paths_read,
    references,
    resolve,
)

PROPERTIES = {"Prep": {"Outputs": [{"OutputName": "train", "Uri": "s3://b/t"}, {"OutputName": "test", "Uri": "x"}]}}
SCOPE = Scope(
    parameters={"Limit": 0.8, "Mode": "full", "Deep": True},
    execution={"PipelineName": "p"},
    step=lambda name: PROPERTIES[name],
    report=lambda step, file, path: {("Eval", "Report", "auc.value"): 0.9}[step, file, path],
)
AUC = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Eval.PropertyFiles.Report"}, "Path": "auc.value"}}


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Get": "Parameters.Limit"}, 0.8),
        ({"Get": "Execution.PipelineName"}, "p"),
        ({"Get": "Steps.Prep.Outputs['train'].Uri"}, "s3://b/t"),
        ({"Get": "Steps.Prep.Outputs[1].OutputName"}, "test"),
        ({"Std:Join": {"On": "/", "Values": ["a", {"Get": "Parameters.Mode"}, 3, True]}}, "a/full/3/true"),
        (AUC, 0.9),
        ({"plain": [{"Get": "Parameters.Mode"}], "Get": "kept"}, {"plain": ["full"], "Get": "kept"}),
    ],
)
def test_resolve(node: Any, value: Any) -> None:
    assert resolve(node, SCOPE) == value


@pytest.mark.parametrize(
    "reference",
    ["Parameters.Nope", "Execution.Nope", "Steps.Prep.Outputs['nope'].Uri", "Steps.Prep.Outputs[7]", "Steps.Prep.X"],
)
def test_a_reference_to_nothing_says_which(reference: str) -> None:
    with pytest.raises(Unresolved, match=reference.split(".")[0]):
        resolve({"Get": reference}, SCOPE)


@pytest.mark.parametrize(
    ("kind", "left", "right", "true"),
    [
        ("GreaterThanOrEqualTo", AUC, {"Get": "Parameters.Limit"}, True),
        ("LessThan", AUC, 0.9, False),
        ("LessThanOrEqualTo", AUC, "0.90", True),
        ("GreaterThan", "10", "9", True),  # numbers, though sent as strings
        ("Equals", {"Get": "Parameters.Mode"}, "full", True),
        ("Equals", {"Get": "Parameters.Deep"}, True, True),
    ],
)
def test_comparisons(kind: str, left: Any, right: Any, true: bool) -> None:
    condition = {"Type": kind, "LeftValue": left, "RightValue": right}
    assert holds(condition, SCOPE) is true
    assert holds({"Type": "Not", "Condition": condition}, SCOPE) is not true


def test_in() -> None:
    condition = {"Type": "In", "QueryValue": {"Get": "Parameters.Mode"}, "Values": ["a", "full"]}
    assert holds(condition, SCOPE)
    assert not holds(condition | {"Values": ["a"]}, SCOPE)


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_or_is_any(truths: list[bool]) -> None:
    parts = [{"Type": "Equals", "LeftValue": truth, "RightValue": True} for truth in truths]
    assert holds({"Type": "Or", "Conditions": parts}, SCOPE) is any(truths)


NAME = st.text("abcXYZ_09", min_size=1, max_size=6)
PART = st.one_of(NAME.filter(lambda name: not name.isdigit()), st.integers(0, 99))


@given(st.lists(PART, min_size=1, max_size=6), st.booleans())
def test_path_parts_reads_what_the_sdk_writes(parts: list[str | int], quoted: bool) -> None:
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"['{part}']" if quoted and text else f"{'.' if text else ''}{part}"
    assert path_parts(text) == parts


def test_references_and_paths_of_a_tree() -> None:
    tree = {"a": [{"Get": "Steps.A.X"}, {"b": {"Get": "Parameters.P"}}], "c": AUC}
    assert list(references(tree)) == ["Steps.A.X", "Parameters.P", "Steps.Eval.PropertyFiles.Report"]
    assert list(paths_read(tree)) == ["auc.value"]
