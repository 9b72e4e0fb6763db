"""The handover's sentences about actions: how they ended, how far they are, and who must go on with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.clock import HOUR, MINUTE, now_ms
from console.kinds.endpoint.record import Endpoint
from console.ledger.locks import action_lock
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.triage.handover import sections

SCOPE = "aws/123456789012/eu-central-1"
NOW = now_ms()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        yield ledger


def journal(ledger: Ledger, *steps: str, ago: int = HOUR, settle: str = "", **body: Any) -> None:
    plan = {"title": "Roll back risk → v7", "settle": settle}
    for n, step in enumerate(steps):
        given = {"plan": plan, "by": "x/ana", "reason": "5xx"} if step == "intent" else {"words": f"so {step}", **body}
        ledger.journal.append(SCOPE, "a1", step, given, NOW - ago + n * MINUTE)


def told(ledger: Ledger) -> list[str]:
    found = sections(Snapshot(ledger, SCOPE, None, NOW), NOW - 8 * HOUR)
    return next(list(section["lines"]) for section in found if section["title"] == "Actions")


@pytest.mark.parametrize("ago", [HOUR, 20 * HOUR])
def test_a_queued_action_says_behind_what(ledger: Ledger, ago: int) -> None:
    journal(ledger, "intent", "queued", ago=ago, settle="InService on v32")
    with ledger.locks.hold(action_lock("a1")):
        [line] = told(ledger)
        assert line.endswith("Roll back risk → v7 by ana (5xx): queued behind v32")
    [line] = told(ledger)
    assert line.endswith("queued behind v32; its process died: lastgood resume a1")


def test_what_was_sent_is_under_way(ledger: Ledger) -> None:
    journal(ledger, "intent", "ready", "call", "answer", "verifying")
    with ledger.locks.hold(action_lock("a1")):
        [line] = told(ledger)
        assert line.endswith(": under way, so verifying")


def test_how_it_ended_and_that_it_was_undone(ledger: Ledger) -> None:
    journal(ledger, "intent", "not_needed", ago=20 * HOUR)
    assert told(ledger) == [], "over before this shift"
    ledger.journal.append(SCOPE, "a1", "note", {"reversal": "v8", "words": "undone by tf"}, NOW - MINUTE)
    [line] = told(ledger)
    assert "(5xx): not needed " in line and line.endswith(", so not_needed; undone by tf")


def test_what_was_wrong_when_somebody_acted_is_told_though_it_is_well_by_now(ledger: Ledger) -> None:
    plan = {"title": "Roll back risk → v7", "kind": "endpoint", "subject": "risk"}
    failed, well = (Endpoint("risk", "arn", status=status, config="v8") for status in ("Failed", "InService"))
    ledger.observe(SCOPE, "endpoint", [("risk", msgspec.json.encode(failed), None)], at=NOW - 2 * HOUR)
    ledger.journal.append(SCOPE, "a1", "intent", {"plan": plan, "by": "x/ana", "reason": "5xx"}, NOW - HOUR)
    ledger.journal.append(SCOPE, "a1", "done", {"words": "risk-v7 serves"}, NOW - HOUR + MINUTE)
    ledger.observe(SCOPE, "endpoint", [("risk", msgspec.json.encode(well), None)], at=NOW - HOUR + MINUTE)
    [line] = told(ledger)
    assert "risk-v7 serves; it was: " in line and "fail" in line.rpartition("; it was: ")[2].lower()
