"""Facts young enough to be served: the live collector's, or collected here under its lock."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from console.cli.session import SKEW_MS
from console.clock import MINUTE, SECOND, Millis, age_step, clock_time, duration, now_ms
from console.errors import CredentialsError, LastgoodError, TimedOut, Unreachable
from console.ledger.locks import Held, collector_lock

if TYPE_CHECKING:
    from console.cli.session import Session
    from console.collector.collector import Collector
    from console.kinds.base import Kind
    from console.ledger.coverage import SourceState

FRESH_MS = 60 * SECOND
"""Facts younger than this are served as they are."""

BESIDE_MS = 5 * MINUTE
"""How old what else a table shows may be in a foreground look: CloudTrail answers once a second and is late anyway."""

WAIT_S = 5.0
"""How long whoever asks for a table waits for what else it shows: the past of a thousand endpoints takes minutes, and
the next look reads on."""

_SHOWN = "shown whole: {}"
"""Memo by kind: its subjects that were shown whole in the last minute, and when."""

FAILING_MS = 4 * SECOND
"""How long a source that fails may take to recover once somebody asks for it."""


def freshen(session: Session, kind: Kind, *, force: bool = False, about: str = "") -> None:
    """See that the kind's own source was read within the last minute (`force`: from now on).

    `about`: a subject that is shown whole. Its eager sources read what they read of nobody else, so a look at the table
    does not count for them: they look within the same wait, unless they did for this subject in the last minute.

    What else its table shows is read too where nothing ever was (a first `get endpoints` knows the owners), and by a
    foreground look when it is older than BESIDE_MS. What cannot be read is said on stderr, one line for each cause,
    and kept in `session.failed`; the ledger is served with its age. Raises the error of the kind's own source where
    there is nothing to serve, and CredentialsError.
    """
    try:
        errors = look(session, kind, force=force, about=about)
    except Unreachable as error:
        error.message += f"; the ledger has no {kind.plural} of this context yet"
        raise
    tell_failures(session, errors)


def look(session: Session, kind: Kind, *, force: bool = False, about: str = "") -> dict[str, LastgoodError]:
    """As `freshen`, but what could not be read is returned, by source, and not said."""
    asked = now_ms()
    forced = {kind.sources[0]} if force else set()
    if about and not _shown_lately(session, kind, about, asked):
        forced |= set(kind.eager)
    if not _due(session, kind, asked, forced, beside_ms=0):
        return {}
    names = {kind.id: [about]} if about else {}
    tell_future(session, kind)
    locks = session.ledger.locks
    while True:
        scope = session.scope
        held = locks.acquire(collector_lock(scope), "collect in the foreground")
        if held is None:
            if (errors := _served(session, kind, asked, forced, names)) is not None:
                return _kept(session, errors, kind, about, asked)
            continue  # the collector ended meanwhile
        try:
            errors = _unsigned(session, kind) or {}
            if errors:
                return _kept(session, errors, kind)
            if session.scope != scope:
                continue  # another account than last time: its own lock, and its own facts
            if names:
                session.ledger.interest.tell(scope, names, at=asked)
            errors = _collect(session, kind, _due(session, kind, asked, forced, beside_ms=BESIDE_MS), held)
            return _kept(session, errors, kind, about, asked)
        finally:
            held.release()


def _kept(
    session: Session, errors: dict[str, LastgoodError], kind: Kind, about: str = "", asked: Millis = 0
) -> dict[str, LastgoodError]:
    session.failed |= errors
    if about and not errors.keys() & set(kind.eager):

        def add(said: str) -> str:
            shown = msgspec.json.decode(said or "{}", type=dict[str, Millis])
            lately = {name: at for name, at in shown.items() if 0 <= asked - at <= FRESH_MS}
            return msgspec.json.encode(lately | {about: asked}).decode()

        session.ledger.coverage.revise(session.scope, _SHOWN.format(kind.id), add)
    return errors


def _shown_lately(session: Session, kind: Kind, name: str, now: Millis) -> bool:
    said = session.ledger.coverage.recall(session.scope, _SHOWN.format(kind.id))
    return 0 <= now - msgspec.json.decode(said or "{}", type=dict[str, Millis]).get(name, 0) <= FRESH_MS


def _unsigned(session: Session, kind: Kind) -> dict[str, LastgoodError] | None:
    """Why nothing can be read now: STS does not answer, so nobody knows whose facts would come."""
    try:
        _ = session.identity
        return None
    except Unreachable as error:
        if not _known(session, kind):
            raise
        return dict.fromkeys(kind.sources, error)


def _known(session: Session, kind: Kind) -> bool:
    """Whether the ledger has anything of the kind's own source to serve."""
    state = session.ledger.coverage.states(session.scope).get(kind.sources[0])
    return state is not None and state.at is not None


