"""After a verified roll back: somebody undoes it, the journal says so once."""

from __future__ import annotations

import msgspec

from console.actions.reversal import watch_reversals
from console.kinds.change.record import Change
from console.kinds.endpoint.looking import observe
from console.ledger.journal import ASIDE
from console.triage.handover import sections
from tests.actions.conftest import NAME, NEW, OLD, Rig, verb_of


def look(rig: Rig) -> None:
    """What the collector does: the endpoint as it is now becomes a fact."""
    observe(rig.desk(verb_of("rollback", "endpoint")), NAME)


def reversals(rig: Rig, scope: str) -> list[str]:
    return [str(e.body["words"]) for e in rig.ledger.journal.entries(scope) if "reversal" in e.body]


def test_a_fix_that_is_undone_is_noted_once(rig: Rig) -> None:
    plan = rig.plan()
    rig.apply(plan)
    scope = plan.scope
    rig.clock.tick(60)
    look(rig)
    assert watch_reversals(rig.ledger, scope, rig.now()) == []
    rig.deploys(NEW)
    rig.clock.tick(10)
    look(rig)
    made = Change(
        id="1", at=rig.now(), event="UpdateEndpoint", kind="endpoint", subject=NAME, by="terraform-cloud", actor="tf",
        target=NEW,
    )  # fmt: skip
    rig.ledger.observe(scope, "change", [("1", msgspec.json.encode(made), None)], at=rig.now())
    assert watch_reversals(rig.ledger, scope, rig.now()) == [plan.id]
    (words,) = reversals(rig, scope)
    assert words.startswith(f"undone: tf (terraform-cloud) went back to {NEW}, seen ")
    for _ in range(3):
        rig.clock.tick(60)
        look(rig)
        assert watch_reversals(rig.ledger, scope, rig.now()) == []
    assert len(reversals(rig, scope)) == 1
    assert rig.ledger.journal.unfinished(scope) == []  # a note does not open it again
    assert rig.last(plan).step in ASIDE


def test_nobody_knows_by_whom_yet(rig: Rig) -> None:
    plan = rig.plan()
    rig.apply(plan)
    rig.clock.tick(60)
    rig.deploys(rig.config("delay-risk-v8"))
    look(rig)
    watch_reversals(rig.ledger, plan.scope, rig.now())
    (words,) = reversals(rig, plan.scope)
    assert words.startswith("undone: somebody went away to delay-risk-v8")


def test_our_own_next_action_is_no_reversal(rig: Rig) -> None:
    plan = rig.plan()
    rig.apply(plan)
    rig.clock.tick(60)
    forward = rig.plan(to=NEW)
    rig.between = [
        lambda: (look(rig), watch_reversals(rig.ledger, plan.scope, rig.now())),  # type: ignore[list-item,func-returns-value]
    ]
    rig.apply(forward)
    look(rig)
    assert watch_reversals(rig.ledger, plan.scope, rig.now()) == []
    assert reversals(rig, plan.scope) == []


def test_after_two_days_nobody_watches(rig: Rig) -> None:
    plan = rig.plan()
    rig.apply(plan)
    rig.clock.tick(3 * 86_400)
    rig.deploys(NEW)
    look(rig)
    assert watch_reversals(rig.ledger, plan.scope, rig.now()) == []
    assert plan.target == OLD


def test_the_audit_and_the_handover_tell_it(rig: Rig) -> None:
    plan = rig.plan()
    rig.apply(plan)
    rig.clock.tick(600)
    rig.deploys(NEW)
    look(rig)
    watch_reversals(rig.ledger, plan.scope, rig.now())
    snapshot = rig.desk(verb_of("rollback", "endpoint")).snapshot()
    for since in (0, rig.now() - 60_000):  # also where the action itself was an earlier shift's
        actions = next(s["lines"] for s in sections(snapshot, since) if s["title"] == "Actions")
        assert len(actions) == 1 and plan.title in actions[0] and f"went back to {NEW}" in actions[0]
