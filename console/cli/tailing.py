"""Log events of several groups as one stream: read back with FilterLogEvents, followed by Live Tail or by asking again.

FilterLogEvents answers partly full and empty pages with a token (facts/sagemaker.md section 5.8). Live Tail comes each
second, is billed by the minute, and is not reached through a VPC endpoint: where it is refused or not there, the same
lines are asked for every few seconds.
"""

from __future__ import annotations

import heapq
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from console.clock import MINUTE, Millis, now_ms
from console.errors import LastgoodError, NotFound, SourceError

PAGES_AT_MOST = 200
"""Of one reading back: a rare pattern in a busy group may be answered by empty pages for long."""
TAILED_AT_MOST = 10
"""Groups of one live tail session."""
POLL_S = 3.0
LATE_MS = MINUTE
"""Events of other streams may be taken in so long after younger ones: so far each look goes back."""
OPERATIONS = ("logs:FilterLogEvents", "logs:StartLiveTail")


class Source(NamedTuple):
    """A log group, or those of its streams that begin with `prefix`."""

    group: str
    prefix: str = ""


class Event(NamedTuple):
    at: Millis
    stream: str
    message: str


class Cut(NamedTuple):
    """Reading back stopped before the end: what comes after `at` was not looked through."""

    group: str
    at: Millis


_PATTERN = re.compile(r"""(?:[?-]?(?:"[^"\\]*"|%[^%]+%|[A-Za-z0-9_]+)(?:\s+|$))*|\{\s*\(*\s*\$.*|\[.*,.*\]""", re.S)


class Wanted(NamedTuple):
    """What is searched for: a filter pattern of CloudWatch, and what each line must hold beside that."""

    pattern: str
    text: str = ""

    @property
    def told(self) -> bool:
        """Whether it says something else than was typed."""
        return bool(self.text)

    def holds(self, event: Event) -> bool:
        return self.text in event.message


def wanted(typed: str) -> Wanted:
    """A filter pattern as it stands, or plain text: CloudWatch refuses `KeyError: 'x'` ("Invalid filter pattern").

    Plain text becomes a phrase. How a quotation mark is written inside one is documented nowhere: there the parts
    around it are phrases, and lines are compared with the whole here.
    """
    plain = typed.strip()
    if _PATTERN.fullmatch(plain):
        return Wanted(plain)
    parts = [part for part in re.split(r'["\\]+', plain) if part.strip()]
    return Wanted(" ".join(f'"{part}"' for part in parts), plain)


class Reader:
    """Reads the events of several sources merged by time. `client` may FilterLogEvents."""

    def __init__(self, client: Any, sources: Sequence[Source], wanted: Wanted) -> None:
        self._client, self.sources, self._wanted = client, sources, wanted
        self.cut: list[Cut] = []
        self.missing: list[str] = []
        """Groups that do not exist (yet)."""

    def read(self, start: Millis) -> Iterator[Event]:
        """Since `start`, oldest first. Raises NotFound if none of the groups exists, else SourceError."""
        self.cut, self.missing = [], []
        streams = [self._pages(source, start) for source in self.sources]
        yield from heapq.merge(*streams, key=lambda event: event.at)
        if len(self.missing) == len(self.sources):
            advice = "the container never started, or its role may not write logs"
            raise NotFound(f"no log group {' or '.join(self.missing)}", advice=advice)

    def _pages(self, source: Source, start: Millis) -> Iterator[Event]:
        request: dict[str, Any] = {
            "logGroupName": source.group, "startTime": start, "endTime": now_ms() + MINUTE
        }  # fmt: skip
        if source.prefix:
            request["logStreamNamePrefix"] = source.prefix
        if self._wanted.pattern:
            request["filterPattern"] = self._wanted.pattern
        last = start
        for _ in range(PAGES_AT_MOST):
            try:
                answer = self._client.filter_log_events(**request)
            except NotFound:
                self.missing.append(source.group)
                return
            for item in answer.get("events", ()):
                last = max(last, item["timestamp"])
                event = Event(item["timestamp"], item["logStreamName"], item["message"])
                if self._wanted.holds(event):
                    yield event
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]
        self.cut.append(Cut(source.group, last))


