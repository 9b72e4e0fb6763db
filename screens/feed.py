"""Where screens get what they draw: an interface, so that no screen knows the ledger, and never a cloud API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from console.clock import Millis
from console.fleet.header import HeaderInfo, Unread
from console.kinds.base import Kind

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


class Feed(Protocol):
    """Reads the fleet. `views` and `names` may take long and are called on a worker thread; the others are cheap."""

    @property
    def kinds(self) -> Sequence[Kind]: ...
    @property
    def contexts(self) -> Sequence[str]:
        """Names for `:ctx`."""

    def now(self) -> Millis:
        """What the screens call now: the wall clock, or a moment of the past while travelling in time."""

    def header(self, now: Millis) -> HeaderInfo: ...
    def views(self, kind_id: str) -> list[Any]:
        """All views of a kind, in any order. A view has a `name`; frozen, so that equal means unchanged."""

    def unread(self, kind_id: str) -> Unread | None:
        """Why its source was never read: until then, that there is nothing of it is not known. None: it was."""

    def names(self, kind_id: str) -> Sequence[str]:
        """For the completion of the command line."""

    def changed(self) -> bool:
        """Whether anything was written since the last call. Polled four times a second (SQLite's data_version)."""

    def interest(self, kind_id: str, names: Iterable[str]) -> None:
        """What is on screen now, for the collector to look at more often."""


class SubjectFeed(Feed, Protocol):
    """What the screens of one thing read beyond the lists; on a worker thread."""

    @property
    def child_env(self) -> Mapping[str, str]:
        """The environment of `lastgood` as a subprocess: the same context and ledger."""

    def snapshot(self) -> Snapshot: ...
    def view(self, kind_id: str, name: str) -> Any | None:
        """One view with all that its own screen draws; None if there is no such thing (any more)."""


def name_of(view: Any) -> str:
    """The subject's name: the row's key, what `open_subject` and the verbs are given."""
    return str(view.name)