def tell_failures(session: Session, errors: Mapping[str, LastgoodError]) -> None:
    """One line for each cause, with the sources that it keeps from being read and how old what the ledger has is."""
    causes: dict[tuple[str, str], list[str]] = {}
    for source, error in errors.items():
        causes.setdefault((error.message, error.advice), []).append(source)
    for (message, advice), sources in causes.items():
        states = session.ledger.coverage.states(session.scope)
        read = [state.at for source in sources if (state := states.get(source)) and state.at]
        age = f"; data {age_step(now_ms() - min(read)) or '0 s'} old" if read else ""
        session.say(f"{', '.join(sources)}: {message}{age}{f' — {advice}' if advice else ''}")


def tell_future(session: Session, kind: Kind) -> None:
    """Say so where the ledger was written at a later time than it is now: of such facts no age is known."""
    if session.unconfirmed is not None and (ahead := ahead_ms(session, kind.sources)):
        what = f"the ledger has {kind.plural} of {duration(ahead)} in the future"
        session.say(f"{what}: was this host's clock set back? Their age is not known")


def ahead_ms(session: Session, sources: Iterable[str]) -> int:
    """How far in the future the newest coverage of these sources is; 0 where that is within the usual skew."""
    states, now = session.ledger.coverage.states(session.scope), now_ms()
    ahead = max((s.at - now for name in sources if (s := states.get(name)) and s.at), default=0)
    return ahead if ahead > SKEW_MS else 0


def _due(session: Session, kind: Kind, now: Millis, forced: Set[str], *, beside_ms: int) -> list[str]:
    """The sources to read, the kind's own first. `beside_ms` 0: the others only where nothing was ever read."""
    states = session.ledger.coverage.states(session.scope)
    own = kind.sources[0]
    due = [own] if own in forced or _older(states.get(own), now, FRESH_MS) else []
    for source in kind.sources[1:]:
        allowed = min(beside_ms, FRESH_MS) if source in kind.eager else beside_ms
        beside = own in due and allowed and _older(states.get(source), now, allowed)
        if source in forced or source not in states or beside:
            due.append(source)
    return due


def _older(state: SourceState | None, now: Millis, than_ms: int) -> bool:
    """Coverage from the future is no coverage: the clock was set back, and its age is not known."""
    return state is None or state.at is None or now - state.at > than_ms or state.at - now > SKEW_MS


