"""What a kind is made of: signs, cells, columns, watches and verbs. One registry line per kind (kinds/registry.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from console.actions.verb import Verb
from console.clock import Millis

if TYPE_CHECKING:
    from console.ledger.samples import Sample
    from console.ledger.snapshot import Snapshot


class Sign(StrEnum):
    """The state as users feel it. Drawn as glyph + word + colour, never colour alone; sorted worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    MOVING = "moving"
    UNKNOWN = "unknown"
    HELD = "held"
    OK = "ok"

    @property
    def glyph(self) -> str:
        return _GLYPHS[self]

    @property
    def rank(self) -> int:
        return _RANKS[self]


_GLYPHS = dict(zip(Sign, "✖▲◐◌⏸●", strict=True))
_RANKS = {sign: rank for rank, sign in enumerate(Sign)}


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong, in words, and the reasons that decided it. `since` is when it began, if that was observed; `about`
    is what decided it, in one word, where advice depends on that."""

    sign: Sign
    words: str
    reasons: tuple[str, ...] = ()
    since: Millis | None = None
    about: str = ""


class Cell(NamedTuple):
    """Raw text to draw (made safe where it is drawn), a style name of the theme, and what to sort by."""

    text: str
    style: str = ""
    sort: Any = None


class Column(msgspec.Struct, frozen=True):
    """One column of a kind's table, shared by the CLI and the screens.

    `priority` 0 is always shown; higher numbers are dropped first where the width is short. `flex` columns take what
    width is left. `cell(view, now)` must be pure: ages come from `now` in coarse steps, so that a table at rest has
    nothing to repaint.
    """

    id: str
    title: str
    width: int
    cell: Callable[[Any, Millis], Cell]
    priority: int = 0
    right: bool = False
    flex: bool = False
    drawn: bool = False
    """For screens alone: it draws what other columns say in numbers."""
    help: str = ""
    """What it says, for the help, where the title has no room for it."""


class Eyes(Protocol):
    """What a watch is given to see with. One per sweep and source; clients are scoped to the watch's operations."""

    @property
    def scope(self) -> str: ...
    def client(self, service: str) -> Any:
        """A boto3 client that refuses every operation the watch has not declared."""

    def now(self) -> Millis: ...
    def spare(self, operation: str) -> bool:
        """Whether the call budget has room for this operation without waiting long."""

    def failing(self, source: str) -> str:
        """Why another source cannot be read now, or an empty text: what rests on it is not known either."""

    def in_time(self) -> bool:
        """False once whoever waits for this sweep has waited enough: what is left is for the next one."""

    def interest(self, kind: str) -> frozenset[str]:
        """Names of this kind that are on somebody's screen."""

    def head(self, kind: str, name: str) -> bytes | None: ...
    def heads(self, kind: str) -> dict[str, bytes]: ...
    def saw(self, kind: str, name: str, record: msgspec.Struct, *, provider_at: Millis | None = None) -> None:
        """Append a fact if it differs from the last one."""

    def gone(self, kind: str, names: Iterable[str]) -> None:
        """Append tombstones."""

    def fill(self, since: Millis) -> None:
        """Say that the past of this source is known from `since` on, though nobody watched then."""

    def recall(self, key: str) -> str:
        """A small cursor kept in the ledger across restarts; empty at first."""

    def remember(self, key: str, value: str) -> None: ...
    @property
    def dollars_per_hour(self) -> float:
        """What reading metrics may cost (setting metrics_dollars_per_hour)."""

    def keep(self, kind: str, samples: Sequence[Sample], *, alone: bool = False) -> None:
        """Measurements, for the hours they are kept; `alone`: only the newest of each subject."""

    def kept(self, kind: str, since: Millis, names: Sequence[str] | None = None) -> list[Sample]: ...
    def prune(self, before: Millis) -> None:
        """Forget measurements of all kinds."""


class Watch(Protocol):
    """Reads one source incrementally. Instances keep cursors between sweeps; what matters is in the ledger."""

    @property
    def source(self) -> str: ...
    @property
    def operations(self) -> tuple[str, ...]: ...
    @property
    def every_s(self) -> float: ...
    def sweep(self, eyes: Eyes) -> None:
        """Look once. Raises SourceError when the source cannot be read; what was seen before stays, with its age."""


class Kind(msgspec.Struct, frozen=True):
    """One thing an operator looks at."""

    id: str
    plural: str
    aliases: tuple[str, ...]
    columns: tuple[Column, ...]
    views: Callable[[Snapshot, Sequence[str] | None], list[Any]]
    """The views of a snapshot, all or those named, in no particular order. Pure reading: never a call to a provider."""
    order: Callable[[Any], Any]
    """Sort key that puts the worst first."""
    watches: Callable[[], tuple[Watch, ...]]
    verbs: tuple[Verb, ...] = ()
    sources: tuple[str, ...] = ()
    """Sources whose coverage and age belong to this table."""
    eager: tuple[str, ...] = ()
    """Those of them that look at once at what comes on screen, beside the first."""
    children: tuple[str, ...] = ()
