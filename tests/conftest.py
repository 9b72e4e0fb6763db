"""What all tests share: the AWS calls that the suite really makes are kept, and compared with the least policy."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

VARIABLE = "LASTGOOD_CALL_LOG"


def pytest_configure(config: pytest.Config) -> None:
    # Workers of pytest-xdist and every process that a test starts inherit it.
    if not hasattr(config, "workerinput") and VARIABLE not in os.environ:
        handle, path = tempfile.mkstemp(prefix="lastgood-calls-")
        os.close(handle)
        os.environ[VARIABLE] = path


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A call that no watch, verb or command declared would be missing from `lastgood iam`: that fails the suite."""
    if hasattr(session.config, "workerinput"):
        return
    path = Path(os.environ.pop(VARIABLE))
    made = set(path.read_text().split())
    path.unlink()
    from console.fleet.operations import operations

    undeclared = made - set(operations("operator"))
    if undeclared:
        print(f"\ncalled, but not in the policy of `lastgood iam --role operator`: {', '.join(sorted(undeclared))}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