class Tail:
    """Live Tail sessions follow each other for as long as somebody listens: each lasts three hours at most."""

    def __init__(self, client: Any, scope: str, sources: Sequence[Source], wanted: Wanted) -> None:
        """Opens the first session. Raises SourceError where it is refused or cannot be reached."""
        self._client, self._scope, self._wanted = client, scope, wanted
        self._sources = sources
        self.sampled = False
        """Whether CloudWatch left lines out of the last update: it sends 500 a second at most."""
        self._stream = self._open()

    def _open(self) -> Any:
        partition, account, region = self._scope.partition("@")[0].split("/")
        head = f"arn:{partition}:logs:{region}:{account}:log-group:"
        request: dict[str, Any] = {"logGroupIdentifiers": [f"{head}{source.group}" for source in self._sources]}
        prefixes = [source.prefix for source in self._sources if source.prefix]
        if prefixes and len(self._sources) == 1:
            request["logStreamNamePrefixes"] = prefixes
        if self._wanted.pattern:
            request["logEventFilterPattern"] = self._wanted.pattern
        return self._client.start_live_tail(**request)["responseStream"]

    def updates(self) -> Iterator[list[Event]]:
        """The events of each second, oldest first; also where there are none. Raises LostTail when it breaks off."""
        while True:
            try:
                for item in self._stream:
                    if "sessionUpdate" in item:
                        update = item["sessionUpdate"]
                        self.sampled = bool((update.get("sessionMetadata") or {}).get("sampled"))
                        events = [
                            Event(e["timestamp"], e["logStreamName"], e["message"])
                            for e in update.get("sessionResults", ())
                        ]
                        yield sorted(filter(self._wanted.holds, events), key=lambda event: event.at)
            except GeneratorExit:
                self.close()
                raise
            except Exception as error:  # botocore's, urllib3's: of a stream they are not translated
                if "SessionTimeoutException" not in str(error):
                    raise LostTail(str(error) or type(error).__name__) from error
            try:
                self._stream = self._open()
            except SourceError as error:
                raise LostTail(error.message) from error

    def close(self) -> None:
        self._stream.close()


class LostTail(LastgoodError):
    """A live tail that ended by itself."""


def follow(
    reader: Reader, start: Millis, open_tail: Callable[[], Tail] | None, say: Callable[[str], None]
) -> Iterator[list[Event]]:
    """What there is since `start`, then batches as they arrive, for ever; an empty one at least every few seconds.

    `open_tail` None asks again and again instead. The session begins before the past is read, so that nothing falls
    between; what both tell is told once.
    """
    told = _Told()
    tail = _opened(open_tail, say) if open_tail is not None else None
    try:
        yield told.new(_there(reader, start))
        if tail is not None:
            try:
                for batch in tail.updates():
                    if tail.sampled:
                        say("more than 500 lines a second: CloudWatch leaves some out")
                    yield told.more(batch)
            except LostTail as lost:
                say(f"live tail ended: {lost.message}; {ASKING}")
        while True:
            time.sleep(POLL_S)
            yield told.new(_there(reader, max(start, told.latest - LATE_MS)))
    finally:
        if tail is not None:
            tail.close()


ASKING = f"asking every {POLL_S:.0f} s instead"


def _opened(open_tail: Callable[[], Tail], say: Callable[[str], None]) -> Tail | None:
    try:
        return open_tail()
    except SourceError as error:
        if not isinstance(error, NotFound):  # a group that is not there yet is asked for until it is
            say(f"no live tail: {error.message}; {ASKING}")
        return None


def _there(reader: Reader, start: Millis) -> list[Event]:
    try:
        return list(reader.read(start))
    except NotFound:
        return []


class _Told:
    """What was told of the last minutes. Live Tail has no ids, and a container may say the same thing twice at once."""

    def __init__(self) -> None:
        self.latest: Millis = 0
        self._known: Counter[Event] = Counter()
        self._early: Counter[Event] = Counter()

    def new(self, found: Sequence[Event]) -> list[Event]:
        """Of all that is there since some time: those that were not told yet."""
        here: Counter[Event] = Counter()
        fresh = []
        for event in found:
            here[event] += 1
            if here[event] > self._known[event]:
                fresh.append(event)
        self._note(fresh)
        self._early = Counter(fresh)
        return fresh

    def more(self, arrived: Sequence[Event]) -> list[Event]:
        """Of what has just arrived: all but what reading back had told already."""
        fresh = []
        for event in arrived:
            if self._early[event] > 0:
                self._early[event] -= 1
            else:
                fresh.append(event)
        self._note(fresh)
        return fresh

    def _note(self, fresh: Sequence[Event]) -> None:
        self._known.update(fresh)
        self.latest = max([self.latest, *(event.at for event in fresh)])
        if len(self._known) > KNOWN_AT_MOST:
            since = self.latest - 2 * LATE_MS
            self._known = Counter({event: n for event, n in self._known.items() if event.at >= since})


KNOWN_AT_MOST = 20_000
