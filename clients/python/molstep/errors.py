"""What can go wrong, as the service says it: problem documents (RFC 9457) as exceptions."""

from __future__ import annotations

import email.utils
import json
import time
from email.message import Message
from typing import Any, Dict, List, Mapping, Optional, Tuple, Type


class MolstepError(Exception):
    """Anything that the service refused or failed at. Its text is the problem's title, status and detail.

    Attributes:
        status: the HTTP status; None where there was no answer.
        title: the kind of the problem, in words.
        detail: what was asked, what is allowed and what was given.
        problem: the whole problem document.
    """

    def __init__(
        self, title: str, detail: str, *, status: Optional[int] = None, problem: Optional[Mapping[str, Any]] = None
    ) -> None:
        super().__init__(f"{title}{'' if status is None else f' ({status})'}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.problem: Dict[str, Any] = dict(problem or {})

    @property
    def type(self) -> Optional[str]:
        """The kind of the problem, a URN; None where the status says all there is."""
        return self.problem.get("type")

    @property
    def fields(self) -> List[Tuple[str, str]]:
        """Each fault of the request: a JSON pointer to where it is, and what is wrong there."""
        return [(one["path"], one["message"]) for one in self.problem.get("errors", [])]

    @property
    def request_id(self) -> Optional[str]:
        """Names the request in the service's logs."""
        return self.problem.get("requestId")


class InvalidRequest(MolstepError):
    """400, 406, 413, 415, 422 and other 4xx: the request is refused as it is. `fields` says where it is wrong."""


class NotAuthorised(MolstepError):
    """401, 403: the route asks for a token, or for another one. 429: too many wrong ones were given; the next one may be tried later."""


class NotFound(MolstepError):
    """404: no such model, job or route. The problem's `availableModels` lists models."""


class Conflict(MolstepError):
    """409: a round runs already (`job` names it), a job is in another state, or the data directory is another's."""

    @property
    def job(self) -> Optional[str]:
        """Id of the job in question."""
        return self.problem.get("job")


class Busy(MolstepError):
    """429, 503: there is no room, for this client or for anybody. `retry_after` says in how many seconds there may be."""

    retry_after: Optional[float] = None


class DeadlinePassed(MolstepError):
    """504, or the last record of a stream: the time that the request might take was over."""

    @property
    def drawn(self) -> int:
        """Molecules of the request that were drawn by then."""
        return int(self.problem.get("drawn", 0))


class ServiceFault(MolstepError):
    """Other 5xx: the service failed, or its disk is full. Its log says why."""


class ConnectionFailed(MolstepError):
    """There was no answer, or it was cut off."""


class MissingPackage(ImportError):
    """A package that is needed here is not installed."""


_BY_STATUS: Mapping[int, Type[MolstepError]] = {
    401: NotAuthorised,
    403: NotAuthorised,
    404: NotFound,
    409: Conflict,
    429: Busy,
    503: Busy,
    504: DeadlinePassed,
}


#: Where the status alone says too little: a wrong token is no better when there is room.
_BY_TYPE: Mapping[str, Type[MolstepError]] = {"urn:molstep:problem:too-many-failures": NotAuthorised}


def from_answer(status: int, headers: Message, body: bytes) -> MolstepError:
    """The exception for an answer that is no success."""
    try:
        problem = json.loads(body)
        title, detail = str(problem["title"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):  # not the service's own: a proxy's page
        problem, title = {}, "No success"
        detail = body[:200].decode("utf-8", "replace").strip() or "the answer is empty"
    kind = _BY_TYPE.get(str(problem.get("type"))) or _BY_STATUS.get(status, ServiceFault if status >= 500 else InvalidRequest)
    error = kind(title, detail, status=status, problem=problem)
    if isinstance(error, Busy):
        error.retry_after = _seconds(headers.get("Retry-After"))
    return error


def _seconds(header: Optional[str]) -> Optional[float]:
    """`Retry-After`: seconds, or a date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
