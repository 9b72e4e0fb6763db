"""AWS has no GPUs to spare for half an hour: the retry policy gives up, the data and the code are fine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from console.world.incidents.arrival import arrival, pipeline_named
from console.world.incidents.registry import Incident, incident
from console.world.pipeline_seed import CAPACITY
from console.world.sagemaker.records import Fault

if TYPE_CHECKING:
    from console.world.world import World

PIPELINE, STEP = "search-rank-train", "TrainDeep"


def play(world: World) -> None:
    pipeline = pipeline_named(world, PIPELINE)
    # Three attempts are the first and the two of the step's retry policy; the next one finds capacity.
    shortage = Fault(STEP, CAPACITY, attempts=3, after_s=330.0)
    arrival(world, pipeline, replace(pipeline.script, faults=(shortage,)), ended_ago_s=180, lasting=False)


incident(
    Incident(
        name="pipeline-capacity",
        headline="a training step fails because AWS has no instances to spare",
        subject=f"pipeline/{PIPELINE}",
        right="retry",
        wrong=("retrain", "hold"),
        play=play,
    )
)
