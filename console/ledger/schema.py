"""The ledger's tables, and how an older file becomes a current one: additive steps, in order, each in a transaction.

The SQL keeps to what SQLite and PostgreSQL share, apart from the few storage clauses of this file. Moments are UTC
milliseconds. Text compares by code point (SQLite's BINARY; PostgreSQL needs COLLATE "C"). `fact.subject` is the seq of
the subject's first row: an index on one number is a third as large, and halves the time of a read as of a moment. The
names stay in each row so that it still means something when the rest of the file is lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

APPLICATION_ID = 0x4C474C31  # "LGL1" in the file's header: tells our file from another program's
MAJOR = 1
PAGE_BYTES = 4096

Step = tuple[int, str]
"""(version, script). A version is major * 1000 + minor; within a major version steps only add, so that an older program
of the same major can go on reading and writing."""

STEPS: Sequence[Step] = (
    (
        1000,
        """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
        CREATE TABLE fact (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            subject INTEGER NOT NULL, scope TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
            observed_at INTEGER NOT NULL, provider_at INTEGER,
            body BLOB NOT NULL, deleted INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX fact_subject ON fact (subject, observed_at, seq);
        CREATE TABLE head (
            scope TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
            subject INTEGER NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (scope, kind, name)) WITHOUT ROWID;
        CREATE TABLE journal (
            seq INTEGER PRIMARY KEY,
            scope TEXT NOT NULL, action_id TEXT NOT NULL, step TEXT NOT NULL, written_at INTEGER NOT NULL,
            body BLOB NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL);
        CREATE INDEX journal_action ON journal (scope, action_id, seq);
        CREATE TABLE plan (
            plan_id TEXT PRIMARY KEY, scope TEXT NOT NULL, saved_at INTEGER NOT NULL, body BLOB NOT NULL);
        CREATE TABLE coverage (
            scope TEXT NOT NULL, source TEXT NOT NULL,
            start_at INTEGER NOT NULL, end_at INTEGER NOT NULL, every_ms INTEGER NOT NULL,
            PRIMARY KEY (scope, source, start_at)) WITHOUT ROWID;
        CREATE TABLE source_state (
            scope TEXT NOT NULL, source TEXT NOT NULL,
            good_at INTEGER, failing_since INTEGER, code TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (scope, source)) WITHOUT ROWID;
        CREATE TABLE memo (
            scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (scope, key)) WITHOUT ROWID;
        CREATE TABLE call_count (
            scope TEXT NOT NULL, minute INTEGER NOT NULL, operation TEXT NOT NULL,
            n INTEGER NOT NULL, throttled INTEGER NOT NULL,
            PRIMARY KEY (scope, minute, operation)) WITHOUT ROWID;
        """,
    ),
    (
        1001,
        """
        CREATE TABLE sample (
            scope TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (scope, kind, name, at)) WITHOUT ROWID;
        """,
    ),
)


def version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def words(version: int) -> str:
    return f"{version // 1000}.{version % 1000}"


def migrate(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Apply the steps the file does not have yet, all or none. Safe when two programs start at once."""
    if version_of(connection) >= steps[-1][0]:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        have = version_of(connection)  # again, now that nobody else can write
        for version, script in steps:
            if version > have:
                for statement in script.split(";"):  # executescript would commit first
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version:d}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
