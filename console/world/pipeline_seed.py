"""The pipelines of the believable fleet: one per model, with thirty nights of executions, some failed, some stopped.

A function of the seed. The past is kept as outlines (sagemaker/history.py): 1,000 pipelines are planted in seconds.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from console.world import moto_backends
from console.world.identity import ACCOUNT, CI, Caller, role_session
from console.world.sagemaker.definitions import Definition, parse
from console.world.sagemaker.expressions import paths_read
from console.world.sagemaker.history import outline
from console.world.sagemaker.records import (
    CallbackAnswer,
    Execution,
    Fault,
    Pipeline,
    Script,
    chance,
    digest,
    short_id,
)
from console.world.sagemaker.search import SearchIndex
from console.world.sagemaker.store import Pipelines, execution_record, pipeline_record, user_context
from console.world.sagemaker.tags import Tags

if TYPE_CHECKING:
    from console.world.world import Region, World

DAYS, DAY_S, HOUR_S = 30, 86_400.0, 3_600.0
LABELLING_QUEUE, BUCKET = "ml-labelling", "acme-ml-artifacts"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/acme-sagemaker-execution"
PEOPLE = (
    role_session("MLEngineer", "tomas.novak", ip="10.24.7.81"),
    role_session("MLEngineer", "aiko.tanaka", ip="10.24.7.93"),
    role_session("OnCall", "maria.lindt"),
)
CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)
_ALGORITHM = 'AlgorithmError: ExecuteUserScriptError: ExitCode 1, ErrorMessage "ValueError: Input contains NaN"'
_COLUMN = 'ClientError: Input data has no column "event_ts"'

RUNNING = {"churn-scorer": 1_500.0, "review-toxic": 2_400.0}
"""Models whose pipeline runs when the world opens, for so many seconds: one tunes, one waits for people's labels."""


@cache
def scheduler(pipeline: str) -> Caller:
    """EventBridge, starting a pipeline by a rule's role."""
    session = short_id(32, "rule", pipeline)
    return role_session("events-start-pipelines", session, agent="events.amazonaws.com", ip="events.amazonaws.com")


@cache
def templates() -> dict[str, str]:
    """Committed definitions by pipeline name, made by definitions/make.py."""
    folder = Path(__file__).parent / "definitions"
    return {file.stem: file.read_text() for file in sorted(folder.glob("*.json"))}


def template_for(model: str) -> str:
    """The definition a model's pipeline is made from: its own, a similar model's, or any."""
    names = list(templates())
    own = next((name for name in names if name.rsplit("-", 1)[0] == model), None)
    return own or _SIMILAR.get(model) or names[digest("template", model) % len(names)]


_SIMILAR = {
    "price-elastic": "delay-risk-train",
    "search-rank": "demand-cast-train",
    "ads-embed": "churn-scorer-train",
    "route-cost": "delay-risk-train",
}


@cache
def scripts(template: str) -> dict[str, Script]:
    """What befalls executions of a definition, by name."""
    definition = parse(templates()[template])
    usual = Script(answers=tuple(_answers(definition)))
    heavy = next(s.name for s in definition.steps.values() if s.type in ("Training", "Tuning", "Transform"))
    job = [s.name for s in definition.steps.values() if s.type == "Processing"][-1]
    found = {
        "ok": usual,
        "capacity": replace(usual, faults=(Fault(heavy, CAPACITY, after_s=330.0),)),
        "algorithm": replace(usual, faults=(Fault(heavy, _ALGORITHM, log=_TRACEBACK),)),
        "data": replace(usual, faults=(Fault(job, _COLUMN, after_s=95.0, exit_message=_COLUMN[13:]),)),
        "stopped": replace(usual, stop_after_s=420.0),
    }
    low = [(path, 0.41) for path in paths_read(json.loads(templates()[template]))]
    return found | ({"gate": replace(usual, reports=tuple(low))} if low else {})


_TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/opt/ml/code/train.py", line 88, in <module>',
    "    booster = xgb.train(params, dtrain, num_boost_round=args.num_round, evals=watchlist)",
    "ValueError: Input contains NaN",
)


def _answers(definition: Definition) -> Iterator[CallbackAnswer]:
    for step in definition.steps.values():
        if step.type == "Callback":
            declared = [item["OutputName"] for item in step.body.get("OutputParameters") or ()]
            values = {"labels": f"s3://{BUCKET}/labels/latest/", "agreement": "0.91"}
            yield CallbackAnswer(step.name, 5_400.0, tuple((name, values.get(name, "")) for name in declared))


@dataclass(frozen=True, slots=True)
class _Past:
    started: float
    fate: str
    by: Caller
    note: str | None


