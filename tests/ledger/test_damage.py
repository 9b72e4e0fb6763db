"""Everything that can be wrong with the file: one clear line with advice, and nothing acknowledged is overwritten."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from console.errors import LedgerError
from console.ledger import files, schema
from console.ledger.store import Ledger

SUBJECTS, VERSIONS, ENTRIES = 60, 30, 400


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A ledger's file of some hundred pages, closed, so that it holds everything."""
    path = tmp_path_factory.mktemp("sound") / "ledger.db"
    with Ledger.open(path) as ledger:
        for version in range(VERSIONS):
            body = b"%d " % version + b"x" * 700
            ledger.observe("s", "k", [(f"e{n:02d}", body, None) for n in range(SUBJECTS)], at=version * 100)
        for n in range(ENTRIES):
            ledger.journal.append("s", f"act-{n}", "done", {"n": n, "text": "y" * 200}, n)
        ledger.journal.save_plan("p1", "s", b"plan", 1)
        ledger.coverage.cover("s", "src", 10, every_ms=1_000)
        ledger.coverage.remember("s", "cursor", "here")
    return path.read_bytes()


def root_of(content: bytes, name: str, folder: Path) -> int:
    path = folder / "roots.db"
    path.write_bytes(content)
    connection = sqlite3.connect(path)
    root = int(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0])
    connection.close()
    path.unlink()
    return root


def leaves_of(content: bytes, root: int) -> list[int]:
    """Page numbers of a table's leaves, in order (https://sqlite.org/fileformat2.html#b_tree_pages)."""
    at = (root - 1) * 4096
    if content[at] == 0x0D:
        return [root]
    cells = int.from_bytes(content[at + 3 : at + 5], "big")
    children = []
    for n in range(cells):
        cell = at + int.from_bytes(content[at + 12 + 2 * n : at + 14 + 2 * n], "big")
        children.append(int.from_bytes(content[cell : cell + 4], "big"))
    children.append(int.from_bytes(content[at + 8 : at + 12], "big"))
    return [leaf for child in children for leaf in leaves_of(content, child)]


def overwrite(content: bytes, pages: list[int], seed: int | None = None) -> bytes:
    damaged = bytearray(content)
    for page in pages:
        junk = bytes(4096) if seed is None else random.Random(seed + page).randbytes(4096)
        damaged[(page - 1) * 4096 : page * 4096] = junk
    return bytes(damaged)


def aside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if ".damaged-" in path.name)


def use(ledger: Ledger) -> None:
    """Read everything there is, so that damage is met."""
    ledger.history("s", "k")
    ledger.journal.entries()
    ledger.observe("s", "k", [("new", b"1", None)], at=10**6)
    ledger.journal.append("s", "after", "done", {}, 10**6)


