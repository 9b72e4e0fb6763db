"""The journal: a chain that shows every accident, durable before it is acknowledged, whoever writes meanwhile."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from console.errors import LedgerError
from console.ledger.journal import Journal
from console.ledger.store import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.db")


def fill(journal: Journal, n: int = 6) -> None:
    for i in range(n):
        journal.append("s", f"act-{i // 2}", ("intent", "done")[i % 2], {"call": i, "text": "ü\x1b"}, 100 + i)


def test_entries_come_back_as_written(ledger: Ledger) -> None:
    fill(ledger.journal)
    entries = ledger.journal.entries("s")
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    assert entries[3].body == {"call": 3, "text": "ü\x1b"}
    assert ledger.journal.entries(action_id="act-1") == entries[2:4]
    assert ledger.journal.entries("s", since=102, until=104) == entries[2:5]
    assert ledger.journal.entries("s", limit=2) == entries[4:]
    assert ledger.journal.entries("s", action_id="act-2", after_seq=5) == entries[5:]
    assert ledger.journal.entries("elsewhere") == []
    assert ledger.journal.verify() is None
    with pytest.raises(TypeError):
        ledger.journal.append("s", "act", "call", {"what": object()}, 1)
    assert len(ledger.journal.entries()) == 6


@pytest.mark.parametrize(
    ("damage", "seq", "words"),
    [
        ("UPDATE journal SET body = '{\"call\":9}' WHERE seq = 3", 3, "row 3 .intent of act-1. was changed"),
        ("UPDATE journal SET written_at = 1 WHERE seq = 2", 2, "row 2 .* was changed"),
        ("UPDATE journal SET scope = 't' WHERE seq = 1", 1, "row 1 .* was changed"),
        ("DELETE FROM journal WHERE seq = 4", 4, "row 4 is missing"),
        ("DELETE FROM journal WHERE seq IN (1, 2)", 1, "rows 1 to 2 are missing"),
        ("DELETE FROM journal WHERE seq > 4", 5, "ends at row 4, but row 6 had been written"),
        ("DELETE FROM journal", 1, "ends at row 0, but row 6"),
    ],
)
def test_every_accident_shows(ledger: Ledger, damage: str, seq: int, words: str) -> None:
    fill(ledger.journal)
    with sqlite3.connect(ledger.path) as connection:
        connection.execute(damage)
    connection.close()
    broken = ledger.journal.verify()
    assert broken is not None
    assert broken.seq == seq

    assert re.search(words, broken.words)
    # Writing on does not hide it.
    ledger.journal.append("s", "later", "note", {}, 999)
    assert (again := ledger.journal.verify()) is not None
    assert again.seq == seq


def test_a_row_recomputed_alone_does_not_fit(ledger: Ledger) -> None:
    from console.ledger import chain

    fill(ledger.journal)
    entry = ledger.journal.entries()[2]
    forged = chain.digest(entry.previous, 3, "s", "act-1", "intent", entry.at, b"{}")
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("UPDATE journal SET body = ?, hash = ? WHERE seq = 3", (b"{}", forged))
    connection.close()
    broken = ledger.journal.verify()
    assert broken is not None
    assert (broken.seq, "does not follow" in broken.words) == (4, True)


def test_unfinished(ledger: Ledger) -> None:
    journal = ledger.journal
    for action, steps in {
        "crashed": ("intent", "call"),
        "fine": ("intent", "call", "verified", "done"),
        "refused": ("refused",),
        "reversed": ("intent", "done", "note"),
        "remark": ("note",),
        "queued": ("intent", "queued", "note"),
    }.items():
        for step in steps:
            journal.append("s", action, step, {}, 1)
    journal.append("other", "elsewhere", "intent", {}, 1)
    assert journal.unfinished("s") == ["crashed", "queued"]
    journal.append("s", "crashed", "closed", {}, 2)
    assert journal.unfinished("s") == ["queued"]


def test_a_plan_is_never_replaced(ledger: Ledger) -> None:
    assert ledger.journal.load_plan("p1") is None
    ledger.journal.save_plan("p1", "s", b"shown", 1)
    ledger.journal.save_plan("p1", "s", b"shown", 2)
    with pytest.raises(LedgerError, match="another plan p1"):
        ledger.journal.save_plan("p1", "s", b"other", 3)
    assert ledger.journal.load_plan("p1") == b"shown"


def test_retention_leaves_the_journal(ledger: Ledger) -> None:
    fill(ledger.journal)
    ledger.prune("s", 10**9)
    assert len(ledger.journal.entries()) == 6


WRITER = """
import sys
from pathlib import Path
from console.ledger.store import Ledger
path, who, n = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with Ledger.open(path, busy_ms=30_000) as ledger:
    for i in range(n):
        ledger.observe("s", "k", [(f"{who}-{i % 7}", b"%d" % i, None), ("shared", f"{who} {i}".encode(), None)], at=i)
        entry = ledger.journal.append("s", f"act-{who}", "call", {"n": i}, i)
        print(entry.seq, entry.hash, flush=True)
"""


def writer(path: Path, who: str, n: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, path, who, str(n)], stdout=subprocess.PIPE, text=True)


def test_processes_at_once_keep_one_chain(tmp_path: Path) -> None:
    """They also race to create the file."""
    path = tmp_path / "ledger.db"
    writers = [writer(path, who, 60) for who in ("a", "b", "c")]
    told = [line.split() for process in writers for line in process.communicate(timeout=60)[0].splitlines()]
    assert [process.returncode for process in writers] == [0, 0, 0]
    with Ledger.open(path) as ledger:
        assert ledger.notes == ()
        assert {entry.seq: entry.hash for entry in ledger.journal.entries()} == {int(seq): hash for seq, hash in told}
        assert len(told) == 180
        assert ledger.journal.verify() is None
        assert ledger.check() == []
        for who in "abc":
            bodies = [int(fact.body) for fact in ledger.history("s", "k", f"{who}-3")]
            assert bodies == list(range(3, 60, 7))


@pytest.mark.parametrize("acknowledged", [1, 9, 40])
def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "ledger.db"
    process = writer(path, "a", 1_000_000)
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(acknowledged)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.read().splitlines(keepends=True)  # what it still said before it died
    process.wait()
    process.stdout.close()
    told = {int(seq): hash for seq, hash in (line.split() for line in lines if line.endswith("\n"))}
    with Ledger.open(path) as ledger:
        written = {entry.seq: entry.hash for entry in ledger.journal.entries()}
        assert told.items() <= written.items()
        assert len(told) >= acknowledged
        assert ledger.journal.verify() is None
        assert ledger.check() == []
        assert ledger.journal.append("s", "after", "note", {}, 1).seq == len(written) + 1
