"""Error lines in the container logs of endpoints that were deployed lately: the first sign of a bad config.

FilterLogEvents may answer empty pages with a token and takes milliseconds (facts/sagemaker.md section 5.8). Only the
few endpoints that changed within the hour are read, once a minute each. Where there are none, one line is asked for
now and then: a source that asks nothing must not be called well.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from typing import Any

import msgspec

from console.clock import HOUR, MINUTE, Millis
from console.errors import NotFound, SourceError
from console.kinds.base import Eyes
from console.kinds.endpoint.record import Endpoint
from console.kinds.symptom.record import Symptom
from console.text import safe, shorten

WINDOW = 5 * MINUTE
ENDPOINTS_AT_MOST = 8
PAGES_AT_MOST = 5
PROBED_EVERY = 5 * MINUTE
GROUP = "/aws/sagemaker/Endpoints/"

_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL|Traceback|[A-Z]\w*(?:Error|Exception)\b|Killed|OutOfMemory)")
_SAYS = re.compile(r"[A-Z]\w*(?:Error|Exception)\b.*")
_STAMP = re.compile(r"^\W*(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d[.,\d]*Z?\W*|\b0x[0-9a-f]+\b")


class SymptomWatch:
    source = "logs"
    operations = ("logs:FilterLogEvents",)
    every_s = 30.0

    def __init__(self) -> None:
        self._answered: Millis | None = None
        """When CloudWatch Logs answered last; None where it did not."""

    def sweep(self, eyes: Eyes) -> None:
        client = eyes.client("logs")
        decode = msgspec.json.Decoder(Endpoint).decode
        known = sorted((decode(body) for body in eyes.heads("endpoint").values()), key=lambda e: -(e.modified_at or 0))
        lately = [e for e in known if e.moving or (e.modified_at or 0) > eyes.now() - HOUR]
        answered, self._answered = self._answered, None
        for endpoint in lately[:ENDPOINTS_AT_MOST]:
            self._read(client, eyes, endpoint)
        if not lately:
            if words := eyes.failing("endpoints"):
                raise SourceError(f"which endpoints were deployed lately is not known: {words}")
            if answered is not None and eyes.now() < answered + PROBED_EVERY:
                self._answered = answered
                return
            self._probe(client, eyes, known[0].name if known else "any")
        self._answered = eyes.now()

    def _probe(self, client: Any, eyes: Eyes, name: str) -> None:
        """Raises SourceError where it may not be read or does not answer; a group that is missing is an answer."""
        since = eyes.now() - MINUTE
        with contextlib.suppress(NotFound):
            client.filter_log_events(logGroupName=f"{GROUP}{name}", startTime=since, limit=1)

    def _read(self, client: Any, eyes: Eyes, endpoint: Endpoint) -> None:
        now = eyes.now()
        # Lines of the fleet before belong to the config before.
        since = now - WINDOW if endpoint.moving else max(now - WINDOW, endpoint.modified_at or 0)
        request: dict[str, Any] = {
            "logGroupName": f"{GROUP}{endpoint.name}",
            "startTime": since,
            "endTime": now,
            "limit": 1000,
        }
        errors: Counter[str] = Counter()
        lines, cut = 0, True
        for _ in range(PAGES_AT_MOST):
            try:
                answer = client.filter_log_events(**request)
            except NotFound:
                return  # no group: the container never started, or its role may not write logs
            for event in answer.get("events", ()):
                lines += 1
                if _ERROR.search(event["message"]):
                    errors[_gist(event["message"])] += 1
            if not answer.get("nextToken"):
                cut = False
                break
            request["nextToken"] = answer["nextToken"]
        before = eyes.head("symptom", endpoint.name)
        known = msgspec.json.decode(before, type=Symptom) if before else None
        if known is None and not errors:
            return
        same = known is not None and known.config == endpoint.config and known.errors > 0
        symptom = Symptom(
            endpoint=endpoint.name,
            config=endpoint.config,
            at=now,
            errors=errors.total(),
            lines=lines,
            sample=_telling(errors),
            since=(known.since if known and same else now) if errors else None,
            cut=cut,
        )
        if known is not None and known.errors == symptom.errors == 0:
            return  # quiet before, quiet now: no news
        eyes.saw("symptom", endpoint.name, symptom)


def _gist(line: str) -> str:
    """The part of an error line that is the same in all of its kind: `KeyError: 'dep_delay'`."""
    text = safe(line)
    says = _SAYS.search(text)
    return shorten(says[0] if says else _STAMP.sub("", text), 120)


def _telling(errors: Counter[str]) -> str:
    """The most frequent one that names an exception, else the most frequent one."""
    ranked = [text for text, _ in errors.most_common()]
    return next((text for text in ranked if _SAYS.match(text)), ranked[0] if ranked else "")
