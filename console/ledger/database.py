"""The ledger's file: opening, transactions, and one clear error for everything that can be wrong with it.

Write-ahead log: readers never wait for the one writer. `synchronous` is NORMAL for facts (a power cut may take the last
seconds, which are observed again) and FULL for the journal (a row is on the disk before the call it announces is sent).
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from console.errors import LedgerError
from console.ledger import files
from console.ledger.locks import refuse_network
from console.ledger.schema import MAJOR, Step, migrate, version_of, words

T = TypeVar("T")
_Inode = tuple[int, int]

# Closing any descriptor of a file drops this process's POSIX locks on it (sqlite.org/howtocorrupt, 2.2), and with them
# SQLite's: so the header is looked at only while no connection of this process has the file open.
_open_files: Counter[_Inode] = Counter()
_open_guard = threading.Lock()


class Database:
    """One connection, shared by threads under a lock. Work is handed in as functions, because it may have to be done
    again: on the file that took the place of a damaged one."""

    def __init__(self, path: Path, *, read_only: bool, busy_ms: int, steps: Sequence[Step]) -> None:
        self.path = path.absolute()
        self.read_only = read_only
        self.notes: list[str] = []
        self._busy_ms, self._steps = busy_ms, steps
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode: _Inode = (0, 0)
        self._lost = False
        """The file is gone and no other one could be opened: tried again whenever there is work."""
        self._news = 0
        self._open()

    def read(self, work: Callable[[sqlite3.Connection], T], *, heal: bool = True) -> T:
        with self._lock:
            self._follow()
            try:
                return work(self._ready())
            except sqlite3.Error as error:
                if not (heal and self._healed(error)):
                    raise self._explain(error) from error
            return self.read(work, heal=False)

    def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False, heal: bool = True) -> T:
        """Run `work` in a transaction that holds the write lock from its start. All of it is kept, or nothing."""
        with self._lock:
            if self.read_only:
                raise LedgerError(f"the ledger is open read-only: {self.path}", advice=self._why_read_only())
            self._follow()
            try:
                result = self._transact(self._ready(), work, durable)
            except sqlite3.Error as error:
                if not (heal and self._healed(error)):
                    raise self._explain(error) from error
            else:
                # If the file was put aside as damaged meanwhile, this went into a file that nobody reads any more.
                if not (heal and self._follow()):
                    return result
            return self.write(work, durable=durable, heal=False)

    def data_version(self) -> int:
        version = self.read(lambda c: c.execute("PRAGMA data_version").fetchone()[0])
        return int(version) + self._news

    def bytes(self) -> int:
        parts = (self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def close(self) -> None:
        with self._lock:
            self._lost = False
            if self._connection is None:
                return
            connection, self._connection = self._connection, None
            try:
                connection.close()
            finally:
                with _open_guard:
                    _open_files[self._inode] -= 1
                    if not _open_files[self._inode]:
                        del _open_files[self._inode]

    def _transact(self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], durable: bool) -> T:
        if durable:
            connection.execute("PRAGMA synchronous = FULL")
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            if durable:
                connection.execute("PRAGMA synchronous = NORMAL")
        self._news += 1  # data_version tells of other connections only
        return result

    def _ready(self) -> sqlite3.Connection:
        if self._connection is None:
            raise LedgerError(f"the ledger is closed: {self.path}")
        return self._connection

    def _follow(self) -> bool:
        """Open again if the file at the path is another one by now (salvaged by another process, or removed)."""
        if self._connection is None and not self._lost:
            return False
        try:
            stat = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            if self.read_only:
                return False
        except OSError:
            if not self._lost:
                return False
        else:
            if (stat.st_dev, stat.st_ino) == self._inode and not self._lost:
                return False
        self.close()
        self._news += 1 << 32
        self._open()
        return True

    def _healed(self, error: sqlite3.Error) -> bool:
        """Keep a damaged file aside and go on with what could be read of it."""
        if self.read_only or _code(error) not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return False
        damaged = self._inode
        self.close()
        self._lost = True
        self._heal(str(error), damaged)
        self._open()
        return True

    def _heal(self, why: str, damaged: _Inode) -> None:
        try:
            if note := files.replace_damaged(self.path, why, damaged, self._steps):
                self.notes.append(note)
                self._news += 1 << 32
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"the ledger is damaged ({why}) and could not be salvaged ({error}): {self.path}",
                advice="make room on the disk, then try again; the file is as it was",
            ) from error

    def _open(self) -> None:
        self._lost = True
        refuse_network(self.path.parent)
        try:
            self._prepare()
            try:
                self._connect()
            except sqlite3.Error as error:
                if not self._healed_at_open(error):
                    raise self._explain(error) from error
        except OSError as error:
            raise LedgerError(
                f"the ledger cannot be opened ({error.strerror or error}): {self.path}",
                advice="check the folder's owner and free space, or set LASTGOOD_STATE_DIR to another one",
            ) from error
        self._lost = False

    def _prepare(self) -> None:
        """See that there is a file, and that it is ours, without changing what is not."""
        if not self.read_only:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            state, inode = files.State.NEW, (0, 0)
        else:
            inode = (stat.st_dev, stat.st_ino)
            with _open_guard:
                state = files.State.OURS if _open_files[inode] > 0 else files.look(self.path, self._steps)
        if state is files.State.FOREIGN:
            raise LedgerError(
                f"not a ledger of lastgood, left untouched: {self.path}",
                advice="move it elsewhere, or set LASTGOOD_STATE_DIR to another folder",
            )
        if state is files.State.NEW:
            if self.read_only:
                raise LedgerError(
                    f"there is no ledger yet: {self.path}", advice="start the console or `lastgood collect`"
                )
            try:
                files.create(self.path, self._steps)
            except sqlite3.Error as error:
                raise self._explain(error) from error
        if state is files.State.DAMAGED:
            if self.read_only:
                raise self._damaged("its header is not readable")
            self._heal("its header is not readable", inode)

    def _healed_at_open(self, error: sqlite3.Error) -> bool:
        if self._connection is not None:
            self.close()
        lost_tables = _code(error) == sqlite3.SQLITE_ERROR and "no such table" in str(error)
        if self.read_only or not (lost_tables or _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)):
            return False
        self._heal(str(error), self._inode)
        try:
            self._connect()
        except sqlite3.Error as again:
            raise self._explain(again) from again
        return True

    def _connect(self) -> None:
        stat = self.path.stat()
        self._inode = (stat.st_dev, stat.st_ino)
        mode = "ro" if self.read_only else "rw"  # never "rwc": a new file is made whole, elsewhere (files.create)
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_ms / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        self._connection = connection
        with _open_guard:
            _open_files[self._inode] += 1
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -16000")
        version = version_of(connection)
        connection.execute("SELECT 1 FROM fact, journal LIMIT 0")  # reads the schema: finds torn files now
        if version // 1000 > MAJOR:
            if not self.read_only:
                self.close()
                self.read_only = True
                newer = f"a newer lastgood wrote this ledger (schema {words(version)})"
                self.notes.append(f"{newer}: it is only read here; update lastgood")
                self._connect()
        elif not self.read_only:
            migrate(connection, self._steps)

    def _why_read_only(self) -> str:
        return "update lastgood: a newer one wrote this ledger" if self.notes else "open it for writing"

    def _damaged(self, words: str) -> LedgerError:
        return LedgerError(
            f"the ledger is damaged ({words}): {self.path}",
            advice="start the console or `lastgood collect`: it keeps the file aside and saves what can be read",
        )

    def _explain(self, error: sqlite3.Error) -> LedgerError:
        code, folder = _code(error), self.path.parent
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            message = f"another program holds the ledger locked (waited {self._busy_ms / 1000:g} s): {self.path}"
            return LedgerError(message, advice=f"see which with `fuser {self.path}`, then try again")
        if code == sqlite3.SQLITE_FULL:
            message = f"the disk is full, the ledger cannot be written: {self.path}"
            return LedgerError(message, advice=f"make room on the disk of {folder}; nothing recorded before is lost")
        if code == sqlite3.SQLITE_IOERR:
            message = f"the ledger cannot be read or written ({error}): {self.path}"
            return LedgerError(message, advice=f"check free space, quota, `ulimit -f` and the disk of {folder}")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
            message = f"no access to the ledger ({error}): {self.path}"
            return LedgerError(message, advice=f"check who owns {folder}, or set LASTGOOD_STATE_DIR to another folder")
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return self._damaged(str(error))
        return LedgerError(f"the ledger failed ({error}): {self.path}", advice="`lastgood doctor` checks the file")


def _code(error: sqlite3.Error) -> int:
    """The primary result code; errors of the Python module itself have none."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
