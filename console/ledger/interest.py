"""What is on somebody's screen: each console of this host tells the collector in a small file of its own."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from console.clock import SECOND, Millis
from console.errors import LedgerError

EXPIRES_MS = 30 * SECOND


class _Told(msgspec.Struct):
    scope: str
    at: Millis
    names: dict[str, list[str]] = {}
    fresh: list[str] = []


class Interest(NamedTuple):
    """All that is wanted in a scope: names by kind, and by kind since when somebody waits for a fresh look."""

    names: dict[str, frozenset[str]]
    fresh: dict[str, Millis]


class Interests:
    """The folder of these files. Consoles `tell` about every 10 s and on change; the collector `read`s."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tell(self, scope: str, names: Mapping[str, Iterable[str]], *, at: Millis, fresh: Iterable[str] = ()) -> None:
        """Replace what this process wants. `fresh` are kinds to look at now, whatever their period (`--fresh`)."""
        told = _Told(scope, at, {kind: sorted(set(wanted)) for kind, wanted in names.items()}, sorted(set(fresh)))
        path = self._path(scope)
        part = path.with_suffix(".part")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.touch(0o600)
            part.write_bytes(msgspec.json.encode(told))
            part.replace(path)
        except OSError as error:
            raise LedgerError(f"cannot write {path}: {error.strerror}", advice="the disk may be full") from error

    def withdraw(self, scope: str) -> None:
        with contextlib.suppress(OSError):
            self._path(scope).unlink()

    def read(self, scope: str, now: Millis) -> Interest:
        """What all processes want of this scope; files older than 30 s are removed."""
        names: dict[str, set[str]] = {}
        fresh: dict[str, Millis] = {}
        for path in self.folder.glob("*.json") if self.folder.is_dir() else ():
            try:
                told = msgspec.json.decode(path.read_bytes(), type=_Told)
            except FileNotFoundError:
                continue
            except msgspec.DecodeError:
                path.unlink(missing_ok=True)
                continue
            if abs(now - told.at) > EXPIRES_MS:
                path.unlink(missing_ok=True)
            elif told.scope == scope:
                for kind, wanted in told.names.items():
                    names.setdefault(kind, set()).update(wanted)
                for kind in told.fresh:
                    fresh[kind] = max(told.at, fresh.get(kind, told.at))
        return Interest({kind: frozenset(wanted) for kind, wanted in names.items()}, fresh)

    def _path(self, scope: str) -> Path:
        return self.folder / f"{os.getpid()}-{zlib.crc32(scope.encode()):08x}.json"
