"""Needs as text: nothing claims health that nobody watched, and a deployment in motion is left towards what serves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from console.clock import HOUR, MINUTE, Millis, clock_time, now_ms
from console.kinds.endpoint.record import Endpoint, Pending, Variant
from console.kinds.endpoint.view import views
from console.kinds.vitals.cost import MEMO, Cost, memo
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.triage.needs import needs, text

SCOPE = "aws/123456789012/eu-central-1"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        yield ledger


def see(ledger: Ledger, at: Millis, **values: object) -> None:
    endpoint = Endpoint(**{"name": "risk", "arn": "arn", "status": "InService", "config": "risk-v7", **values})  # type: ignore[arg-type]
    ledger.observe(SCOPE, "endpoint", [("risk", msgspec.json.encode(endpoint), None)], at=at)


def said(ledger: Ledger, now: Millis) -> str:
    snapshot = Snapshot(ledger, SCOPE, None, now)
    return "\n".join(text(needs(snapshot), snapshot, now))


def test_unwatched_is_not_healthy(ledger: Ledger) -> None:
    now = now_ms()
    see(ledger, now - HOUR)
    assert "nobody watches endpoints and pipelines" in said(ledger, now)
    ledger.coverage.cover(SCOPE, "endpoints", now, every_ms=MINUTE)
    assert "nobody watches pipelines" in said(ledger, now)
    ledger.coverage.cover(SCOPE, "pipelines", now, every_ms=MINUTE)
    first, second = said(ledger, now).splitlines()
    assert first == "◌ metrics were not read, so endpoints may be in trouble: metrics not read yet"
    assert second == "  by what SageMaker says nothing needs you: 1 endpoint and 0 pipelines looked at"
    ledger.coverage.cover(SCOPE, "metrics", now, every_ms=MINUTE)
    assert said(ledger, now) == "● nothing needs you: 1 endpoint and 0 pipelines looked at"
    ledger.coverage.remember(SCOPE, MEMO, memo(Cost(budget=0.0)))
    assert said(ledger, now).endswith("looked at; note: no metrics are read: metrics_dollars_per_hour is 0")


def test_rows_whose_metrics_nobody_reads_are_not_well(ledger: Ledger) -> None:
    now = now_ms()

    def row() -> tuple[str, str]:
        (view,) = views(Snapshot(ledger, SCOPE, None, now))
        return view.sign.value, view.verdict.words

    see(ledger, now - HOUR, variants=(Variant(name="a", weight=1.0, instances=2, desired_instances=2),))
    assert row() == ("ok", "ok"), "a ledger that nobody watches tells its age"
    ledger.coverage.cover(SCOPE, "endpoints", now, every_ms=MINUTE)
    assert row() == ("unknown", "metrics not read yet")
    read = now - 8 * MINUTE
    ledger.coverage.cover(SCOPE, "metrics", read, every_ms=MINUTE)
    assert row() == ("unknown", f"metrics not read since {clock_time(read, now)}")
    ledger.coverage.fail(SCOPE, "metrics", now, "InternalFailure", "a bad night")
    assert row() == ("unknown", f"metrics not read since {clock_time(read, now)}: a bad night")
    ledger.coverage.fail(SCOPE, "metrics", now, "AccessDenied", "User: oncall may not")
    assert row() == ("ok", "ok, not measured: not permitted"), "no wall of unknown for whoever may not read them"
    ledger.coverage.cover(SCOPE, "pipelines", now, every_ms=MINUTE)
    assert "metrics may not be read: User: oncall may not" in said(ledger, now).splitlines()[0]
    ledger.coverage.cover(SCOPE, "metrics", now, every_ms=MINUTE)
    assert row() == ("unknown", "not measured yet"), "those of others are read, its own were not"
    ledger.coverage.remember(SCOPE, MEMO, memo(Cost(budget=0.01, waiting=1)))
    assert row() == ("unknown", "not measured: budget")
    ledger.coverage.remember(SCOPE, MEMO, memo(Cost(budget=0.0)))
    assert row() == ("ok", "ok, not measured: budget 0"), "somebody meant that"


def test_what_is_stuck_hurts_nobody_and_cannot_be_cancelled(ledger: Ledger) -> None:
    now = now_ms()
    see(ledger, now - 9 * HOUR)
    see(ledger, now - 8 * HOUR, status="Updating", pending=Pending("risk-v8", now - 8 * HOUR))
    told = said(ledger, now)
    assert "v8 stuck since" in told and "lastgood rollback" not in told
    assert "but       do not roll back (v7 serves, and an update cannot be cancelled)" in told
    assert "changed   nothing known in the two hours before" in told


def test_hostile_words_stay_on_their_line(ledger: Ledger) -> None:
    now = now_ms()
    see(ledger, now, status="Failed", name="ri\x1b[2Jsk\nx", config="a\u202eb")
    assert "\x1b" not in said(ledger, now) and "\u202e" not in said(ledger, now)
    assert said(ledger, now).splitlines()[0].startswith("✖ endpoint risk x: critical")
