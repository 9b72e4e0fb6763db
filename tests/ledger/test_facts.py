"""The ledger against a naive model: any history, any moment, any coverage, with retention."""

from __future__ import annotations

import tempfile
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.clock import DAY, MINUTE
from console.errors import LedgerError
from console.ledger.coverage import SLACK, Interval, SourceState
from console.ledger.rows import first_behind
from console.ledger.snapshot import Snapshot
from console.ledger.store import Fact, Ledger

NAMES = ("a", "a-b", "a/b", "b", "ü", "\U0010ffff", "a\U0010ffff", "x\x1b[31m")
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

moments = st.integers(0, 50)
happenings = st.lists(
    st.tuples(moments, st.sampled_from(["s", "t"]), st.sampled_from(NAMES), st.sampled_from([b"1", b"2", b"3", None])),
    max_size=40,
)


class Model:
    """Subject to its versions as (observed_at, body or None for gone), in the order they were appended."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], list[tuple[int, bytes | None]]] = {}

    def see(self, at: int, scope: str, name: str, body: bytes | None) -> bool:
        versions = self.versions.setdefault((scope, name), [])
        last = versions[-1] if versions else (0, None)
        if last[1] == body:
            return False
        versions.append((max(at, last[0]), body))
        return True

    def as_of(self, scope: str, at: int) -> dict[str, bytes]:
        found = {}
        for (where, name), versions in self.versions.items():
            known = [body for observed_at, body in versions if observed_at <= at]
            if where == scope and known and known[-1] is not None:
                found[name] = known[-1]
        return found


def bodies(facts: list[Fact]) -> dict[str, bytes]:
    assert [fact.name for fact in facts] == sorted({fact.name for fact in facts})
    assert not any(fact.deleted for fact in facts)
    return {fact.name: fact.body for fact in facts}


def replay(ledger: Ledger, history: list[tuple[int, str, str, bytes | None]]) -> Model:
    model = Model()
    for at, scope, name, body in history:
        changed = model.see(at, scope, name, body)
        if body is None:
            assert ledger.tombstone(scope, "k", [name], at=at) == ([name] if changed else [])
        else:
            assert ledger.observe(scope, "k", [(name, body, at)], at=at) == ([name] if changed else [])
    return model


@quick
@given(happenings, moments)
def test_any_history_at_any_moment(history: list[tuple[int, str, str, bytes | None]], at: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "l.db") as ledger:
        model = replay(ledger, history)
        for scope in ("s", "t"):
            assert bodies(ledger.as_of(scope, "k", at)) == model.as_of(scope, at)
            assert bodies(ledger.heads(scope, "k")) == model.as_of(scope, 10**6)
            assert bodies(ledger.as_of(scope, "k", at, NAMES[:3])) == {
                name: body for name, body in model.as_of(scope, at).items() if name in NAMES[:3]
            }
            for name in NAMES:
                head = ledger.head(scope, "k", name)
                assert (head.body if head else None) == model.as_of(scope, 10**6).get(name)
                told = [(f.observed_at, None if f.deleted else f.body) for f in ledger.history(scope, "k", name)]
                assert told == model.versions.get((scope, name), [])
        assert ledger.check() == []


@quick
@given(happenings, moments, moments, st.sampled_from(["", "a", "a-", "\U0010ffff", "ü", "nobody"]), st.integers(0, 5))
def test_any_slice_of_history(
    history: list[tuple[int, str, str, bytes | None]], since: int, until: int, prefix: str, limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "l.db") as ledger:
        replay(ledger, history)
        everything = ledger.history("s", "k")
        assert everything == sorted(everything, key=lambda f: (f.name, f.observed_at, f.seq))
        expected = [f for f in everything if f.name.startswith(prefix) and since <= f.observed_at <= until]
        assert ledger.history("s", "k", prefix=prefix, since=since, until=until) == expected
        newest = sorted(expected, key=lambda f: (f.observed_at, f.seq))[-limit:] if limit else []
        limited = ledger.history("s", "k", prefix=prefix, since=since, until=until, limit=limit)
        assert limited == [f for f in expected if f in newest]


@quick
@given(happenings, moments, st.lists(moments, max_size=5))
def test_retention_changes_nothing_from_the_cut_on(
    history: list[tuple[int, str, str, bytes | None]], cut: int, sweeps: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "l.db") as ledger:
        model = replay(ledger, history)
        for at in sorted(sweeps):
            ledger.coverage.cover("s", "src", at, every_ms=4)
        before = {at: ledger.coverage.covered("s", "src", at) for at in range(60)}
        other = ledger.history("t", "k")
        facts = ledger.info().facts
        gone = ledger.prune("s", cut)
        assert ledger.info().facts == facts - gone
        for at in range(cut, 60):
            assert bodies(ledger.as_of("s", "k", at)) == model.as_of("s", at)
            # The benefit of the doubt behind a sweep goes with the sweep.
            assert ledger.coverage.covered("s", "src", at) == before[at] or max(s for s in sweeps if s <= at) < cut
        assert bodies(ledger.heads("s", "k")) == model.as_of("s", 10**6)
        assert not any(ledger.coverage.covered("s", "src", at) for at in range(cut) if sweeps)
        assert ledger.history("t", "k") == other
        kept = ledger.history("s", "k", until=cut - 1)
        assert len({fact.name for fact in kept}) == len(kept)
        assert not any(fact.deleted for fact in kept)
        # Subjects come and go after the cut as before.
        again = replay_more(ledger, model)
        assert bodies(ledger.heads("s", "k")) == again
        assert ledger.check() == []


def replay_more(ledger: Ledger, model: Model) -> dict[str, bytes]:
    ledger.observe("s", "k", [(name, b"new", None) for name in NAMES], at=70)
    assert bodies(ledger.as_of("s", "k", 69)) == model.as_of("s", 69)
    return dict.fromkeys(sorted(NAMES), b"new")


sweeping = st.lists(
    st.one_of(
        st.tuples(st.just("cover"), moments, st.integers(1, 6)),
        st.tuples(st.just("fail"), moments, st.just(0)),
        st.tuples(st.just("fill"), moments, st.integers(0, 20)),
    ),
    max_size=25,
)


@quick
@given(sweeping, moments)
def test_any_coverage(events: list[tuple[str, int, int]], at: int) -> None:
    """Time runs forward here, as it does for one collector; fills reach into the past."""
    known: set[int] = set()
    last_good: int | None = None
    since_failing: int | None = None
    period = 0
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "l.db") as ledger:
        coverage, now = ledger.coverage, 100
        for what, step, extra in events:
            now += step
            if what == "cover":
                coverage.cover("s", "src", now, every_ms=extra)
                newest = max((known_at for known_at in known if known_at <= now), default=None)
                gap_bridged = newest is not None and now - newest <= SLACK * extra
                known |= set(range(newest, now + 1)) if gap_bridged and newest is not None else {now}
                last_good, since_failing, period = now, None, extra
            elif what == "fail":
                coverage.fail("s", "src", now, "Code", "words")
                since_failing = now if since_failing is None else since_failing
            else:
                coverage.fill("s", "src", now - 100, now - 100 + extra)
                known |= set(range(now - 100, now - 100 + extra + 1))
        strictly = {moment for start, end in coverage.intervals("s", "src") for moment in range(start, end + 1)}
        assert strictly == known
        intervals = coverage.intervals("s", "src")
        assert all(one.end < two.start for one, two in pairwise(intervals))
        assert coverage.since("s", "src") == min(known, default=None)
        for moment in {at, *known}:
            if moment in known:
                assert coverage.covered("s", "src", moment)
        if last_good is not None and max(known) == last_good:
            for later in range(last_good + 1, last_good + SLACK * period + 3):
                due = later - last_good <= SLACK * period and (since_failing is None or later < since_failing)
                assert coverage.covered("s", "src", later) is due
        state = coverage.states("s").get("src")
        if last_good is not None or since_failing is not None:
            words, code = ("words", "Code") if since_failing is not None else ("", "")
            assert state == SourceState(since_failing is None, last_good, words, code, since_failing)
        else:
            assert state is None


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "deep" / "er" / "ledger.db")


def test_a_gap_is_unknown_and_the_next_sweep_does_not_close_it(ledger: Ledger) -> None:
    for at in (1_000, 2_000, 3_000, 60_000):
        ledger.coverage.cover("s", "src", at, every_ms=1_000)
    assert ledger.coverage.intervals("s", "src") == [Interval(1_000, 3_000), Interval(60_000, 60_000)]
    assert not ledger.coverage.covered("s", "src", 4_000)  # nobody looked afterwards in time
    assert ledger.coverage.covered("s", "src", 62_000)
    assert not ledger.coverage.covered("s", "src", 999)
    past = Snapshot(ledger, "s", 30_000, 70_000)
    assert past.states() == {"src": SourceState(False, 3_000, "", "", None)}
    assert not past.covered("src")
    assert Snapshot(ledger, "s", 2_500, 70_000).states() == {"src": SourceState(True, 2_500, "", "", None)}


def test_a_snapshot_is_cut_at_its_moment(ledger: Ledger) -> None:
    for at, body in ((10, b"1"), (20, b"2"), (30, b"3")):
        ledger.observe("s", "k", [("a", body, None), ("b", b"same", 5)], at=at)
    ledger.tombstone("s", "k", ["b"], at=40)
    past, live = Snapshot(ledger, "s", 25, 50), Snapshot(ledger, "s", None, 50)
    assert [fact.body for fact in past.heads("k")] == [b"2", b"same"]
    assert [fact.observed_at for fact in past.history("k", "a")] == [10, 20]
    assert [fact.observed_at for fact in past.history("k", "a", until=15)] == [10]
    assert [(fact.name, fact.body) for fact in live.heads("k")] == [("a", b"3")]
    assert live.history("k", "b")[-1].deleted
    assert past.head("k", "b") == Fact(2, "k", "b", 10, 5, b"same", False)
    assert live.head("k", "b") is None
    assert (past.moment, live.moment) == (25, 50)


def test_one_transaction_may_hold_a_subject_twice(ledger: Ledger) -> None:
    items = [("a", b"1", None), ("a", b"2", None), ("a", b"2", None)]
    assert ledger.observe("s", "k", items, at=5) == ["a"]
    assert [fact.body for fact in ledger.history("s", "k", "a")] == [b"1", b"2"]
    assert ledger.observe("s", "k", iter(items[-1:]), at=6) == []


def test_hostile_names_are_kept_and_lone_surrogates_do_not_stop_a_sweep(ledger: Ledger) -> None:
    hostile = ["\x00", "a\x00b", "%", "_", "'; DROP TABLE fact; --", "\u202eabc", "e\u0301", "é", "😀" * 300, ""]
    ledger.observe("s", "k", [(name, name.encode(), None) for name in hostile], at=1)
    assert bodies(ledger.heads("s", "k")) == {name: name.encode() for name in sorted(hostile)}
    assert ledger.observe("s", "k", [("bad\ud800", b"1", None)], at=2) == ["bad?"]
    assert ledger.observe("s", "k", [("bad\ud800", b"1", None)], at=3) == []
    assert len(ledger.heads("s", "k", ["bad\ud800"])) == 1


@pytest.mark.parametrize("prefix", ["a", "a\U0010ffff", "\ud7ff", "\U0010ffff", ""])
def test_after(prefix: str) -> None:
    after = first_behind(prefix)
    if after is None:
        assert not prefix.strip("\U0010ffff")
    else:
        assert prefix + "\U0010ffff" * 3 < after
        after.encode()


def test_more_names_than_one_statement_takes(ledger: Ledger) -> None:
    names = [f"n{i:05d}" for i in range(1_700)]
    assert len(ledger.observe("s", "k", [(name, b"1", None) for name in names], at=1)) == 1_700
    assert [fact.name for fact in ledger.heads("s", "k", names[::-1])] == names
    assert [fact.name for fact in ledger.as_of("s", "k", 1, names[3:1_200])] == names[3:1_200]
    assert ledger.tombstone("s", "k", names[5:], at=2) == names[5:]
    assert [fact.name for fact in ledger.heads("s", "k")] == names[:5]


def test_news_is_seen_by_its_own_and_by_other_connections(ledger: Ledger) -> None:
    with Ledger.open(ledger.path) as other:
        mine, theirs = ledger.data_version(), other.data_version()
        assert (ledger.data_version(), other.data_version()) == (mine, theirs)
        ledger.observe("s", "k", [("a", b"1", None)], at=1)
        assert ledger.data_version() != mine
        assert other.data_version() != theirs
        mine, theirs, seq = ledger.data_version(), other.data_version(), other.last_seq()
        ledger.observe("s", "k", [("a", b"1", None)], at=2)  # nothing new: nothing written
        assert (ledger.data_version(), other.data_version()) == (mine, theirs)
        ledger.coverage.cover("s", "src", 3, every_ms=10)
        assert other.data_version() != theirs
        assert other.last_seq() == seq == 1


def test_cursors_and_calls(ledger: Ledger) -> None:
    assert ledger.coverage.recall("s", "search") == ""
    ledger.coverage.remember("s", "search", "2026-11-23")
    ledger.coverage.remember("s", "search", "2026-11-24")
    assert (ledger.coverage.recall("s", "search"), ledger.coverage.recall("t", "search")) == ("2026-11-24", "")
    minute = 1_000 * MINUTE
    ledger.coverage.count_calls("s", minute + 5, {"sagemaker:Search": (2, 1)})
    assert ledger.coverage.calls_per_minute("s", minute + 30_000) == (2, 1)
    ledger.coverage.count_calls("s", minute + 59_999, {"sagemaker:Search": (3, 0), "sts:GetCallerIdentity": (1, 0)})
    ledger.coverage.count_calls("s", minute + MINUTE, {"sagemaker:Search": (9, 2)})
    assert ledger.coverage.calls_per_minute("s", minute + MINUTE + 1) == (6, 3)
    assert ledger.coverage.calls_by_operation("s", minute)["sagemaker:Search"] == (14, 3)
    assert ledger.coverage.calls_per_minute("s", minute + 3 * MINUTE) == (0, 0)
    ledger.coverage.count_calls("s", minute + DAY + MINUTE, {"x:Y": (1, 0)})
    assert ledger.coverage.calls_by_operation("s", 0) == {"sagemaker:Search": (9, 2), "x:Y": (1, 0)}


def test_threads_share_one_ledger(ledger: Ledger) -> None:
    errors: list[BaseException] = []

    def work(mine: int) -> None:
        try:
            for at in range(40):
                ledger.observe("s", "k", [(f"{mine}", b"%d" % at, None), ("all", b"%d" % mine, None)], at=at)
                ledger.journal.append("s", f"act-{mine}", "call", {"n": at}, at)
                ledger.heads("s", "k")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(len(ledger.history("s", "k", f"{n}")) == 40 for n in range(4))
    assert [len(ledger.journal.entries("s", action_id=f"act-{n}")) for n in range(4)] == [40] * 4
    assert ledger.journal.verify() is None


def test_files_are_private_and_a_closed_ledger_says_so(ledger: Ledger) -> None:
    ledger.observe("s", "k", [("a", b"1", None)], at=1)
    assert ledger.path.parent.stat().st_mode & 0o777 == 0o700
    for path in ledger.path.parent.glob("ledger.db*"):
        assert path.stat().st_mode & 0o777 == 0o600
    info = ledger.info()
    assert (info.facts, info.subjects, info.journal, info.oldest, info.schema) == (1, 1, 0, 1, "1.1")
    assert info.bytes == sum(
        path.stat().st_size for path in ledger.path.parent.glob("ledger.db*") if "shm" not in path.name
    )
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.heads("s", "k")


def test_reads_use_the_index_and_never_scan(ledger: Ledger) -> None:
    statements: list[str] = []
    connection = ledger._database._ready()
    ledger.observe("s", "k", [("a", b"1", None)], at=1)
    connection.set_trace_callback(statements.append)
    ledger.heads("s", "k")
    ledger.as_of("s", "k", 1)
    ledger.as_of("s", "k", 1, ["a"])
    ledger.history("s", "k", "a")
    ledger.history("s", "k", prefix="a", limit=3)
    connection.set_trace_callback(None)
    assert len(statements) == 5
    for statement in statements:
        plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement)]
        assert not any(step.startswith("SCAN") for step in plan), (statement, plan)
