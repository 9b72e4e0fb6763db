"""One thing that differs between two runs or two configs, and how it is told. Pure."""

from __future__ import annotations

import msgspec

from console.text import shorten

NONE = "–"
ROOM, ALIKE = 40, 8
"""Characters of a value that is told, and how many of them both values share at most."""


class Difference(msgspec.Struct, frozen=True):
    what: str
    before: str
    after: str

    @property
    def told(self) -> tuple[str, str]:
        """What, and both values from where they begin to differ if they are long: a tag has up to 128 characters."""
        a, b = self.before, self.after
        alike = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))) - ALIKE
        if max(len(a), len(b)) > ROOM and alike > 0:
            a, b = f"…{a[alike:]}", f"…{b[alike:]}"
        return shorten(self.what, ROOM), f"{shorten(a, ROOM)} → {shorten(b, ROOM)}"
