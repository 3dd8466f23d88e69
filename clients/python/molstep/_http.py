"""Requests by the standard library: a token, retries as the service asks for them, and lines of a stream."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from typing import Any, Callable, Iterator, Mapping, Optional

from .errors import Busy, ConnectionFailed, from_answer

_CUT = "Cut off"


class Http:
    """One service.

    Args:
        url: where the service is, such as `http://localhost:8000`.
        token: sent as `Authorization: Bearer`, and to no other host than that of `url`.
        timeout: longest silence, in seconds.
        attempts: times that a request is tried where there is no room (429, 503).
        max_wait: longest `Retry-After` that is waited for, in seconds.
        sleep: waits; a test gives its own.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Optional[str] = None,
        timeout: float,
        attempts: int,
        max_wait: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"url must begin with http:// or https://; got {url!r}")
        if attempts < 1:
            raise ValueError(f"attempts must be at least 1; got {attempts}")
        self.url = url.rstrip("/")
        self.attempts = attempts
        self._token = token
        self._timeout = timeout
        self._max_wait = max_wait
        self._sleep = sleep

    def json(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None, *, retry: bool = True) -> Any:
        """The answer, read as JSON. Raises as `open` does."""
        with self.open(method, path, body, retry=retry) as answer:
            try:
                return json.loads(answer.read())
            except (OSError, http.client.HTTPException) as error:
                raise ConnectionFailed(_CUT, f"{method} {self.url}{path}: {_words(error)}") from error

    def open(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        *,
        accept: str = "application/json",
        encoding: str = "identity",
        retry: bool = True,
    ) -> http.client.HTTPResponse:
        """An answer that has begun, a success.

        Raises:
            Busy: there was no room at the last attempt, or will not be for longer than `max_wait`.
            ConnectionFailed: nobody answered.
            MolstepError: any other problem.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._send(method, path, body, {"Accept": accept, "Accept-Encoding": encoding})
            except Busy as error:
                wait = backoff(attempt) if error.retry_after is None else error.retry_after
                if not retry or attempt >= self.attempts or wait > self._max_wait:
                    raise
                self._sleep(wait)

    def pause(self, attempt: int) -> None:
        """Waits before attempt `attempt` + 1 where nobody said for how long."""
        self._sleep(min(backoff(attempt), self._max_wait))

    def _send(
        self, method: str, path: str, body: Optional[Mapping[str, Any]], headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        request = urllib.request.Request(self.url + path, method=method, headers=dict(headers))
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self._token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=self._timeout)
            return answer
        except urllib.error.HTTPError as error:
            with error:
                raise from_answer(error.code, error.headers, error.read()) from None
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailed("No answer", f"{method} {self.url}{path}: {_words(error)}") from error


def backoff(attempt: int) -> float:
    """Seconds to wait after an attempt where nobody says: 1, 2, 4, ... 30."""
    return float(min(30, 2 ** (attempt - 1)))


def _words(error: BaseException) -> str:
    return str(getattr(error, "reason", None) or error) or type(error).__name__


def lines(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Lines of an answer as they come, none of them held longer than it takes to read the next piece.

    Raises:
        ConnectionFailed: the answer ended before its end.
    """
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS) if answer.headers.get("Content-Encoding") == "gzip" else None
    rest = b""
    while True:
        try:
            piece = answer.read1(65_536)
            text = piece if inflate is None else inflate.decompress(piece)
        except (OSError, http.client.HTTPException, zlib.error) as error:
            raise ConnectionFailed(_CUT, f"the answer is cut off: {_words(error)}") from error
        *whole, rest = (rest + text).split(b"\n")
        yield from whole
        if not piece:
            break
    if rest or (inflate is not None and not inflate.eof):
        raise ConnectionFailed(_CUT, "the answer is cut off")
