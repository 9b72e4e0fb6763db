"""A roll back asked for during a deployment waits for its end; and what happens when credentials end meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest

from console.actions.model import Stage
from console.clock import iso
from console.errors import Refused, TimedOut
from console.kinds.endpoint.view import actions_under_way, views
from console.ledger.snapshot import Snapshot
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoints import Endpoints
from tests.actions.conftest import NAME, NEW, OLD, Rig
from tests.world.conftest import Clock


def queued(rig: Rig, config: str = "delay-risk-v8") -> str:
    """A deployment in motion, and the roll back asked for meanwhile."""
    rig.deploys(rig.config(config))
    return config


def test_queued_until_the_deployment_settles(rig: Rig) -> None:
    bad = queued(rig)
    plan = rig.plan(to=NEW)
    assert plan.settle == f"InService on {bad}"
    end = rig.apply(plan)
    assert end.stage is Stage.DONE and rig.endpoint().config == NEW
    assert rig.steps(plan)[:2] == ["intent", "queued"] and rig.sent() == 1
    ready = next(e for e in rig.entries(plan) if e.step == "ready")
    assert ready.body["words"] == f"InService on {bad}"


def test_whoever_looks_sees_the_action_under_way(rig: Rig) -> None:
    """Queued, then sent, then over: in the verdict of everybody who shares the ledger; not in the past's."""
    queued(rig)
    plan = rig.plan(to=NEW)
    told: list[str] = []

    def look() -> None:
        live = Snapshot(rig.ledger, plan.scope, None, rig.now())
        (view,) = views(live, [NAME])
        told.append(view.verdict.words.partition(" · ")[2])
        assert actions_under_way(Snapshot(rig.ledger, plan.scope, rig.now(), rig.now())) == {}
        rig.between.append(look)

    rig.between = [look]
    assert rig.apply(plan).stage is Stage.DONE
    assert list(dict.fromkeys(told)) == ["roll back to v7 queued", "roll back to v7 under way"]
    assert actions_under_way(Snapshot(rig.ledger, plan.scope, None, rig.now())) == {}


def test_going_further_is_no_reversal_of_the_roll_back_before(rig: Rig) -> None:
    """Back and forth by the same operator: while the second one runs, nobody undoes anything."""
    assert rig.apply(rig.plan(to=OLD)).stage is Stage.DONE
    plan = rig.plan(to=NEW)
    told: list[tuple[str, str]] = []

    def look() -> None:
        (view,) = views(Snapshot(rig.ledger, plan.scope, None, rig.now()), [NAME])
        told.append((view.sign.value, view.verdict.words))
        rig.between.append(look)

    rig.between = [look]
    assert rig.apply(plan).stage is Stage.DONE
    assert told and {sign for sign, _ in told} <= {"moving", "ok"}, told
    assert not any("undone" in words for _, words in told)


def test_not_needed_when_the_deployment_falls_back(rig: Rig) -> None:
    rig.world.region().of(Endpoints).bad_configs["delay-risk-v8"] = Trouble("Health check failed", after_s=60)
    queued(rig)
    plan = rig.plan(to=NEW)
    end = rig.apply(plan)
    assert end.stage is Stage.NOT_NEEDED and rig.steps(plan)[-1] == "not_needed"
    assert rig.sent() == 0


def test_refused_when_the_queue_settles_otherwise(rig: Rig) -> None:
    """It falls back, but the roll back was to an even older config: that is not what was consented to."""
    rig.world.region().of(Endpoints).bad_configs["delay-risk-v8"] = Trouble("Health check failed", after_s=60)
    queued(rig)
    plan = rig.plan(to=OLD)
    end = rig.apply(plan)
    assert end.stage is Stage.OVERTAKEN and NEW in end.words and "delay-risk-v8" in end.words
    assert rig.sent() == 0


def test_refused_when_another_deployment_follows(rig: Rig) -> None:
    queued(rig)
    plan = rig.plan(to=NEW)

    def another() -> None:
        rig.clock.tick(3600)
        rig.deploys(rig.config("delay-risk-v9"))

    rig.between = [another]
    end = rig.apply(plan)
    assert end.stage is Stage.OVERTAKEN and "delay-risk-v9" in end.words
    assert rig.sent() == 0


