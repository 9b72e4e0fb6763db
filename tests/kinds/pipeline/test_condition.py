from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.kinds.pipeline.condition import filled, gates

REPORT = {
    "Name": "Evaluate",
    "Type": "Processing",
    "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "out", "FilePath": "evaluation.json"}],
    "Arguments": {
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": {
                            "Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Execution.PipelineExecutionId"}]}
                        }
                    },
                }
            ]
        }
    },
}
R2 = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "r2.value"}}
LABELS = {"Get": "Steps.Await.OutputParameters['agreement']"}


def gate(*conditions: Any, nested: bool = False) -> dict[str, Any]:
    step = {"Name": "Gate", "Type": "Condition", "Arguments": {"Conditions": list(conditions)}}
    if not nested:
        return step
    outer = {"Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}], "IfSteps": [], "ElseSteps": [step]}
    return {"Name": "Outer", "Type": "Condition", "Arguments": outer}


@pytest.mark.parametrize("nested", [False, True])
def test_the_number_is_in_the_report_that_the_step_before_wrote(nested: bool) -> None:
    wanted = {"Type": "GreaterThanOrEqualTo", "LeftValue": R2, "RightValue": {"Get": "Parameters.MinR2"}}
    found = gates([REPORT, gate(wanted, nested=nested)])["Gate"]
    values = {"Parameters.MinR2": "0.80", "Execution.PipelineExecutionId": "7qk2x"}
    assert filled(found.wants, values, named=True) == "r2.value ≥ MinR2 0.80"
    assert filled(found.report, values) == "s3://b/7qk2x/evaluation.json"
    assert filled(found.wants, {}, named=True) == "r2.value ≥ MinR2"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"Type": "LessThan", "LeftValue": LABELS, "RightValue": 0.8}, "agreement 0.72 < 0.8"),
        ({"Type": "Not", "Condition": {"Type": "Equals", "LeftValue": True, "RightValue": "x"}}, "not (true = x)"),
        ({"Type": "In", "QueryValue": {"Get": "Parameters.Mode"}, "Values": ["a", "b"]}, "Mode full among a, b"),
        (
            {"Type": "Or", "Conditions": [{"Type": "GreaterThan", "LeftValue": 1, "RightValue": n} for n in (2, 3)]},
            "(1 > 2 or 1 > 3)",
        ),
        ({"Type": "OfNextYear", "LeftValue": 1}, ""),
    ],
)
def test_every_kind_of_test_has_words(condition: Any, words: str) -> None:
    values = {"Steps.Await.OutputParameters['agreement']": "0.72", "Parameters.Mode": "full"}
    found = gates([gate(condition)])["Gate"]
    assert filled(found.wants, values, named=True) == words and found.report == ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Name", "Type", "Arguments", "Conditions", "Get", "Std:Join", "Std:JsonGet", "Values", "PropertyFiles",
                 "Outputs", "ProcessingOutputConfig", "LeftValue", "IfSteps", "Condition"]
            ),
            inner | st.sampled_from(["Condition", "Not", "Or", "In", "Equals"]),
            max_size=5,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(_JSON)
def test_nothing_in_a_definition_is_an_error(steps: Any) -> None:
    for found in gates(steps).values():
        filled(found.wants, {}, named=True)
