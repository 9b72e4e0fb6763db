"""What the containers of a recently deployed endpoint log: the first sign that a new config is bad. Pure."""

from __future__ import annotations

import msgspec

from console.clock import Millis, iso
from console.text import count


class Symptom(msgspec.Struct, frozen=True, gc=False):
    """Error lines of one window. `sample` is the most frequent one without its time stamp; `since` its first sight."""

    endpoint: str
    config: str
    at: Millis
    errors: int
    lines: int
    sample: str = ""
    since: Millis | None = None
    cut: bool = False

    @property
    def name(self) -> str:
        return self.endpoint

    def words(self) -> str:
        more = "at least " if self.cut else ""
        return f"{more}{count(self.errors, 'error line')} of {self.lines:,} in the window that ended {iso(self.at)}"
