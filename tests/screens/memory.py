"""A feed out of plain views in memory, and a kind to show: the screens run on it as they run on the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from textual.app import ComposeResult
from textual.widgets import Static

from console.actions.model import Level
from console.actions.verb import Verb
from console.clock import MINUTE, Millis, age_step
from console.fleet.header import HeaderInfo, Unread
from console.kinds.base import Cell, Column, Kind, Sign, Verdict
from screens.base import ConsoleScreen
from screens.places import Look, Places

NOW: Millis = 1_795_489_920_000  # 2026-11-24T03:12:00Z


class Service(msgspec.Struct, frozen=True):
    """What a row of the tests is about."""

    name: str
    sign: Sign = Sign.OK
    words: str = "ok"
    requests: float | None = 10.0
    errors: float | None = 0.02
    owner: str = "ci"
    seen_at: Millis = NOW
    reasons: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.sign, self.words, self.reasons)


def _number(value: float | None, digits: int) -> Cell:
    return Cell("–", "unknown", None) if value is None else Cell(f"{value:,.{digits}f}", "", value)


def _age(view: Service, now: Millis) -> Cell:
    return Cell(age_step(now - view.seen_at), "dim", -view.seen_at)


COLUMNS = (
    Column("sign", "", 1, lambda v, now: Cell(v.sign.glyph, v.sign.value, v.sign.rank)),
    Column("name", "NAME", 14, lambda v, now: Cell(v.name, "strong" if v.sign.rank < 2 else ""), flex=True),
    Column("what", "WHAT", 22, lambda v, now: Cell(v.words), priority=1, flex=True),
    Column("requests", "REQ/S", 7, lambda v, now: _number(v.requests, 0), priority=1, right=True),
    Column("errors", "5XX %", 6, lambda v, now: _number(v.errors, 2), priority=2, right=True),
    Column("owner", "OWNER", 6, lambda v, now: Cell(v.owner, "dim"), priority=4),
    Column("age", "AGE", 5, _age, priority=3, right=True),
)


def _no_deed() -> Any:
    raise AssertionError("screens never do a deed")


ROLLBACK = Verb(
    id="rollback", kind="service", key="R", label="roll back", effect="Return to a configuration that served well",
    level=Level.DANGER, writes=("sagemaker:UpdateEndpoint",), reads=(), deed=_no_deed,
    off=lambda view: "it is in motion" if view.sign is Sign.MOVING else "",
)  # fmt: skip

KIND = Kind(
    id="service", plural="services", aliases=("svc",), columns=COLUMNS,
    views=lambda snapshot, names: [], order=lambda v: (v.sign.rank, v.name), watches=lambda: (), verbs=(ROLLBACK,),
)  # fmt: skip
JOBS = Kind(
    id="job", plural="jobs", aliases=(), columns=COLUMNS,
    views=lambda snapshot, names: [], order=lambda v: v.name, watches=lambda: (),
)  # fmt: skip


@dataclass
class MemoryFeed:
    """`put` is what the ledger's writers do: the next poll sees news."""

    services: dict[str, Service] = field(default_factory=dict)
    jobs: dict[str, Service] = field(default_factory=dict)
    info: HeaderInfo = field(default_factory=lambda: HeaderInfo(
        "prod-eu", "123456789012", "eu-central-1", guarded=True, identity="oncall-read",
        expires_at=NOW + 41 * MINUTE, calls_per_min=9,
    ))  # fmt: skip
    clock: Millis = NOW
    told: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    reads: int = 0
    news: bool = False
    not_read: Unread | None = None
    contexts: Sequence[str] = ("prod-eu", "staging")

    @property
    def kinds(self) -> Sequence[Kind]:
        return (KIND, JOBS)

    def put(self, *services: Service) -> None:
        self.services |= {service.name: service for service in services}
        self.news = True

    def drop(self, *names: str) -> None:
        for name in names:
            self.services.pop(name)
        self.news = True

    def now(self) -> Millis:
        return self.clock

    def header(self, now: Millis) -> HeaderInfo:
        return self.info

    def views(self, kind_id: str) -> list[Any]:
        self.reads += 1
        return list(self.services.values() if kind_id == "service" else self.jobs.values())

    def unread(self, kind_id: str) -> Unread | None:
        return self.not_read

    def names(self, kind_id: str) -> Sequence[str]:
        return [view.name for view in self.views(kind_id)]

    def changed(self) -> bool:
        news, self.news = self.news, False
        return news

    def interest(self, kind_id: str, names: Iterable[str]) -> None:
        self.told.append((kind_id, tuple(names)))


def fleet() -> MemoryFeed:
    """The table of the sketch, with a name nobody should have to read."""
    feed = MemoryFeed()
    feed.put(
        Service("delay-risk", Sign.CRITICAL, "canary v8: 42 of 1,440 fail", 42, 0.31, "tf",
                reasons=("all traffic at 03:16Z", "its alarm cannot see it")),
        Service("search-rank", Sign.WARNING, "at max 20/20, +62 % a host", 1904, 0.04, seen_at=NOW - 3 * MINUTE),
        Service("ads-embed", Sign.UNKNOWN, "no metrics since 02:50Z", None, None, "tf", NOW - 22 * MINUTE),
        Service("fraud-online", Sign.MOVING, "rolling to v112", 377, 0.0),
        Service("churn-scorer", Sign.OK, "note: v41 failed, v40 serves", 118, 0.02, "tf"),
        Service("pricing", Sign.HELD, "held by ana until the freeze ends", 9, 0.0, "ana"),
        Service("推荐系统-召回-生产环境-华东一区", Sign.OK, "ok", 3, 0.0, "ci"),
        Service("evil\x1b]0;gone\x07[red]na\u202eme", Sign.OK, "ok", 1, 0.0, "ci"),
        *(Service(f"eta-minutes-{n:02d}", requests=float(n)) for n in range(30)),
    )  # fmt: skip
    return feed


class NameScreen(ConsoleScreen):
    """Stands for the screens of later: its breadcrumbs say what it was opened for."""

    def __init__(self, *trail: str) -> None:
        super().__init__()
        self._trail = trail

    def trail(self) -> Sequence[str]:
        return self._trail

    def body(self) -> ComposeResult:
        yield Static(" › ".join(self._trail), markup=False)


def places() -> Places:
    def look(id: str, label: str) -> Look:
        return Look(id, id, label, f"See the {label}", lambda feed, kind, name: NameScreen(kind, name, label))

    looks = [look("w", "ways back"), look("d", "describe"), look("y", "YAML"), look("l", "logs"), look("t", "timeline")]
    return Places(
        subjects={"service": lambda feed, name: NameScreen("services", name)},
        looks=looks,
        plan=lambda feed, verb, names: NameScreen(verb.id, *names),
    )


if __name__ == "__main__":  # python -m tests.screens.memory: look at it
    from screens.app import LastgoodApp

    app = LastgoodApp(fleet(), places=places())
    app.run()
    raise SystemExit(app.return_code or 0)
