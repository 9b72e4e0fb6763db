"""The most frequent commands without typer, whose import is half of what `get endpoints` costs from a warm ledger.

Only `lastgood` alone, and `get KIND [NAME…] [-o FORMAT] [--cached|--fresh]` in whatever order. For everything else,
help and mistakes among it, the answer is None and typer does the whole. What is printed is the same
(tests/cli/test_quick.py).
"""

from __future__ import annotations

import sys

FORMATS = ("table", "json", "yaml", "csv", "name")


def quick(argv: list[str]) -> int | None:
    """Run it and return its exit code, or None if it is not one of the plain forms."""
    plain = _plain(argv)
    if argv and plain is None:
        return None
    from console.cli.notes import failed, note, tell
    from console.errors import LastgoodError

    try:
        if plain is None:
            from console.cli.screen import plain as open_console

            return open_console(note)
        _import_msgspec()
        kind, names, output, fresh, cached = plain
        from console.cli.listing import Listing
        from console.cli.output import Format
        from console.cli.session import sessions
        from console.kinds.words import kind_of
        from console.settings import Settings

        loaded = Settings.load()
        for warning in loaded.warnings:
            note(warning)
        opened = sessions(loaded, note)
        try:
            Listing(opened, kind_of(kind), tuple(names), Format(output), "").show(None, fresh=fresh, cached=cached)
        finally:
            for session in opened:
                session.close()
        return 0
    except LastgoodError as error:
        return tell(error)
    except BrokenPipeError:
        return 0  # whoever read us has gone
    except OSError as error:
        return failed(error)
    except KeyboardInterrupt:
        return 130


def _import_msgspec() -> None:
    """msgspec takes typing_extensions where that is installed, else `typing`, which has the same from Python 3.11 on.

    The first imports `inspect` and `ast`: 9 ms, a tenth of this command. Who wants it later gets it.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # Python's own way to say "not installed"
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]


def _plain(argv: list[str]) -> tuple[str, list[str], str, bool, bool] | None:
    if argv[:1] != ["get"]:
        return None
    words: list[str] = []
    output, flags = "table", set()
    rest = iter(argv[1:])
    for word in rest:
        if word in {"-o", "--output"}:
            output = next(rest, "")
        elif word in {"--cached", "--fresh"}:
            flags.add(word)
        elif word.startswith("-"):
            return None
        else:
            words.append(word)
    if not words or output not in FORMATS or len(flags) > 1:
        return None
    return words[0], words[1:], output, "--fresh" in flags, "--cached" in flags
