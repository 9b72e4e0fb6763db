"""What can still be read of a damaged ledger, copied row by row into a new one."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from console.clock import now_ms
from console.ledger import chain, files
from console.ledger.schema import PAGE_BYTES, Step

_Types = tuple[tuple[type, ...], ...]
_TEXT, _INT, _BYTES, _MAYBE_INT = (str,), (int,), (bytes,), (int, type(None))

# Tables with a row id can be read around a damaged page. Column names with the types a sound row has.
_ROWS: dict[str, tuple[str, dict[str, tuple[type, ...]]]] = {
    "fact": (
        "seq",
        {
            "seq": _INT, "subject": _INT, "scope": _TEXT, "kind": _TEXT, "name": _TEXT,
            "observed_at": _INT, "provider_at": _MAYBE_INT, "body": _BYTES, "deleted": _INT,
        },
    ),
    "journal": (
        "seq",
        {
            "seq": _INT, "scope": _TEXT, "action_id": _TEXT, "step": _TEXT,
            "written_at": _INT, "body": _BYTES, "previous": _TEXT, "hash": _TEXT,
        },
    ),
    "plan": ("rowid", {"plan_id": _TEXT, "scope": _TEXT, "saved_at": _INT, "body": _BYTES}),
}  # fmt: skip
# Claims about the past and the cursors that go with them: worth nothing once facts are missing.
_CLAIMS = {
    "coverage": ("scope", "source", "start_at", "end_at", "every_ms"),
    "memo": ("scope", "key", "value"),
}
_PROBES = 50_000  # single rows looked for behind the last readable page, at about 5 us each


class Saved(NamedTuple):
    facts: int
    journal: int
    lost: bool


def salvage(aside: Path, target: Path, why: str, steps: Sequence[Step]) -> Saved:
    """Copy facts, journal and plans from `aside` into the fresh ledger `target`, and say so in its journal.

    Coverage and cursors are copied only if no fact is missing: else the past is unknown, and filled in again. Raises
    sqlite3.Error or OSError when `target` cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix=".salvage-", dir=target.parent) as work:
        source_path = aside
        if files.header_lost(aside) or files.torn_tail(aside):
            source_path = _mended(aside, Path(work), steps)
        with closing(_open_damaged(source_path)) as source, closing(sqlite3.connect(target)) as new:
            # Straight into the file: what a log beside it holds would be lost when the file is renamed.
            new.execute("PRAGMA journal_mode = DELETE")
            saved: dict[str, int] = {}
            lost: set[str] = set()
            for table in _ROWS:
                saved[table] = _copy(source, new, table, lost)
            _make_heads(new)
            if "fact" not in lost:
                _copy_claims(source, new)
            _copy_journal_end(source, new)
            facts, journal = saved["fact"], saved["journal"]
            told = {"kept_as": str(aside), "why": why, "facts": facts, "journal": journal, "lost": sorted(lost)}
            chain.append(new, "", "ledger", "salvaged", now_ms(), msgspec.json.encode(told, order="sorted"))
            new.commit()
            new.execute("PRAGMA journal_mode = WAL")
            return Saved(facts, journal, bool(lost))


def ours_without_header(path: Path, steps: Sequence[Step]) -> bool:
    """Whether a file whose first page is lost holds facts or journal rows of ours. Works on a copy."""
    if files.size(path) < 2 * PAGE_BYTES:
        return False
    with (
        tempfile.TemporaryDirectory(prefix=".look-", dir=path.parent) as work,
        closing(_open_damaged(_mended(path, Path(work), steps))) as source,
    ):
        return any(next(_sound_rows(source, table, set()), None) for table in ("journal", "fact"))


