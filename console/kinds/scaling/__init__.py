"""Scalable targets: whether what serves can still grow, and why it does not."""

from console.kinds.base import Kind, Watch
from console.kinds.capacity.verbs import capacity_verbs
from console.kinds.scaling.table import COLUMNS
from console.kinds.scaling.view import order, views


def _watches() -> tuple[Watch, ...]:
    from console.kinds.scaling.watch import ScalingWatch

    return (ScalingWatch(),)


KIND = Kind(
    id="scaling",
    plural="scaling",
    aliases=("sc", "autoscaling"),
    columns=COLUMNS,
    views=views,
    order=order,
    watches=_watches,
    verbs=capacity_verbs("scaling"),
    sources=("scaling", "endpoints", "alarms", "metrics"),
)
