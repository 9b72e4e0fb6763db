"""Error lines in the container logs of endpoints that were deployed lately, the first sign of a bad config, and of
endpoints in trouble, where they may tell why.

FilterLogEvents may answer empty pages with a token and takes milliseconds (facts/sagemaker.md section 5.8): a few
endpoints are read in each sweep, the worst first. Where there are none, one line is asked for now and then: a source
that asks nothing must not be called well.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from console.clock import HOUR, MINUTE, SECOND, Millis
from console.errors import NotFound, SourceError
from console.kinds.base import Eyes, Sign
from console.kinds.endpoint.record import Endpoint
from console.kinds.symptom.fleets import LAST_WORDS, Line, fallen, first_lines, launched
from console.kinds.symptom.record import Symptom
from console.kinds.vitals.beat import PROVISIONAL, SPAN, Beat
from console.kinds.vitals.judge import findings
from console.kinds.vitals.record import Pulse
from console.ledger.samples import KEEP_MS
from console.text import safe, shorten

WINDOW = 5 * MINUTE
JUDGED = PROVISIONAL + (SPAN + 2) * MINUTE
"""Of one in trouble: the minutes that told it, which end a while ago, and what led to them."""
ENDPOINTS_AT_MOST = 8
"""In one sweep, twice a minute: in trouble may be all of a thousand."""
PAGES_AT_MOST = 5
COMPONENTS_AT_MOST = 4
PROBED_EVERY = 5 * MINUTE
AGAIN = 50 * SECOND
"""Who was read since then waits for those that were not."""
STANDING = 3 * HOUR
"""So long after a deployment what it is blamed for is read until it ends (LOGS_TELL_FOR, and as long as it stands)."""
GROUP = "/aws/sagemaker/Endpoints/"
COMPONENT_GROUP = "/aws/sagemaker/InferenceComponents/"

_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL|Traceback|[A-Z]\w*(?:Error|Exception)\b|Killed|OutOfMemory)")
_WARNING = re.compile(r"\bWARN(?:ING)?\b")
_SAYS = re.compile(r"[A-Z]\w*(?:Error|Exception)\b.*")
_STAMP = re.compile(
    r"^\W*(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d[.,\d]*(?:Z| ?[+-]\d\d:?\d\d)?\W*"
    r"(?:\d+\]\W*)?(?:(?:ERROR|CRITICAL|FATAL|WARN(?:ING)?)\b\W*)?|\b0x[0-9a-f]+\b"
)
_NUMBER = re.compile(r"\d+")


class _Close(NamedTuple):
    """An endpoint whose logs are read; `rank` 0 is the worst."""

    endpoint: Endpoint
    rank: int
    troubled: bool
    components: tuple[str, ...] = ()


class SymptomWatch:
    source = "logs"
    operations = ("logs:FilterLogEvents", "logs:DescribeLogStreams")
    every_s = 30.0

    def __init__(self) -> None:
        self._answered: Millis | None = None
        """When CloudWatch Logs answered last; None where it did not."""
        self._read_at: dict[str, Millis] = {}
        self._ends: dict[str, Millis] = {}
        """The end of the failed update up to which an endpoint's logs were read."""

    def sweep(self, eyes: Eyes) -> None:
        client, now = eyes.client("logs"), eyes.now()
        decode = msgspec.json.Decoder(Endpoint).decode
        known = [decode(body) for body in eyes.heads("endpoint").values()]
        before = {s.name: s for s in map(msgspec.json.Decoder(Symptom).decode, eyes.heads("symptom").values())}
        close = self._close(eyes, known, before)
        self._read_at = {name: at for name, at in self._read_at.items() if at > now - AGAIN}
        answered, self._answered = self._answered, None
        latest = sorted(close, key=lambda one: -(one.endpoint.modified_at or 0))
        for one in sorted(latest, key=lambda one: (one.endpoint.name in self._read_at, one.rank))[:ENDPOINTS_AT_MOST]:
            self._read(client, eyes, one, before.get(one.endpoint.name))
            self._read_at[one.endpoint.name] = now
        if not close:
            if words := eyes.failing("endpoints"):
                raise SourceError(f"which endpoints were deployed lately is not known: {words}")
            if answered is not None and now < answered + PROBED_EVERY:
                self._answered = answered
                return
            newest = max(known, key=lambda e: e.modified_at or 0, default=None)
            self._probe(client, eyes, newest.name if newest else "any")
        self._answered = now

    def _close(self, eyes: Eyes, known: list[Endpoint], before: Mapping[str, Symptom]) -> list[_Close]:
        """Those in trouble, in motion, deployed lately, or blamed for what they log since."""
        now, beats, found = eyes.now(), _troubled(eyes), []
        for e in known:
            beat, since = beats.get(e.name), e.modified_at or 0
            felt = findings(beat, e, now) if beat is not None else ()
            sign = Sign.CRITICAL if e.status == "UpdateRollbackFailed" else felt[0].sign if felt else Sign.OK
            told = before.get(e.name)
            if sign.rank <= Sign.WARNING.rank:
                components = tuple(dict.fromkeys(one.component for one in beat.components)) if beat else ()
                found.append(_Close(e, sign.rank, True, components[:COMPONENTS_AT_MOST]))
            elif e.moving or since > now - HOUR:
                found.append(_Close(e, Sign.MOVING.rank + (not e.moving), False))
            elif told is not None and told.errors and since > now - STANDING:
                found.append(_Close(e, Sign.OK.rank, False))
        return found

    def _probe(self, client: Any, eyes: Eyes, name: str) -> None:
        """Raises SourceError where it may not be read or does not answer; a group that is missing is an answer."""
        since = eyes.now() - MINUTE
        with contextlib.suppress(NotFound):
            client.filter_log_events(logGroupName=f"{GROUP}{name}", startTime=since, limit=1)

    def _fell(self, client: Any, eyes: Eyes, e: Endpoint, known: Symptom | None, lines: list[Line]) -> bool:
        """Whether what is known, or now kept, is what a fleet logged that went with a failed update: why it failed."""
        end = e.modified_at or 0
        if known is not None and known.fell and known.since == end:
            return True
        if known is not None and known.errors and known.apart and known.config != e.config:
            eyes.saw("symptom", e.name, msgspec.structs.replace(known, fell=True, since=end))
            return True
        logs_on = any(line.at > end + LAST_WORDS for line in lines)
        if not e.failure_reason or self._ends.get(e.name) == end or not logs_on:
            return False
        self._ends[e.name] = end
        before, cut = _lines(client, f"{GROUP}{e.name}", end - WINDOW, end)
        bad = [line for line in before if _ERROR.search(line.message)]
        gone = fallen(bad, lines, first_lines(client, f"{GROUP}{e.name}"), end) if bad else set()
        errors = _Lines()
        for line in bad:
            if line.stream in gone:
                errors.add(line.message)
        if not errors.total:
            return False
        n, sample = errors.total, errors.telling
        eyes.saw("symptom", e.name, Symptom(e.name, "", eyes.now(), n, len(before), sample, end, cut, fell=True))
        return True

    def _read(self, client: Any, eyes: Eyes, close: _Close, known: Symptom | None) -> None:
        now, endpoint = eyes.now(), close.endpoint
        since = now - (JUDGED if close.troubled else WINDOW)
        if not endpoint.moving:
            # Lines of the fleet before belong to the config before, its last words as well.
            fell = bool(endpoint.failure_reason) or (known is not None and known.config not in {endpoint.config, ""})
            since = max(since, (endpoint.modified_at or 0) + (LAST_WORDS if fell else 0))
            since = min(since, now - SECOND)  # a window that ends before it begins is refused
        # Inference components log to groups of their own (facts/sagemaker.md section 5.8).
        lines, cut = _lines(client, f"{GROUP}{endpoint.name}", since, now)
        for name in close.components:
            more, cut_too = _lines(client, f"{COMPONENT_GROUP}{name}", since, now)
            lines, cut = [*lines, *(line._replace(stream="") for line in more)], cut or cut_too
        config, mine, apart = _whose(client, endpoint, lines)
        errors, warnings = _Lines(), _Lines()
        for line in mine:
            if _ERROR.search(line.message):
                errors.add(line.message)
            elif close.troubled and _WARNING.search(line.message):
                warnings.add(line.message)
        if not errors.total and not endpoint.moving and self._fell(client, eyes, endpoint, known, lines):
            return
        if known is None and not errors.total and not warnings.total:
            return
        same = known is not None and known.config == config and known.errors > 0
        symptom = Symptom(
            endpoint=endpoint.name,
            config=config,
            at=now,
            errors=errors.total,
            lines=len(mine),
            sample=errors.telling,
            since=(known.since if known and same else now) if errors.total else None,
            cut=cut,
            warnings=warnings.total,
            warned=warnings.telling,
            apart=apart,
        )
        if known is not None and not (known.errors or known.warnings or symptom.errors or symptom.warnings):
            return  # quiet before, quiet now: no news
        eyes.saw("symptom", endpoint.name, symptom)


