"""Whose file it is, how a new one is made, and how a damaged one is kept aside and salvaged.

A file appears at the ledger's path only by renaming a finished one, under a lock of its own: nobody ever sees half of
one, and two programs that find the same damage salvage it once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from console.clock import now_ms
from console.errors import LedgerError
from console.ledger.locks import Locks
from console.ledger.schema import APPLICATION_ID, PAGE_BYTES, Step, migrate

_MAGIC = b"SQLite format 3\0"
_SIDES = ("-wal", "-shm")


class State(Enum):
    NEW = "new"
    OURS = "ours"
    FOREIGN = "foreign"
    DAMAGED = "damaged"


def look(path: Path, steps: Sequence[Step]) -> State:
    """What the file is, by its first bytes; only when they are lost, by what else is in it. Changes nothing."""
    with path.open("rb") as file:
        head = file.read(100)
    if not head:
        # SQLite would delete the log beside an empty file, and with it the only copy of what was acknowledged.
        return State.DAMAGED if size(side(path, "-wal")) else State.NEW
    if head.startswith(_MAGIC):
        if len(head) < 100:  # cut off right behind the magic words: nothing in it tells whose it was
            return State.DAMAGED
        if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
            return State.FOREIGN
        return State.DAMAGED if torn_tail(path) else State.OURS
    from console.ledger.salvage import ours_without_header

    return State.DAMAGED if ours_without_header(path, steps) else State.FOREIGN


def create(path: Path, steps: Sequence[Step]) -> None:
    """Make an empty ledger at `path`, unless another process just did."""
    with _gate(path):
        if size(path):
            return
        if any(size(side(path, suffix)) for suffix in _SIDES):
            keep_aside(path)  # a log without its file: SQLite would take it for the new file's
        part = side(path, f".new-{os.getpid()}")
        try:
            build(part, steps)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(path.parent)


def build(path: Path, steps: Sequence[Step]) -> None:
    """A finished, empty ledger in a new file of mode 0600 (SQLite gives its log the same mode)."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection, steps)
        # Last, so that the header says whose file it is even where the log is lost.
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def replace_damaged(path: Path, why: str, damaged: tuple[int, int], steps: Sequence[Step]) -> str:
    """Keep the file aside and put what can be read of it in its place; returns the note for the operator.

    `damaged` is (device, inode) of the file found damaged: if another one is there by now, somebody else did it and
    the note is empty. If it fails (disk full), everything is put back as it was.
    """
    from console.ledger.salvage import salvage  # only ever needed here: keep it out of every start

    with _gate(path):
        try:
            stat = path.stat()
        except FileNotFoundError:
            return ""
        if (stat.st_dev, stat.st_ino) != damaged:
            return ""
        part = side(path, f".new-{os.getpid()}")
        aside = keep_aside(path)
        try:
            build(part, steps)
            saved = salvage(aside, part, why, steps)
            part.replace(path)
            side(aside, "-shm").unlink(missing_ok=True)  # only an index of the log
            if not size(side(aside, "-wal")):
                side(aside, "-wal").unlink(missing_ok=True)
        except BaseException:
            for suffix in ("", *_SIDES):
                if side(aside, suffix).exists():
                    side(aside, suffix).rename(side(path, suffix))
            raise
        finally:
            for suffix in ("", *_SIDES):
                side(part, suffix).unlink(missing_ok=True)
        _sync_folder(path.parent)
    lost = "; some of it could not be read, so the past counts as not watched" if saved.lost else ""
    rows = f"facts {saved.facts:,}, journal rows {saved.journal:,}"
    return f"the ledger was damaged ({why}): it is kept as {aside}; saved: {rows}{lost}"


def keep_aside(path: Path) -> Path:
    """Rename the file and its log to `<name>.damaged-<time>`; the content is not touched."""
    stamp = datetime.fromtimestamp(now_ms() / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside, n = side(path, f".damaged-{stamp}"), 1
    while any(side(aside, suffix).exists() for suffix in ("", *_SIDES)):
        aside, n = side(path, f".damaged-{stamp}-{n}"), n + 1
    for suffix in ("", *_SIDES):  # the file first: who looks meanwhile finds nothing, and comes to the gate
        if side(path, suffix).exists():
            side(path, suffix).rename(side(aside, suffix))
    return aside


def torn_tail(path: Path) -> bool:
    """SQLite reads half a page at the end as if zeros followed. With a log beside it, the page may be in the log."""
    return size(path) % PAGE_BYTES != 0 and not size(side(path, "-wal"))


def header_lost(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) != _MAGIC


def side(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextmanager
def _gate(path: Path) -> Iterator[None]:
    held = Locks(path.parent / "locks").acquire(f"file {path.name}", patience_s=120)
    if held is None:
        raise LedgerError(f"another process has been repairing the ledger for two minutes: {path}", advice="try again")
    try:
        yield
    finally:
        held.release()


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sync_folder(folder: Path) -> None:
    """A rename is durable only when its folder is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