def _mended(path: Path, work: Path, steps: Sequence[Step]) -> Path:
    """A copy that SQLite can read: without half a page at its end, and with a first page.

    The first page is that of an empty ledger: one script puts the roots of its tables at the same pages.
    """
    copy = work / "copy.db"
    for suffix in ("", "-wal"):
        if files.side(path, suffix).exists():
            shutil.copyfile(files.side(path, suffix), files.side(copy, suffix))
    with copy.open("r+b") as file:
        pages = files.size(copy) // PAGE_BYTES
        if files.torn_tail(copy):
            file.truncate(pages * PAGE_BYTES)
        if files.header_lost(copy):
            files.build(work / "empty.db", steps)
            page = bytearray((work / "empty.db").read_bytes()[:PAGE_BYTES])
            page[28:32] = pages.to_bytes(4, "big")
            page[32:40] = bytes(8)  # no list of free pages
            file.write(page)
    return copy


def _open_damaged(path: Path) -> sqlite3.Connection:
    # Read-only: a connection that can write would work the log into the damaged file when it closes.
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
    # Lets SQLite read a file that is shorter than its header says (btree.c, lockBtree).
    connection.execute("PRAGMA writable_schema = ON")
    return connection


def _copy(source: sqlite3.Connection, new: sqlite3.Connection, table: str, lost: set[str]) -> int:
    columns = list(_ROWS[table][1])
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) ON CONFLICT DO NOTHING"
    copied = 0
    for row in _sound_rows(source, table, lost):
        copied += new.execute(sql, row).rowcount
    return copied


def _make_heads(new: sqlite3.Connection) -> None:
    """From the names in the rows: what else said which rows belong together may be damaged."""
    heads: dict[tuple[str, str, str], tuple[int, int]] = {}
    moved: list[tuple[int, int]] = []
    for seq, subject, *key in new.execute("SELECT seq, subject, scope, kind, name FROM fact ORDER BY seq"):
        first = heads.get((key[0], key[1], key[2]), (seq, seq))[0]
        heads[key[0], key[1], key[2]] = (first, seq)
        if subject != first:
            moved.append((first, seq))
    new.executemany("UPDATE fact SET subject = ? WHERE seq = ?", moved)
    new.executemany(
        "INSERT INTO head (scope, kind, name, subject, seq) VALUES (?, ?, ?, ?, ?)",
        ((*key, *newest) for key, newest in heads.items()),
    )


def _sound_rows(source: sqlite3.Connection, table: str, lost: set[str]) -> Iterator[tuple[Any, ...]]:
    types = list(_ROWS[table][1].values())
    for row in _rows(source, table, lost):
        if all(isinstance(value, allowed) for value, allowed in zip(row, types, strict=True)):
            yield row
        else:
            lost.add(table)


def _rows(source: sqlite3.Connection, table: str, lost: set[str]) -> Iterator[tuple[Any, ...]]:
    """All rows that can be read: up to the damage, from the end back to it, and single ones between several."""
    key, columns = _ROWS[table]
    select = f"SELECT {key}, {', '.join(columns)} FROM {table} NOT INDEXED"
    low, high = 0, 0
    try:
        for row in source.execute(f"{select} ORDER BY {key}"):
            low = row[0]
            yield row[1:]
        return
    except sqlite3.DatabaseError:
        lost.add(table)
    try:
        for row in source.execute(f"{select} WHERE {key} > ? ORDER BY {key} DESC", (low,)):
            high = row[0]
            yield row[1:]
    except sqlite3.DatabaseError:
        pass
    for one in range(low + 1, min(high or low + _PROBES, low + _PROBES)):
        try:
            for row in source.execute(f"{select} WHERE {key} = ?", (one,)):
                yield row[1:]
        except sqlite3.DatabaseError:
            continue


def _copy_claims(source: sqlite3.Connection, new: sqlite3.Connection) -> None:
    for table, columns in _CLAIMS.items():
        try:
            rows = source.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        except sqlite3.DatabaseError:
            continue
        marks = ", ".join("?" * len(columns))
        new.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING", rows)


def _copy_journal_end(source: sqlite3.Connection, new: sqlite3.Connection) -> None:
    try:
        row = source.execute("SELECT value FROM meta WHERE key = 'journal_end'").fetchone()
    except sqlite3.DatabaseError:
        return
    if row and isinstance(row[0], str):
        new.execute("INSERT INTO meta (key, value) VALUES ('journal_end', ?)", row)
