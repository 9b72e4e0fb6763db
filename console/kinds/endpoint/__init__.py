"""Endpoints: what users are served by."""

from console.kinds.base import Kind, Watch
from console.kinds.capacity.verbs import capacity_verbs
from console.kinds.endpoint.table import COLUMNS
from console.kinds.endpoint.verbs import VERBS
from console.kinds.endpoint.view import order, views
from console.kinds.hold.verbs import hold_verb


def _watches() -> tuple[Watch, ...]:
    from console.kinds.config.watch import ConfigWatch
    from console.kinds.endpoint.watch import EndpointWatch
    from console.kinds.symptom.watch import SymptomWatch
    from console.kinds.vitals.watch import VitalsWatch

    # Logs are read of those that their vital signs tell to be in trouble.
    return (EndpointWatch(), VitalsWatch(), SymptomWatch(), ConfigWatch())


KIND = Kind(
    id="endpoint",
    plural="endpoints",
    aliases=("ep",),
    columns=COLUMNS,
    views=views,
    order=order,
    watches=_watches,
    verbs=(*VERBS, *capacity_verbs("endpoint"), hold_verb("endpoint")),
    sources=("endpoints", "changes", "logs", "metrics", "scaling", "configs"),
    eager=("metrics", "configs"),
)
