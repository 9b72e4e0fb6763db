"""Pipelines: how models are made."""

from console.kinds.base import Kind, Watch
from console.kinds.hold.verbs import hold_verb
from console.kinds.pipeline.table import COLUMNS
from console.kinds.pipeline.verbs import VERBS
from console.kinds.pipeline.view import order, views


def _watches() -> tuple[Watch, ...]:
    from console.kinds.pipeline.watch import PipelineWatch

    return (PipelineWatch(),)


KIND = Kind(
    id="pipeline",
    plural="pipelines",
    aliases=("pl",),
    columns=COLUMNS,
    views=views,
    order=order,
    watches=_watches,
    verbs=(*VERBS, hold_verb("pipeline")),
    sources=("pipelines", "executions"),
)
