"""What pipelines on screen cost, and that a definition that changed is read again."""

from __future__ import annotations

from collections.abc import Callable

from console.kinds.pipeline.record import Pipeline
from console.kinds.reading import decode
from tests.kinds.conftest import Bench

NAME = "delay-risk-train"


def spent(bench: Bench, source: str) -> dict[str, int]:
    bench.want("pipeline", NAME)
    calls, errors = bench.look(source)
    assert errors == []
    return dict(calls)


def test_one_on_screen_for_an_hour_is_described_and_listed_once(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.tick(3600)
    spent(one, "pipelines")
    for _ in range(15):  # what failed lately and what runs is read first
        spent(one, "executions")
        one.tick(20)
    total: dict[str, int] = {}
    for _ in range(12):
        one.tick(300)
        for source in ("pipelines", "executions"):
            for name, n in spent(one, source).items():
                total[name] = total.get(name, 0) + n
    assert total["Search"] <= 12 + 6 and set(total) <= {"Search"}
    one.fresh_collector()
    assert "DescribePipeline" not in spent(one, "pipelines"), "the ledger has its definition"


def test_a_definition_that_changed_is_read_again(bench: Callable[..., Bench]) -> None:
    one = bench()
    spent(one, "pipelines")
    (before,) = decode(one.snapshot, "pipeline", Pipeline, [NAME])
    text = one.call("DescribePipeline", PipelineName=NAME)["PipelineDefinition"]
    one.tick(700)
    one.call(
        "UpdatePipeline", PipelineName=NAME, PipelineDefinition=text.replace('"90"', '"91"').replace(": 90", ": 91")
    )
    one.tick(60)
    assert spent(one, "pipelines") == {"Search": 1, "DescribePipeline": 1}
    (after,) = decode(one.snapshot, "pipeline", Pipeline, [NAME])
    assert before.definition and after.definition and before.definition != after.definition
