"""Many calls at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tests.errors import Refused


class Race:
    """What came of it: the answers, and the refusals."""

    def __init__(self, times: int, work: Callable[[int], Any]) -> None:
        """Run work(0), work(1) … in a thread each, all released at one moment."""
        self.answers: list[Any] = []
        self.refusals: list[Refused] = []
        start = threading.Barrier(times)

        def run(number: int) -> None:
            start.wait()
            try:
                self.answers.append(work(number))
            except grpc.RpcError as error:
                refusal = Refused()
                refusal.read(error)
                self.refusals.append(refusal)

        with ThreadPoolExecutor(times) as pool:
            list(pool.map(run, range(times)))

    @property
    def reasons(self) -> set[str]:
        return {refusal.reason for refusal in self.refusals}
