"""Retrain: a new run of a pipeline, with parameters checked against its definition. One token per intent.

Facts/sagemaker.md sections 4.1-4.3: values travel as strings, step caching can make a run a no-op, two runs at once are
allowed by the API, and at most 20 run in an account.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from console.actions.checks import freeze
from console.actions.drafting import draft
from console.actions.model import Call, Check, Level, Plan, Sighting, Stage, Verdict
from console.actions.verb import Desk
from console.errors import NotFound, SourceError, UsageError
from console.kinds.execution.record import from_search
from console.kinds.hold.check import held, standing
from console.kinds.pipeline.record import Definition, Parameter, parse
from console.kinds.pipeline.view import PipelineView, views
from console.text import count, echoed, looks_secret, shorten

START = "sagemaker:StartPipelineExecution"
DISPLAY_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,81}")


class Retrain:
    """The deed behind `lastgood retrain`. Options: `param` (NAME=VALUE), `name`, `steps` with `source`, `release`."""

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        definition, arn = definition_of(desk, subject)
        given = dict(args.get("param") or {})
        check_parameters(definition, given)
        name = str(args.get("name") or "")
        if name and not DISPLAY_NAME.fullmatch(name):
            advice = "letters, digits and single hyphens inside, at most 82 characters"
            raise UsageError(f"{echoed(name)!r} is no display name", advice=advice)
        runs = _runs(desk, subject)
        view = next(iter(views(desk.snapshot(), [subject])), None)
        params: dict[str, Any] = {"PipelineName": subject, "ClientRequestToken": secrets.token_hex(20)}
        if name:
            params["PipelineExecutionDisplayName"] = name
        if given:
            params["PipelineParameters"] = [{"Name": k, "Value": v} for k, v in given.items()]
        if selected := _selection(definition, args, view):
            params["SelectiveExecutionConfig"] = selected
        hold = standing(desk, "pipeline", subject)
        effective = {p.name: given.get(p.name, p.default or "") for p in definition.parameters}
        return draft(
            desk,
            "retrain",
            "pipeline",
            subject,
            target=name or "a new run",
            level=Level.CHANGE,
            title=f"Start a new run of {subject}",
            before=_before(definition, view),
            after={"parameters": effective},
            calls=(Call(START, params, token=True),),
            preflight=(
                held(hold, released=bool(args.get("release"))),
                _parameters(definition, given),
                _running(runs),
                _cached(definition, view, effective, bool(selected)),
                freeze(desk),
            ),
            inverse="lastgood stop EXECUTION",
            when="starts at once",
            cost="the run uses what its steps ask for; production changes only if the pipeline deploys",
            how="by its own role, with the definition as it is now",
            basis={"definition": definition.name, "arn": arn, "runs": runs if isinstance(runs, dict) else None},
            args={k: v for k, v in args.items() if v},
        )

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        definition, arn = definition_of(desk, plan.subject)
        if arn != plan.basis["arn"] or definition.name != plan.basis["definition"]:
            return Sighting(Stage.OVERTAKEN, f"the definition of {plan.subject} changed after the plan was made")
        runs, before = _runs(desk, plan.subject), plan.basis["runs"]
        if isinstance(runs, dict) and before is not None and (new := [run for run in runs if run not in before]):
            return Sighting(Stage.OVERTAKEN, f"{', '.join(new)} began after the plan was made")
        check = held(standing(desk, "pipeline", plan.subject), released=bool(plan.args.get("release")))
        if check.verdict is Verdict.FAIL:
            return Sighting(Stage.FAILED, check.detail)
        return Sighting(Stage.GO, "the definition is as planned")

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        """Not asked as a rule: the token makes sending again safe. With the token gone wrong: look for the name."""
        return None

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        """Started means: it is there and runs. How it ends is the run's own story (`lastgood wait execution`)."""
        arn = str(answers[0].get("PipelineExecutionArn", ""))
        try:
            answer = desk.reader("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
        except NotFound:
            return Sighting(Stage.WAIT, "accepted, not visible yet")
        run = from_search(answer)
        desk.saw("execution", run.name, run, provider_at=run.modified_at)
        if run.status == "Failed":
            return Sighting(Stage.FAILED, f"{run.name} failed at once: {run.failure_reason or 'no reason given'}")
        return Sighting(Stage.DONE, f"{run.name} is {run.status}")

    def keep(self, desk: Desk, plan: Plan) -> None:
        if plan.args.get("release"):
            desk.gone("hold", [f"pipeline/{plan.subject}"])


def _before(definition: Definition, view: PipelineView | None) -> dict[str, Any]:
    """The last run, and its parameters as far as they are known: those of the definition now that it was not given are
    at their defaults. A run that is known by its summary alone tells nothing of them."""
    last = view.last if view else None
    if last is None:
        return {}
    before: dict[str, Any] = {"last_run": last.name, "status": last.status}
    if last.parameters or last.modified_at is not None:
        values = {p.name: last.parameters.get(p.name, p.default) for p in definition.parameters}
        before["parameters"] = {name: value for name, value in values.items() if value is not None}
    return before


def definition_of(desk: Desk, pipeline: str) -> tuple[Definition, str]:
    """The current definition and the ARN. Raises NotFound."""
    try:
        answer = desk.reader("sagemaker").describe_pipeline(PipelineName=pipeline)
    except NotFound as error:
        raise NotFound(f"no pipeline {pipeline} in {desk.scope}", advice="lastgood get pipelines lists them") from error
    definition = parse(answer.get("PipelineDefinition", ""))
    desk.saw("definition", definition.name, definition)
    return definition, answer["PipelineArn"]


def check_parameters(definition: Definition, given: Mapping[str, str]) -> None:
    """Names, types and enums as the definition has them. Raises UsageError naming the first that does not fit."""
    known = {p.name: p for p in definition.parameters}
    for name, value in given.items():
        parameter = known.get(name)
        if parameter is None:
            advice = f"there are: {shorten(', '.join(map(echoed, known)), 300) or 'none'}"
            raise UsageError(f"no parameter {echoed(name)}", advice=advice)
        if looks_secret(name):
            advice = "what is sent is kept in the journal: let the pipeline read it from a secret store instead"
            raise UsageError(f"{echoed(name)} looks like a secret", advice=advice)
        if wrong := misfit(parameter, value):
            advice = f"{echoed(name)} is {echoed(parameter.type)}"
            raise UsageError(f"{echoed(name)}={echoed(value)!r}: {wrong}", advice=advice)
    for parameter in definition.parameters:
        if parameter.default is None and parameter.name not in given:
            shown = echoed(parameter.name)
            raise UsageError(f"{shown} has no default", advice=f"give it with --param {shown}=VALUE")


def misfit(parameter: Parameter, value: str) -> str:
    """Why a value does not fit, or an empty string."""
    if parameter.choices and value not in parameter.choices:
        return f"one of {shorten(', '.join(map(echoed, parameter.choices)), 300)} is allowed"
    fits = {
        "Integer": r"[+-]?\d+",
        "Float": r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?",
        "Boolean": r"[Tt]rue|[Ff]alse",
    }.get(parameter.type, r"[\s\S]{0,1024}")
    return "" if re.fullmatch(fits, value) else f"not {parameter.type}"


def _selection(definition: Definition, args: Mapping[str, Any], view: PipelineView | None) -> dict[str, Any] | None:
    """SelectiveExecutionConfig. The source is named, never left to be the latest run (facts section 4.3)."""
    names = [s.strip() for s in str(args.get("steps") or "").split(",") if s.strip()]
    if not names:
        return None
    known = {n.name for n in definition.nodes}
    if missing := [n for n in names if n not in known]:
        advice = f"there are: {shorten(', '.join(sorted(known)), 300)}"
        raise UsageError(f"no step {echoed(', '.join(missing))}", advice=advice)
    source = str(args.get("source") or "")
    runs = view.runs if view else ()
    fits = [e for e in runs if e.status in {"Succeeded", "Failed"}]
    run = next((e for e in fits if source in {e.id, e.name, e.arn}), None) if source else (view.green if view else None)
    if run is None:
        raise UsageError(
            f"{echoed(source) or 'no green run'}: no run to take the other steps from",
            advice="name an ended run with --source EXECUTION",
        )
    return {"SourcePipelineExecutionArn": run.arn, "SelectedSteps": [{"StepName": n} for n in names]}


def _parameters(definition: Definition, given: Mapping[str, str]) -> Check:
    return Check("parameters", Verdict.PASS, f"{count(len(given), 'value')} given, types and choices fit")


def _runs(desk: Desk, pipeline: str) -> dict[str, str] | SourceError:
    """Status by id of the newest runs, or why they could not be listed."""
    try:
        answer = desk.reader("sagemaker").list_pipeline_executions(
            PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=20
        )
    except SourceError as error:
        return error
    found = answer["PipelineExecutionSummaries"]
    return {e["PipelineExecutionArn"].rsplit("/", 1)[-1]: e.get("PipelineExecutionStatus", "") for e in found}


def _running(runs: dict[str, str] | SourceError) -> Check:
    """Two runs of one model at once are allowed by the API, and rarely meant."""
    if isinstance(runs, SourceError):
        return Check("running", Verdict.UNKNOWN, runs.message)
    busy = [run for run, status in runs.items() if status in {"Executing", "Stopping"}]
    if busy:
        return Check("running", Verdict.WARN, f"{', '.join(busy)} of this pipeline runs already")
    return Check("running", Verdict.PASS, "no run of it is in motion")


def _cached(definition: Definition, view: PipelineView | None, effective: Mapping[str, str], selective: bool) -> Check:
    """A cache hit reuses the last success with the same arguments: the run may do nothing (facts section 4.3)."""
    cached = [n.name for n in definition.nodes if n.cached]
    work = [n for n in definition.nodes if n.type in {"Processing", "Training", "Tuning", "Transform"}]
    if not cached or selective:
        return Check("step cache", Verdict.PASS, "no step is cached" if not cached else "selected steps run")
    green = view.green if view else None
    if green is None:
        return Check("step cache", Verdict.UNKNOWN, f"{', '.join(cached)} may be answered from the cache")
    same = all(effective.get(k) == v for k, v in green.parameters.items() if k in effective)
    if same and len(cached) >= len(work):
        detail = f"same parameters as {green.id}: every step would come from the cache, nothing is trained"
        return Check("step cache", Verdict.WARN, f"{detail}; change a parameter")
    if same:
        return Check(
            "step cache",
            Verdict.WARN,
            f"same parameters as {green.id}: {', '.join(cached)} come from the cache",
        )
    return Check("step cache", Verdict.PASS, f"parameters differ from {green.id}")
