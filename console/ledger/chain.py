"""The journal's hash chain as bare functions on a connection: the journal and the salvage both append to it."""

from __future__ import annotations

import sqlite3

import msgspec

from console.clock import Millis

FIRST = "0" * 64


def append(
    connection: sqlite3.Connection, scope: str, action_id: str, step: str, at: Millis, data: bytes
) -> tuple[int, str, str]:
    """Within a write transaction: adds the row and returns its (seq, previous hash, hash). `data` is canonical JSON."""
    last, previous = tail(connection)
    seq = last + 1
    hashed = digest(previous, seq, scope, action_id, step, at, data)
    connection.execute(
        "INSERT INTO journal (seq, scope, action_id, step, written_at, body, previous, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (seq, scope, action_id, step, at, data, previous, hashed),
    )
    # The chain alone cannot show that its end is missing.
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('journal_end', ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (f"{seq} {hashed}",),
    )
    return seq, previous, hashed


def tail(connection: sqlite3.Connection) -> tuple[int, str]:
    """The last (seq, hash) ever written: after a loss at the end the gap stays visible."""
    last = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone() or (0, FIRST)
    end = end_mark(connection)
    return end if end and end[0] > last[0] else (int(last[0]), str(last[1]))


def end_mark(connection: sqlite3.Connection) -> tuple[int, str] | None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'journal_end'").fetchone()
    seq, _, hashed = row[0].partition(" ") if row else ("", "", "")
    return (int(seq), hashed) if seq.isdigit() else None


def digest(previous: str, seq: int, scope: str, action_id: str, step: str, at: Millis, data: bytes) -> str:
    from hashlib import sha256  # 3 ms that a read of the ledger need not pay

    row = msgspec.json.encode([seq, scope, action_id, step, at, msgspec.Raw(data)])
    return sha256(previous.encode() + row).hexdigest()
