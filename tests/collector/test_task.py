"""The pace of one watch: what it raises degrades its source alone, and never ends it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.clients.aws import Cloud
from console.collector.collector import Collector
from console.collector.task import BACKOFF_AT_MOST_S, BACKOFF_LOCAL_S, Stop
from console.errors import CredentialsError, LedgerError, NotPermitted, Throttled, Unreachable
from console.kinds.base import Kind
from console.ledger.store import Ledger
from console.settings import Context
from tests.cli.lab import until

SCOPE = "aws/123456789012/eu-central-1"


class Thing(msgspec.Struct, frozen=True):
    name: str
    n: int = 0


class Watch:
    """A watch that does what the test says."""

    source, operations, every_s = "things", ("sagemaker:ListEndpoints",), 10.0

    def __init__(self, look: Callable[[Any, int], None]) -> None:
        self.look, self.looks = look, 0

    def sweep(self, eyes: Any) -> None:
        self.looks += 1
        self.look(eyes, self.looks)


def kind(*watches: Any) -> Kind:
    return Kind("thing", "things", (), (), lambda *_: [], lambda v: v, lambda: watches, sources=("things",))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        yield ledger


def collector(ledger: Ledger, *watches: Any, **options: Any) -> Collector:
    cloud = Cloud(Context(name="test", region="eu-central-1"))
    return Collector(ledger, cloud, SCOPE, [kind(*watches)], **options)


FAILURES = [
    Unreachable("no answer"),
    NotPermitted("may not"),
    Throttled("slow down"),
    CredentialsError("expired"),
    ValueError("an answer no model foresaw"),
    KeyError("x"),
    RecursionError(),
    SystemExit(3),
    KeyboardInterrupt(),
    MemoryError(),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
def test_whatever_a_watch_raises_is_the_state_of_its_source_until_it_recovers(
    ledger: Ledger, failure: BaseException
) -> None:
    def look(eyes: Any, n: int) -> None:
        eyes.saw("thing", "a", Thing("a", n))
        if n <= 2:
            raise failure

    watch = Watch(look)
    made = collector(ledger, watch)
    for n in (1, 2):
        assert list(made.once()) == ["things"]
        state = ledger.coverage.states(SCOPE)["things"]
        assert not state.ok and state.at is None and state.error and made.tasks[0].failures == n
        assert ledger.head(SCOPE, "thing", "a") is not None, "what was seen before the failure is kept"
    since = state.failing_since
    assert not made.once()
    state = ledger.coverage.states(SCOPE)["things"]
    assert state.ok and state.at and since and made.tasks[0].failures == 0


def test_one_source_that_hangs_or_fails_leaves_the_others_alone(ledger: Ledger) -> None:
    hang = threading.Event()

    def fails(eyes: Any, n: int) -> None:
        raise SystemExit

    def hangs(eyes: Any, n: int) -> None:
        hang.wait()

    good, bad, stuck = Watch(lambda eyes, n: None), Watch(fails), Watch(hangs)
    bad.source, stuck.source = "bad", "stuck"
    made = collector(ledger, good, bad, stuck, pace=100.0)
    stop = threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        until(lambda: good.looks >= 5 and bad.looks >= 2, 10)
        assert made.tasks[2].busy_s(1e12) > 0 and stuck.looks == 1
    finally:
        stop.set()
        hang.set()
        thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_source_is_never_swept_twice_at_once(ledger: Ledger) -> None:
    inside, go = threading.Event(), threading.Event()

    def look(eyes: Any, n: int) -> None:
        inside.set()
        go.wait(5)

    watch = Watch(look)
    made = collector(ledger, watch)
    first = threading.Thread(target=made.once)
    first.start()
    inside.wait(5)
    made.once()
    go.set()
    first.join()
    assert watch.looks == 1


def test_the_pause_doubles_with_each_failure_up_to_its_bound(ledger: Ledger) -> None:
    task = collector(ledger, Watch(lambda eyes, n: None)).tasks[0]
    pauses = []
    for failures in range(8):
        task.failures, task.error = failures, Unreachable("no answer") if failures else None
        pauses.append(task.pause_s())
    assert pauses == [10, 10, 20, 40, 80, 160, 300, BACKOFF_AT_MOST_S]
    task.failures = 9
    for error in (CredentialsError("expired"), LedgerError("the disk is full")):
        task.error = error
        assert task.pause_s() == BACKOFF_LOCAL_S, "people mend these, and then want to see it work"
    task.error = Throttled("slow down")
    assert task.pause_s() == 40


def test_a_failing_source_is_hurried_only_by_somebody_who_waits(ledger: Ledger) -> None:
    task = collector(ledger, Watch(lambda eyes, n: None)).tasks[0]
    task.failures = 3
    task.wake(hurry=False)
    assert not task._wake.is_set()
    task.wake(hurry=True)
    assert task._wake.is_set()


def test_what_could_not_be_reached_is_looked_at_as_soon_as_another_source_answers(ledger: Ledger) -> None:
    down = threading.Event()
    down.set()

    def look(eyes: Any, n: int) -> None:
        if down.is_set():
            raise Unreachable("no answer")

    often, rarely = Watch(look), Watch(look)
    often.every_s, rarely.every_s, rarely.source = 0.05, 3600.0, "rare"
    made = collector(ledger, often, rarely)
    stop = threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        until(lambda: often.looks >= 2 and rarely.looks == 1, 10)
        down.clear()
        until(lambda: rarely.looks >= 2 and made.tasks[1].failures == 0, 10)
    finally:
        stop.set()
        thread.join(timeout=10)


def test_a_full_ledger_stops_nothing_and_is_used_again_when_there_is_room(ledger: Ledger) -> None:
    watch = Watch(lambda eyes, n: eyes.saw("thing", "a", Thing("a" * 40_000, n)))
    made = collector(ledger, watch)
    limit(ledger, 1)
    errors = made.once()
    assert isinstance(errors["things"], LedgerError) and "full" in errors["things"].message
    limit(ledger, 1_000_000)
    assert not made.once()
    assert ledger.coverage.states(SCOPE)["things"].ok


def limit(ledger: Ledger, pages: int) -> None:
    """The real SQLITE_FULL: the file may not grow."""

    def set_limit(connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    ledger._database.read(set_limit)


def test_a_locked_ledger_delays_one_sweep(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, busy_ms=50) as ledger:
        made = collector(ledger, Watch(lambda eyes, n: eyes.saw("thing", "a", Thing("a", n))))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert "locked" in made.once()["things"].message
        other.execute("ROLLBACK")
        other.close()
        assert not made.once()


def test_what_another_account_shows_is_never_written(ledger: Ledger) -> None:
    whose = [SCOPE]
    made = collector(ledger, Watch(lambda eyes, n: eyes.saw("thing", f"a{n}", Thing("a", n))), confirm=lambda: whose[0])
    assert not made.once()
    whose[0] = "aws/999999999999/eu-central-1"
    made.cloud._look.generation += 1  # as after a renewal
    with pytest.raises(Stop, match="999999999999"):
        made.once()
    assert [fact.name for fact in ledger.heads(SCOPE, "thing")] == ["a1"]
    assert not ledger.heads(whose[0], "thing")


def test_a_running_collector_of_another_account_stops(ledger: Ledger) -> None:
    made = collector(
        ledger, Watch(lambda eyes, n: eyes.saw("thing", f"a{n}", Thing("a", n))), confirm=lambda: "aws/9/x"
    )
    made.cloud._look.generation += 1
    stop = threading.Event()
    with pytest.raises(Stop):
        made.run(stop)
    assert stop.is_set() and not ledger.heads(SCOPE, "thing")


def test_interest_and_fresh_wake_the_source(ledger: Ledger) -> None:
    watch = Watch(lambda eyes, n: eyes.saw("thing", "a", Thing("a", len(eyes.interest("thing")))))
    made = collector(ledger, watch)
    stop, alive = threading.Event(), []
    thread = threading.Thread(target=made.run, args=(stop, lambda: alive.append(1)))
    thread.start()
    try:
        until(lambda: watch.looks == 1, 5)
        ledger.interest.tell(SCOPE, {"thing": ["a"]}, at=made._now())
        assert until(lambda: watch.looks == 2, 5, "the look at what is on screen") < 2.0
        until(lambda: b'"n":1' in ledger.head(SCOPE, "thing", "a").body, 2)  # type: ignore[union-attr]
        ledger.interest.tell(SCOPE, {"thing": ["a"]}, at=made._now(), fresh=["things"])
        assert until(lambda: watch.looks == 3, 5, "the fresh look") < 2.0
    finally:
        stop.set()
        thread.join(timeout=5)
    assert alive
