"""A program in a pseudo-terminal: what it writes, when, how long a key takes to show, what CPU it costs."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_ESCAPES = re.compile(
    rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[P_^X].*?\x1b\\|\x1b[ -/]*[0-~]", re.S
)


class Pty:
    """Use as a context manager; a thread reads all output, so that the program never waits for us."""

    def __init__(
        self, argv: Sequence[str], *, columns: int = 80, lines: int = 24, env: Mapping[str, str] | None = None
    ) -> None:
        unset = ("COLORTERM", "NO_COLOR", "TMUX", "STY", "COLUMNS", "LINES")
        plain = {key: value for key, value in os.environ.items() if key not in unset}
        self._master, slave = pty.openpty()
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, close_fds=True,
            env=plain | {"TERM": "xterm-256color"} | dict(env or {}),
        )  # fmt: skip
        os.close(slave)
        self._gone = False
        self._chunks: list[tuple[float, bytes]] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # of its own session: nobody else is in it
            self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """The terminal is gone. The program gets no SIGHUP: the terminal is not its session's controlling one."""
        if not self._gone:
            self._gone = True
            self._reader.join(timeout=5)
            os.close(self._master)

    def _read(self) -> None:
        while not self._gone:
            ready, _, _ = select.select([self._master], [], [], 0.2)
            if not ready:
                if self.process.poll() is not None:
                    return
                continue
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # EIO: the other side is closed
                data = b""
            if not data:
                return
            with self._news:
                self._chunks.append((time.perf_counter(), data))
                self._news.notify_all()

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if hasattr(self, "process"):
            os.killpg(self.process.pid, signal.SIGWINCH)

    def send(self, text: str) -> None:
        os.write(self._master, text.encode())

    @property
    def count(self) -> int:
        """Chunks read so far; `output` and `wait_for` look from such a number on."""
        with self._news:
            return len(self._chunks)

    def output(self, since: int = 0) -> bytes:
        with self._news:
            return b"".join(data for _, data in self._chunks[since:])

    def text(self, since: int = 0) -> str:
        """What was written without escape sequences."""
        return _ESCAPES.sub(b"", self.output(since)).decode("utf-8", "replace")

    def wait_for(self, text: str, *, since: int = 0, timeout: float = 15) -> float:
        """When `text` was written, as `time.perf_counter`. Raises TimeoutError with the end of what was written."""
        wanted, end = text.encode(), time.perf_counter() + timeout
        with self._news:
            while True:
                seen = b""
                for at, data in self._chunks[since:]:
                    seen += data
                    if wanted in seen:
                        return at
                if (left := end - time.perf_counter()) <= 0:
                    raise TimeoutError(f"{text!r} not in {seen[-500:]!r}")
                self._news.wait(left)

    def settle(self, quiet_s: float = 0.5, timeout: float = 15) -> None:
        """Wait until nothing was written for so long."""
        end = time.perf_counter() + timeout
        while time.perf_counter() < end:
            before = self.count
            time.sleep(quiet_s)
            if self.count == before:
                return
        raise TimeoutError(f"still writing: {self.output(before)[-500:]!r}")

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far, to the nanosecond (/proc/PID/task/*/schedstat)."""
        total = 0
        for stat in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            total += int(stat.read_text().split()[0])
        return total / 1e9
