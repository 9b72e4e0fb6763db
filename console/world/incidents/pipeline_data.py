"""The feature team renamed a column: evaluation fails on it, and will fail on it again however often it is retried."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from console.world.incidents.arrival import arrival, pipeline_named
from console.world.incidents.registry import Incident, incident
from console.world.sagemaker.records import Fault

if TYPE_CHECKING:
    from console.world.world import World

PIPELINE, STEP = "delay-risk-train", "Evaluate"
_MISSING = 'column "dep_delay" not found in input data'
_LOG = (
    "Traceback (most recent call last):",
    '  File "/opt/ml/processing/input/code/evaluate.py", line 41, in <module>',
    "    labels = frame.pop(LABEL)",
    '  File "/usr/local/lib/python3.11/site-packages/pandas/core/frame.py", line 5791, in pop',
    "    return super().pop(item=item)",
    "KeyError: 'dep_delay'",
    f"ERROR evaluate: {_MISSING}; columns are: carrier, origin, dest, sched_dep, dep_delay_min, distance",
)


def play(world: World) -> None:
    pipeline = pipeline_named(world, PIPELINE)
    broken = Fault(STEP, f"ClientError: {_MISSING}", after_s=95.0, exit_message=_MISSING, log=_LOG)
    arrival(world, pipeline, replace(pipeline.script, faults=(broken,)), ended_ago_s=240, lasting=True)


incident(
    Incident(
        name="pipeline-data",
        headline="an evaluation step fails because its input lacks a column",
        subject=f"pipeline/{PIPELINE}",
        right="hold",
        wrong=("retry", "retrain"),
        play=play,
    )
)
