"""Executions: the runs of pipelines."""

from console.kinds.base import Kind, Watch
from console.kinds.execution.table import COLUMNS
from console.kinds.execution.verbs import VERBS
from console.kinds.execution.view import order, views


def _watches() -> tuple[Watch, ...]:
    from console.kinds.execution.watch import ExecutionWatch

    return (ExecutionWatch(),)


KIND = Kind(
    id="execution",
    plural="executions",
    aliases=("run", "runs", "ex"),
    columns=COLUMNS,
    views=views,
    order=order,
    watches=_watches,
    verbs=VERBS,
    sources=("executions",),
)
