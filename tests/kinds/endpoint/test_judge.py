"""What is wrong, in words: every branch of the verdict, with the words an operator reads first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from console.clock import DAY, HOUR, MINUTE
from console.kinds.base import Sign
from console.kinds.change.record import Change
from console.kinds.deployment.record import Deployment, Outcome, Proof
from console.kinds.endpoint.motion import phase_words
from console.kinds.endpoint.record import Endpoint, Pending, Phase, Variant
from console.kinds.endpoint.verdict import judge
from console.kinds.endpoint.view import EndpointView, _marked, order
from console.kinds.hold.record import Act, Hold
from console.kinds.symptom.record import Symptom
from console.kinds.vitals.finding import Finding

NOW = 1_795_489_920_000  # 2026-11-24T03:12:00Z


def endpoint(status: str = "InService", config: str = "risk-v7", **more: Any) -> Endpoint:
    return Endpoint(name="risk", arn="arn", status=status, config=config, modified_at=NOW - 5 * MINUTE, **more)


def moving(
    minutes: float = 6, phase: str = "Creating", message: str = "", *, since: float | None = None, **more: Any
) -> Endpoint:
    phases = (Phase(phase, message, NOW - round((minutes if since is None else since) * MINUTE)),) if phase else ()
    pending = Pending("risk-v8", NOW - round(minutes * MINUTE), (Variant("AllTraffic", phases=phases),))
    return endpoint("Updating", pending=pending, **more)


def deployed(outcome: Outcome, target: str = "risk-v8", ago: int = 9 * MINUTE, **more: Any) -> Deployment:
    told = {
        "source": "risk-v7",
        "ended_at": NOW - ago + 8 * MINUTE,
        "by": "ci-deployer",
        "actor": "ci",
    } | more
    return Deployment(target=target, started_at=NOW - ago, outcome=outcome, proofs=(Proof("seen"),), **told)


def symptom(config: str = "risk-v7", errors: int = 9, ago: int = MINUTE) -> Symptom:
    return Symptom("risk", config, NOW - ago, errors, 4000, "KeyError: 'dep_delay'", NOW - 2 * MINUTE)


ACT = Act("endpoint", "risk", "rollback", "risk-v8", "risk-v7", "arn:oncall", NOW - HOUR, "a1")
HOLD = Hold("endpoint", "risk", "[red]audit", "maria", NOW - HOUR)
CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 3600},
        "TerminationWaitInSeconds": 3600,
        "MaximumExecutionTimeoutInSeconds": 28800,
    }
}
BAKING = "Baking for 600 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
RESIZE = "UpdateEndpointWeightsAndCapacities"
TERRAFORM = {"by": "terraform", "actor": "tf"}
S, M, C, W, U = Outcome.SUCCEEDED, Sign.MOVING, Sign.CRITICAL, Sign.WARNING, Sign.UNKNOWN

SERVED_FOR_LONG = [msgspec.structs.replace(deployed(S, "risk-v7"), started_at=NOW - 9 * HOUR, ended_at=NOW - 8 * HOUR)]
SLOW = Finding(W, "p99 900 ms, was 80", ("over 5 whole minutes",), about="latency")


def warning(warnings: int) -> Symptom:
    return Symptom(
        "risk", "risk-v7", NOW - MINUTE, 0, 400, warnings=warnings, warned="feature store answered after 164 ms"
    )


TABLE: dict[str, tuple[Endpoint, list[Deployment], dict[str, Any], Sign, str]] = {
    "ok": (endpoint(), [], {}, Sign.OK, "ok"),
    "ok, long since": (endpoint(), [deployed(S, "risk-v7", 3 * DAY)], {}, Sign.OK, "ok"),
    "ok, newly": (endpoint(), [deployed(S, "risk-v7")], {}, Sign.OK, "ok, v7 since 03:11Z by ci"),
    "failed": (endpoint("Failed"), [], {}, C, "failed: only deleting and creating it again helps"),
    "mixed": (
        endpoint("UpdateRollbackFailed"),
        [],
        {},
        C,
        "update and its roll back failed: mixed fleets serve",
    ),
    "out of service": (endpoint("OutOfService"), [], {}, C, "out of service"),
    "unknown status": (endpoint("Hibernating"), [], {}, U, "status Hibernating is not known here"),
    "no status": (endpoint(""), [], {}, U, "status missing is not known here"),
    "maintenance": (endpoint("SystemUpdating"), [], {}, M, "AWS maintenance since 03:07Z"),
    "scaling failed": (
        endpoint("RollingBack"),
        [],
        {},
        M,
        "capacity or weights failed, going back to v7",
    ),
    "updating, unseen why": (endpoint("Updating"), [], {}, M, "updating"),
    "scaling": (
        endpoint("Updating", variants=(Variant("A", 1.0, 1.0, 3, 9), Variant("B", 1.0, 1.0, 2, 2))),
        [],
        {},
        M,
        "scaling A from 3 to 9",
    ),
    "weights": (endpoint("Updating", variants=(Variant("A", 1.0, 0.5, 3, 3),)), [], {}, M, "shifting weights"),
    "creating": (endpoint("Creating"), [], {}, M, "creating v7"),
    "deleting": (endpoint("Deleting"), [], {}, M, "deleting"),
    "launching": (moving(), [], {}, M, "v8: launching since 03:06Z"),
    "no phase yet": (moving(phase=""), [], {}, M, "v8: starting"),
    "baking": (moving(9, "Baking", BAKING, since=2), [], {}, M, "v8: canary baking until 03:20Z"),
    "launching hangs": (moving(47), [], {}, W, "v8 stuck launching since 02:25Z, v7 serves"),
    "launching hangs, usually slower": (
        moving(47),
        [deployed(S, ago=DAY, ended_at=NOW - DAY + 20 * MINUTE)],
        {},
        M,
        "v8: launching since 02:25Z",
    ),
    "a long bake is planned": (
        moving(150, "Baking", BAKING, policy=CANARY),
        [],
        {},
        M,
        "v8: canary baking since 00:42Z",
    ),
    "a bake hangs": (moving(150, "Baking", BAKING), [], {}, W, "v8 stuck since 00:42Z, v7 serves"),
    "logs of what comes": (
        moving(9, "ActivatingTraffic"),
        [],
        {"symptom": symptom()},
        W,
        "v8: taking traffic since 03:03Z; logs KeyError: 'dep_delay'",
    ),
    "logs of what is left": (
        moving(9, "ActivatingTraffic"),
        [],
        {"symptom": msgspec.structs.replace(symptom(), since=NOW - HOUR)},
        W,
        "v8: taking traffic since 03:03Z; v7 logs KeyError: 'dep_delay'",
    ),
    "logs": (
        endpoint(),
        [deployed(S, "risk-v7")],
        {"symptom": symptom()},
        W,
        "logs KeyError: 'dep_delay' (v7 since 03:11Z)",
    ),
    "logs, of what has served for long": (
        endpoint(),
        SERVED_FOR_LONG,
        {"symptom": symptom()},
        Sign.OK,
        "ok",
    ),
    "in trouble, and its logs tell why": (
        endpoint(),
        SERVED_FOR_LONG,
        {"symptom": symptom(), "found": [SLOW]},
        W,
        "p99 900 ms, was 80; logs KeyError: 'dep_delay'",
    ),
    "in trouble, warned of": (
        endpoint(),
        SERVED_FOR_LONG,
        {"symptom": warning(30), "found": [SLOW]},
        W,
        "p99 900 ms, was 80; logs feature store answered after 164 ms",
    ),
    "in trouble, two warnings are chance": (
        endpoint(),
        SERVED_FOR_LONG,
        {"symptom": warning(2), "found": [SLOW]},
        W,
        "p99 900 ms, was 80",
    ),
    "in trouble, logs of another hour": (
        endpoint(),
        SERVED_FOR_LONG,
        {"symptom": symptom(ago=20 * MINUTE), "found": [SLOW]},
        W,
        "p99 900 ms, was 80",
    ),
    "in trouble and new: its logs are told once": (
        endpoint(),
        [deployed(S, "risk-v7")],
        {"symptom": symptom(), "found": [SLOW]},
        W,
        "p99 900 ms, was 80; logs KeyError: 'dep_delay' (v7 since 03:11Z)",
    ),
    "warned of, and well": (endpoint(), SERVED_FOR_LONG, {"symptom": warning(30)}, Sign.OK, "ok"),
    "logs, of one of which no deployment is known": (
        msgspec.structs.replace(endpoint(), modified_at=NOW - 9 * HOUR),
        [],
        {"symptom": symptom()},
        Sign.OK,
        "ok",
    ),
    "logs, quiet again": (endpoint(), [], {"symptom": symptom(errors=0)}, Sign.OK, "ok"),
    "logs, long ago": (endpoint(), [], {"symptom": symptom(ago=2 * HOUR)}, Sign.OK, "ok"),
    "held": (endpoint(), [], {"hold": HOLD}, Sign.HELD, "held: [red]audit"),
    "held, but it burns": (
        endpoint(),
        [],
        {"hold": HOLD, "symptom": symptom()},
        W,
        "logs KeyError: 'dep_delay' (v7)",
    ),
    "silent roll back": (
        endpoint(),
        [deployed(Outcome.FAILED)],
        {},
        Sign.OK,
        "note: v8 silently failed 03:11Z, v7 serves",
    ),
    "failed with a reason": (
        endpoint(),
        [deployed(Outcome.FAILED, reason="ping")],
        {},
        Sign.OK,
        "note: v8 failed 03:11Z, v7 serves",
    ),
    "rolled back": (
        endpoint(),
        [deployed(Outcome.ROLLED_BACK, reason="alarm")],
        {},
        Sign.OK,
        "note: v8 rolled back 03:11Z, v7 serves",
    ),
    "failed long ago": (endpoint(), [deployed(Outcome.FAILED, ago=3 * DAY)], {}, Sign.OK, "ok"),
    "not watched": (
        endpoint(),
        [deployed(Outcome.UNKNOWN)],
        {},
        Sign.OK,
        "note: v8 of 03:03Z is not in service, v7 serves",
    ),
    "a reason without a deployment": (
        endpoint(failure_reason="InsufficientInstanceCapacity"),
        [],
        {},
        Sign.OK,
        "note: an update failed by 03:07Z, v7 serves",
    ),
    "a reason of scaling": (
        endpoint(failure_reason="InsufficientInstanceCapacity"),
        [],
        {"resized": Change("c", NOW - HOUR, RESIZE, "endpoint", "risk", actor="aas")},
        Sign.OK,
        "note: a change of capacity or weights by Auto Scaling failed by 03:07Z, v7 serves",
    ),
    "why it cannot grow is told once": (
        endpoint(failure_reason="InsufficientInstanceCapacity"),
        [],
        {
            "resized": Change("c", NOW - HOUR, RESIZE, "endpoint", "risk", actor="aas"),
            "found": (Finding(Sign.WARNING, "cannot grow: AWS has none", (), about="scaling"),),
        },
        Sign.WARNING,
        "cannot grow: AWS has none",
    ),
    "failed, and its logs tell why": (
        endpoint(failure_reason="did not pass the ping health check"),
        [deployed(Outcome.FAILED, reason="did not pass the ping health check")],
        {"symptom": symptom("risk-v8")},
        Sign.OK,
        "note: v8 failed 03:11Z, v7 serves; ping health check; its logs: KeyError: 'dep_delay'",
    ),
    "failed before anybody watched": (
        endpoint(failure_reason="x"),
        [deployed(Outcome.FAILED, reason="x")],
        {"symptom": msgspec.structs.replace(symptom(""), fell=True, since=NOW - MINUTE)},
        Sign.OK,
        "note: v8 failed 03:11Z, v7 serves; its logs: KeyError: 'dep_delay'",
    ),
    "the logs of another failure": (
        endpoint(failure_reason="x"),
        [deployed(Outcome.FAILED, reason="x")],
        {"symptom": msgspec.structs.replace(symptom(""), fell=True, since=NOW - 2 * HOUR)},
        Sign.OK,
        "note: v8 failed 03:11Z, v7 serves",
    ),
    "undone by Terraform": (
        endpoint(config="risk-v8"),
        [deployed(S, **TERRAFORM)],
        {"act": ACT},
        C,
        "roll back of 02:12Z undone: Terraform (terraform) went back to v8",
    ),
    "being undone": (
        moving(),
        [deployed(Outcome.IN_PROGRESS, ago=6 * MINUTE, **TERRAFORM)],
        {"act": ACT},
        C,
        "roll back of 02:12Z undone: Terraform (terraform) went back to v8",
    ),
    "undone by nobody known": (
        endpoint(config="risk-v8"),
        [deployed(S, by="", actor="")],
        {"act": ACT},
        C,
        "roll back of 02:12Z undone: somebody went back to v8",
    ),
    "Terraform went elsewhere": (
        endpoint(config="risk-v9"),
        [deployed(S, "risk-v9", **TERRAFORM)],
        {"act": ACT},
        C,
        "roll back of 02:12Z undone: Terraform (terraform) went to v9",
    ),
    "a new version by CI is no reversal": (
        endpoint(config="risk-v9"),
        [deployed(S, "risk-v9")],
        {"act": ACT},
        Sign.OK,
        "ok, v9 since 03:11Z by ci",
    ),
    "rolled back, and it stays": (
        endpoint(),
        [deployed(S, "risk-v7", ago=70 * MINUTE, by="oncall", actor="oncall")],
        {"act": ACT},
        Sign.OK,
        "ok",
    ),
    "Terraform tried and failed": (
        endpoint(),
        [deployed(Outcome.FAILED, **TERRAFORM)],
        {"act": ACT},
        Sign.OK,
        "note: v8 silently failed 03:11Z, v7 serves",
    ),
    "undone, and dead": (
        endpoint("Failed", "risk-v8"),
        [deployed(S)],
        {"act": ACT},
        C,
        "failed: only deleting and creating it again helps",
    ),
    "an old roll back": (
        endpoint(config="risk-v8"),
        [deployed(S, **TERRAFORM)],
        {"act": msgspec.structs.replace(ACT, at=NOW - 3 * DAY)},
        Sign.OK,
        "ok, v8 since 03:11Z by tf",
    ),
}


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.replace(" ", "-"))
def test_every_branch(case: str) -> None:
    e, deployments, around, sign, words = TABLE[case]
    verdict = judge(e, deployments, now=NOW, **around)
    assert (verdict.sign, verdict.words) == (sign, words)
    assert verdict.reasons, "what decided it is told"


def test_mixed_fleets_and_an_evidence_too_long_for_a_row() -> None:
    told = msgspec.structs.replace(symptom(), sample="x" * 120)
    verdict = judge(endpoint("UpdateRollbackFailed"), [], now=NOW, symptom=told)
    assert f"logs {told.sample}" in verdict.reasons and "logs" not in verdict.words
    verdict = judge(endpoint(), SERVED_FOR_LONG, now=NOW, symptom=told, found=[SLOW])
    assert verdict.words.endswith("x…") and f"logs {told.sample}" in verdict.reasons


def test_the_reasons_of_a_hanging_update_say_when_it_ends_by_itself() -> None:
    policy = {"BlueGreenUpdatePolicy": {"MaximumExecutionTimeoutInSeconds": 3600}}
    reasons = judge(moving(47, policy=policy), [], now=NOW).reasons
    assert "AWS gives it up at 03:25Z, its policy's time limit" in reasons
    assert "usual duration unknown" in reasons


@pytest.mark.parametrize(
    ("policy", "minutes"),
    [
        ({}, 0),
        (CANARY, 120),
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
                }
            },
            0,
        ),
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "LINEAR",
                        "WaitIntervalInSeconds": 600,
                        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                    },
                    "TerminationWaitInSeconds": 60,
                }
            },
            31,
        ),
        (
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    "WaitIntervalInSeconds": 300,
                }
            },
            10,
        ),
    ],
)
def test_how_long_a_policy_only_waits(policy: dict[str, Any], minutes: int) -> None:
    assert endpoint(policy=policy).bake_ms == minutes * MINUTE


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        ("Baking", "", "v8: full fleet baking since 03:10Z"),
        ("Baking", "Baking for x seconds on batch capacity", "v8: batch baking since 03:10Z"),
        ("Baking", BAKING.replace("canary", "full"), "v8: full fleet baking until 03:20Z"),
        ("Deleting", "", "v8: old fleet leaving since 03:10Z"),
        ("Levitating", "\x1b[31m", "v8: levitating since 03:10Z"),
    ],
)
def test_phases_in_words(status: str, message: str, words: str) -> None:
    assert phase_words("v8", Phase(status, message, NOW - 2 * MINUTE), NOW) == words
    assert phase_words("v8", Phase("Creating"), NOW) == "v8: launching"


def view(sign_of: Endpoint, *deployments: Deployment, **around: Any) -> EndpointView:
    verdict = judge(sign_of, deployments, now=NOW, **around)
    return EndpointView(endpoint=sign_of, observed_at=NOW, verdict=verdict, deployments=deployments)


def test_worst_first_and_notes_before_the_quiet() -> None:
    views = [
        view(endpoint()),
        view(endpoint(), deployed(Outcome.FAILED)),
        view(endpoint(), hold=HOLD),
        view(endpoint("Hibernating")),
        view(moving()),
        view(moving(47)),
        view(endpoint("Failed")),
    ]
    signs = [v.sign for v in sorted(views, key=order)]
    assert signs == [C, W, M, U, Sign.HELD, Sign.OK, Sign.OK]
    assert sorted(views, key=order)[-2].verdict.words.startswith("note: ")


def test_the_owner_is_the_machine_that_will_deploy_again_not_who_rolled_back() -> None:
    rolled = deployed(S, "risk-v7", by="oncall", actor="oncall")
    assert view(endpoint(), rolled, deployed(S, ago=DAY, **TERRAFORM)).owner == "tf"
    assert view(endpoint(), rolled, deployed(S, ago=DAY, by="maria", actor="maria")).owner == "oncall"
    assert view(endpoint()).owner == ""


def test_the_names_that_scripts_rely_on() -> None:
    e = endpoint(variants=(Variant("AllTraffic", 1.0, 1.0, 2, 3, ("img",)),))
    told = view(e, deployed(Outcome.FAILED, reason="ping")).to_json()
    assert {"name", "status", "config", "pending_config", "owner", "variants", "deployments"} <= set(told)
    assert {"name", "weight", "instances", "desired_instances"} <= set(told["variants"][0])
    assert set(told["deployments"][0]) >= {
        "from",
        "to",
        "started_at",
        "ended_at",
        "outcome",
        "by",
        "evidence",
    }
    assert told["deployments"][0]["outcome"] == "failed"
    assert told["deployments"][0]["started_at"] == "2026-11-24T03:03:00.000Z"
    msgspec.json.encode(told)


def test_the_deployment_that_a_roll_back_left_is_marked_the_last_one_of_it_before() -> None:
    told = (
        deployed(S, "risk-v8", 10 * MINUTE),  # set again since
        deployed(S, "risk-v7", HOUR),
        deployed(S, "risk-v8", 2 * HOUR),
        deployed(S, "risk-v8", 3 * DAY),
    )
    assert [d.left for d in _marked(told, ACT)] == [None, None, ACT.at, None]
    assert _marked(told, ACT)[2].to_json()["left_at"] and told[2].to_json()["left_at"] is None
    assert _marked(told, None) == told == _marked(told, msgspec.structs.replace(ACT, verb="weights"))
    assert _marked(told, msgspec.structs.replace(ACT, before="risk-v3")) == told
