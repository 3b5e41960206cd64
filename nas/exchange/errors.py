"""How an object store fails a search: by no fault of the request, nor of a candidate."""

from nas.errors import SearchError


class ExchangeError(SearchError):
    """An object store that refuses a request, or lacks an object."""


class LostObjectError(ExchangeError):
    """An object that is listed is missing or damaged."""


class ExchangeOutageError(ExchangeError):
    """An object store that has not answered for as long as it was asked again; `what` says which, and why."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what}: start the object store or mend the network, then run the same command again"
