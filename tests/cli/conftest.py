from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.lab import Lab, lab, until


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Twelve endpoints, one of them deployed badly, read once by a first `get endpoints` and `get pipelines`."""
    with lab(tmp_path_factory.mktemp("fleet"), speed=600.0) as opened:
        opened.world.play("bad-config")

        def failing() -> bool:
            with opened.world.lock:
                opened.world.advance()
            found = opened.world.call("DescribeEndpoint", {"EndpointName": "delay-risk"})
            if found["EndpointStatus"] != "InService" or found["EndpointConfigName"] != "delay-risk-v8":
                return False
            return "KeyError" in opened.run("logs", "endpoint", "delay-risk").out

        until(failing, 30, "the incident")
        opened.first = opened.run("get", "endpoints")  # type: ignore[attr-defined]
        opened.run("get", "pipelines")
        yield opened
