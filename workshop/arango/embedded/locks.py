"""A lock that many readers or one writer hold; waiting writers go before new readers."""

import threading
import time


class ReadersWriterLock:
    """Held by any number of readers or by one writer. It belongs to no thread: any thread may release it."""

    def __init__(self):
        self._condition = threading.Condition(threading.Lock())
        self._readers = 0
        self._writing = False
        self._waiting_writers = 0

    def acquire_read(self, timeout: float | None = None) -> bool:
        """Wait, at most `timeout` seconds, until nobody writes or waits to write; False when that took too long."""
        with self._condition:
            if not self._wait(lambda: not self._writing and not self._waiting_writers, timeout):
                return False
            self._readers += 1
            return True

    def release_read(self) -> None:
        """Give back what `acquire_read` got."""
        with self._condition:
            self._readers -= 1
            if not self._readers:
                self._condition.notify_all()

    def acquire_write(self, timeout: float | None = None) -> bool:
        """Wait, at most `timeout` seconds, until nobody reads or writes; False when that took too long."""
        with self._condition:
            self._waiting_writers += 1
            try:
                if not self._wait(lambda: not self._writing and not self._readers, timeout):
                    return False
                self._writing = True
                return True
            finally:
                self._waiting_writers -= 1
                if not self._writing:  # gave up: readers that stood behind this writer may go on
                    self._condition.notify_all()

    def release_write(self) -> None:
        """Give back what `acquire_write` got."""
        with self._condition:
            self._writing = False
            self._condition.notify_all()

    def _wait(self, free, timeout: float | None) -> bool:
        if timeout is None:
            while not free():
                self._condition.wait()
            return True
        end = time.monotonic() + timeout
        while not free():
            left = end - time.monotonic()
            if left <= 0 or not self._condition.wait(left):
                return free()
        return True
