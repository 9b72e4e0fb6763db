"""Ring one: answers as botocore returns them, to records, to the cells that are drawn.

Real answers were taken from the embedded world through boto3, hostile ones written by hand. Each fixture says what
its cells must read; `python -m tests.kinds.test_fixtures` writes that anew, to be read before it is committed.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.clock import Millis
from console.kinds.alarm.record import Alarm, composite_alarm, metric_alarm
from console.kinds.base import Cell, Sign
from console.kinds.change.record import Change, from_event
from console.kinds.endpoint.record import Endpoint
from console.kinds.endpoint.record import from_api as endpoint_of
from console.kinds.execution.record import Execution, from_search, step_from_api
from console.kinds.pipeline.record import Pipeline
from console.kinds.pipeline.record import from_api as pipeline_of
from console.kinds.registry import KINDS, kind_of
from console.kinds.scaling.record import Target, policy_from_api, scheduled_from_api, target_from_api
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.text import safe

FOLDER = Path(__file__).parent / "fixtures"
FILES = sorted(FOLDER.glob("*.json"))
SCOPE = "aws:1:eu-central-1"
RECORDS = {"endpoint": Endpoint, "execution": Execution, "change": Change, "pipeline": Pipeline, "alarm": Alarm,
           "scaling": Target}  # fmt: skip


def moment(text: str) -> dt.datetime:
    """In a zone of its own, as botocore answers: nothing may depend on UTC."""
    return dt.datetime.fromisoformat(text).astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))


def answer_of(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: answer_of(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [answer_of(item) for item in value]
    return moment(value) if name.endswith(("Time", "Timestamp")) and isinstance(value, str) else value


def record_of(fixture: dict[str, Any]) -> msgspec.Struct:
    answer = answer_of(fixture["answer"])
    match fixture["kind"]:
        case "endpoint":
            return endpoint_of(answer, detailed=fixture["source"] == "describe")
        case "pipeline":
            return pipeline_of(answer)
        case "alarm":
            return composite_alarm(answer) if "AlarmRule" in answer else metric_alarm(answer)
        case "scaling":
            policies = tuple(policy_from_api(answer_of(policy)) for policy in fixture["policies"])
            scheduled = tuple(scheduled_from_api(answer_of(action)) for action in fixture["scheduled"])
            return msgspec.structs.replace(target_from_api(answer), policies=policies, scheduled=scheduled)
        case "execution":
            steps = tuple(step_from_api(answer_of(step)) for step in fixture["steps"])
            return msgspec.structs.replace(from_search(answer), steps=steps, detailed=bool(steps))
    told = from_event(json.loads(answer["CloudTrailEvent"]), event_id=answer["EventId"], at=answer["EventTime"])
    assert told is not None
    return told


def drawn(fixture: dict[str, Any], folder: Path) -> tuple[Any, dict[str, Cell], msgspec.Struct]:
    """The view of the only thing a ledger knows, and its cells by column."""
    record, kind = record_of(fixture), kind_of(fixture["kind"])
    now: Millis = round(moment(fixture["at"]).timestamp() * 1000)
    with Ledger.open(folder / "ledger.db") as ledger:
        ledger.observe(SCOPE, kind.id, [(record.name, msgspec.json.encode(record), None)], at=now)  # type: ignore[attr-defined]
        (view,) = kind.views(Snapshot(ledger, SCOPE, None, now), None)
    return view, {column.id: column.cell(view, now) for column in kind.columns}, record


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_from_the_answer_to_the_cells(path: Path, tmp_path: Path) -> None:
    fixture = json.loads(path.read_text())
    view, cells, record = drawn(fixture, tmp_path)
    assert msgspec.json.decode(msgspec.json.encode(record), type=RECORDS[fixture["kind"]]) == record
    assert {name: safe(cell.text) for name, cell in cells.items()} == fixture["cells"]
    for column in kind_of(fixture["kind"]).columns:
        cell = cells[column.id]
        assert isinstance(cell.text, str) and isinstance(cell.style, str)
    assert isinstance(view.sign, Sign)
    json.loads(msgspec.json.encode(view.to_json()))
    assert "hunter2" not in msgspec.json.encode(record).decode()


def test_every_column_sorts_whatever_the_rows_are(tmp_path: Path) -> None:
    """One list of all fixtures of a kind: a sort key of two types would fail on a screen only."""
    for kind in KINDS:
        rows = []
        for n, path in enumerate(FILES):
            fixture = json.loads(path.read_text())
            if fixture["kind"] == kind.id:
                folder = tmp_path / f"{kind.id}{n}"
                folder.mkdir()
                rows.append(drawn(fixture, folder))
        assert len(rows) >= 4, kind.id
        sorted((view for view, _, _ in rows), key=kind.order)
        for column in kind.columns:
            cells = [cells[column.id] for _, cells, _ in rows]
            sorted(cell.text if cell.sort is None else cell.sort for cell in cells)
            assert len({cell.sort is None for cell in cells}) == 1, f"{kind.id}.{column.id} sorts by two things"


def test_real_answers_have_the_members_that_botocore_knows() -> None:
    from botocore.loaders import Loader

    shapes = {
        service: Loader().load_service_model(service, "service-2")["shapes"]
        for service in ("sagemaker", "cloudwatch", "application-autoscaling")
    }
    services = {"alarm": "cloudwatch", "scaling": "application-autoscaling"}

    def check(value: Any, shape: str, where: str, service: str) -> None:
        model = shapes[service][shape]
        if model["type"] == "structure" and isinstance(value, dict):
            for name, item in value.items():
                assert name in model["members"], f"{where}: {name} is no member of {shape}"
                check(item, model["members"][name]["shape"], f"{where}.{name}", service)
        elif model["type"] == "list":
            for item in value:
                check(item, model["member"]["shape"], where, service)

    names = {
        ("alarm", "metric"): "MetricAlarm",
        ("alarm", "composite"): "CompositeAlarm",
        ("endpoint", "describe"): "DescribeEndpointOutput",
        ("endpoint", "search"): "Endpoint",
        ("endpoint", "list"): "EndpointSummary",
        ("execution", "search"): "PipelineExecution",
        ("pipeline", "search"): "Pipeline",
        ("pipeline", "list"): "PipelineSummary",
        ("scaling", "target"): "ScalableTarget",
    }
    for path in FILES:
        fixture = json.loads(path.read_text())
        shape = names.get((fixture["kind"], fixture.get("source", "")))
        if shape and "hostile" not in path.stem:
            service = services.get(fixture["kind"], "sagemaker")
            check(fixture["answer"], shape, path.stem, service)
            for policy in fixture.get("policies", ()):
                check(policy, "ScalingPolicy", path.stem, service)
            for action in fixture.get("scheduled", ()):
                check(action, "ScheduledAction", path.stem, service)


def _write() -> None:
    import tempfile

    for path in FILES:
        fixture = json.loads(path.read_text())
        with tempfile.TemporaryDirectory() as folder:
            _, cells, _ = drawn(fixture, Path(folder))
        fixture["cells"] = {name: safe(cell.text) for name, cell in cells.items()}
        path.write_text(json.dumps(fixture, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    _write()
