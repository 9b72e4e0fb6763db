"""How endpoints are seen at few calls: Search finds what changed, Describe reads it, a full list reconciles.

Search is an index that lags and leaves out PendingDeploymentSummary (facts/sagemaker.md section 3): whatever changed or
moves is described, and what the index alone tells is kept only where that was not possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from console.clock import MINUTE, SECOND, Millis
from console.errors import (
    CredentialsError,
    NotFound,
    NotPermitted,
    Rejected,
    SourceError,
    Throttled,
    Unreachable,
)
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
    every_s = 15.0

    def __init__(self) -> None:
        self._known: dict[str, Endpoint] = {}
        self._newest: Millis = 0
        self._listed_at: Millis = 0
        self._search_from: Millis = 0
        """Search was denied: not before then again."""
        self._refused: dict[str, Millis] = {}
        """Endpoints that could not be described, with when to try again."""

    def sweep(self, eyes: Eyes) -> None:
        client = eyes.client("sagemaker")
        if not self._known:
            self._known = {name: _decode(body) for name, body in eyes.heads("endpoint").items()}
            self._newest = max((e.modified_at or 0 for e in self._known.values()), default=0)
        indexed = self._search(client, eyes)
        due = RECONCILE_MS if indexed is not None else 0
        stale = dict.fromkeys(indexed or ())
        if eyes.now() - self._listed_at >= due:
            stale |= dict.fromkeys(self._list(client, eyes))
        on_screen = eyes.interest("endpoint")
        stale |= {n: None for n, e in self._known.items() if e.moving or not e.config}
        stale |= {n: None for n in on_screen if n in self._known and not self._known[n].detailed}
        # What is looked at and what moves first; the budget may not reach the rest in this sweep.
        queue = sorted(stale, key=lambda name: (name not in on_screen, not self._moving(name)))
        queue = [name for name in queue if self._refused.get(name, 0) <= eyes.now()][:DESCRIBE_AT_MOST]
        failure: SourceError | None = None
        described: set[str] = set()
        for name in queue:
            try:
                self._describe(client, eyes, name, (indexed or {}).get(name))
                described.add(name)
            except (CredentialsError, Throttled):
                raise
            except SourceError as error:
                if isinstance(error, Unreachable) and error.code != "GarbledAnswer":
                    raise
                # One endpoint that cannot be described must not hide the others; it stays at its age.
                self._refused[name] = eyes.now() + RECONCILE_MS
                failure = error if name in on_screen else failure
        for name, seen in (indexed or {}).items():
            if name not in described:
                self._keep_indexed(eyes, seen)
        if failure is not None:
            raise failure

    def _moving(self, name: str) -> bool:
        return name in self._known and self._known[name].moving

    def _search(self, client: Any, eyes: Eyes) -> dict[str, Endpoint] | None:
        """Newest modified first, until what is known begins: what should be described. None where it is denied."""
        if eyes.now() < self._search_from:
            return None
        floor, newest = self._newest - OVERLAP, self._newest
        request: dict[str, Any] = {
            "Resource": "Endpoint",
            "MaxResults": 100,
            "SortBy": "LastModifiedTime",
            "SortOrder": "Descending",
        }
        found: dict[str, Endpoint] = {}
        while True:
            try:
                answer = client.search(**request)
            except (NotPermitted, Rejected):
                self._search_from = eyes.now() + RECONCILE_MS
                return None
            oldest: Millis | None = None
            for result in answer.get("Results", ()):
                seen = from_api(result["Endpoint"], detailed=False)
                oldest = seen.modified_at or 0
                newest = max(newest, oldest)
                known = self._known.get(seen.name)
                if known is None and not seen.moving:
                    self._keep(eyes, seen)  # the index says enough of what rests; the rest waits for interest
                elif known is None or oldest > (known.modified_at or 0):
                    found[seen.name] = seen
            if not answer.get("NextToken") or (oldest is not None and oldest < floor):
                self._newest = newest  # not before: pages that were not reached are looked for again
                return found
            request["NextToken"] = answer["NextToken"]

    def _list(self, client: Any, eyes: Eyes) -> Iterator[str]:
        """Everything, by name: finds what was deleted, and what the index has not told yet."""
        present: set[str] = set()
        started = eyes.now()
        for page in client.get_paginator("list_endpoints").paginate(
            SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 100}
        ):
            for item in page["Endpoints"]:
                seen = from_api(item, detailed=False)
                present.add(seen.name)
                known = self._known.get(seen.name)
                if known is None:
                    self._keep(eyes, seen)  # without its config until it is described: better than not there
                # The index may be younger by the milliseconds that it keeps and the list does not.
                newer = known is None or (seen.modified_at or 0) > (known.modified_at or 0) + SECOND
                if newer or (known and seen.status != known.status):
                    yield seen.name
        missing = [name for name in self._known if name not in present]
        for name in missing:
            del self._known[name]
        eyes.gone("endpoint", missing)
        self._listed_at = started

    def _describe(self, client: Any, eyes: Eyes, name: str, indexed: Endpoint | None) -> None:
        try:
            answer = client.describe_endpoint(EndpointName=name)
        except NotFound:
            self._known.pop(name, None)
            eyes.gone("endpoint", [name])
            return
        # DescribeEndpoint has no tags; Search brought them.
        tagged = indexed or self._known.get(name)
        seen = from_api(answer, detailed=True)
        self._keep(eyes, msgspec.structs.replace(seen, tags=tagged.tags) if tagged else seen)

    def _keep_indexed(self, eyes: Eyes, seen: Endpoint) -> None:
        """What the index tells of an endpoint that could not be described now, unless an action knows it better."""
        body = eyes.head("endpoint", seen.name)
        head = _decode(body) if body else None
        if head is None or (seen.modified_at or 0) >= (head.modified_at or 0):
            self._keep(eyes, msgspec.structs.replace(seen, policy=head.policy) if head else seen)

    def _keep(self, eyes: Eyes, seen: Endpoint) -> None:
        self._known[seen.name] = seen
        eyes.saw("endpoint", seen.name, seen, provider_at=seen.modified_at)