def test_the_preflight_runs_again_after_the_queue(rig: Rig) -> None:
    queued(rig)
    plan = rig.plan(to=NEW)

    def delete() -> None:
        with rig.world.lock:
            rig.world.call("DeleteEndpointConfig", {"EndpointConfigName": NEW})

    rig.between = [delete]
    with pytest.raises(Refused, match="does not exist"):
        rig.apply(plan)
    assert rig.steps(plan)[-1] == "refused" and rig.sent() == 0


def keys_in_a_file(rig: Rig) -> dict[str, object]:
    """Credentials that a running process sees renewed. Context fields."""
    (rig.folder.parent / "aws-credentials").write_text(
        f"[oncall]\naws_access_key_id={rig.served.env['AWS_ACCESS_KEY_ID']}\naws_secret_access_key=x\n"
    )
    return {"ambient": False, "profile": "oncall"}


def test_credentials_that_expire_in_the_queue_and_while_verifying_are_waited_out(rig: Rig) -> None:
    values = keys_in_a_file(rig)
    queued(rig)
    plan = rig.plan(to=NEW)
    expire = lambda: rig.fault("*", code="ExpiredTokenException", message="expired", times=12)  # noqa: E731
    rig.between = [expire, *[lambda: None] * 150, expire]
    end = rig.apply(plan, **values)
    assert end.stage is Stage.DONE and rig.sent() == 1
    told = [e for e in rig.entries(plan) if "cannot look" in e.body.get("words", "")]
    assert {e.step for e in told} >= {"queued"}
    assert len(told) <= 4  # said once, not at every look


def test_credentials_that_end_for_good(rig: Rig) -> None:
    """Variables do not renew themselves: in the queue it stops, nothing sent; after sending it is left open."""
    queued(rig)
    plan = rig.plan(to=NEW)
    rig.between = [lambda: rig.fault("*", code="ExpiredTokenException", message="expired")]
    with pytest.raises(Refused, match="nothing was sent"):
        rig.apply(plan)
    assert rig.steps(plan)[-1] == "refused" and rig.sent() == 0


def test_credentials_that_end_while_verifying(rig: Rig) -> None:
    plan = rig.plan()
    rig.between = [lambda: rig.fault("*", code="ExpiredTokenException", message="expired")]
    with pytest.raises(TimedOut):
        rig.apply(plan)
    assert rig.ledger.journal.unfinished(plan.scope) == [plan.id]
    rig.world.faults.clear()
    assert rig.executor(plan).resume(plan).stage is Stage.DONE
    assert rig.sent() == 1


def test_another_account_behind_the_same_credentials_gets_nothing(rig: Rig) -> None:
    """Hours later the same profile may lead elsewhere, to an endpoint of the same name."""
    queued(rig)
    plan = rig.plan(to=NEW)
    executor = rig.executor(plan)
    asked = rig.sent("GetCallerIdentity")

    def elsewhere() -> None:
        executor.desk._identity = msgspec.structs.replace(executor.desk._identity, account="999999999999")  # type: ignore[attr-defined]

    rig.between = [elsewhere]
    with pytest.raises(Refused, match="the credentials are of account 123456789012 now, not of 999999999999"):
        executor.apply(plan)
    assert rig.steps(plan)[-1] == "refused" and rig.sent() == 0
    assert rig.sent("GetCallerIdentity") == asked + 1


def test_another_role_of_the_account_is_noted(rig: Rig) -> None:
    plan = rig.plan()
    executor = rig.executor(plan)
    executor.desk._identity = msgspec.structs.replace(executor.desk._identity, arn="arn:aws:iam::1:user/was")  # type: ignore[attr-defined]
    assert executor.apply(plan).stage is Stage.DONE
    (note,) = [e for e in rig.entries(plan) if e.step == "note"]
    assert note.body["words"] == f"acts as {plan.identity} by now" and note.body["by"] == plan.identity


def test_nothing_is_queued_past_the_acting_credentials(
    make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make(clock=Clock(time.time()))  # the SDK looks at the real time for when credentials end
    queued(rig)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", iso(rig.now() + 3 * 60_000))
    plan = rig.plan(to=NEW)
    with pytest.raises(Refused, match="acting credentials end"):
        rig.apply(msgspec.structs.replace(plan, starts_at=rig.now() + 240_000))
    assert rig.entries(plan) == []
    with pytest.raises(Refused, match=r"acting credentials end .* before InService on delay-risk-v8: nothing was sent"):
        rig.apply(plan)
    assert rig.steps(plan)[-1] == "refused" and rig.sent() == 0
