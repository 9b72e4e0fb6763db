"""How runs are seen: Search finds what changed; steps are read for what moves, failed or is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from console.clock import DAY, MINUTE, SECOND, Millis, to_ms
from console.errors import (
    CredentialsError,
    NotFound,
    NotPermitted,
    Rejected,
    SourceError,
    Throttled,
    Unreachable,
)
from console.kinds.base import Eyes
from console.kinds.execution.record import Execution, from_search, from_summary, kept, step_from_api
from console.kinds.pipeline.record import parse

OVERLAP = 3 * MINUTE
PAST = 30 * DAY
FIRST_PAGES = 20
"""Pages of 100 runs that the first start reads; older ones come when their pipeline is looked at."""

SEARCH_AGAIN = 10 * MINUTE
STEPS_AT_MOST = 15
"""Runs read in one sweep; the others wait for the next."""

FAILED_LATELY = 2 * DAY
BY_PIPELINE_AT_MOST = 10

_decode = msgspec.json.Decoder(Execution).decode


class ExecutionWatch:
    """Executions of all pipelines of one account and region."""

    source = "executions"
    operations = (
        "sagemaker:Search",
        "sagemaker:ListPipelines",
        "sagemaker:ListPipelineExecutions",
        "sagemaker:DescribePipelineExecution",
        "sagemaker:ListPipelineExecutionSteps",
        "sagemaker:ListPipelineParametersForExecution",
        "sagemaker:DescribePipelineDefinitionForExecution",
    )
    every_s = 20.0

    def __init__(self) -> None:
        self._known: dict[str, Execution] = {}
        self._newest: Millis = 0
        self._search_from: Millis = 0
        """Search was denied: not before then again."""
        self._refused: dict[str, Millis] = {}
        """Runs whose steps could not be read, with when to try again."""
        self._asked: dict[str, Millis] = {}
        """Pipelines whose runs were listed, with when."""
        self._started: dict[str, Millis] = {}
        """Without Search: when each pipeline ran last, as ListPipelines said at `_started_at`."""
        self._started_at: Millis = 0

    def sweep(self, eyes: Eyes) -> None:
        client = eyes.client("sagemaker")
        if not self._known:
            self._known = {name: _decode(body) for name, body in eyes.heads("execution").items()}
            self._newest = max((e.modified_at or 0 for e in self._known.values()), default=0)
        stale: dict[str, None] = {}
        if eyes.now() >= self._search_from:
            try:
                stale |= dict.fromkeys(self._search(client, eyes))
            except (NotPermitted, Rejected):
                self._search_from = eyes.now() + SEARCH_AGAIN
        failure: SourceError | None = None
        for pipeline in self._to_list(client, eyes):
            try:
                stale |= dict.fromkeys(self._list(client, eyes, pipeline))
            except (CredentialsError, Throttled, Unreachable):
                raise
            except SourceError as error:  # one that cannot be read must not hide the others
                failure = error
        on_screen = eyes.interest("execution")
        now = eyes.now()
        for name, e in self._known.items():
            recent = _last(e) > now - FAILED_LATELY
            telling = recent and (e.status == "Failed" or e.modified_at is None)
            if not e.ended or (not e.detailed and (name in on_screen or telling)):
                stale[name] = None
        queue = sorted(stale, key=lambda n: (n not in on_screen, self._known[n].ended, -_last(self._known[n])))
        for name in [n for n in queue if self._refused.get(n, 0) <= now][:STEPS_AT_MOST]:
            try:
                self._detail(client, eyes, name, whole=name in on_screen)
            except (CredentialsError, Throttled, Unreachable):
                raise
            except SourceError as error:
                self._refused[name] = now + SEARCH_AGAIN
                failure = error if name in on_screen else failure
        if failure is not None:
            raise failure

    def _search(self, client: Any, eyes: Eyes) -> Iterator[str]:
        """Newest modified first, until what is known begins; yields runs whose steps should be read."""
        first, newest = not self._newest, self._newest
        floor = eyes.now() - PAST if first else newest - OVERLAP
        request: dict[str, Any] = {
            "Resource": "PipelineExecution",
            "MaxResults": 100,
            "SortBy": "LastModifiedTime",
            "SortOrder": "Descending",
        }
        for _ in range(FIRST_PAGES):
            answer = client.search(**request)
            oldest: Millis | None = None
            for result in answer.get("Results", ()):
                seen = from_search(result["PipelineExecution"])
                oldest = seen.modified_at or 0
                newest = max(newest, oldest)
                known = self._known.get(seen.name)
                if known is None or oldest > (known.modified_at or 0):
                    if not first and (body := eyes.head("execution", seen.name)) is not None:
                        known = _decode(body)  # an action may know it better than the index
                        if (known.modified_at or 0) > oldest:
                            self._known[seen.name] = known
                            continue
                    self._keep(eyes, seen, known)
                    if not seen.ended or (known is not None and known.modified_at is not None):
                        yield seen.name
            if not answer.get("NextToken") or (oldest is not None and oldest < floor):
                break
            request["NextToken"] = answer["NextToken"]
        self._newest = newest  # not before: pages that were not reached are looked for again

    def _to_list(self, client: Any, eyes: Eyes) -> list[str]:
        """Pipelines whose runs to list: those on screen, once, for runs older than Search was read; without Search also
        those that run, and those that ran since."""
        now = eyes.now()
        on_screen = set(eyes.interest("pipeline")) | {n.rsplit("/", 1)[0] for n in eyes.interest("execution")}
        names = {n for n in on_screen if n not in self._asked}
        if self._search_from > now:
            if now - self._started_at >= MINUTE:
                self._started = self._last_starts(client)
                self._started_at = now
            newest: dict[str, Millis] = {}
            for e in self._known.values():
                newest[e.pipeline] = max(newest.get(e.pipeline, 0), e.created_at or 0)
            names |= {e.pipeline for e in self._known.values() if not e.ended}
            names |= {n for n, at in self._started.items() if at > newest.get(n, 0) + SECOND}
        due = [n for n in names if now - self._asked.get(n, 0) >= MINUTE]
        due.sort(key=lambda n: (n not in on_screen, self._asked.get(n, 0), -self._started.get(n, 0), n))
        return due[:BY_PIPELINE_AT_MOST]

    def _last_starts(self, client: Any) -> dict[str, Millis]:
        """100 pipelines a call, where asking each for its runs would take one a call (facts/sagemaker.md, 6.2)."""
        pages = client.get_paginator("list_pipelines").paginate(
            SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 100}
        )
        found = (item for page in pages for item in page["PipelineSummaries"])
        return {p["PipelineName"]: to_ms(p["LastExecutionTime"]) for p in found if p.get("LastExecutionTime")}

    def _list(self, client: Any, eyes: Eyes, pipeline: str) -> Iterator[str]:
        self._asked[pipeline] = eyes.now()
        try:
            answer = client.list_pipeline_executions(
                PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=50
            )
        except NotFound:
            return
        for item in answer.get("PipelineExecutionSummaries", ()):
            seen = from_summary(item)
            known = self._known.get(seen.name)
            if known is None:
                # Described only if it is recent or looked at: a month of runs of one pipeline would take a minute.
                self._known[seen.name] = seen
                eyes.saw("execution", seen.name, seen, provider_at=seen.created_at)
            elif known.status != seen.status:
                changed = msgspec.structs.replace(
                    known, status=seen.status, failure_reason=seen.failure_reason, modified_at=None, detailed=False
                )
                self._known[seen.name] = changed
                eyes.saw("execution", seen.name, changed)
                yield seen.name

    def _detail(self, client: Any, eyes: Eyes, name: str, *, whole: bool) -> None:
        known = self._known[name]
        try:
            if known.modified_at is None:  # by its summary alone: who, and until when, is not known yet
                answer = client.describe_pipeline_execution(PipelineExecutionArn=known.arn)
                self._keep(eyes, from_search(answer), known)
                known = self._known[name]
                if known.status == "Succeeded" and not whole and not known.steps:
                    return
            pages = client.get_paginator("list_pipeline_execution_steps").paginate(
                PipelineExecutionArn=known.arn, SortOrder="Ascending", PaginationConfig={"PageSize": 100}
            )
            steps = tuple(step_from_api(item) for page in pages for item in page["PipelineExecutionSteps"])
            seen = msgspec.structs.replace(known, steps=steps, detailed=True)
            if (whole or known.status == "Failed") and not known.definition:
                answer = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=known.arn)
                definition = parse(answer["PipelineDefinition"])
                eyes.saw("definition", definition.name, definition)
                seen = msgspec.structs.replace(seen, definition=definition.name)
            if not known.parameters and not known.detailed:
                answer = client.list_pipeline_parameters_for_execution(PipelineExecutionArn=known.arn, MaxResults=100)
                seen = msgspec.structs.replace(seen, parameters=kept(answer.get("PipelineParameters", ())))
        except NotFound:
            self._known.pop(name, None)
            eyes.gone("execution", [name])
            return
        self._known[name] = seen
        eyes.saw("execution", name, seen, provider_at=seen.modified_at)

    def _keep(self, eyes: Eyes, seen: Execution, known: Execution | None) -> None:
        if known is not None:
            # Steps and parameters come with the detail that follows; until then the older ones say more than none.
            seen = msgspec.structs.replace(
                seen,
                steps=known.steps,
                definition=known.definition,
                parameters=seen.parameters or known.parameters,
                detailed=False,
            )
        self._known[seen.name] = seen
        eyes.saw("execution", seen.name, seen, provider_at=seen.modified_at)


def _last(run: Execution) -> Millis:
    return run.modified_at or run.created_at or 0
