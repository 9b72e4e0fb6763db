"""The action journal: written ahead and durable, one hash chain for all scopes, never pruned.

Each row's hash covers the row before it, so a row changed, lost or put in between by accident shows. Whoever can
rewrite the file can rewrite the chain too: it is no proof against intent.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import msgspec

from console.clock import Millis
from console.errors import LedgerError
from console.ledger import chain
from console.ledger.database import Database

TERMINAL = frozenset({"done", "failed", "refused", "not_needed", "overtaken", "closed"})
"""Steps after which an action needs nobody any more."""

ASIDE = frozenset({"note", "salvaged"})
"""Steps that tell something without moving the action on: a remark, a reversal seen after it was done."""

_encoder = msgspec.json.Encoder(order="sorted")


class Entry(NamedTuple):
    seq: int
    scope: str
    action_id: str
    step: str
    at: Millis
    body: dict[str, Any]
    previous: str
    hash: str


class Broken(NamedTuple):
    """The first row that is not as it was written. `words` is a sentence without its full stop."""

    seq: int
    words: str


class Journal:
    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, scope: str, action_id: str, step: str, body: dict[str, Any], at: Millis) -> Entry:
        """Write one step and return only when it is on the disk. `body` must be plain JSON data without secrets.

        Raises LedgerError when it cannot be written; then nothing was.
        """
        data = _encoder.encode(body)

        def write(connection: sqlite3.Connection) -> Entry:
            seq, previous, hashed = chain.append(connection, scope, action_id, step, at, data)
            return Entry(seq, scope, action_id, step, at, msgspec.json.decode(data), previous, hashed)

        return self._database.write(write, durable=True)

    def entries(
        self,
        scope: str | None = None,
        *,
        action_id: str | None = None,
        since: Millis | None = None,
        until: Millis | None = None,
        after_seq: int | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """Oldest first; `limit` keeps the newest. Without a scope: of all. `after_seq` is for following an action."""
        asked = {
            "scope = ?": scope,
            "action_id = ?": action_id,
            "written_at >= ?": since,
            "written_at <= ?": until,
            "seq > ?": after_seq,
        }
        given = {clause: value for clause, value in asked.items() if value is not None}
        sql = (
            "SELECT seq, scope, action_id, step, written_at, body, previous, hash FROM journal"
            + (" WHERE " + " AND ".join(given) if given else "")
            + (" ORDER BY seq" if limit is None else " ORDER BY seq DESC LIMIT ?")
        )
        values = [*given.values(), *([] if limit is None else [limit])]
        rows = self._database.read(lambda c: c.execute(sql, values).fetchall())
        if limit is not None:
            rows.reverse()
        return [Entry._make((*row[:5], _body(row[5]), *row[6:])) for row in rows]

    def last_seq(self) -> int:
        """The newest row's seq, of all scopes; 0 while there is none."""
        return int(self._database.read(lambda c: c.execute("SELECT COALESCE(MAX(seq), 0) FROM journal").fetchone())[0])

    def unfinished(self, scope: str) -> list[str]:
        """Actions begun but not ended, oldest first. One counts as crashed only if its executor's lock is free."""
        aside = ",".join("?" * len(ASIDE))
        sql = (
            "SELECT j.action_id, j.step FROM journal j WHERE j.scope = ? AND j.seq = (SELECT MAX(l.seq) FROM journal l"
            f" WHERE l.scope = j.scope AND l.action_id = j.action_id AND l.step NOT IN ({aside}))"
            " ORDER BY (SELECT MIN(f.seq) FROM journal f WHERE f.scope = j.scope AND f.action_id = j.action_id)"
        )
        rows = self._database.read(lambda c: c.execute(sql, (scope, *sorted(ASIDE))).fetchall())
        return [action_id for action_id, step in rows if step not in TERMINAL]

    def verify(self) -> Broken | None:
        """Recompute the whole chain. None when every row is as it was written and none is missing."""

        def walk(connection: sqlite3.Connection) -> Broken | None:
            expected, previous = 1, chain.FIRST
            rows = connection.execute(
                "SELECT seq, scope, action_id, step, written_at, body, previous, hash FROM journal ORDER BY seq"
            )
            for seq, scope, action_id, step, at, data, before, digest in rows:
                if seq != expected:
                    lost = f"row {expected} is" if seq == expected + 1 else f"rows {expected} to {seq - 1} are"
                    return Broken(expected, f"{lost} missing from the journal")
                if digest != chain.digest(before, seq, scope, action_id, step, at, data):
                    return Broken(seq, f"row {seq} ({step} of {action_id}) was changed after it was written")
                if before != previous:
                    return Broken(seq, f"row {seq} ({step} of {action_id}) does not follow from the row before it")
                expected, previous = seq + 1, digest
            end = chain.end_mark(connection)
            if end and end != (expected - 1, previous):
                return Broken(expected, f"the journal ends at row {expected - 1}, but row {end[0]} had been written")
            return None

        return self._database.read(walk)

    def save_plan(self, plan_id: str, scope: str, body: bytes, at: Millis) -> None:
        """Keep a plan as it was shown. A plan is never replaced: consent is given to its id."""

        def save(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO plan (plan_id, scope, saved_at, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (plan_id) DO NOTHING",
                (plan_id, scope, at, body),
            )
            kept = connection.execute("SELECT body FROM plan WHERE plan_id = ?", (plan_id,)).fetchone()[0]
            if kept != body:
                raise LedgerError(f"another plan {plan_id} is in the ledger", advice="make the plan again")

        self._database.write(save, durable=True)

    def load_plan(self, plan_id: str) -> bytes | None:
        row = self._database.read(lambda c: c.execute("SELECT body FROM plan WHERE plan_id = ?", (plan_id,)).fetchone())
        return bytes(row[0]) if row else None


def _body(data: bytes) -> dict[str, Any]:
    """A row damaged on the disk must not take the audit down with it; `verify` names it."""
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    return body if isinstance(body, dict) else {"unreadable": True}
