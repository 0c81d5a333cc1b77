"""Long work in small steps between the commands: a step now and then, so that clients hardly notice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slotrocks.server.node import Node

log = logging.getLogger(__name__)

INTERVAL_S = 0.01  # between two steps, which take about a millisecond


class Background:
    """Calls `step` until it returns False or raises. It waits while nothing may be written."""

    def __init__(self, node: Node, name: str, step: Callable[[], bool]) -> None:
        self._node = node
        self._name = name
        self._step = step
        self._timer: asyncio.TimerHandle = node.loop.call_later(INTERVAL_S, self._run)

    def close(self) -> None:
        """Stops."""
        self._timer.cancel()

    def _run(self) -> None:
        try:
            more = self._node.write_error != "" or self._node.pause is not None or self._step()
        except Exception:
            log.exception("%s failed", self._name)
            return
        if more:
            self._timer = self._node.loop.call_later(INTERVAL_S, self._run)
