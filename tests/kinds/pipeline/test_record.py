"""Definitions as graphs: the real ones, against how the world that runs them reads them; and hostile ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import console.world.definitions
from console.kinds.pipeline.record import Definition, Node, from_api, nodes, parse
from console.text import HIDDEN
from console.world.sagemaker import definitions as world

REAL = sorted(Path(next(iter(console.world.definitions.__path__))).glob("*.json"))


def ancestors(waits: dict[str, set[str]], name: str) -> set[str]:
    found: set[str] = set()
    queue = [name]
    while queue:
        for before in waits[queue.pop()] - found:
            found.add(before)
            queue.append(before)
    return found


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_definitions_wait_as_the_world_runs_them(path: Path) -> None:
    text = path.read_text()
    told, runs = parse(text), world.parse(text)
    assert len(told.nodes) >= 4
    assert {n.name: (n.type, n.cached) for n in told.nodes} == {
        s.name: (s.type, s.cache_s is not None) for s in runs.steps.values()
    }
    mine = {n.name: set(n.after) for n in told.nodes}
    theirs = {s.name: set(s.upstream) for s in runs.steps.values()}
    for name in mine:
        assert ancestors(mine, name) == ancestors(theirs, name), name
    branches = {
        s.name: f"{s.branch[0]}:{'if' if s.branch[1] else 'else'}" if s.branch else "" for s in runs.steps.values()
    }
    assert {n.name: n.branch for n in told.nodes} == branches
    assert {p.name: p.type for p in told.parameters} == {p.name: p.type for p in runs.parameters.values()}
    for p in told.parameters:
        assert runs.parameters[p.name].parse(p.default or "") == runs.parameters[p.name].default
        assert p.choices == tuple(map(str, runs.parameters[p.name].choices))


def test_there_are_real_definitions() -> None:
    assert len(REAL) >= 6


def graph(*steps: dict[str, Any]) -> dict[str, Node]:
    return {n.name: n for n in nodes({"Steps": list(steps)})}


def test_what_a_step_waits_for() -> None:
    found = graph(
        {"Name": "a", "Type": "Processing"},
        {
            "Name": "b",
            "Type": "Training",
            "DependsOn": ["a"],
            "CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"},
        },
        {
            "Name": "c",
            "Type": "Model",
            "Arguments": {"x": [{"Std:Join": {"Values": [{"Get": "Steps.b.Out['y']"}]}}]},
        },
        {
            "Name": "d",
            "Type": "Lambda",
            "FunctionArn": {"Get": "Steps.a.Arn"},
            "Arguments": {"p": {"Get": "Parameters.P"}},
        },
        {
            "Name": "e",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [{"LeftValue": {"Std:JsonGet": {"Step": {"StepName": "d"}, "Path": "f1"}}}],
                "IfSteps": [
                    {"Name": "f", "Type": "Processing", "Arguments": {"x": {"Get": "Steps.b.Out"}}},
                    {"Name": "g", "Type": "Training", "DependsOn": ["f"]},
                    {
                        "Name": "h",
                        "Type": "Condition",
                        "Arguments": {
                            "Conditions": [],
                            "IfSteps": [],
                            "ElseSteps": [{"Name": "i", "Type": "Fail"}],
                        },
                    },
                ],
                "ElseSteps": [],
            },
        },
    )
    assert {name: node.after for name, node in found.items()} == {
        "a": (),
        "b": ("a",),
        "c": ("b",),
        "d": ("a",),
        "e": ("d",),
        "f": ("b", "e"),
        "g": ("f",),
        "h": ("e",),
        "i": ("h",),
    }
    assert [found[n].branch for n in "aefghi"] == ["", "", "e:if", "e:if", "e:if", "h:else"]
    assert found["b"].cached and not found["a"].cached


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '{"Steps": 7, "Parameters": [3]}', "[" * 100_000])
def test_no_definition_is_an_empty_graph(text: str) -> None:
    assert parse(text) == Definition(name=parse(text).name)


scraps = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "Steps.a.b", "a", "Condition", "\x1b[31m"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Steps",
                    "Name",
                    "Type",
                    "Arguments",
                    "IfSteps",
                    "DependsOn",
                    "Get",
                    "Parameters",
                    "CacheConfig",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(scraps)
def test_no_definition_breaks_the_reader(value: Any) -> None:
    read = parse(
        msgspec.json.encode({"Steps": [{"Name": "a", "Type": "Condition", "Arguments": value}, value]}).decode()
    )
    assert {a for n in read.nodes for a in n.after} <= {n.name for n in read.nodes}
    assert msgspec.json.decode(msgspec.json.encode(read), type=Definition) == read


def test_defaults_that_look_like_secrets_are_not_kept() -> None:
    told = parse(
        '{"Parameters": [{"Name": "DbPassword", "Type": "String", "DefaultValue": "hunter2"},'
        ' {"Name": "Url", "Type": "String", "DefaultValue": "postgres://me:hunter2@db/x"},'
        ' {"Name": "MaxTokens", "Type": "Integer", "DefaultValue": 512}, {"Name": "Must", "Type": "String"}]}'
    )
    assert [p.default for p in told.parameters] == [HIDDEN, f"postgres://{HIDDEN}@db/x", "512", None]


def test_a_summary_with_hardly_anything() -> None:
    told = from_api({"PipelineName": "p"})
    assert (told.name, told.arn, told.last_run_at, told.tags) == ("p", "", None, {})
