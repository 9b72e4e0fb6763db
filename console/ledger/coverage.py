"""What was watched when, by which source, and what went wrong: the ground of every claim about the past.

Also the small cursors of watches and the count of calls, which are about watching too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import NamedTuple

from console.clock import DAY, MINUTE, Millis
from console.ledger.database import Database

SLACK = 3
"""Sweeps that may be missing before "watched" ends: one lost to a throttle or a slow answer is no gap."""


_REMEMBER = (
    "INSERT INTO memo (scope, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value"
)


class Interval(NamedTuple):
    start: Millis
    end: Millis


class SourceState(NamedTuple):
    """`at` is the last good sweep, None before the first. `error` is the provider's own words."""

    ok: bool
    at: Millis | None
    error: str
    code: str
    failing_since: Millis | None


class Coverage:
    def __init__(self, database: Database) -> None:
        self._database = database

    def cover(self, scope: str, source: str, at: Millis, *, every_ms: int) -> None:
        """A good sweep of a source that is swept every `every_ms`: extends the interval, or begins one after a gap."""

        def extend(connection: sqlite3.Connection) -> None:
            last = connection.execute(
                "SELECT start_at, end_at FROM coverage WHERE scope = ? AND source = ? AND start_at <= ?"
                " ORDER BY start_at DESC LIMIT 1",
                (scope, source, at),
            ).fetchone()
            if last and at - last[1] <= SLACK * every_ms:
                connection.execute(
                    "UPDATE coverage SET end_at = ?, every_ms = ? WHERE scope = ? AND source = ? AND start_at = ?",
                    (max(at, last[1]), every_ms, scope, source, last[0]),
                )
            else:
                connection.execute("INSERT INTO coverage VALUES (?, ?, ?, ?, ?)", (scope, source, at, at, every_ms))
            connection.execute(
                "INSERT INTO source_state (scope, source, good_at) VALUES (?, ?, ?) ON CONFLICT (scope, source)"
                " DO UPDATE SET good_at = excluded.good_at, failing_since = NULL, code = '', error = ''",
                (scope, source, at),
            )

        self._database.write(extend)

    def fail(self, scope: str, source: str, at: Millis, code: str, message: str) -> None:
        """A sweep that failed. `failing_since` stays at the first failure after a good one."""
        self._database.write(
            lambda c: c.execute(
                "INSERT INTO source_state (scope, source, failing_since, code, error) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (scope, source) DO UPDATE SET code = excluded.code, error = excluded.error,"
                " failing_since = COALESCE(source_state.failing_since, excluded.failing_since)",
                (scope, source, at, code, message),
            )
        )

    def fill(self, scope: str, source: str, start: Millis, end: Millis) -> None:
        """The past `start..end` is now known from the provider's own record (CloudTrail)."""

        def unite(connection: sqlite3.Connection) -> None:
            touching = "scope = ? AND source = ? AND start_at <= ? AND end_at >= ?"
            rows = connection.execute(
                f"SELECT start_at, end_at, every_ms FROM coverage WHERE {touching}", (scope, source, end, start)
            ).fetchall()
            connection.execute(f"DELETE FROM coverage WHERE {touching}", (scope, source, end, start))
            first, last = min([start, *(row[0] for row in rows)]), max([end, *(row[1] for row in rows)])
            every_ms = max([0, *(row[2] for row in rows)])
            connection.execute("INSERT INTO coverage VALUES (?, ?, ?, ?, ?)", (scope, source, first, last, every_ms))

        if start <= end:
            self._database.write(unite)

    def covered(self, scope: str, source: str, at: Millis) -> bool:
        """Whether the source was being watched at that moment.

        Behind the newest sweep this holds as long as the next one may still come (three periods) and none has failed.
        """

        def look(connection: sqlite3.Connection) -> bool:
            rows = connection.execute(
                "SELECT start_at, end_at, every_ms FROM coverage WHERE scope = ? AND source = ? AND start_at <= ?"
                " ORDER BY start_at DESC LIMIT 1",
                (scope, source, at),
            ).fetchall()
            if not rows:
                return False
            _, end, every_ms = rows[0]
            if at <= end:
                return True
            if at - end > SLACK * every_ms:
                return False
            later = connection.execute(
                "SELECT 1 FROM coverage WHERE scope = ? AND source = ? AND start_at > ?", (scope, source, at)
            ).fetchone()
            failing = connection.execute(
                "SELECT 1 FROM source_state WHERE scope = ? AND source = ? AND failing_since <= ?", (scope, source, at)
            ).fetchone()
            return not later and not failing

        return self._database.read(look)

    def since(self, scope: str, source: str) -> Millis | None:
        """The first moment that is covered ("history since 10 Nov"); `intervals` has the gaps."""
        first = self.intervals(scope, source)[:1]
        return first[0].start if first else None

    def intervals(self, scope: str, source: str) -> list[Interval]:
        """Oldest first; they neither overlap nor touch a gap shorter than three periods."""
        sql = "SELECT start_at, end_at FROM coverage WHERE scope = ? AND source = ? ORDER BY start_at"
        return self._database.read(lambda c: [Interval(*row) for row in c.execute(sql, (scope, source))])

    def states(self, scope: str, at: Millis | None = None) -> dict[str, SourceState]:
        """Every source as it is now; with `at`: whether it was covered then, and its last sweep before (errors of the
        past are not kept)."""
        if at is not None:
            sql = (
                "SELECT source, MAX(CASE WHEN end_at < ? THEN end_at ELSE ? END) FROM coverage"
                " WHERE scope = ? AND start_at <= ? GROUP BY source"
            )
            rows = self._database.read(lambda c: c.execute(sql, (at, at, scope, at)).fetchall())
            last: dict[str, Millis] = dict(rows)
            known = [*dict.fromkeys([*self.states(scope), *last])]
            return {
                source: SourceState(self.covered(scope, source, at), last.get(source), "", "", None) for source in known
            }
        sql = "SELECT source, good_at, error, code, failing_since FROM source_state WHERE scope = ? ORDER BY source"
        rows = self._database.read(lambda c: c.execute(sql, (scope,)).fetchall())
        return {
            source: SourceState(failing_since is None, good_at, error, code, failing_since)
            for source, good_at, error, code, failing_since in rows
        }

    @staticmethod
    def forget(connection: sqlite3.Connection, scope: str, before: Millis) -> None:
        """Within a transaction of retention: what was before is unknown from now on."""
        connection.execute("DELETE FROM coverage WHERE scope = ? AND end_at < ?", (scope, before))
        connection.execute("UPDATE coverage SET start_at = ? WHERE scope = ? AND start_at < ?", (before, scope, before))

    def recall(self, scope: str, key: str) -> str:
        """A watch's cursor, kept across restarts; empty at first."""
        sql = "SELECT value FROM memo WHERE scope = ? AND key = ?"
        row = self._database.read(lambda c: c.execute(sql, (scope, key)).fetchone())
        return str(row[0]) if row else ""

    def remember(self, scope: str, key: str, value: str) -> None:
        self._database.write(lambda c: c.execute(_REMEMBER, (scope, key, value)))

    def revise(self, scope: str, key: str, change: Callable[[str], str]) -> None:
        """`remember` what `change` makes of what is recalled; what others write meanwhile is not lost."""

        def write(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT value FROM memo WHERE scope = ? AND key = ?", (scope, key)).fetchone()
            connection.execute(_REMEMBER, (scope, key, change(str(row[0]) if row else "")))

        self._database.write(write)

    def count_calls(self, scope: str, minute: Millis, calls: Mapping[str, tuple[int, int]]) -> None:
        """Add {operation: (calls, of them throttled)} to the minute that holds the moment `minute`. Kept for a day."""
        minute -= minute % MINUTE

        def add(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO call_count (scope, minute, operation, n, throttled) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (scope, minute, operation) DO UPDATE SET"
                " n = call_count.n + excluded.n, throttled = call_count.throttled + excluded.throttled",
                [(scope, minute, operation, n, throttled) for operation, (n, throttled) in calls.items()],
            )
            connection.execute("DELETE FROM call_count WHERE scope = ? AND minute < ?", (scope, minute - DAY))

        if calls:
            self._database.write(add)

    def calls_per_minute(self, scope: str, now: Millis) -> tuple[int, int]:
        """(calls in the last full minute, throttles in it and in the running one).

        The running minute counts alone while nothing was counted before it; a sliding figure would change, and be
        repainted, every second.
        """
        running = now - now % MINUTE
        sql = "SELECT minute, SUM(n), SUM(throttled) FROM call_count WHERE scope = ? AND minute >= ? GROUP BY minute"
        rows = self._database.read(lambda c: c.execute(sql, (scope, running - MINUTE)).fetchall())
        by_minute = {minute: (int(n), int(throttled)) for minute, n, throttled in rows if minute <= running}
        n = by_minute.get(running - MINUTE, by_minute.get(running, (0, 0)))[0]
        return n, sum(throttled for _, throttled in by_minute.values())

    def calls_by_operation(self, scope: str, since: Millis) -> dict[str, tuple[int, int]]:
        """{operation: (calls, throttled)} from the minute of `since` on (at most a day back)."""
        sql = (
            "SELECT operation, SUM(n), SUM(throttled) FROM call_count WHERE scope = ? AND minute >= ?"
            " GROUP BY operation ORDER BY operation"
        )
        rows = self._database.read(lambda c: c.execute(sql, (scope, since - since % MINUTE)).fetchall())
        return {operation: (int(n), int(throttled)) for operation, n, throttled in rows}
