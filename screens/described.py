"""One thing of a kind that has no screen of its own: what `lastgood describe` prints, with its verbs and looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from console.clock import Millis
from console.fleet.describe import lines as described
from screens.blocks import Line
from screens.feed import SubjectFeed
from screens.reader import labelled_lines
from screens.subject import SubjectScreen


class Described(NamedTuple):
    view: Any
    said: tuple[tuple[str, str], ...]


class DescribedScreen(SubjectScreen):
    def __init__(self, kind_id: str, name: str) -> None:
        super().__init__(name)
        self.kind_id = kind_id

    def read(self, feed: SubjectFeed) -> Described | None:
        view = feed.view(self.kind_id, self.name_)
        return None if view is None else Described(view, tuple(described(self.kind, view, feed.snapshot(), feed.now())))

    def trail(self) -> Sequence[str]:
        """A change's name is CloudTrail's id of it, which tells nobody anything."""
        if self.kind_id != "change" or self.content is None:
            return super().trail()
        change = self.content.view.change
        return (self.kind.plural, f"{change.event} {change.subject.rsplit('/', 1)[-1]}")

    def lines(self, width: int, height: int, now: Millis) -> Sequence[Line]:
        return labelled_lines(self.content.said, width)
