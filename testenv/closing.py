"""What has to be closed whatever happens, while it starts as well: a server half started would outlive the test."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class Closing(ABC):
    """Closed at the end of its `with`; `__enter__` does what may fail within `_or_close`."""

    @abstractmethod
    def close(self) -> None: ...

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
