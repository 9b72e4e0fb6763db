"""Locks by `flock`: freed by the kernel the instant their holder dies, whatever way; no clock, no heartbeat.

They need a local file system, and so does SQLite's write-ahead log: `refuse_network` says so in one line.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from console.clock import Millis, now_ms
from console.errors import LedgerError

NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|ncpfs|ceph|lustre|gpfs|beegfs\w*|glusterfs|pvfs2|orangefs|davfs\d?|ocfs2|gfs2"
    r"|virtiofs|fuse\.(sshfs|glusterfs|s3fs|rclone|ceph-fuse|davfs\d?|gcsfuse|goofys|mount-s3|juicefs|blobfuse2?|smbnetfs)"
)
"""Types in /proc/mounts on which flock, mmap or both do not hold between hosts."""


class Holder(NamedTuple):
    """Who holds a lock, as it wrote itself down: for messages, never for deciding."""

    pid: int
    started: Millis
    purpose: str


class Held:
    """A lock in hand, until `release` or the end of the process. Not inherited by programs started meanwhile."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor

    def beat(self) -> None:
        """Say that the holder is at work, by the file's time: needs no room on the disk and wakes no reader."""
        os.utime(self._descriptor)

    @property
    def lost(self) -> bool:
        """Whether its file was taken away, with the folder as a rule: then anybody can have the lock too."""
        return not _is_at(self.path, self._descriptor)

    def release(self) -> None:
        if self._descriptor >= 0:
            if not self.lost:  # the file is another holder's else
                # While it is held: who waits for this file finds it gone, and makes a new one.
                self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1


class Locks:
    """Named locks in a folder of their own beside the ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def acquire(self, name: str, purpose: str = "", *, patience_s: float = 0.05) -> Held | None:
        """The lock, or None if somebody holds it. `patience_s` outlasts those who only look (`is_free`)."""
        path, deadline = self._path(name), time.monotonic() + patience_s
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(path, descriptor):
                    started = Holder(os.getpid(), now_ms(), purpose or name)
                    with suppress(OSError):  # on a full disk it still locks; it only cannot say who holds it
                        os.ftruncate(descriptor, 0)
                        os.write(descriptor, msgspec.json.encode(started._asdict()))
                    return Held(path, descriptor)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return None
                time.sleep(0.005)
            except OSError as error:
                os.close(descriptor)
                raise LedgerError(f"cannot lock {path}: {error.strerror}", advice="the disk may be full") from error
            os.close(descriptor)

    @contextmanager
    def hold(self, name: str, purpose: str = "") -> Iterator[Held | None]:
        """`with locks.hold(name) as held:` does not wait; `held` is None if somebody else has it."""
        held = self.acquire(name, purpose)
        try:
            yield held
        finally:
            if held:
                held.release()

    def is_free(self, name: str) -> bool:
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True

    def holder(self, name: str) -> Holder | None:
        """Who holds the lock; None if nobody does, or has not written itself down yet."""
        if self.is_free(name):
            return None
        try:
            return Holder(**msgspec.json.decode(self._path(name).read_bytes()))
        except (OSError, msgspec.MsgspecError, TypeError):
            return None

    def beaten(self, name: str) -> int:
        """The last `beat` of whoever holds it, as a number that changes with each; 0 if the lock has no file."""
        try:
            return self._path(name).stat().st_mtime_ns
        except OSError:
            return 0

    def silent_s(self, name: str) -> float:
        """Seconds since that, by the host's clock as the file's time is; 0 if the lock has no file."""
        beaten = self.beaten(name)
        return max(0.0, time.time() - beaten / 1e9) if beaten else 0.0

    def _path(self, name: str) -> Path:
        from hashlib import sha256  # 3 ms that a read of the ledger need not pay

        readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:60].strip("-")
        return self.folder / f"{readable}-{sha256(name.encode('utf-8', 'replace')).hexdigest()[:12]}.lock"


def collector_lock(scope: str) -> str:
    """One collector per scope and ledger."""
    return f"collector {scope}"


def action_lock(action_id: str) -> str:
    """Held by the executor of an action for as long as it lives."""
    return f"action {action_id}"


def subject_lock(scope: str, kind: str, name: str) -> str:
    """One action at a time per subject."""
    return f"subject {scope} {kind} {name}"


def _is_at(path: Path, descriptor: int) -> bool:
    """A holder unlinks its file when it lets go: a lock on a file that is no longer there locks nobody out."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except (FileNotFoundError, NotADirectoryError):
        return False


def network_type(path: Path, mounts: str) -> str:
    """The file system type of `path` if it is a network one, else an empty string. `mounts` is /proc/mounts' text."""
    best, best_type = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
        # Of several mounts on one point the last one counts.
        if len(point) >= len(best) and path.is_relative_to(point):
            best, best_type = point, fields[2]
    return best_type if NETWORK.fullmatch(best_type) else ""


def refuse_network(folder: Path, mounts: str | None = None) -> None:
    """Raises LedgerError where locks would not hold. Without /proc (macOS) nothing is refused."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text("utf-8", "replace")
        except OSError:
            return
    if kind := network_type(folder.resolve(), mounts):
        raise LedgerError(
            f"the ledger cannot be kept on a network file system ({kind}): {folder}",
            advice="set LASTGOOD_STATE_DIR (settings: state_dir) to a folder on a local disk",
        )
