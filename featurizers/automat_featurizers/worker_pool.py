"""A pebble pool whose workers end before what they share is taken away.

pebble removes the locks that it shares with its workers, and then ends the workers. One that is just starting
(in the place of one that died) looks for the locks in vain, and prints a traceback into the user's terminal.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from pebble import ProcessPool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class WorkerPool(ProcessPool):
    """Spawned workers.

    Args:
        count: how many.
        prepare, args: called in every worker as it starts.
    """

    def __init__(self, count: int, prepare: Callable[..., None], args: Sequence[Any] = ()) -> None:
        super().__init__(
            max_workers=count, context=multiprocessing.get_context("spawn"), initializer=prepare, initargs=args
        )

    def _stop_pool(self) -> None:
        if self._pool_manager_loop is not None:  # it would replace the workers that end
            self._pool_manager_loop.join()
        self._pool_manager.worker_manager.force_stop_workers()  # type: ignore[no-untyped-call]
        super()._stop_pool()  # type: ignore[no-untyped-call]
