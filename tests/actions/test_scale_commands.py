"""`lastgood scale`, `suspend`, `unsuspend` and `get scaling` as commands, on a world that runs by the wall clock."""

from __future__ import annotations

import json

import pytest

from tests.actions.conftest import Shell
from tests.actions.test_scale import SEARCH, VARIANT, aas, bounds, target


def test_listed_described_and_scaled_from_a_script(shell: Shell) -> None:
    listed = shell("get", "scaling")
    assert listed.code == 0 and VARIANT in listed.out and "LOAD %" in listed.out
    told = json.loads(shell("get", "scaling", SEARCH, "-o", "json").out)
    (item,) = told["items"]
    assert {"resource", "min", "max", "current", "verdict", "reasons"} <= item.keys() and item["max"] == 8
    assert told["kind"] == "scaling" and told["sources"]["scaling"]["ok"]
    described = shell("describe", "scaling", SEARCH)
    assert described.code == 0 and "CAPACITY" in described.out and "ACTIVITIES" in described.out
    assert "SCALING" in shell("describe", "endpoint", SEARCH).out

    dry = shell("scale", SEARCH, "--max", "12", "--dry-run", "-o", "json")
    plan = json.loads(dry.out)
    assert dry.code == 0 and plan["after"]["max"] == 12 and bounds(shell.rig) == (2, 8)
    assert {c["check"] for c in plan["preflight"]} >= {"settled", "capacity", "quota", "load", "need", "owner", "hold"}
    refused = shell("scale", SEARCH, "--max", "12")
    assert refused.code == 4 and "--yes" in refused.err, "nobody can be asked"
    done = shell("scale", SEARCH, "--max", "12", "--yes", "--wait", "--reason", "sale")
    assert done.code == 0 and bounds(shell.rig) == (2, 12), done.err
    assert "sale" in shell("audit").out
    assert json.loads(shell("get", "scaling", SEARCH, "-o", "json", "--cached").out)["items"][0]["max"] == 12


@pytest.mark.parametrize("name", [("scaling", VARIANT), ("endpoint", SEARCH), (SEARCH,)])
def test_scale_in_is_suspended_and_resumed_whatever_the_ledger_knows(shell: Shell, name: tuple[str, ...]) -> None:
    """With nothing in the ledger: a fresh bastion must not be in the way."""
    assert shell("suspend", *name, "--yes", "--wait").code == 0
    assert target(shell.rig)["SuspendedState"]["DynamicScalingInSuspended"] is True
    again = shell("suspend", *name, "--dry-run")
    assert again.code == 4 and "suspended already" in again.err and again.err.count("\n") == 1
    assert shell("unsuspend", *name, "--yes", "--wait").code == 0
    assert not any(target(shell.rig)["SuspendedState"].values())


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("scale", SEARCH, "--min", "9"), 2, "min 9 would be above max 8"),
        (("scale", SEARCH, "--max", "many"), 2, "--max"),
        (("scale", SEARCH, "--max", "12", "--desired", "3"), 2, "two actions"),
        (("scale", "delay-risk", "--min", "4"), 4, "not autoscaled"),
        (("scale", "nope", "--desired", "4"), 3, "no endpoint nope"),
        (("scale", "scaling", "nope/x", "--max", "4"), 3, "no endpoint nope"),
        (("scale", "pipeline", "delay-risk-train"), 2, "scale is not for pipelines"),
        (("get", "scaling", "nope"), 3, "no scaling nope"),
        (("unsuspend", SEARCH), 4, "is not suspended"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_line(shell: Shell, argv: tuple[str, ...], code: int, words: str) -> None:
    said = shell(*argv)
    assert said.code == code and words in said.err, said.err
    assert sum(line.startswith("lastgood: ") for line in said.err.splitlines()) <= 1 or "no scaling" in said.err


def test_a_proposal_is_a_plan_like_any_other(shell: Shell) -> None:
    said = shell("scale", "delay-risk", "--dry-run", "-o", "json")
    plan = json.loads(said.out)
    assert plan["args"]["desired"] == 4 and plan["how"].startswith("proposed by the load")
    assert "nothing known asks for it" in str(plan["preflight"])


def test_the_actor_of_a_scaling_is_auto_scaling(shell: Shell) -> None:
    rig = shell.rig
    found = aas(rig, "DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"][0]
    of = {name: found[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    aas(rig, "RegisterScalableTarget", **of, MinCapacity=6)
    for _ in range(20):
        changes = json.loads(shell("get", "changes", "--fresh", "-o", "json").out)["items"]
        if actors := {c["actor"] for c in changes if c["event"] == "UpdateEndpointWeightsAndCapacities"}:
            break
        rig.clock.tick(0.5)
    assert actors == {"aas"} and "Auto Scaling" in shell("get", "changes", "--cached").out
