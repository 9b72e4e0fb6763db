"""The append-only store of observed facts: a row only when something changed, and the newest row of each subject.

`Ledger` is the one door to the file; coverage, journal, locks and interest hang on it (`ledger.coverage`,
`ledger.journal`, `ledger.samples`, `ledger.locks`, `ledger.interest`). It may be shared by threads. Every method may
raise LedgerError, with one line and an advice; what was acknowledged before stays.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from console.clock import DAY, Millis
from console.ledger.coverage import Coverage
from console.ledger.database import Database
from console.ledger.interest import Interests
from console.ledger.journal import Journal
from console.ledger.locks import Locks
from console.ledger.rows import append_row, chunks, first_behind, heads_with_tombstones, storable
from console.ledger.samples import Samples
from console.ledger.schema import STEPS, Step, version_of, words

KEEP_FACTS_MS = 400 * DAY
"""Default retention: a yearly event and its neighbourhood can still be compared."""


class Fact(NamedTuple):
    """One observation. `observed_at` is when the collector saw it, `provider_at` what the provider says about when it
    became so, `body` the encoded record (empty for a tombstone)."""

    seq: int
    kind: str
    name: str
    observed_at: Millis
    provider_at: Millis | None
    body: bytes
    deleted: bool


class Info(NamedTuple):
    """What `lastgood info` prints about the ledger. `bytes` includes the write-ahead log."""

    path: Path
    bytes: int
    schema: str
    read_only: bool
    facts: int
    subjects: int
    journal: int
    oldest: Millis | None


class Ledger:
    """See the module. Open it with `Ledger.open(path)`, as a context manager or with `close()`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.coverage = Coverage(database)
        self.journal = Journal(database)
        self.samples = Samples(database)
        self.locks = Locks(database.path.parent / "locks")
        self.interest = Interests(database.path.parent / "interest")

    @classmethod
    def open(
        cls, path: Path, *, read_only: bool = False, busy_ms: int = 5_000, steps: Sequence[Step] = STEPS
    ) -> Ledger:
        """Open or create the ledger at `path`; makes its folder (0700) and file (0600), and migrates it.

        A damaged file is kept aside and salvaged into a new one (see `notes`). `busy_ms` is how long to wait for a
        program that holds it locked. Raises LedgerError: foreign file, network file system, no access, disk full.
        """
        return cls(Database(path, read_only=read_only, busy_ms=busy_ms, steps=steps))

    @property
    def path(self) -> Path:
        return self._database.path

    @property
    def read_only(self) -> bool:
        return self._database.read_only

    @property
    def notes(self) -> tuple[str, ...]:
        """What the operator should be told about opening: salvaged from damage, or newer than this program."""
        return tuple(self._database.notes)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def observe(
        self, scope: str, kind: str, items: Iterable[tuple[str, bytes, Millis | None]], *, at: Millis
    ) -> list[str]:
        """Append what differs from the newest row of its subject, in one transaction; returns the names that did.

        An item is (name, body, provider_at). A subject's `observed_at` never runs backwards: after a step of the host's
        clock it stays at the last one.
        """
        seen = [(storable(name), body, provider_at) for name, body, provider_at in items]
        if not seen:
            return []

        def append(connection: sqlite3.Connection) -> list[str]:
            heads = heads_with_tombstones(connection, scope, kind, [name for name, _, _ in seen])
            changed: dict[str, None] = {}
            for name, body, provider_at in seen:
                head = heads.get(name)
                if head and not head.deleted and head.body == body:
                    continue
                heads[name] = append_row(connection, scope, kind, name, head, at, provider_at, body, deleted=False)
                changed[name] = None
            return list(changed)

        # Most sweeps find nothing new: looking first costs no write lock and no wait for another writer.
        heads = self._database.read(lambda c: heads_with_tombstones(c, scope, kind, [name for name, _, _ in seen]))
        if all((head := heads.get(name)) and not head.deleted and head.body == body for name, body, _ in seen):
            return []
        return self._database.write(append)

    def tombstone(self, scope: str, kind: str, names: Iterable[str], *, at: Millis) -> list[str]:
        """Append that these subjects are gone; returns those that were there."""
        gone = list(dict.fromkeys(storable(name) for name in names))

        def append(connection: sqlite3.Connection) -> list[str]:
            heads = heads_with_tombstones(connection, scope, kind, gone)
            there = [name for name in gone if name in heads and not heads[name].deleted]
            for name in there:
                append_row(connection, scope, kind, name, heads[name], at, None, b"", deleted=True)
            return there

        return self._database.write(append) if gone else []

    def heads(self, scope: str, kind: str, names: Sequence[str] | None = None) -> list[Fact]:
        """The newest fact of each subject, ordered by name; subjects that are gone are left out."""
        sql = (
            "SELECT f.seq, h.name, f.observed_at, f.provider_at, f.body FROM head h JOIN fact f ON f.seq = h.seq"
            " WHERE h.scope = ? AND h.kind = ? AND f.deleted = 0"
        )
        return self._facts(kind, sql, (scope, kind), names)

    def bodies(self, scope: str, kind: str) -> list[bytes]:
        """What `heads` has in `body`, in its order: views decode thousands of changes and need nothing else of them."""
        sql = (
            "SELECT f.body FROM head h JOIN fact f ON f.seq = h.seq"
            " WHERE h.scope = ? AND h.kind = ? AND f.deleted = 0 ORDER BY h.name"
        )
        return [body for (body,) in self._database.read(lambda c: c.execute(sql, (scope, kind)).fetchall())]

    def head(self, scope: str, kind: str, name: str) -> Fact | None:
        facts = self.heads(scope, kind, (name,))
        return facts[0] if facts else None

    def as_of(self, scope: str, kind: str, at: Millis, names: Sequence[str] | None = None) -> list[Fact]:
        """Each subject's newest fact observed by `at`, ordered by name; those gone by then are left out.

        What was not covered at `at` may have been otherwise: ask `coverage`. A correlated `limit 1` is one index probe
        per subject; a window function reads every version (10,000 x 30: 30 ms against 350).
        """
        sql = (
            "SELECT f.seq, h.name, f.observed_at, f.provider_at, f.body FROM head h JOIN fact f ON f.seq ="
            " (SELECT v.seq FROM fact v WHERE v.subject = h.subject AND v.observed_at <= ?"
            " ORDER BY v.observed_at DESC, v.seq DESC LIMIT 1)"
            " WHERE h.scope = ? AND h.kind = ? AND f.deleted = 0"
        )
        return self._facts(kind, sql, (at, scope, kind), names)

    def history(
        self,
        scope: str,
        kind: str,
        name: str | None = None,
        *,
        prefix: str = "",
        since: Millis | None = None,
        until: Millis | None = None,
        limit: int | None = None,
    ) -> list[Fact]:
        """Every version with `since <= observed_at <= until`, tombstones included, oldest first.

        Without `name`: of all subjects (whose name begins with `prefix`), ordered by name, then time. `limit` keeps
        the newest ones.
        """
        where, values = ["h.scope = ?", "h.kind = ?"], [scope, kind]
        bounds: list[tuple[str, str | int | None]] = [
            ("h.name = ?", None if name is None else storable(name)),
            ("h.name >= ?", storable(prefix) or None),
            ("h.name < ?", first_behind(storable(prefix))),
            ("f.observed_at >= ?", since),
            ("f.observed_at <= ?", until),
        ]
        given = [(clause, value) for clause, value in bounds if value is not None]
        sql = (
            "SELECT f.seq, h.name, f.observed_at, f.provider_at, f.body, f.deleted"
            " FROM head h JOIN fact f ON f.subject = h.subject WHERE "
            + " AND ".join([*where, *(clause for clause, _ in given)])
            + (
                " ORDER BY f.observed_at DESC, f.seq DESC LIMIT ?"
                if limit is not None
                else " ORDER BY h.name, f.observed_at, f.seq"
            )
        )
        parameters = [*values, *(value for _, value in given), *([limit] if limit is not None else [])]
        rows = self._database.read(lambda c: c.execute(sql, parameters).fetchall())
        if limit is not None:
            rows.sort(key=lambda row: (row[1], row[2], row[0]))
        return [
            Fact(seq, kind, subject, at, said, body, bool(deleted)) for seq, subject, at, said, body, deleted in rows
        ]

    def data_version(self) -> int:
        """A number that is another one after anybody committed anything, this process included (3 ms to poll)."""
        return self._database.data_version()

    def last_seq(self) -> int:
        """The newest fact's seq: unlike `data_version` it stands still while sweeps find nothing new."""
        return int(self._database.read(lambda c: c.execute("SELECT COALESCE(MAX(seq), 0) FROM fact").fetchone())[0])

    def prune(self, scope: str, before: Millis) -> int:
        """Forget versions observed before `before`; returns how many facts went.

        The newest of each subject up to that moment stays, so the fleet is known from `before` on; a subject that was
        gone by then needs no row to be gone. Coverage is cut there too, or the past would look empty instead of
        unknown. The journal is never pruned.
        """

        def forget(connection: sqlite3.Connection) -> int:
            older = connection.execute(
                "DELETE FROM fact WHERE scope = ? AND observed_at < ? AND EXISTS (SELECT 1 FROM fact n"
                " WHERE n.subject = fact.subject AND n.observed_at <= ? AND n.seq > fact.seq)",
                (scope, before, before),
            ).rowcount
            connection.execute(
                "DELETE FROM head WHERE scope = ? AND EXISTS"
                " (SELECT 1 FROM fact f WHERE f.seq = head.seq AND f.deleted = 1 AND f.observed_at < ?)",
                (scope, before),
            )
            dead = connection.execute(
                "DELETE FROM fact WHERE scope = ? AND deleted = 1 AND observed_at < ?", (scope, before)
            ).rowcount
            self.coverage.forget(connection, scope, before)
            return older + dead

        return self._database.write(forget)

    def info(self) -> Info:
        def count(connection: sqlite3.Connection) -> Info:
            facts, oldest = connection.execute("SELECT COUNT(*), MIN(observed_at) FROM fact").fetchone()
            subjects = connection.execute("SELECT COUNT(*) FROM head").fetchone()[0]
            journal = connection.execute("SELECT COUNT(*) FROM journal").fetchone()[0]
            version = words(version_of(connection))
            return Info(self.path, self._database.bytes(), version, self.read_only, facts, subjects, journal, oldest)

        return self._database.read(count)

    def check(self) -> list[str]:
        """What SQLite finds wrong with the whole file (for `doctor`; reads all of it): empty when it is sound."""
        rows = self._database.read(lambda c: c.execute("PRAGMA integrity_check(10)").fetchall(), heal=False)
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def _facts(self, kind: str, sql: str, values: tuple[str | int, ...], names: Sequence[str] | None) -> list[Fact]:
        def fetch(connection: sqlite3.Connection) -> list[Fact]:
            rows: list[tuple[int, str, int, int | None, bytes]] = []
            if names is None:
                rows = connection.execute(f"{sql} ORDER BY h.name", values).fetchall()
            else:
                for chunk in chunks(sorted({storable(name) for name in names})):
                    marks = ",".join("?" * len(chunk))
                    rows += connection.execute(f"{sql} AND h.name IN ({marks}) ORDER BY h.name", (*values, *chunk))
            return [Fact(seq, kind, name, at, said, body, False) for seq, name, at, said, body in rows]

        return self._database.read(fetch)
