"""What incidents on pipelines share: new features arrived, a rule started an execution, and it has just ended."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from console.world import pipeline_seed
from console.world.roster import ROSTER
from console.world.sagemaker.history import outline
from console.world.sagemaker.records import Pipeline, Script, short_id
from console.world.sagemaker.runs import next_pace
from console.world.sagemaker.store import Pipelines

if TYPE_CHECKING:
    from console.world.world import World


def pipeline_named(world: World, name: str) -> Pipeline:
    """A pipeline of the roster; it is planted if this world's fleet is too small to have it."""
    model = name.rsplit("-", 1)[0]
    team = next(service.team for service in ROSTER if service.name == model)
    pipeline_seed.plant(world, {model: team})
    return world.region().of(Pipelines).find(name)


def arrival(world: World, pipeline: Pipeline, script: Script, ended_ago_s: float, *, lasting: bool) -> None:
    """An execution under `script` whose end was `ended_ago_s` modelled seconds before now. It really runs, through the
    time gone by, when the world is next looked at: its attempts, logs and search records come in their order.
    `lasting`: later executions fare the same."""
    length_s = next_pace(world, pipeline) * outline(pipeline.versions[-1], script).length_s
    usual = pipeline.script

    def start(due: float) -> None:
        pipeline.script = script
        hour = dt.datetime.fromtimestamp(due, dt.UTC)
        data = pipeline_seed.input_data(pipeline.name, f"{hour:%Y-%m-%d}/hour={hour:%H}")
        request = {
            "PipelineName": pipeline.name,
            "PipelineExecutionDisplayName": f"arrival-{hour:%Y-%m-%d-%H%M}",
            "PipelineParameters": [{"Name": "InputData", "Value": data}],
            "ClientRequestToken": short_id(32, pipeline.arn, due),
        }
        world.call("StartPipelineExecution", request, pipeline_seed.scheduler(pipeline.name))
        if not lasting:
            pipeline.script = usual

    world.agenda.at(world.now - world.clock.real(length_s + ended_ago_s), start)