@pytest.mark.parametrize("seed", [None, 1])
def test_damaged_leaves_cost_only_their_own_rows(tmp_path: Path, sound: bytes, seed: int | None) -> None:
    facts = leaves_of(sound, root_of(sound, "fact", tmp_path))
    journal = leaves_of(sound, root_of(sound, "journal", tmp_path))
    assert len(facts) > 100 and len(journal) > 20
    content = overwrite(sound, [facts[40], facts[90], facts[-1], journal[5], journal[-1]], seed)
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with Ledger.open(path) as ledger:
        use(ledger)
        (note,) = ledger.notes
        (kept,) = aside(tmp_path)
        assert kept.read_bytes() == content
        assert str(kept) in note and "malformed" in note and "could not be read" in note
        found = ledger.history("s", "k")
        lost = SUBJECTS * VERSIONS + 1 - len(found)
        assert 3 <= lost <= 3 * 6  # five rows of 700 bytes on a page
        assert all(fact.body == b"%d " % (fact.observed_at // 100) + b"x" * 700 for fact in found if fact.name != "new")
        entries = ledger.journal.entries("s")
        assert ENTRIES - 2 * 12 <= len(entries) - 1 < ENTRIES
        assert ledger.journal.load_plan("p1") == b"plan"
        # What is missing may have been anything: the past counts as not watched, and is filled in again.
        assert ledger.coverage.since("s", "src") is None
        assert ledger.coverage.recall("s", "cursor") == ""
        broken = ledger.journal.verify()
        assert broken is not None and "missing" in broken.words
        (said,) = ledger.journal.entries("")
        assert said.step == "salvaged"
        assert said.body["kept_as"] == str(kept)
        assert said.body["lost"] == ["fact", "journal"]
        assert ledger.check() == []
    with Ledger.open(path) as again:
        assert again.notes == ()
        assert len(again.history("s", "k")) == len(found)
    assert aside(tmp_path) == [kept]


@pytest.mark.parametrize("table", ["fact_subject", "journal_action", "coverage", "source_state", "meta"])
def test_damage_elsewhere_loses_no_fact_and_no_journal_row(tmp_path: Path, sound: bytes, table: str) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(overwrite(sound, [root_of(sound, table, tmp_path)], 3))
    with Ledger.open(path) as ledger:
        ledger.coverage.cover("s", "src", 500, every_ms=1_000)
        ledger.as_of("s", "k", 1)
        ledger.journal.unfinished("s")
        use(ledger)
        assert len(ledger.history("s", "k")) == SUBJECTS * VERSIONS + 1
        assert len(ledger.journal.entries("s")) == ENTRIES + 1
        assert [fact.observed_at for fact in ledger.as_of("s", "k", 550)] == [500] * SUBJECTS
        assert len(aside(tmp_path)) == 1
        assert ledger.coverage.recall("s", "cursor") == "here"
        assert ledger.journal.verify() is None
        assert ledger.check() == []


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, sound: bytes, share: float) -> None:
    path = tmp_path / "ledger.db"
    content = sound[: int(len(sound) * share)]
    path.write_bytes(content)
    with Ledger.open(path) as ledger:
        (note,) = ledger.notes
        assert "damaged" in note
        use(ledger)
        if share >= 0.5:
            assert len(ledger.history("s", "k")) > SUBJECTS * VERSIONS * share * 0.8
    (kept,) = aside(tmp_path)
    assert kept.read_bytes() == content


@pytest.mark.parametrize("seed", [None, 5])
def test_a_lost_first_page(tmp_path: Path, sound: bytes, seed: int | None) -> None:
    """Without its header it looks like anybody's file; what is in it says that it is ours."""
    path = tmp_path / "ledger.db"
    content = overwrite(sound, [1], seed)
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="damaged"):
        Ledger.open(path, read_only=True)
    assert aside(tmp_path) == []
    with Ledger.open(path) as ledger:
        (note,) = ledger.notes
        assert f"facts {SUBJECTS * VERSIONS:,}, journal rows {ENTRIES:,}" in note
        assert len(ledger.history("s", "k")) == SUBJECTS * VERSIONS
        assert ledger.journal.verify() is None
    (kept,) = aside(tmp_path)
    assert kept.read_bytes() == content
    assert {item.name for item in tmp_path.iterdir()} == {"ledger.db", kept.name, "locks"}


def test_an_emptied_file_with_a_log_is_read_from_the_log(tmp_path: Path) -> None:
    """SQLite itself deletes the log beside an empty file."""
    path, copy = tmp_path / "one" / "ledger.db", tmp_path / "two" / "ledger.db"
    copy.parent.mkdir()
    with Ledger.open(path) as ledger:
        ledger.observe("s", "k", [("a", b"1", None)], at=1)
        ledger.journal.append("s", "act", "intent", {}, 1)
        copy.write_bytes(b"")
        files.side(copy, "-wal").write_bytes(files.side(path, "-wal").read_bytes())
    with Ledger.open(copy) as ledger:
        assert len(ledger.notes) == 1
        assert ledger.heads("s", "k")[0].body == b"1"
        assert ledger.journal.unfinished("s") == ["act"]
    assert len(aside(copy.parent)) == 2


