"""Which vital sign an alarm reads, and its threshold in that sign's unit: what can be told and drawn beside it. Pure.

Only one metric without math, of exactly the dimensions and the statistic that vital signs have; units by the
conversions of vitals/queries.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from console.kinds.alarm.record import Alarm
from console.kinds.alarm.words import ZERO_OR_ONE
from console.kinds.vitals.course import COUNTS, Who
from console.kinds.vitals.measures import MEASURES, PER_MINUTE, PER_SECOND, RATIO
from console.kinds.vitals.queries import Series, of_endpoint, plain_shape
from console.kinds.vitals.record import Shape, Signs

if TYPE_CHECKING:
    from console.kinds.endpoint.record import Endpoint
    from console.ledger.snapshot import Snapshot

_PLAIN = {
    "GreaterThanThreshold": True,
    "GreaterThanOrEqualToThreshold": True,
    "LessThanThreshold": False,
    "LessThanOrEqualToThreshold": False,
}


class Aim(NamedTuple):
    """`threshold` in the unit of `field` (of Signs), a count in one period of the alarm; of a `share` in percent of the
    requests. `above`: red above it."""

    alarm: Alarm
    who: Who
    field: str
    threshold: float
    share: bool
    above: bool

    def value(self, one: Signs) -> float | None:
        """What it reads now, from the window of vital signs; None where that is not known."""
        found: float | None = getattr(one, self.field)
        if found is None:
            return None
        if self.share:
            return 100 * found / one.invocations if one.invocations else None
        if self.field in COUNTS:
            # Of the window these are sums; requests per instance are a mean minute's.
            minutes = 1 if self.field == "invocations_per_instance" else one.minutes
            return found / minutes * self.alarm.period_s / 60
        return found

    @property
    def unit(self) -> str:
        """With a space before it; empty for a count."""
        if self.share or self.field.endswith("_percent"):
            return " %"
        return next((f" {unit}" for unit in ("ms", "s") if self.field.endswith(f"_{unit}")), "")

    @property
    def level(self) -> tuple[str, float] | None:
        """(id of the measure, value) of the line in its plot; None where what is plotted is another statistic."""
        for one in MEASURES:
            if one.field != self.field or bool(one.over) != self.share:
                continue
            by = {PER_SECOND: 1 / self.alarm.period_s, PER_MINUTE: 60 / self.alarm.period_s, RATIO: 100.0}.get(one.by)
            if by is None and self.field in COUNTS and not self.share:
                return None
            return one.id, self.threshold * (by or 1.0)
        return None


def aims(
    alarms: Iterable[Alarm], snapshot: Snapshot, e: Endpoint, components: Sequence[tuple[str, str]] = ()
) -> list[Aim]:
    """Of those that read a vital sign of this endpoint. `components`: (name, variant) of those it has."""
    found = list(alarms)
    configs = list(dict.fromkeys(metric.config for alarm in found for metric in alarm.metrics if metric.config))
    series = of_endpoint(e.name, _shape(snapshot, e), everything=True, configs=configs, components=components)
    return [one for alarm in found if (one := aim(alarm, series)) is not None]


def aim(alarm: Alarm, series: Iterable[Series]) -> Aim | None:
    above = _PLAIN.get(alarm.comparison)
    if alarm.composite or alarm.expression or len(alarm.metrics) != 1 or alarm.threshold is None or above is None:
        return None
    metric = alarm.metrics[0]
    # Each datum is 0 or 1: the average is what errors are divided by requests.
    share = metric.name in ZERO_OR_ONE and metric.stat == "Average" and metric.name != "ModelCacheHit"
    stat = "Sum" if share else metric.stat
    for one in series:
        same = (one.metric.namespace, one.metric.name, one.metric.stat) == (metric.namespace, metric.name, stat)
        if not same or dict(one.dimensions) != metric.dimensions:
            continue
        value = 100 * alarm.threshold if share else one.metric.convert(alarm.threshold, one.machine)
        if value is not None:
            return Aim(alarm, (one.variant, one.config, one.component), one.metric.field, value, share, above)
    return None


def _shape(snapshot: Snapshot, e: Endpoint) -> Shape:
    """As far as it was read: of hosts whose type is not known nothing can be said."""
    if (fact := snapshot.ledger.head(snapshot.scope, "shape", e.config)) is not None:
        return msgspec.json.decode(fact.body, type=Shape)
    return plain_shape(e.config, [(v.name, bool(v.serverless)) for v in e.variants])
