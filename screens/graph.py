"""The steps of a run: their states, and the graph drawn as boxes and arrows or as a list (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from console.clock import Millis, age_step, clock_time, duration
from console.kinds.execution.record import Step
from console.kinds.execution.view import ExecutionView
from console.kinds.pipeline.record import Node
from console.text import safe
from screens.blocks import BLANK, Line, aligned
from screens.pieces import Piece

DRAWN_AT_MOST = 6
"""More steps are read faster as a list."""

_SUFFIXES = ("-RegisterModel", "-CreateModel", "-RepackModel")
"""What the SageMaker SDK appends to the names of a step collection's steps."""

SKIPPED = "·"
_GLYPHS = {
    "Succeeded": ("●", "ok"),
    "Failed": ("✖", "bad"),
    "Executing": ("◐", "moving"),
    "Starting": ("◐", "moving"),
    "Stopping": ("◐", "moving"),
    "Stopped": ("■", "warn"),
}
_ARROW, _BRANCH, _MORE, _LAST, _LINE = " ─► ", " ─┬─► ", " ├─► ", " └─► ", " │"


class StepState(NamedTuple):
    """One step as it is drawn. `took` is a duration or how long it runs; `note` is what else there is to say."""

    name: str
    shown: str
    glyph: str
    ink: str
    took: str
    note: str
    step: Step | None
    node: Node | None

    @property
    def type(self) -> str:
        return (self.node.type if self.node else "") or (self.step.type if self.step else "")


def states(view: ExecutionView, now: Millis) -> list[StepState]:
    """All steps of the definition in the order they wait for each other, then steps the definition does not have."""
    e = view.execution
    steps = {step.name: step for step in e.steps}
    nodes = {node.name: node for node in view.nodes}
    order = [*_ordered(view.nodes), *(name for name in steps if name not in nodes)]
    short = _shortened(order)
    return [_state(name, short[name], steps, nodes, now, ended=e.ended) for name in order]


def _state(
    name: str, shown: str, steps: Mapping[str, Step], nodes: Mapping[str, Node], now: Millis, *, ended: bool
) -> StepState:
    step, node = steps.get(name), nodes.get(name)
    if step is None:
        note = "branch not taken" if _skipped(node, steps, nodes) else "not reached" if ended else ""
        return StepState(name, shown, SKIPPED if note == "branch not taken" else "○", "dim", "", note, None, node)
    glyph, ink = _GLYPHS.get(step.status, ("◌", "unknown"))
    if step.status == "Failed" and "Fail" in (step.type, node.type if node else ""):
        glyph, ink = "■", "warn"  # a Fail step has done what it is there for
    took, notes = "", []
    if step.status not in _GLYPHS:
        notes.append(f"status {step.status or 'missing'}")
    if step.cached_from:
        notes.append("cached")
    elif step.started_at and step.ended_at:
        took = duration(step.ended_at - step.started_at)
    elif step.started_at and step.status in {"Executing", "Starting", "Stopping"}:
        took = age_step(now - step.started_at) or "just now"
    if step.attempts > 1:
        notes.append(f"attempt {step.attempts}")
    if outcome := step.detail.get("Outcome"):
        notes.append({"True": "true: if branch", "False": "false: else branch"}.get(outcome, outcome))
    return StepState(name, shown, glyph, ink, took, ", ".join(notes), step, node)


def _skipped(node: Node | None, steps: Mapping[str, Step], nodes: Mapping[str, Node], depth: int = 0) -> bool:
    """Whether the condition it is under chose the other branch, or is under such a one itself."""
    if node is None or not node.branch or depth > len(nodes):
        return False
    condition, _, side = node.branch.rpartition(":")
    step = steps.get(condition)
    if step is not None and (outcome := step.detail.get("Outcome")) in ("True", "False"):
        return outcome != ("True" if side == "if" else "False")
    return _skipped(nodes.get(condition), steps, nodes, depth + 1)