def _whose(client: Any, e: Endpoint, lines: list[Line]) -> tuple[str, list[Line], bool]:
    """The config whose lines are to be told, these lines, and whether they were told from those of the other fleet:
    what is deployed, if that has errors."""
    pending = e.pending
    if pending is None or pending.config == e.config or not pending.started_at or not _bad(lines):
        return e.config, lines, False
    first = first_lines(client, f"{GROUP}{e.name}")
    if not first:
        return e.config, lines, False
    new = launched(lines, first, pending.started_at)
    if _bad(new):
        return pending.config, new, True
    seen = set(new)
    return e.config, [line for line in lines if line not in seen], True


def _bad(lines: Iterable[Line]) -> bool:
    return any(_ERROR.search(line.message) for line in lines)


def _troubled(eyes: Eyes) -> dict[str, Pulse]:
    """The vital signs of those that had findings at their last look; what is too old tells nothing."""
    beat, whole = msgspec.json.Decoder(Beat).decode, msgspec.json.Decoder(Pulse).decode
    found: dict[str, Pulse] = {}
    for sample in eyes.kept("pulse", eyes.now() - KEEP_MS):
        with contextlib.suppress(msgspec.DecodeError):  # of another version: the next look writes it anew
            short = beat(sample.body)
            if short.troubled and eyes.now() < short.stale_at:
                found[sample.name] = whole(sample.body)
    return found