def test_a_log_without_its_file_is_not_taken_for_the_new_files(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    wal = files.side(path, "-wal")
    wal.write_bytes(b"x" * 5_000)
    with Ledger.open(path) as ledger:
        ledger.observe("s", "k", [("a", b"1", None)], at=1)
    (kept,) = aside(tmp_path)
    assert kept.read_bytes() == b"x" * 5_000


def make_foreign(path: Path, what: str) -> None:
    if what == "sqlite":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE fact (seq INTEGER PRIMARY KEY, mine TEXT)")
        connection.close()
    elif what == "big sqlite":
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA application_id = 7")
            connection.execute("CREATE TABLE t (x)")
            connection.executemany("INSERT INTO t VALUES (?)", [("y" * 1000,)] * 100)
        connection.close()
    elif what == "text":
        path.write_text("[contexts]\n")
    else:
        path.write_bytes(random.Random(1).randbytes(100_000))


@pytest.mark.parametrize("what", ["sqlite", "big sqlite", "text", "noise"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_foreign_file_is_never_touched(tmp_path: Path, what: str, read_only: bool) -> None:
    path = tmp_path / "ledger.db"
    make_foreign(path, what)
    os.utime(path, ns=(1, 1))
    content, stat = path.read_bytes(), path.stat()
    with pytest.raises(LedgerError, match="not a ledger of lastgood") as caught:
        Ledger.open(path, read_only=read_only)
    assert "LASTGOOD_STATE_DIR" in caught.value.advice
    assert "\n" not in caught.value.message
    assert path.read_bytes() == content
    assert path.stat()[:-3] == stat[:-3]
    assert [item.name for item in tmp_path.iterdir()] == ["ledger.db"]


def test_a_folder_a_missing_and_a_forbidden_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.open(tmp_path / "folder")
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.open(tmp_path / "file" / "ledger.db")
    with pytest.raises(LedgerError, match="no ledger yet"):
        Ledger.open(tmp_path / "none" / "ledger.db", read_only=True)
    assert not (tmp_path / "none").exists()


def test_a_full_disk_is_said_and_what_was_written_stays(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.observe("s", "k", [("a", b"1", None)], at=1)
        ledger._database.read(lambda c: c.execute(f"PRAGMA max_page_count = {ledger.info().bytes // 4096}").fetchone())
        with pytest.raises(LedgerError, match="disk is full") as caught:
            for at in range(2, 100):
                ledger.observe("s", "k", [(f"b{at}", b"x" * 3_000, None)], at=at)
        assert "make room" in caught.value.advice
        known = len(ledger.heads("s", "k"))
        with pytest.raises(LedgerError, match="disk is full"):
            ledger.journal.append("s", "act", "intent", {"big": "x" * 100_000}, 1)
        assert ledger.journal.entries() == []
        ledger._database.read(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
        ledger.observe("s", "k", [("after", b"1", None)], at=200)
        assert len(ledger.heads("s", "k")) == known + 1
        assert ledger.check() == []


FULL = """
import resource, sys
from pathlib import Path
from console.errors import LedgerError
from console.ledger.store import Ledger
with Ledger.open(Path(sys.argv[1])) as ledger:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    try:
        for n in range(10_000):
            print(ledger.journal.append("s", "act", "call", {"text": "x" * 1000}, n).seq, flush=True)
    except LedgerError as error:
        print(error.message, "|", error.advice)
"""


def test_a_file_size_limit_met_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    run = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, timeout=60)
    *acknowledged, last = run.stdout.splitlines()
    assert run.returncode == 0, run.stderr
    assert "cannot be read or written" in last and "ulimit -f" in last
    assert len(acknowledged) > 10
    with Ledger.open(path) as ledger:
        assert ledger.notes == ()
        assert [entry.seq for entry in ledger.journal.entries()][: len(acknowledged)] == [int(n) for n in acknowledged]
        assert ledger.journal.verify() is None


def test_salvage_on_a_full_disk_puts_everything_back(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "ledger.db"
    content = sound[: len(sound) * 9 // 10]
    path.write_bytes(content)
    script = (
        "import resource, sys; from pathlib import Path; from console.ledger.store import Ledger\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))\n"
        "from console.errors import LedgerError\n"
        "try: Ledger.open(Path(sys.argv[1]))\n"
        "except LedgerError as error: print(error.message, '|', error.advice)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, timeout=60)
    assert "could not be salvaged" in run.stdout and "the file is as it was" in run.stdout, run.stderr
    assert path.read_bytes() == content
    assert {item.name for item in tmp_path.iterdir()} <= {"ledger.db", "ledger.db-wal", "ledger.db-shm", "locks"}


def test_a_locked_file_is_waited_for_and_then_said(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path, busy_ms=150) as ledger:
        ledger.observe("s", "k", [("a", b"1", None)], at=1)
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"locked \(waited 0.15 s\)") as caught:
            ledger.journal.append("s", "act", "intent", {}, 1)
        assert "fuser" in caught.value.advice
        assert ledger.heads("s", "k")[0].body == b"1"  # reading goes on
        release = threading.Timer(0.03, lambda: other.execute("COMMIT"))
        release.start()
        assert ledger.journal.append("s", "act", "intent", {}, 1).seq == 1
        release.join()
        other.close()


def test_who_has_the_damaged_file_open_follows_to_the_new_one(tmp_path: Path, sound: bytes) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(sound)
    with Ledger.open(path) as first, Ledger.open(path, read_only=True) as reader:
        first.journal.append("s", "before", "done", {}, 1)
        version = reader.data_version()
        note = files.replace_damaged(path, "for the test", first._database._inode, schema.STEPS)
        assert "for the test" in note
        assert files.replace_damaged(path, "again", first._database._inode, schema.STEPS) == ""
        entry = first.journal.append("s", "after", "done", {}, 2)
        assert reader.data_version() != version
        assert reader.journal.entries("s")[-1] == entry
        assert [entry.action_id for entry in reader.journal.entries("s", limit=2)] == ["before", "after"]
        assert first.journal.verify() is None


def test_a_removed_file_is_made_again_by_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.observe("s", "k", [("a", b"1", None)], at=1)
        for item in tmp_path.glob("ledger.db*"):
            item.unlink()
        assert ledger.observe("s", "k", [("a", b"1", None)], at=2) == ["a"]
        assert path.exists()


def test_another_ledger_of_the_same_process_does_not_take_the_locks_away(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops the process's POSIX locks on it: then another process that closes would
    take itself for the last one and delete the log under us."""
    path = tmp_path / "ledger.db"
    script = (
        "import sys; from pathlib import Path; from console.ledger.store import Ledger\n"
        "with Ledger.open(Path(sys.argv[1])) as ledger: ledger.observe('s', 'k', [('theirs', b'1', None)], at=1)\n"
    )
    with Ledger.open(path) as ledger:
        ledger.observe("s", "k", [("mine", b"1", None)], at=1)
        Ledger.open(path).close()
        subprocess.run([sys.executable, "-c", script, path], check=True, timeout=60)
        assert files.side(path, "-wal").exists()
        ledger.observe("s", "k", [("mine", b"2", None)], at=2)
        with Ledger.open(path) as other:
            assert [fact.name for fact in other.heads("s", "k")] == ["mine", "theirs"]


V1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE fact (seq INTEGER PRIMARY KEY AUTOINCREMENT, subject INTEGER NOT NULL, scope TEXT NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, observed_at INTEGER NOT NULL, provider_at INTEGER,
    body BLOB NOT NULL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX fact_subject ON fact (subject, observed_at, seq);
CREATE TABLE head (scope TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, subject INTEGER NOT NULL,
    seq INTEGER NOT NULL, PRIMARY KEY (scope, kind, name)) WITHOUT ROWID;
CREATE TABLE journal (seq INTEGER PRIMARY KEY, scope TEXT NOT NULL, action_id TEXT NOT NULL, step TEXT NOT NULL,
    written_at INTEGER NOT NULL, body BLOB NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX journal_action ON journal (scope, action_id, seq);
CREATE TABLE plan (plan_id TEXT PRIMARY KEY, scope TEXT NOT NULL, saved_at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE coverage (scope TEXT NOT NULL, source TEXT NOT NULL, start_at INTEGER NOT NULL, end_at INTEGER NOT NULL,
    every_ms INTEGER NOT NULL, PRIMARY KEY (scope, source, start_at)) WITHOUT ROWID;
CREATE TABLE source_state (scope TEXT NOT NULL, source TEXT NOT NULL, good_at INTEGER, failing_since INTEGER,
    code TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', PRIMARY KEY (scope, source)) WITHOUT ROWID;
CREATE TABLE memo (scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (scope, key)) WITHOUT ROWID;
CREATE TABLE call_count (scope TEXT NOT NULL, minute INTEGER NOT NULL, operation TEXT NOT NULL, n INTEGER NOT NULL,
    throttled INTEGER NOT NULL, PRIMARY KEY (scope, minute, operation)) WITHOUT ROWID;
INSERT INTO fact VALUES (1, 1, 's', 'k', 'a', 10, NULL, x'31', 0), (2, 1, 's', 'k', 'a', 20, 15, x'32', 0);
INSERT INTO head VALUES ('s', 'k', 'a', 1, 2);
INSERT INTO journal VALUES (1, 's', 'act', 'intent', 5, '{"a":[2],"b":1}',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '96db77ad435ef435747b5c347510b40daa5e303829ec9591480b5b7a2ca4b3f6');
"""
"""A file of version 1.0 as it was: never edit this. Later programs must open it."""


def make_v1(path: Path, version: int = 1000) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA application_id = {0x4C474C31}; {V1} PRAGMA user_version = {version};")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


MORE = (
    *schema.STEPS,
    (1901, "CREATE TABLE later (at INTEGER PRIMARY KEY); ALTER TABLE fact ADD COLUMN source TEXT"),
    (1902, "CREATE INDEX fact_source ON fact (source)"),
)


def test_a_file_of_version_1_opens_and_is_migrated_additively(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    make_v1(path)
    with Ledger.open(path) as ledger:
        assert [(fact.body, fact.observed_at) for fact in ledger.history("s", "k", "a")] == [(b"1", 10), (b"2", 20)]
        assert ledger.journal.verify() is None
        assert ledger.journal.unfinished("s") == ["act"]
    with Ledger.open(path, steps=MORE) as newer:
        assert newer.info().schema == "1.902"
        newer.observe("s", "k", [("b", b"1", None)], at=30)
    # This program goes on working with the file of a newer minor version, and leaves it as it is.
    with Ledger.open(path) as ledger:
        assert ledger.notes == ()
        ledger.observe("s", "k", [("c", b"1", None)], at=40)
        assert [fact.name for fact in ledger.heads("s", "k")] == ["a", "b", "c"]
        assert ledger.info().schema == "1.902"


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    make_v1(path)
    broken = (*MORE, (1903, "CREATE TABLE half (x); CREATE TABLE fact (again)"))
    with pytest.raises(LedgerError, match="already exists"):
        Ledger.open(path, steps=broken)
    with Ledger.open(path) as ledger:
        assert ledger.info().schema == "1.1"
        assert ledger.heads("s", "k")[0].body == b"2"


def test_a_newer_major_version_is_read_only(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    make_v1(path, 2003)
    with Ledger.open(path) as ledger:
        assert ledger.read_only
        assert ledger.notes == (
            "a newer lastgood wrote this ledger (schema 2.3): it is only read here; update lastgood",
        )
        assert ledger.heads("s", "k")[0].body == b"2"
        with pytest.raises(LedgerError, match="read-only") as caught:
            ledger.journal.append("s", "act", "call", {}, 1)
        assert "update lastgood" in caught.value.advice


def test_read_only_sees_news_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.observe("s", "k", [("a", b"1", None)], at=1)
        with Ledger.open(path, read_only=True) as reader:
            assert reader.heads("s", "k")[0].body == b"1"
            ledger.observe("s", "k", [("a", b"2", None)], at=2)
            assert reader.heads("s", "k")[0].body == b"2"
            with pytest.raises(LedgerError, match="read-only"):
                reader.observe("s", "k", [("a", b"3", None)], at=3)
