"""What the containers of an endpoint log: the first sign that a new config is bad, and of one in trouble why. Pure."""

from __future__ import annotations

import msgspec

from console.clock import Millis, iso
from console.text import count

WARNINGS_TELL = 3
"""In one window: fewer are chance."""


class Symptom(msgspec.Struct, frozen=True, gc=False):
    """Error lines of one window. `sample` is the most frequent one without its time stamp; `since` its first sight.

    `warnings` are counted of an endpoint in trouble alone: healthy containers warn of this and that.
    """

    endpoint: str
    config: str
    at: Millis
    errors: int
    lines: int
    sample: str = ""
    since: Millis | None = None
    cut: bool = False
    warnings: int = 0
    warned: str = ""
    """The most frequent warning."""
    apart: bool = False
    """Whether the lines of `config` were told from those of the other fleet."""
    fell: bool = False
    """Of a fleet that went with a failed update, by whose end `since` is; `config` is empty where nobody saw it."""

    def is_of(self, config: str) -> bool:
        """Whether these are lines of what serves."""
        return not self.fell and self.config in {config, ""}

    @property
    def name(self) -> str:
        return self.endpoint

    @property
    def evidence(self) -> str:
        """The line that tells why an endpoint is in trouble, if one does. By itself it is no trouble."""
        return self.sample if self.errors else self.warned if self.warnings >= WARNINGS_TELL else ""

    def words(self) -> str:
        more = "at least " if self.cut else ""
        found = (count(n, f"{what} line") for n, what in ((self.errors, "error"), (self.warnings, "warning")) if n)
        return (
            f"{more}{' and '.join(found) or 'no error line'} of {self.lines:,} in the window that ended {iso(self.at)}"
        )