def _lines(client: Any, group: str, since: Millis, end: Millis) -> tuple[list[Line], bool]:
    """The lines, and whether there are more; none where there is no group: the container never started, or its role
    may not write logs."""
    request: dict[str, Any] = {"logGroupName": group, "startTime": since, "endTime": end, "limit": 1000}
    found: list[Line] = []
    for _ in range(PAGES_AT_MOST):
        try:
            answer = client.filter_log_events(**request)
        except NotFound:
            return found, False
        events = answer.get("events", ())
        found += [Line(one.get("logStreamName", ""), one.get("timestamp", 0), one["message"]) for one in events]
        if not answer.get("nextToken"):
            return found, False
        request["nextToken"] = answer["nextToken"]
    return found, True


class _Lines:
    """Lines of one kind, counted by what they have in common: process ids and durations differ in each."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._samples: dict[str, str] = {}

    def add(self, line: str) -> None:
        gist = _gist(line)
        key = _NUMBER.sub("#", gist)
        self._counts[key] += 1
        self._samples.setdefault(key, gist)

    @property
    def total(self) -> int:
        return self._counts.total()

    @property
    def telling(self) -> str:
        """The most frequent one that names an exception, else the most frequent one."""
        ranked = [self._samples[key] for key, _ in self._counts.most_common()]
        return next((text for text in ranked if _SAYS.match(text)), ranked[0] if ranked else "")


def _gist(line: str) -> str:
    """The part of a line that is the same in all of its kind: `KeyError: 'dep_delay'`."""
    says = _SAYS.search(line)  # to the end of its line: an event may be a whole traceback
    return shorten(safe(says[0]) if says else _STAMP.sub("", safe(line)), 120)
