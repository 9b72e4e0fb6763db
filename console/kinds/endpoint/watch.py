"""How endpoints are seen at few calls: Search finds what changed, Describe reads it, a full list reconciles.

Search is an index that lags and leaves out PendingDeploymentSummary (facts/sagemaker.md section 3), so what it brings
never overwrites a younger Describe, and whatever changed or moves is described.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from console.clock import MINUTE, SECOND, Millis, to_ms
from console.errors import NotFound, NotPermitted, SourceError
from console.kinds.base import Eyes
from console.kinds.endpoint.record import Endpoint, from_api

OVERLAP = 3 * MINUTE
"""How far behind the newest known modification a Search still looks: the index's lag, generously."""

RECONCILE_MS = 10 * MINUTE
DESCRIBE_AT_MOST = 30
"""Describes in one sweep: at half of 5 a second, 12 s of calls; the rest waits for the next sweep."""

_decode = msgspec.json.Decoder(Endpoint).decode


class EndpointWatch:
    """Endpoints of one account and region."""

    source = "endpoints"
    operations = ("sagemaker:Search", "sagemaker:ListEndpoints", "sagemaker:DescribeEndpoint")
    every_s = 20.0

    def __init__(self) -> None:
        self._known: dict[str, Endpoint] = {}
        self._newest: Millis = 0
        self._listed_at: Millis = 0
        self._search_denied = False

    def sweep(self, eyes: Eyes) -> None:
        client = eyes.client("sagemaker")
        if not self._known:
            self._known = {name: _decode(body) for name, body in eyes.heads("endpoint").items()}
        stale: dict[str, None] = {}
        if not self._search_denied:
            try:
                stale |= dict.fromkeys(self._search(client, eyes))
            except NotPermitted:
                self._search_denied = True
        due = RECONCILE_MS if not self._search_denied else 0
        if eyes.now() - self._listed_at >= due:
            stale |= dict.fromkeys(self._list(client, eyes))
        stale |= dict.fromkeys(name for name, e in self._known.items() if e.moving)
        on_screen = eyes.interest("endpoint")
        stale |= dict.fromkeys(
            name for name in on_screen if name in self._known and not self._known[name].detailed
        )
        # What is looked at and what moves first; the budget may not reach the rest in this sweep.
        queue = sorted(stale, key=lambda name: (name not in on_screen, not self._moving(name)))
        for name in queue[:DESCRIBE_AT_MOST]:
            self._describe(client, eyes, name)

    def _moving(self, name: str) -> bool:
        return name in self._known and self._known[name].moving

    def _search(self, client: Any, eyes: Eyes) -> Iterator[str]:
        """Newest modified first, until what is known begins; yields the names to describe."""
        floor = self._newest - OVERLAP
        token: str | None = None
        while True:
            request = {"Resource": "Endpoint", "MaxResults": 100, "SortBy": "LastModifiedTime"}
            if token:
                request["NextToken"] = token
            answer = client.search(**request, SortOrder="Descending")
            oldest: Millis | None = None
            for result in answer.get("Results", ()):
                seen = from_api(result["Endpoint"], detailed=False)
                oldest = seen.modified_at or 0
                self._newest = max(self._newest, oldest)
                known = self._known.get(seen.name)
                if known is None or (seen.modified_at or 0) > (known.modified_at or 0):
                    self._keep(eyes, seen)
                    # A settled endpoint seen first: the index says enough, the rest waits for interest.
                    if known is not None or seen.moving:
                        yield seen.name
            token = answer.get("NextToken")
            if not token or (oldest is not None and oldest < floor):
                return

    def _list(self, client: Any, eyes: Eyes) -> Iterator[str]:
        """Everything, by name: finds what was deleted, and what the index has not told yet."""
        present: set[str] = set()
        started = eyes.now()
        for page in client.get_paginator("list_endpoints").paginate(
            SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 100}
        ):
            for item in page["Endpoints"]:
                name, modified = item["EndpointName"], to_ms(item["LastModifiedTime"])
                present.add(name)
                known = self._known.get(name)
                # The index may be younger by the milliseconds that it keeps and the list does not.
                newer = known is None or modified > (known.modified_at or 0) + SECOND
                if newer or (known and item["EndpointStatus"] != known.status):
                    yield name
        missing = [name for name in self._known if name not in present]
        for name in missing:
            del self._known[name]
        eyes.gone("endpoint", missing)
        self._listed_at = started

    def _describe(self, client: Any, eyes: Eyes, name: str) -> None:
        try:
            answer = client.describe_endpoint(EndpointName=name)
        except NotFound:
            self._known.pop(name, None)
            eyes.gone("endpoint", [name])
            return
        except SourceError:
            if name not in eyes.interest("endpoint"):
                return  # one endpoint that cannot be described must not hide the others; it stays at its age
            raise
        known = self._known.get(name)
        seen = from_api(answer, detailed=True)
        # DescribeEndpoint has no tags; Search brought them.
        self._keep(eyes, msgspec.structs.replace(seen, tags=known.tags) if known else seen)

    def _keep(self, eyes: Eyes, seen: Endpoint) -> None:
        known = self._known.get(seen.name)
        if known is not None and not seen.detailed and known.detailed and not seen.moving:
            # The index knows less: keep what only Describe tells, until the describe that follows.
            seen = msgspec.structs.replace(seen, policy=known.policy, detailed=True)
        self._known[seen.name] = seen
        eyes.saw("endpoint", seen.name, seen, provider_at=seen.modified_at)
