"""Alarms: what CloudWatch tells people about, and what may revert a deployment."""

from console.kinds.alarm.table import COLUMNS
from console.kinds.alarm.verbs import VERBS
from console.kinds.alarm.view import order, views
from console.kinds.base import Kind, Watch


def _watches() -> tuple[Watch, ...]:
    from console.kinds.alarm.watch import AlarmWatch

    return (AlarmWatch(),)


KIND = Kind(
    id="alarm",
    plural="alarms",
    aliases=("al",),
    columns=COLUMNS,
    views=views,
    order=order,
    watches=_watches,
    verbs=VERBS,
    sources=("alarms",),
)