def _served(
    session: Session, kind: Kind, asked: Millis, forced: Set[str], names: Mapping[str, list[str]]
) -> dict[str, LastgoodError] | None:
    """Ask the live collector, and wait until it has looked; what it could not read. None if there is none any more.

    Raises TimedOut where it does not answer and there is nothing to serve.
    """
    ledger, own = session.ledger, kind.sources[0]
    due = _due(session, kind, asked, forced, beside_ms=0)
    lock = collector_lock(session.scope)
    try:
        with _Progress(f"waiting for the collector to read {kind.plural} of {session.context.name}"):
            told = 0
            while True:
                ledger.interest.tell(session.scope, names, at=now_ms(), fresh=due)
                told = told or now_ms()  # only a sweep that began later knows what is wanted
                time.sleep(0.1)
                states = ledger.coverage.states(session.scope)
                missing = [s for s in due if _older(states.get(s), told, 0 if s in forced else FRESH_MS)]
                failing = [s for s in missing if (state := states.get(s)) and not state.ok]
                waited = now_ms() - asked
                if not missing:
                    return {}
                if failing == missing and waited > FAILING_MS:
                    return {source: LastgoodError(states[source].error) for source in failing}
                if ledger.locks.is_free(lock):
                    return None
                if own not in missing and waited > WAIT_S * SECOND:
                    slow = LastgoodError(f"not read within {WAIT_S:.0f} s", advice="look again")
                    return dict.fromkeys(missing, slow)
                if waited > session.settings.timeout_s * SECOND:
                    late = TimedOut("the collector does not answer", advice="lastgood doctor tells who it is")
                    if not _known(session, kind):
                        raise late
                    return dict.fromkeys(missing, late)
    finally:
        ledger.interest.withdraw(session.scope)


def _collect(session: Session, kind: Kind, due: list[str], held: Held) -> dict[str, LastgoodError]:
    """Read in the foreground, under the collector's lock. A first look takes seconds: a terminal is told so."""
    from console.kinds.registry import KINDS

    with _Progress(f"collecting {kind.plural} of {session.context.name}", beat=held) as progress:
        collector = session.collector(KINDS)
        errors: dict[str, LastgoodError] = {}
        for source in due:
            progress.follow(f"collecting {source} of {session.context.name}", collector)
            own = source == kind.sources[0]
            errors |= collector.once([source], within_s=session.settings.timeout_s if own else WAIT_S)
    for source in collector.cut:
        session.say(f"{source}: the past is read in part; the next look, or the console, reads on")
    session.failed |= errors
    fatal: LastgoodError | None = next((e for e in errors.values() if isinstance(e, CredentialsError)), None)
    if fatal is None and kind.sources[0] in errors and not _known(session, kind):
        fatal = errors[kind.sources[0]]
    if fatal is not None:
        tell_failures(session, {s: e for s, e in errors.items() if e.message != fatal.message})
        raise fatal
    return errors


class _Progress:
    """A line on stderr for what takes longer than a second, rewritten in place; nothing where that is no terminal."""

    def __init__(self, words: str, beat: Held | None = None) -> None:
        self._words, self._beat = words, beat
        self._collector: Collector | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def follow(self, words: str, collector: Collector) -> None:
        self._words, self._collector = words, collector

    def __enter__(self) -> _Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        shown, terminal = "", sys.stderr.isatty()
        began = time.monotonic()
        while not self._done.wait(0.25):
            if self._beat is not None:
                self._beat.beat()  # whoever waits for the lock sees that this is no hung collector
            seen = self._collector.seen if self._collector else 0
            line = f"lastgood: {self._words} …{f' {seen:,} records' if seen else ''}"
            if terminal and time.monotonic() - began > 1 and line != shown:
                sys.stderr.write(f"\r{line}\x1b[K")
                sys.stderr.flush()
                shown = line
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def degrading(session: Session) -> Iterator[None]:
    """For answers about several kinds or contexts: one that cannot be read is said, and the rest goes on."""
    try:
        yield
    except LastgoodError as error:
        session.failed["context"] = error
        session.say(f"{error.message}{f' — {error.advice}' if error.advice else ''}")


def tell_coverage(session: Session, kind: Kind, moment: Millis) -> None:
    """Say so where a claim about the past rests on nothing: nobody watched then."""
    snapshot = session.snapshot(moment)
    if not snapshot.covered(kind.sources[0]):
        state, now = snapshot.states().get(kind.sources[0]), now_ms()
        then = f"; the last look before was at {clock_time(state.at, now, seconds=True)}" if state and state.at else ""
        session.say(f"nobody watched {kind.plural} at {clock_time(moment, now, seconds=True)}{then}")
