"""The console in a real pseudo-terminal: what goes over the line."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from pathlib import Path

import pytest

from console.process import own
from tests.screens.pty import Pty
from tests.screens.stage import stage
from tests.screens.terminal import Terminal

COLOURS = re.compile(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7]|38|48)(?:;[0-9;]*)?m")
CONSOLE = [sys.executable, "-m", "tests.screens.memory"]


def test_nothing_is_written_while_nothing_changes() -> None:
    with Pty(CONSOLE) as console:
        console.wait_for("delay-risk")
        console.settle(1.0)
        count = console.count
        time.sleep(2.5)  # ten polls and two ticks
        assert console.output(count) == b""


@pytest.mark.parametrize(("seed", "columns"), [(1, 80), (2, 57), (3, 132)])
def test_what_is_sent_in_parts_adds_up_to_the_screen(seed: int, columns: int, tmp_path: Path) -> None:
    expected = tmp_path / "lines.json"
    churn = [sys.executable, "-m", "tests.screens.churn_app", str(seed), str(expected)]
    with Pty(churn, columns=columns, lines=24) as console:
        end = time.monotonic() + 30
        while not (expected.exists() and expected.read_text().endswith("]")):
            assert time.monotonic() < end
            time.sleep(0.1)
        console.settle(0.5)
        terminal = Terminal(columns, 24)
        terminal.feed(console.output().decode())
        assert terminal.lines == json.loads(expected.read_text())


def test_a_key_writes_little_and_only_what_moved() -> None:
    with Pty(CONSOLE) as console:
        console.wait_for("delay-risk")
        console.settle(0.5)
        count = console.count
        console.send("j")
        console.wait_for("search-rank", since=count)
        console.settle(0.5)
        assert 0 < len(console.output(count)) < 600
        assert "pricing" not in console.text(count)


def test_resizing_paints_again() -> None:
    with Pty(CONSOLE) as console:
        console.wait_for("delay-risk")
        for columns, lines, expected in (
            (20, 5, "terminal too small"),
            (120, 30, "oncall-read"),
            (80, 24, "delay-risk"),
        ):
            console.settle(0.3)
            count = console.count
            console.resize(columns, lines)
            console.wait_for(expected, since=count)


def test_without_colour_signs_and_cursor_are_still_told() -> None:
    with Pty(CONSOLE, env={"NO_COLOR": "1"}) as console:
        console.wait_for("delay-risk")
        console.settle(0.5)
        out = console.output()
        assert not COLOURS.search(out)
        assert re.search(rb"\x1b\[(?:[0-9]+;)*7[;m]", out), "nothing is reversed: where is the cursor?"
        for glyph in "✖▲◐◌":
            assert glyph in console.text()


def test_sixteen_colours_are_all_that_is_used() -> None:
    with Pty(CONSOLE, env={"COLORTERM": "truecolor"}) as console:
        console.wait_for("delay-risk")
        console.settle(0.5)
        assert COLOURS.search(console.output())
        assert not re.search(rb"\x1b\[[0-9;]*[34]8;[25];", console.output())


def test_hostile_names_reach_no_terminal() -> None:
    with Pty(CONSOLE) as console:
        console.wait_for("delay-risk")
        console.send("/evil\r")
        console.wait_for("[red]na·me")
        assert b"gone" not in console.output() and b"\x1b]0;" not in console.output()


def test_copying_uses_osc52_wrapped_for_tmux() -> None:
    with Pty(CONSOLE, env={"TMUX": "/tmp/tmux-0/default,1,0"}) as console:
        console.wait_for("delay-risk")
        console.send("c")
        console.wait_for("\x1bPtmux;\x1b\x1b]52;c;ZGVsYXktcmlzaw==\x07\x1b\\")


def test_quitting_leaves_the_terminal_as_it_was() -> None:
    with Pty(CONSOLE) as console:
        console.wait_for("delay-risk")
        console.send("q")
        assert console.process.wait(timeout=10) == 0
        out = console.output()
        assert out.count(b"\x1b[?1049h") == out.count(b"\x1b[?1049l") == 1
        assert out.rindex(b"\x1b[?25h") > out.rindex(b"\x1b[?25l")


@pytest.mark.parametrize("keys", ["", "?", ":"])
def test_a_console_whose_terminal_is_gone_ends(keys: str) -> None:
    with Pty(CONSOLE) as console:
        console.wait_for("delay-risk")
        console.send(keys)
        console.settle(0.3)
        console.hang_up()
        assert console.process.wait(timeout=3) == 1


def test_a_console_whose_terminal_is_gone_takes_its_collector_along(tmp_path: Path) -> None:
    with stage(tmp_path, fleet=12) as lab, Pty(own(), env=lab.env) as console:
        console.wait_for("delay-risk", timeout=30)
        end = time.monotonic() + 20
        while len(running(lab.env["LASTGOOD_STATE_DIR"])) < 2:  # itself and its collector
            assert time.monotonic() < end, "no collector was started"
            time.sleep(0.1)
        console.hang_up()
        assert console.process.wait(timeout=3) == 1
        assert not running(lab.env["LASTGOOD_STATE_DIR"])


def running(state_dir: str) -> list[int]:
    """Processes that work on this state folder."""
    wanted, found = f"LASTGOOD_STATE_DIR={state_dir}".encode(), []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in environ.read_bytes().split(b"\0"):
                found.append(int(environ.parent.name))
    return found