def plant(world: World, teams: Mapping[str, str]) -> None:
    """Plants a pipeline for each model (`delay-risk` → `delay-risk-train`, or `…-score`) with its past, unless there is
    one; `teams` by model."""
    region = world.region()
    state, index = region.of(Pipelines), region.of(SearchIndex)
    started: list[tuple[Execution, Caller]] = []
    for model, team in teams.items():
        pipeline, template = _pipeline(world, region, model)
        if pipeline.name.lower() in state.by_name:
            continue
        for past in _past(world, pipeline, template):
            if execution := _execution(world, pipeline, template, past):
                pipeline.executions.append(execution)
                started.append((execution, past.by))
                index.put("PipelineExecution", execution.arn, execution_record(execution))
        state.add(pipeline)
        hour, minute = divmod(round(60 * _hour(world, pipeline)), 60)
        moto_backends.put_schedule(
            region.name,
            f"{pipeline.name}-nightly",
            f"{minute} {hour} * * ? *",
            pipeline.arn,
            f"arn:aws:iam::{ACCOUNT}:role/events-start-pipelines",
            {"InputData": f"s3://{BUCKET}/features/{model}/latest/"},
        )
        region.of(Tags).put(pipeline.arn, [{"Key": "team", "Value": team}, {"Key": "model", "Value": model}])
        index.put("Pipeline", pipeline.arn, pipeline_record(region, pipeline))
    for execution, by in sorted(started, key=lambda pair: pair[0].created):
        request = {
            "PipelineName": execution.pipeline.name,
            "PipelineExecutionDisplayName": execution.display_name,
            "PipelineParameters": [{"Name": name, "Value": value} for name, value in execution.given],
        }
        answer = {"PipelineExecutionArn": execution.arn}
        region.trail.record("sagemaker", "StartPipelineExecution", request, by, execution.created, answer=answer)
    queues = moto_backends.queues(region.name)
    if LABELLING_QUEUE not in queues.queues:
        queues.create_queue(LABELLING_QUEUE)


def launch(world: World, model: str, started: float) -> None:
    """Somebody started the model's pipeline at a moment gone by, and it runs still."""
    by = PEOPLE[digest(model) % len(PEOPLE)]
    name = f"{model}-{template_for(model).rsplit('-', 1)[1]}"
    request = {
        "PipelineName": name,
        "PipelineExecutionDisplayName": f"{by.name.replace('.', '-')}-{date(started)}",
        "PipelineExecutionDescription": "before the release",
        "ClientRequestToken": short_id(32, name, started),
    }

    def start(due: float) -> None:
        world.call("StartPipelineExecution", request, by)

    world.agenda.at(started, start)


def _pipeline(world: World, region: Region, model: str) -> tuple[Pipeline, str]:
    template = template_for(model)
    base, kind = template.rsplit("-", 1)
    born = world.now - DAY_S * chance(DAYS + 30, DAYS + 300, world.seed, model, "born")
    by = user_context(CI)
    pipeline = Pipeline(
        f"{model}-{kind}",
        f"arn:aws:sagemaker:{region.name}:{ACCOUNT}",
        ROLE,
        [templates()[template].replace(base, model)],
        born,
        world.now - DAY_S * chance(3, DAYS, world.seed, model, "changed"),
        by,
        by,
        description=f"{'Trains and registers' if kind == 'train' else 'Scores a batch with'} {model}.",
        script=Script(answers=scripts(template)["ok"].answers),
    )
    return pipeline, template


def _past(world: World, pipeline: Pipeline, template: str) -> Iterator[_Past]:
    """Every night by the rule; after a failed night a person, the next morning; now and then somebody's try."""
    midnight = world.now - world.now % DAY_S
    hour = _hour(world, pipeline)
    known = scripts(template)
    for day in range(DAYS, -1, -1):
        night, lot = midnight - day * DAY_S + hour * HOUR_S, digest(world.seed, pipeline.name, day) % 100
        fate = next((name for name, below in _FATES if lot < below and name in known), "ok")
        yield _Past(night, fate, scheduler(pipeline.name), None)
        person = PEOPLE[digest(pipeline.name, day) % len(PEOPLE)]
        morning = midnight - day * DAY_S + chance(7.0, 9.5, pipeline.name, day, "morning") * HOUR_S
        if fate not in ("ok", "gate"):
            yield _Past(morning, "ok" if fate != "data" or lot % 2 else "data", person, f"after the {fate} failure")
        elif lot >= 97:
            yield _Past(morning + 5 * HOUR_S, "stopped" if lot == 99 else "ok", person, "trying a longer window")


def _hour(world: World, pipeline: Pipeline) -> float:
    """When its nights begin, in hours of UTC."""
    return round(60 * chance(0.5, 5.5, world.seed, pipeline.name, "hour")) / 60


_FATES = (("capacity", 2), ("algorithm", 4), ("data", 6), ("gate", 10))
"""Per cent of the nights, cumulative."""


def _execution(world: World, pipeline: Pipeline, template: str, past: _Past) -> Execution | None:
    """None for what would not be over yet."""
    script = scripts(template)[past.fate]
    ends = outline(templates()[template], script)
    pace = chance(0.8, 1.3, world.seed, pipeline.name, past.started)
    if past.started < pipeline.created or past.started + pace * ends.length_s > world.now - 60:
        return None
    number, by = len(pipeline.executions), user_context(past.by)
    day = date(past.started)
    given = (("InputData", input_data(pipeline.name, day)),)
    return Execution(
        pipeline,
        short_id(12, world.seed, pipeline.arn, number, pipeline.created),
        round(past.started, 3),
        round(past.started + pace * ends.length_s, 3),
        ends.status,
        by,
        by,
        given=given,
        reason=ends.reason,
        display_name=f"{'nightly' if past.note is None else past.by.name.replace('.', '-')}-{day}",
        description=past.note,
        script=script,
        pace=pace,
    )


def date(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%d")


def input_data(pipeline: str, day: str) -> str:
    """The partition of features that a nightly execution reads."""
    return f"s3://{BUCKET}/features/{pipeline.rsplit('-', 1)[0]}/dt={day}/"
