"""The README says what the program does."""

from __future__ import annotations

import re

import typer

from console.cli.app import app
from tests.readme import README, get, verb_table


def test_the_verbs_are_those_of_the_records() -> None:
    assert get("verbs") == verb_table(), "python -m tests.readme renews it"


def test_every_command_it_names_exists() -> None:
    known = set(typer.main.get_command(app).list_commands(None))  # type: ignore[attr-defined]
    named = set(re.findall(r"`lastgood (?:--?[^\s`]+ )*([a-z]+)", README.read_text()))
    assert named and named <= known, named - known


def test_every_file_it_shows_is_there() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / path).exists(), path


def test_the_figures_come_from_the_bench() -> None:
    """Numbers in the README come from a whole `make bench` alone: all of its parts, or none."""
    figures = get("bench")
    assert "make bench" in figures
    present = [letter for letter in "abcdefg" if f"| {letter} |" in figures]
    assert present in ([], list("abcdefg"))
