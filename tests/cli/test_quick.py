"""The short way of `get` says exactly what the long one says."""

from __future__ import annotations

import contextlib
import io
import os

import pytest

from console.cli import quick
from tests.cli.lab import Lab


def quickly(lab: Lab, *argv: str) -> tuple[int | None, str, str]:
    out, err, kept = io.StringIO(), io.StringIO(), dict(os.environ)
    os.environ.clear()
    os.environ.update(lab.env)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return quick.quick(list(argv)), out.getvalue(), err.getvalue()
    finally:
        os.environ.clear()
        os.environ.update(kept)


@pytest.mark.parametrize(
    "argv",
    [
        ["get", "endpoints", "--cached"],
        ["get", "--cached", "-o", "name", "ep"],
        ["get", "pipelines", "-o", "csv", "--cached"],
        ["get", "endpoints", "ads-embed", "--output", "name", "--cached"],
        ["get", "endpoints", "nope", "--cached"],
        ["get", "nope", "--cached"],
    ],
    ids=" ".join,
)
def test_the_short_way_is_the_long_one(fleet: Lab, argv: list[str]) -> None:
    long = fleet.run(*argv)
    assert quickly(fleet, *argv) == (long.code, long.out, long.err)


@pytest.mark.parametrize(
    "argv",
    [
        ["get"],
        ["get", "--help"],
        ["get", "endpoints", "-h"],
        ["get", "endpoints", "-o", "xml"],
        ["get", "endpoints", "-ojson"],
        ["get", "endpoints", "--at", "2h"],
        ["get", "endpoints", "--fresh", "--cached"],
        ["get", "endpoints", "--watch"],
        ["--ctx", "a", "get", "endpoints"],
        ["describe", "endpoint", "x"],
    ],
    ids=" ".join,
)
def test_everything_else_is_left_to_the_long_way(fleet: Lab, argv: list[str]) -> None:
    assert quickly(fleet, *argv) == (None, "", "")


def test_the_console_without_a_terminal_is_one_line(fleet: Lab) -> None:
    long = fleet.run("--ctx", "default")
    assert quickly(fleet) == (2, "", long.err)
    assert long.err.count("\n") == 1 and "no terminal" in long.err
