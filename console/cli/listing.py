"""`lastgood get`: one kind of one or several contexts, once or whenever it changes."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from console.cli.freshness import degrading, tell_coverage, tell_future
from console.cli.output import Format, Row, as_csv, colourful, emit, envelope, named, query, table, write
from console.cli.session import Session
from console.clock import Millis, now_ms
from console.errors import LastgoodError, NotFound, UsageError
from console.kinds.base import Kind
from console.text import echoed, shorten

LOOK_S = 0.5
AGES_S = 15.0
"""How often ages are told anew while nothing else changes."""


class Listing:
    """What to list and how. Contexts degrade by themselves: one that cannot be read does not hide the others."""

    def __init__(
        self, sessions: Sequence[Session], kind: Kind, names: tuple[str, ...], output: Format, expression: str
    ) -> None:
        if expression and output in {Format.CSV, Format.NAME}:
            raise UsageError(f"--query selects from the JSON, not from -o {output}", advice="use -o json or yaml")
        named(kind, *names)
        self.sessions, self.kind, self.names = sessions, kind, names
        self.output = Format.JSON if expression and output is Format.TABLE else output
        self.expression = expression

    def show(self, moment: Millis | None, *, fresh: bool = False, cached: bool = False) -> None:
        """Print it. Raises NotFound if none of the names is there, and the error of the only context."""
        rows, sources = self._read(moment, fresh=fresh, cached=cached)
        self._check(rows)
        self._print(rows, sources, moment or now_ms())

    def watch(self, *, fresh: bool, cached: bool) -> None:
        """Print it whenever it changed, until interrupted. A collector runs meanwhile, as under a console."""
        with contextlib.ExitStack() as stack:
            rows, sources = self._read(None, fresh=fresh, cached=cached)
            self._check(rows)
            if not cached:
                for session in self.sessions:
                    if "context" not in session.failed:
                        stack.enter_context(_collecting(session))
            shown, versions, told = None, None, time.monotonic()
            while True:
                printed = self._fingerprint(rows)
                if printed != shown:
                    if shown is not None and self.output is Format.TABLE and colourful():
                        sys.stdout.write("\x1b[H\x1b[2J")
                    self._print(rows, sources, now_ms())
                    shown = printed
                while True:
                    time.sleep(LOOK_S)
                    now = [s.ledger.data_version() for s in self.sessions if "context" not in s.failed]
                    if now != versions or time.monotonic() - told >= AGES_S:
                        versions, told = now, time.monotonic()
                        break
                rows, sources = self._read(None, cached=True)

    def _read(
        self, moment: Millis | None, *, fresh: bool = False, cached: bool = False
    ) -> tuple[list[Row], dict[str, Any]]:
        rows: list[Row] = []
        sources: dict[str, Any] = {}
        several = len(self.sessions) > 1
        for session in self.sessions:
            with degrading(session) if several else contextlib.nullcontext():
                rows += self._rows(session, moment, fresh, cached)
            if error := session.failed.get("context"):
                lost = {"ok": False, "age_s": None, "error": error.message}
                sources |= {f"{session.context.name}:{source}": lost for source in self.kind.sources}
                continue
            prefix = f"{session.context.name}:" if several else ""
            sources |= {f"{prefix}{name}": state for name, state in session.sources(self.kind, moment).items()}
        failed = [error for session in self.sessions if (error := session.failed.get("context"))]
        if several and len(failed) == len(self.sessions):
            raise _all_failed(failed)
        rows.sort(key=lambda row: self.kind.order(row.view))
        return rows, sources

    def _rows(self, session: Session, moment: Millis | None, fresh: bool, cached: bool) -> list[Row]:
        if moment is not None:
            tell_coverage(session, self.kind, moment)
        elif not cached:
            session.freshen(self.kind, force=fresh)
        elif session.unconfirmed is None:
            raise UsageError(f"context {session.context.name} was never read", advice="leave out --cached once")
        else:
            tell_future(session, self.kind)
        views = self.kind.views(session.snapshot(moment), self.names or None)
        return [Row(session.context.name, view) for view in views]

    def _check(self, rows: Sequence[Row]) -> None:
        missing = [name for name in self.names if not any(is_meant(row.view, name) for row in rows)]
        if missing:
            said = shorten(", ".join(map(echoed, missing)), 200)
            raise NotFound(f"no {self.kind.id} {said}", advice=f"lastgood get {self.kind.plural} lists them")

    def _fingerprint(self, rows: Sequence[Row]) -> Any:
        """What would be printed, without the ages that tick by themselves."""
        if self.output in {Format.JSON, Format.YAML}:
            return [{k: v for k, v in item.items() if k != "observed_at"} for item in self._items(rows)]
        if self.output is Format.NAME:
            return [row.view.name for row in rows]
        now = now_ms()
        return [[row.context, *(column.cell(row.view, now) for column in self.kind.columns)] for row in rows]

    def _items(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        if len(self.sessions) == 1:
            return [row.view.to_json() for row in rows]
        return [{"context": row.context, **row.view.to_json()} for row in rows]

    def _print(self, rows: Sequence[Row], sources: dict[str, Any], now: Millis) -> None:
        several = len(self.sessions) > 1
        if self.output in {Format.JSON, Format.YAML}:
            contexts = ",".join(session.context.name for session in self.sessions)
            data = envelope(self.kind.id, contexts, self._items(rows), sources, now)
            emit(query(data, self.expression) if self.expression else data, self.output)
        elif self.output is Format.NAME:
            if rows:
                write("\n".join(row.view.name for row in rows))
        elif self.output is Format.CSV:
            write(as_csv(self.kind, rows, now, contexts=several))
        else:
            if not rows:
                self.sessions[0].say(f"no {self.kind.plural}")
            write(table(self.kind, rows, now, contexts=several))


def is_meant(view: Any, name: str) -> bool:
    """Whether a view is meant by a name: its own, or the last part of it (an execution's id), its ARN or the like."""
    also = (getattr(view, "arn", None), *getattr(view, "also_named", ()))
    return bool(view.name == name or view.name.rsplit("/", 1)[-1] == name or name in also)


def _all_failed(errors: Sequence[LastgoodError]) -> LastgoodError:
    """Nothing to show at all: the exit code of the first, whose line was said already."""
    error = type(errors[0])("no context could be read")
    return error


@contextlib.contextmanager
def _collecting(session: Session) -> Iterator[None]:
    from console.actions.launch import context_flags
    from console.collector.supervisor import Supervisor

    log = session.settings.state_dir / "collector.log"
    flags = context_flags(session.context)
    supervisor = Supervisor(session.ledger.locks, session.scope, flags=flags, env=session.child_env(), log=log)
    supervisor.start()
    try:
        yield
    finally:
        supervisor.stop()
