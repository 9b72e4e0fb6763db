"""A candidate is below the threshold and the gate refuses it: the pipeline did its job, nobody is to be woken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from console.world.incidents.arrival import arrival, pipeline_named
from console.world.incidents.registry import Incident, incident

if TYPE_CHECKING:
    from console.world.world import World

PIPELINE = "price-elastic-train"
_METRIC = "binary_classification_metrics.auc.value"


def play(world: World) -> None:
    pipeline = pipeline_named(world, PIPELINE)
    arrival(world, pipeline, replace(pipeline.script, reports=((_METRIC, 0.81),)), ended_ago_s=300, lasting=True)


incident(
    Incident(
        name="quality-gate",
        headline="a pipeline's quality gate refuses a candidate",
        subject=f"pipeline/{PIPELINE}",
        right="none",
        wrong=("retry", "retrain", "rollback"),
        play=play,
    )
)
