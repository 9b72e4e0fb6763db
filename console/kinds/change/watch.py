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

PAGES_AT_MOST = 40
"""Pages of one event in one sweep; the past of a large account is filled in over several sweeps, newest first."""


class ChangeWatch:
    """Writes on endpoints and pipelines. Looks only while something moved lately: an account at rest costs no call."""

    source = "changes"
    operations = ("cloudtrail:LookupEvents",)
    every_s = 60.0

    def sweep(self, eyes: Eyes) -> None:
        client = eyes.client("cloudtrail")
        for event, (kind, _, _) in EVENTS.items():
            now = eyes.now()
            until = int(eyes.recall(read_until(event)) or 0)
            if not until or now - int(eyes.recall(f"moved.{kind}") or 0) <= LATE + MINUTE:
                first = now - PAST[kind]
                reached = self._read(client, eyes, event, max(first, until - LATE) if until else first, now)
                eyes.remember(read_until(event), str(now))
                if not until:
                    eyes.remember(f"change.{event}.back", str(reached))
            back = int(eyes.recall(f"change.{event}.back") or 0)
            if back > now - PAST[kind] + DAY:
                reached = self._read(client, eyes, event, now - PAST[kind], back)
                eyes.remember(f"change.{event}.back", str(reached))

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
                eyes.fill(since)
                return since
            request["NextToken"] = answer["NextToken"]
        eyes.fill(oldest)
        return oldest
