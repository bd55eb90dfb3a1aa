"""What has to be closed whatever happens, while it starts as well: a server half started would outlive the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class Closing:
    """Closed at the end of its `with`; `__enter__` does what may fail within `_or_close`."""

    def close(self) -> None:
        raise NotImplementedError

    @contextmanager
    def _or_close(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
