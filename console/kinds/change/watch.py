"""CloudTrail: who changed what. The past once at first start, afterwards only while a change has no author yet.

LookupEvents answers 2 requests a second, 50 events a page, 90 days back, one attribute at a time, minutes late
(facts/sagemaker.md section 8).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from console.clock import DAY, MINUTE, Millis
from console.kinds.base import Eyes
from console.kinds.change.record import EVENTS, LATE, from_event, read_until

PAST = {"endpoint": 90 * DAY, "pipeline": 2 * DAY, "execution": 2 * DAY}
"""How far back the first start looks: all there is for deployments, two nights for runs."""

PAGES_AT_MOST = 20
"""Pages of one event in one sweep, at one a second: the past of a large account is filled in over several sweeps,
newest first, and nobody waits for all of it."""


class ChangeWatch:
    """Writes on endpoints and pipelines. Looks only while something moved lately: an account at rest costs no call."""

    source = "changes"
    operations = ("cloudtrail:LookupEvents",)
    every_s = 60.0

    def sweep(self, eyes: Eyes) -> None:
        client = eyes.client("cloudtrail")
        known: dict[str, Millis] = {}
        for event, (kind, _, _) in EVENTS.items():
            if known and not eyes.in_time():
                known[kind] = eyes.now()
            elif (since := self._look(client, eyes, event, kind)) is not None:
                known[kind] = max(since, known.get(kind, 0))
        if known:
            eyes.fill(known.get("endpoint", max(known.values())))

    def _look(self, client: Any, eyes: Eyes, event: str, kind: str) -> Millis | None:
        """Read what is due of one event; returns since when all calls are known, None if nothing was due.

        `until`: up to when all are known. `top`: up to when it was asked. `back`: down to where it was read. Down to
        `floor` a hole is left that did not fit into one sweep; without a floor it is the past of the first start, and
        as that is read newest first, no call is missing after one that is known.
        """
        now = eyes.now()
        first = now - PAST[kind]
        top_, back_, floor_ = (f"change.{event}.{part}" for part in ("top", "back", "floor"))
        until, top, back, floor = (int(eyes.recall(key) or 0) for key in (read_until(event), top_, back_, floor_))
        top, gap, floor = max(top, until), bool(floor), max(floor, first)
        hole = back > floor
        since: Millis | None = None
        if not top or now - int(eyes.recall(f"moved.{kind}") or 0) <= LATE + MINUTE:
            since = max(first, top - LATE) if top else first
            reached = self._read(client, eyes, event, since, now)
            eyes.remember(top_, str(now))
            if reached > since:
                if top:
                    eyes.remember(floor_, str(floor if hole else since))
                else:
                    eyes.remember(read_until(event), str(now))
                eyes.remember(back_, str(reached))
                return reached
            top = now
            if not (hole and gap):
                eyes.remember(read_until(event), str(now))
        if hole:
            since = self._read(client, eyes, event, floor, back)
            eyes.remember(back_, str(since))
            if since <= floor and gap:
                eyes.remember(read_until(event), str(top))
                eyes.remember(floor_, "")
        return since

    def _read(self, client: Any, eyes: Eyes, event: str, since: Millis, until: Millis) -> Millis:
        """Keep the events of a window, newest first. Returns how far back it came."""
        request: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": event}],
            "StartTime": datetime.fromtimestamp(since / 1000, UTC),
            "EndTime": datetime.fromtimestamp(until / 1000, UTC),
            "MaxResults": 50,
        }
        oldest = until
        for _ in range(PAGES_AT_MOST):
            answer = client.lookup_events(**request)
            for item in answer.get("Events", ()):
                told = msgspec.json.decode(item["CloudTrailEvent"])
                change = from_event(told, event_id=item["EventId"], at=item["EventTime"])
                if change is not None:
                    oldest = min(oldest, change.at)
                    eyes.saw("change", change.id, change, provider_at=change.at)
            if not answer.get("NextToken"):
                return since
            request["NextToken"] = answer["NextToken"]
            if not eyes.in_time():
                break
        return oldest
