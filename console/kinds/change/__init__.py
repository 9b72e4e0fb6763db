"""Changes: who changed what, by CloudTrail."""

from console.kinds.base import Kind, Watch
from console.kinds.change.table import COLUMNS
from console.kinds.change.view import order, views


def _watches() -> tuple[Watch, ...]:
    from console.kinds.change.watch import ChangeWatch

    return (ChangeWatch(),)


KIND = Kind(
    id="change",
    plural="changes",
    aliases=("trail",),
    columns=COLUMNS,
    views=views,
    order=order,
    watches=_watches,
    sources=("changes",),
)
