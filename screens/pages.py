"""Pages about the whole: what needs somebody (`:triage`), the journal of actions (`:audit`), and what the next shift
must know (`:handover`)."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from console.clock import DAY, HOUR
from console.fleet.audit import TITLES, Row, rows, step_name
from console.kinds.base import Sign
from console.text import safe
from screens.blocks import BLANK, Line, paragraph, wrap
from screens.deeds import ENDINGS
from screens.feed import SubjectFeed
from screens.reader import TextScreen, spaced

_CONSENT = step_name("intent")
_ENDINGS = {step_name(step): ending for step, ending in ENDINGS.items()}
AUDIT_MS = 7 * DAY
HANDOVER_MS = 8 * HOUR


class PageScreen(TextScreen):
    def __init__(self) -> None:
        super().__init__("", "")

    def trail(self) -> Sequence[str]:
        return (self.what,)


class AuditScreen(PageScreen):
    """Oldest first as `lastgood audit` prints it, so that a story reads downwards; it opens at its end."""

    what = "audit"
    _rows: Sequence[Row] = ()
    _opened = False

    def read(self, feed: SubjectFeed) -> bool:
        snapshot = feed.snapshot()
        entries = snapshot.ledger.journal.entries(snapshot.scope, since=snapshot.moment - AUDIT_MS)
        self._rows = rows(entries, snapshot.moment)
        return True

    def lines(self, width: int) -> list[Line]:
        return audit_lines(self._rows, width)

    def redraw(self) -> None:
        super().redraw()
        if self._rows and not self._opened and self.text.size.width:
            self._opened = True
            self.text.move("last")


def audit_lines(found: Sequence[Row], width: int) -> list[Line]:
    """What was done wraps in its own column; how an action ended stands out."""
    if not found:
        return [((" no action in the last 7 days", "dim"),)]
    at, action, step = (max(cell_len(safe(row[n])) for row in (TITLES, *found)) for n in range(3))
    indent = at + action + step + 7
    titles = f" {'AT':>{at}}  {'ACTION':<{action}}  {'STEP':<{step}}  WHAT"
    lines: list[Line] = [tuple((part, "head") for part, _ in spaced(titles))]
    for row in found:
        ending = _ENDINGS.get(row.step)
        head: Line = (
            (f" {row.at:>{at}}", "dim"),
            ("  ", ""),
            (f"{row.action:<{action}}", "dim"),
            ("  ", ""),
            (f"{row.step:<{step}}", ending.style if ending else "strong" if row.step == _CONSENT else ""),
            ("  ", ""),
        )
        if indent > width // 2:
            lines += [head, *paragraph(row.what, width - 1, "", indent=3)]
            continue
        words = wrap(row.what, width - indent - 1)
        lines += [
            (*(head if not n else ((" " * indent, ""),)), (part, "strong" if row.step == _CONSENT else ""))
            for n, part in enumerate(words)
        ]
    return lines


class TriageScreen(PageScreen):
    """`c` copies it as `lastgood triage` prints it."""

    what = "triage"
    _page: Sequence[str] = ()

    def read(self, feed: SubjectFeed) -> bool:
        from console.triage.needs import needs, text

        snapshot = feed.snapshot()
        self._page = list(text(needs(snapshot), snapshot, snapshot.moment))
        return True

    def whole(self) -> str:
        return "\n".join(self._page)

    def lines(self, width: int) -> list[Line]:
        return triage_lines(self._page, width)


def triage_lines(page: Sequence[str], width: int) -> list[Line]:
    """What needs somebody with its sign's colour, what is said of it in a column of its own, wrapped."""
    lines: list[Line] = []
    inks = {sign.glyph: sign.value for sign in Sign}
    for line in page:
        label, _, words = line.strip().partition("  ")
        if line.startswith("  ") and words:
            lines += paragraph(words.strip(), width - 1, "", first=((f"   {label:<9} ", "head"),), indent=13)
        elif line:
            glyph, _, words = line.strip().partition(" ")
            ink = inks.get(glyph, "")
            said = words if ink else line.strip()
            lines += paragraph(said, width - 1, "strong", first=((f" {glyph if ink else ' '} ", ink),), indent=3)
        else:
            lines.append(BLANK)
    return lines


class HandoverScreen(PageScreen):
    """Of the last eight hours; `c` copies the page as `lastgood handover` prints it."""

    what = "handover"
    _page: Sequence[str] = ()

    def read(self, feed: SubjectFeed) -> bool:
        from console.triage.handover import sections, text

        snapshot = feed.snapshot()
        since = snapshot.moment - HANDOVER_MS
        self._page = list(text(sections(snapshot, since), snapshot, self.console.info.context, since))
        return True

    def whole(self) -> str:
        return "\n".join(self._page)

    def lines(self, width: int) -> list[Line]:
        return page_lines(self._page, width)


def page_lines(page: Sequence[str], width: int) -> list[Line]:
    """Headings and points of the page, wrapped."""
    lines: list[Line] = []
    for line in page:
        if line.startswith("#"):
            lines += paragraph(line.lstrip("# "), width - 1, "strong" if line.startswith("# ") else "head",
                               first=((" ", ""),), indent=1)  # fmt: skip
        elif line.startswith("- "):
            lines += paragraph(line[2:], min(width, 120) - 1, "", first=(("   · ", "dim"),), indent=5)
        else:
            lines += paragraph(line, width - 1, "dim", first=((" ", ""),), indent=1) if line else [BLANK]
    return lines
