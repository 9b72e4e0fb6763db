"""How pipelines are seen: a full list now and then (they change rarely), the definition of those on screen."""

from __future__ import annotations

from typing import Any

import msgspec

from console.clock import MINUTE, SECOND, Millis
from console.errors import NotFound, NotPermitted
from console.kinds.base import Eyes
from console.kinds.pipeline.record import Pipeline, from_api, parse

RECONCILE_MS = 10 * MINUTE
DESCRIBE_AT_MOST = 10

_decode = msgspec.json.Decoder(Pipeline).decode


class PipelineWatch:
    source = "pipelines"
    operations = ("sagemaker:ListPipelines", "sagemaker:DescribePipeline", "sagemaker:Search")
    every_s = 30.0

    def __init__(self) -> None:
        self._listed_at: Millis = 0
        self._described_at: dict[str, Millis] = {}

    def sweep(self, eyes: Eyes) -> None:
        client = eyes.client("sagemaker")
        if eyes.now() - self._listed_at >= RECONCILE_MS:
            self._list(client, eyes)
        due = [n for n in eyes.interest("pipeline") if eyes.now() - self._described_at.get(n, 0) >= RECONCILE_MS]
        if not due:
            return
        heads = eyes.heads("pipeline")
        unread = [n for n in sorted(due) if n not in heads or not _decode(heads[n]).definition]
        for name in unread[:DESCRIBE_AT_MOST]:
            self._describe(client, eyes, name)

    def _list(self, client: Any, eyes: Eyes) -> None:
        """All of them: by Search, which brings the tags, or by ListPipelines where Search is denied."""
        known = {name: _decode(body) for name, body in eyes.heads("pipeline").items()}
        try:
            pages = client.get_paginator("search").paginate(Resource="Pipeline", PaginationConfig={"PageSize": 100})
            found = [from_api(item["Pipeline"]) for page in pages for item in page["Results"]]
        except NotPermitted:
            pages = client.get_paginator("list_pipelines").paginate(
                SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 100}
            )
            found = [from_api(item) for page in pages for item in page["PipelineSummaries"]]
        for seen in found:
            before = known.get(seen.name)
            if before is not None:
                # A list tells seconds where the index tells milliseconds.
                same = abs((seen.modified_at or 0) - (before.modified_at or 0)) <= SECOND
                definition = before.definition if same else ""
                seen = msgspec.structs.replace(seen, definition=definition, tags=seen.tags or before.tags)
                if not same:
                    self._described_at.pop(seen.name, None)
            eyes.saw("pipeline", seen.name, seen, provider_at=seen.modified_at)
        present = {seen.name for seen in found}
        eyes.gone("pipeline", [name for name in known if name not in present])
        self._listed_at = eyes.now()

    def _describe(self, client: Any, eyes: Eyes, name: str) -> None:
        self._described_at[name] = eyes.now()
        try:
            answer = client.describe_pipeline(PipelineName=name)
        except NotFound:
            eyes.gone("pipeline", [name])
            return
        definition = parse(answer["PipelineDefinition"])
        eyes.saw("definition", definition.name, definition)
        body = eyes.head("pipeline", name)
        seen = _decode(body) if body else from_api(answer)
        eyes.saw("pipeline", name, msgspec.structs.replace(seen, definition=definition.name))