def _shortened(names: Sequence[str]) -> dict[str, str]:
    """Names without what the SDK appended, where they stay different."""
    short = {name: next((name.removesuffix(s) for s in _SUFFIXES if name.endswith(s)), name) for name in names}
    counts: dict[str, int] = {}
    for text in short.values():
        counts[text] = counts.get(text, 0) + 1
    return {name: text if counts[text] == 1 and text else name for name, text in short.items()}


# Dependencies.


def parents(nodes: Sequence[Node]) -> dict[str, tuple[str, ...]]:
    """What each step directly waits for, the condition it is under among it; without what follows from the others."""
    known = {node.name for node in nodes}
    waits: dict[str, set[str]] = {}
    for node in nodes:
        condition = node.branch.rpartition(":")[0]
        waits[node.name] = {name for name in (*node.after, condition) if name in known and name != node.name}
    above: dict[str, set[str]] = {name: _above(name, waits) for name in waits}
    return {
        node.name: tuple(
            other.name
            for other in nodes
            if other.name in waits[node.name]
            and not any(other.name in above[third] for third in waits[node.name] if third != other.name)
        )
        for node in nodes
    }


def _above(name: str, waits: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    queue = list(waits[name])
    while queue:
        other = queue.pop()
        if other not in found:
            found.add(other)
            queue += waits[other]
    return found


def _ordered(nodes: Sequence[Node]) -> list[str]:
    """Names in an order in which each comes after what it waits for; in that of the definition where that is free."""
    waits = {name: set(above) for name, above in parents(nodes).items()}
    order: list[str] = []
    while waits:
        ready = next((name for name, above in waits.items() if not above & waits.keys()), next(iter(waits)))
        order.append(ready)
        del waits[ready]
    return order


# Drawing.


def drawn(found: Sequence[StepState], nodes: Sequence[Node], width: int, selected: str = "") -> list[Line] | None:
    """The graph from left to right, two lines a row; None where a list says it better (many steps, joins, no room)."""
    above = parents(nodes)
    by_name = {state.name: state for state in found}
    roots = [name for name in by_name if not above.get(name)]
    if not found or len(found) > DRAWN_AT_MOST or len(roots) != 1 or len(by_name) != len(found):
        return None
    if any(len(waits) > 1 for waits in above.values()) or any(state.node is None for state in found):
        return None
    children: dict[str, list[str]] = {name: [] for name in by_name}
    for name in by_name:
        for parent in above[name]:
            children[parent].append(name)
    depth = {roots[0]: 0}
    queue = [roots[0]]
    while queue:
        name = queue.pop()
        for child in children[name]:
            if child in depth:
                return None
            depth[child] = depth[name] + 1
            queue.append(child)
    if len(depth) != len(found):
        return None
    columns = [0] * (max(depth.values()) + 1)
    for state in found:
        below = cell_len(_below(state)) + 2
        columns[depth[state.name]] = max(columns[depth[state.name]], cell_len(safe(state.shown)) + 2, below)
    forks = {depth[name] + 1 for name in by_name if len(children[name]) > 1}
    gaps = [0, *(len(_BRANCH if n in forks else _ARROW) for n in range(1, len(columns)))]
    if 2 + sum(columns) + sum(gaps) > width:
        return None
    canvas = _Canvas(columns, gaps)
    canvas.place(roots[0], 0, 0, children, by_name, selected)
    return canvas.lines()


def _below(state: StepState) -> str:
    """What stands under a step; that it was not reached is told by its sign."""
    note = state.note.replace(": if branch", "").replace(": else branch", "") if state.step else ""
    return ", ".join(filter(None, (state.took, note)))


class _Canvas:
    """Pieces by line and column of cells."""

    def __init__(self, columns: Sequence[int], gaps: Sequence[int]) -> None:
        self._xs = [2]
        for cells, gap in zip(columns, gaps[1:], strict=False):
            self._xs.append(self._xs[-1] + cells + gap)
        self._rows: dict[int, dict[int, list[Piece]]] = {}

    def put(self, x: int, y: int, *pieces: Piece) -> None:
        self._rows.setdefault(y, {})[x] = list(pieces)

    def place(
        self,
        name: str,
        depth: int,
        y: int,
        children: Mapping[str, Sequence[str]],
        by_name: Mapping[str, StepState],
        selected: str,
    ) -> int:
        """Draw a step with all that follows it; returns the first free line below."""
        state, x = by_name[name], self._xs[depth]
        ink = "dim" if state.ink == "dim" else "strong" if state.ink in ("bad", "moving") else ""
        self.put(x, y, (state.glyph, state.ink), (" ", ""), (state.shown, "cursor" if name == selected else ink))
        below = _below(state)
        if below:
            self.put(x + 2, y + 1, (below, "dim"))
        following = children[name]
        if not following:
            return y + (2 if below else 1)
        after = x + 2 + cell_len(safe(state.shown))
        dashes = self._xs[depth + 1] - after
        at = y
        for number, child in enumerate(following):
            if number == 0:
                tail = _BRANCH[1:] if len(following) > 1 else _ARROW[1:]
                self.put(after, at, (" " + "─" * (dashes - len(tail) - 1) + tail, "dim"))
            else:
                last = number == len(following) - 1
                self.put(self._xs[depth + 1] - len(_MORE), at, (_LAST if last else _MORE, "dim"))
            free = self.place(child, depth + 1, at, children, by_name, selected)
            if number < len(following) - 1:
                for y_ in range(at + 1, free):
                    self.put(self._xs[depth + 1] - len(_MORE), y_, (_LINE, "dim"))
            at = free
        return at

    def lines(self) -> list[Line]:
        lines: list[Line] = []
        for y in range(max(self._rows) + 1):
            pieces: list[Piece] = []
            used = 0
            for x, put in sorted(self._rows.get(y, {}).items()):
                pieces += [(" " * (x - used), "")] if x > used else []
                pieces += put
                used = x + sum(cell_len(safe(text.strip())) + len(text) - len(text.strip()) for text, _ in put)
            lines.append(tuple(pieces))
        while lines and lines[-1] == BLANK:
            lines.pop()
        return lines


# A list.


def listed(
    found: Sequence[StepState], nodes: Sequence[Node], width: int, now: Millis, selected: str = ""
) -> list[Line]:
    """One line a step, in their order; what does not simply follow the line above says what it waits for."""
    above = parents(nodes)
    rows: list[list[Piece]] = []
    before = ""
    for state in found:
        branch = state.node.branch if state.node else ""
        condition, _, side = branch.rpartition(":")
        indent = "  " * _depth(state.node, nodes)
        notes = [state.note] if state.note and (state.step or state.glyph == SKIPPED) else []  # ○ says "not reached"
        waits = above.get(state.name, ())
        if condition and waits == (condition,):
            notes.insert(0, f"{'if' if side == 'if' else 'unless'} {condition}")
        elif waits and waits != (before,):
            notes.append(f"after {', '.join(waits)}")
        started = clock_time(state.step.started_at, now) if state.step and state.step.started_at else ""
        ink = "dim" if state.ink == "dim" else "strong" if state.ink in ("bad", "moving") else ""
        row: list[Piece] = [
            (state.glyph, state.ink),
            (indent + safe(state.shown), ink),
            (state.took, ""),
            (state.type, "dim"),
            (started, "dim"),
            (", ".join(notes), "dim"),
        ]
        rows.append([(text, "cursor") for text, _ in row] if state.name == selected else row)
        before = state.name
    return aligned(rows, width, right=(2,), flex=5)


def _depth(node: Node | None, nodes: Sequence[Node]) -> int:
    by_name = {other.name: other for other in nodes}
    depth = 0
    while node is not None and node.branch and depth < 5:
        depth += 1
        node = by_name.get(node.branch.rpartition(":")[0])
    return depth
