"""Copying through the terminal (OSC 52), also out of tmux and GNU screen, which swallow it unless it is wrapped."""

from __future__ import annotations

import base64
from collections.abc import Mapping

_LIMIT = 74_994
"""Bytes of text: xterm and others drop an OSC 52 whose base64 is longer than 100,000 characters."""
_SCREEN_CHUNK = 76
"""GNU screen cuts DCS strings at 256 bytes and older builds sooner; the chunks are joined again by the terminal."""


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """The sequence that puts `text` on the clipboard of the terminal the operator sits at.

    tmux passes it on inside `ESC P tmux; … ESC \\` with each ESC doubled (needs `allow-passthrough on` since 3.3; with
    `set-clipboard on` tmux takes the bare form, so both are sent). screen passes `ESC P … ESC \\`, in pieces.
    """
    encoded = base64.b64encode(text.encode("utf-8", "replace")[:_LIMIT]).decode("ascii")
    bare = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        return bare + "\x1bPtmux;" + bare.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("STY") or environ.get("TERM", "").startswith("screen"):
        pieces = [bare[at : at + _SCREEN_CHUNK] for at in range(0, len(bare), _SCREEN_CHUNK)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return bare
