"""Measurements of the last hours: a cache of what CloudWatch keeps, so that lists and screens need not ask it.

A row is one subject's measurements at one moment, encoded; a later look replaces an earlier one (the newest minutes of
CloudWatch are still filling up). Nothing here is evidence: it is pruned after hours, and lost when the file is damaged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from console.clock import HOUR, Millis
from console.ledger.database import Database
from console.ledger.rows import chunks, storable

KEEP_MS = 3 * HOUR


class Sample(NamedTuple):
    name: str
    at: Millis
    body: bytes


class Samples:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, scope: str, kind: str, items: Iterable[Sample], *, alone: bool = False) -> None:
        """Keep these, in one transaction; what was kept of a subject at the same moment is replaced.

        `alone`: nothing else of these subjects is kept. Of such kinds `newest` reads few rows.
        """
        rows = [(scope, kind, storable(name), at, body) for name, at, body in items]
        if not rows:
            return

        def write(connection: sqlite3.Connection) -> None:
            if alone:
                connection.executemany(
                    "DELETE FROM sample WHERE scope = ? AND kind = ? AND name = ? AND at <> ?",
                    [row[:4] for row in rows],
                )
            connection.executemany(
                "INSERT INTO sample (scope, kind, name, at, body) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (scope, kind, name, at) DO UPDATE SET body = excluded.body",
                rows,
            )

        self._database.write(write)

    def newest(
        self, scope: str, kind: str, names: Sequence[str] | None = None, *, by: Millis | None = None
    ) -> list[Sample]:
        """The last one of each subject (at or before `by`), ordered by name."""
        cut, values = (" AND n.at <= ?", [by]) if by is not None else ("", [])
        sql = (
            "SELECT s.name, s.at, s.body FROM sample s WHERE s.scope = ? AND s.kind = ? AND s.at = (SELECT MAX(n.at)"
            f" FROM sample n WHERE n.scope = s.scope AND n.kind = s.kind AND n.name = s.name{cut})"
        )
        return self._fetch(sql, [scope, kind, *values], names, "s.name")

    def window(
        self, scope: str, kind: str, since: Millis, until: Millis | None = None, names: Sequence[str] | None = None
    ) -> list[Sample]:
        """Those with `since <= at <= until`, ordered by name, then time."""
        cut, values = (" AND s.at <= ?", [until]) if until is not None else ("", [])
        sql = f"SELECT s.name, s.at, s.body FROM sample s WHERE s.scope = ? AND s.kind = ? AND s.at >= ?{cut}"
        return self._fetch(sql, [scope, kind, since, *values], names, "s.name, s.at")

    def prune(self, scope: str, before: Millis) -> int:
        """Forget what was measured before `before`; returns how many rows went."""
        sql = "DELETE FROM sample WHERE scope = ? AND at < ?"
        return self._database.write(lambda c: c.execute(sql, (scope, before)).rowcount)

    def last_at(self, scope: str, kind: str) -> Millis:
        """The newest moment of a kind, 0 without any: whether there is something new. Reads all rows of the kind."""
        sql = "SELECT COALESCE(MAX(at), 0) FROM sample WHERE scope = ? AND kind = ?"
        return int(self._database.read(lambda c: c.execute(sql, (scope, kind)).fetchone()[0]))

    def _fetch(self, sql: str, values: Sequence[object], names: Sequence[str] | None, order: str) -> list[Sample]:
        def fetch(connection: sqlite3.Connection) -> list[Sample]:
            if names is None:
                return [Sample(*row) for row in connection.execute(f"{sql} ORDER BY {order}", values)]
            found: list[Sample] = []
            for chunk in chunks(sorted({storable(name) for name in names})):
                marks = ",".join("?" * len(chunk))
                rows = connection.execute(f"{sql} AND s.name IN ({marks}) ORDER BY {order}", (*values, *chunk))
                found += [Sample(*row) for row in rows]
            return found

        return self._database.read(fetch)
