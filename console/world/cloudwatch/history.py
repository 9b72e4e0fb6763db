"""What happened to alarms: configuration, state and action items, kept for 30 days even after the alarm is deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

KEPT_S = 30 * 86400.0
_LONGEST = 4095
VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Item:
    at: float
    alarm: str
    type: str
    """MetricAlarm or CompositeAlarm."""
    kind: str
    """ConfigurationUpdate, StateUpdate or Action."""
    summary: str
    data: str

    def shown(self) -> dict[str, Any]:
        return {
            "AlarmName": self.alarm,
            "AlarmType": self.type,
            "Timestamp": self.at,
            "HistoryItemType": self.kind,
            "HistorySummary": self.summary,
            "HistoryData": self.data,
        }


class History:
    """In the order of happening."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def add(self, at: float, alarm: str, type_: str, kind: str, summary: str, **data: Any) -> None:
        text = json.dumps({"version": VERSION} | data, default=str)
        self._items.append(Item(at, alarm, type_, kind, summary[:255], text[:_LONGEST]))
        if len(self._items) % 1000 == 0:
            self._items = [item for item in self._items if at - item.at <= KEPT_S]

    def between(self, start: float, end: float, now: float) -> Iterator[Item]:
        """Oldest first; both ends count."""
        since = max(start, now - KEPT_S)
        return (item for item in self._items if since <= item.at <= end)
