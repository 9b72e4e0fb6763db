"""`lastgood` as a subprocess: what it prints, line by line. The console never calls a provider itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from console.process import environment, own

LIMIT = 1 << 20
"""Bytes of one line: a container may log a megabyte without a line break."""


class Child:
    """One command. `run` returns when it has ended; `kill` ends it (then nothing more is told)."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], *, limit: int = LIMIT) -> None:
        self._limit = limit
        self._argv = own(*arguments)
        self._env = {**environment(env), "PYTHONUNBUFFERED": "1"}
        self._process: asyncio.subprocess.Process | None = None
        self._killed = False

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def run(self, told: Callable[[list[str]], None], *, every_s: float = 0.25) -> tuple[int, str]:
        """Tell lines in batches, at most one in `every_s`. Returns the exit code and what was said on stderr."""
        process = await asyncio.create_subprocess_exec(
            *self._argv,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=self._limit,
        )
        self._process = process
        if self._killed:
            self._end()
        batch: list[str] = []

        async def out() -> None:
            async for line in _lines(process.stdout):
                batch.append(line)

        async def flush() -> None:
            while True:
                await asyncio.sleep(every_s)
                tell()

        def tell() -> None:
            if batch and not self._killed:
                told(batch.copy())
            batch.clear()

        flusher = asyncio.create_task(flush())
        try:
            _, said = await asyncio.gather(out(), _all(process.stderr))
            tell()
            return await process.wait(), said
        finally:
            flusher.cancel()
            self._end()

    def kill(self) -> None:
        self._killed = True
        self._end()

    def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


async def _lines(stream: asyncio.StreamReader | None):  # type: ignore[no-untyped-def]
    while stream is not None:
        try:
            data = await stream.readline()
        except ValueError:  # longer than LIMIT: asyncio has let go of it
            yield "(a line of more than a megabyte)"
            continue
        if not data:
            return
        yield data.decode("utf-8", "replace").rstrip("\r\n")


async def _all(stream: asyncio.StreamReader | None) -> str:
    return "\n".join([line async for line in _lines(stream)][-20:])
