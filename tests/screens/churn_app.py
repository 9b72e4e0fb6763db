"""A console whose data never rests for a while, then writes what should stand on the screen: churn_app.py SEED PATH."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from console.kinds.base import Sign
from screens.app import LastgoodApp
from screens.listing import ListScreen
from tests.screens.memory import MemoryFeed, Service, fleet, places

STEPS = 12
WORDS = ("ok", "推荐系统 fails", "a much longer reason than the column has room for, to be cut", "é\u0301 naïve", "")


class Churn(LastgoodApp):
    def __init__(self, feed: MemoryFeed, seed: int, path: Path) -> None:
        super().__init__(feed, places=places())
        self._churning, self._dice, self._path, self._left = feed, random.Random(seed), path, STEPS

    def on_mount(self) -> None:
        super().on_mount()
        self._timer = self.set_interval(0.3, self._churn)

    def _churn(self) -> None:
        dice, feed, screen = self._dice, self._churning, self.screen
        self._left -= 1
        if self._left < 0:
            self._timer.stop()
            lines = [strip.text for strip in screen._compositor.render_strips()]
            self._path.write_text(json.dumps(lines))
            return
        if self._left < 3:
            return  # let the last news arrive
        names = sorted(feed.services)
        for name in dice.sample(names, 6):
            feed.put(
                Service(name, dice.choice(list(Sign)), dice.choice(WORDS), dice.choice([None, 1.0, 2e6]), dice.random())
            )
        feed.put(Service(f"new-{dice.randrange(5)}-部署"))
        feed.drop(dice.choice(names))
        if isinstance(screen, ListScreen):
            table = screen.table
            table.move(dice.choice(["down", "page_down", "up", "last", "first"]))
            if dice.random() < 0.4:
                table.toggle_mark()
            if dice.random() < 0.3:
                table.sort_by(dice.choice(["", "name", "requests", "what"]), descending=dice.random() < 0.5)
            if dice.random() < 0.3:
                screen.filter_typed(dice.choice(["", "!eta", "ok", "o"]))


if __name__ == "__main__":
    Churn(fleet(), int(sys.argv[1]), Path(sys.argv[2])).run()
