"""The service, from Python."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import warnings
from dataclasses import dataclass
from email.message import Message
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Union

from ._http import Http, lines
from .errors import Busy, ConnectionFailed, DeadlinePassed
from .molecules import Molecule, Molecules, MoleculeStream

_NDJSON = "application/x-ndjson"


class Health(NamedTuple):
    """Whether the service can take requests."""

    ready: bool
    #: Why it is not ready.
    detail: Optional[str] = None
    #: Why it writes nothing in its data directory, where it does not; generation works.
    read_only: Optional[str] = None


@dataclass(frozen=True)
class Job:
    """A round of distillation."""

    #: All that the service says of it.
    record: Dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.record["id"])

    @property
    def state(self) -> str:
        """Such as `running`, `done` (in service), `rejected`, `cancelled` or `failed`."""
        return str(self.record["state"])

    @property
    def ended(self) -> bool:
        return self.record["endedAt"] is not None

    @property
    def reason(self) -> Optional[str]:
        """Why it ended as it did."""
        reason: Optional[str] = self.record["reason"]
        return reason

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1."""
        return float((self.record["progress"] or {"fraction": 0})["fraction"])


class Molstep:
    """A Molstep service.

    Args:
        url: where it is.
        token: for services and routes that ask for one; `distill` and the jobs do.
        timeout: longest silence of the service, in seconds. It says nothing while a request waits and its first molecules are drawn.
        attempts: times that a request is tried where there is no room (429, 503), or goes on where a stream was cut off. Between two of
            them it waits as long as `Retry-After` says. Other faults are raised at once.
        max_wait: longest `Retry-After` that is waited for, in seconds; of a longer one `Busy` is raised at once.

    Raises:
        MolstepError: of all methods; see `molstep.errors`.
    """

    def __init__(
        self,
        url: str = "http://localhost:8000",
        token: Optional[str] = None,
        timeout: float = 600,
        *,
        attempts: int = 5,
        max_wait: float = 120,
    ) -> None:
        self._http = Http(url, token=token, timeout=timeout, attempts=attempts, max_wait=max_wait)

    def generate(
        self,
        count: Optional[int] = None,
        steps: Optional[int] = None,
        *,
        want: Optional[int] = None,
        model: Optional[str] = None,
        seed: Optional[int] = None,
        first: int = 0,
        **options: Any,
    ) -> Molecules:
        """Draws molecules, and waits for all of them.

        Args:
            count: molecules to draw: any number. What is more than one request may ask is split, and is the same molecules as if it were not:
                molecule i of a seed does not depend on what is drawn beside it.
            steps: steps of the sampler: calls of the denoiser.
            want: molecules to give back, in place of `count`: drawn, in one request, until so many pass `where`, `filter` and `unique`, or
                `max_draws` are drawn, or the time is over. `Molecules.counts` says which it was.
            model: a name of `models()`; the service's default where absent.
            seed: the same seed gives the same molecules; drawn where absent, see `Molecules.seed`.
            first: index of the first molecule.
            options: other keys of `POST /generate`, in Python's way (`heavy_atoms=(7, 9)`, `filter="sound"`, `unique="inchikey"`,
                `where={"logP": {"max": 3}}`, whose names are the service's own, `max_draws=5000`, `include=["descriptors"]`, `timeout_ms=5000`, of each request).

        Returns:
            Those that pass `where`, `filter` and `unique`, in the order of their indices.

        Raises:
            InvalidRequest, NotFound, Busy, DeadlinePassed, ServiceFault, ConnectionFailed
            ValueError: `unique=True` of more molecules than one request may ask: that is judged within a request, by what is not told.
        """
        stream = self.stream(count, steps, want=want, model=model, seed=seed, first=first, **options)
        molecules = list(stream)
        return Molecules(molecules, stream.provenance, stream.counts)

    def stream(
        self,
        count: Optional[int] = None,
        steps: Optional[int] = None,
        *,
        want: Optional[int] = None,
        model: Optional[str] = None,
        seed: Optional[int] = None,
        first: int = 0,
        **options: Any,
    ) -> MoleculeStream:
        """As `generate`, but molecules come one by one while they are drawn, and none is kept: for a million of them.

        A stream that is cut off goes on with the next molecule. Faults are raised when molecules are taken.
        """
        asked: Dict[str, Any] = {_camel(name): value for name, value in options.items() if value is not None}
        if steps is None:
            raise ValueError("steps must be given; got none")
        if (count is None) == (want is None):
            raise ValueError(f"count or want must be given, and not both; got count {count} and want {want}")
        asked.update(steps=steps, include=sorted({*asked.get("include", ()), "sdf"}))
        if model is not None:
            asked["model"] = model
        if count is None:
            asked["want"] = want
            return MoleculeStream(lambda tell, tally: self._draw_wanted({**asked, "first": first}, seed, tell, tally))
        number = count
        return MoleculeStream(lambda tell, tally: self._draw(number, first, seed, asked, tell, tally))

    def _draw_wanted(
        self,
        asked: Dict[str, Any],
        seed: Optional[int],
        tell: Callable[[Dict[str, Any]], None],
        tally: Callable[[Dict[str, Any]], None],
    ) -> Iterator[Molecule]:
        """Those of one request: how many it draws is not known before, so that it can't be split, or taken up again."""
        body = {**asked, **({} if seed is None else {"seed": seed})}
        with self._http.open("POST", "/generate", body, accept=_NDJSON, encoding="gzip") as answer:
            provenance = _provenance(answer.headers)
            tell(provenance)
            for record in _records(answer, tally):
                yield Molecule(record, provenance)

    def _draw(
        self,
        count: int,
        first: int,
        seed: Optional[int],
        asked: Dict[str, Any],
        tell: Callable[[Dict[str, Any]], None],
        tally: Callable[[Dict[str, Any]], None],
    ) -> Iterator[Molecule]:
        most = self._most(asked["steps"])
        unique = asked.get("unique", asked.get("filter") == "unique")
        if unique is True and count > most:
            raise ValueError(
                f"unique=True, and filter='unique', may be of at most {most} molecules here, a request's; got count {count}. "
                "unique='flat' and 'inchikey' may be of any number"
            )
        seen: Set[str] = set()
        at, end, failures = first, first + count, 0
        provenance: Dict[str, Any] = {}
        while True:
            size = min(most, end - at) if count > most else end - at
            body = {**asked, "count": size, "first": at, **({} if seed is None else {"seed": seed})}
            begun = failures > 0
            try:
                with self._http.open("POST", "/generate", body, accept=_NDJSON, encoding="gzip") as answer:
                    begun, until = True, at + size
                    provenance = _told(provenance, _provenance(answer.headers))
                    tell(provenance)
                    seed = provenance["seed"]
                    for record in _records(answer, tally):
                        molecule = Molecule(record, provenance)
                        at, failures = molecule.index + 1, 0
                        if isinstance(unique, str) and record["valid"]:
                            own = _identity(record, unique)
                            if own in seen:
                                continue
                            seen.add(own)
                        yield molecule
                    at = until
            except ConnectionFailed:
                # What came is there; unique=True is judged within a request, which can't be taken up again.
                failures += 1
                if not begun or unique is True or failures >= self._http.attempts:
                    raise
                self._http.pause(failures)
            if at >= end:
                return

    def _most(self, steps: Any) -> int:
        """Molecules that one request may ask at so many steps; the service says of `steps` itself whether they will do."""
        limits = self.limits()
        if not isinstance(steps, int) or steps < 1:
            return limits["count"]
        return max(1, min(limits["count"], limits["work"] // steps))

    def limits(self) -> Dict[str, int]:
        """The most that one request may ask: `count`, `steps`, `work` (molecules x steps) and `timeoutMs`."""
        limits: Dict[str, int] = self._http.json("GET", "/models")["limits"]
        return limits

    def models(self) -> List[Dict[str, Any]]:
        """The models: `name`, `version`, `sizes`, `distilledSteps`, `recommended` and more, as `GET /models` has them."""
        models: List[Dict[str, Any]] = self._http.json("GET", "/models")["models"]
        return models

    def model(self, name: str) -> Dict[str, Any]:
        """A model: its card, and where it runs."""
        model: Dict[str, Any] = self._http.json("GET", f"/models/{_quoted(name)}")
        return model

    def health(self) -> Health:
        """Whether the service can take requests. Does not wait until it can."""
        try:
            told = self._http.json("GET", "/health/ready", retry=False)
        except Busy as error:
            return Health(False, error.detail)
        return Health(True, None, told.get("readOnly"))

    def conformers(
        self, molecules: Union[str, Mapping[str, str], Sequence[Union[str, Mapping[str, str]]]], **options: Any
    ) -> Dict[str, Any]:
        """Draws conformers of molecules that are given, and waits for all of them.

        Args:
            molecules: one or a list: SMILES, or a mapping of `smiles` or `molblock`, and a `name` where it has one.
            options: other keys of `POST /conformers`, in Python's way: `count=10`, `seed=1`, `refine="mmff94"`, `temperature=310`, `rmsd=0.5`,
                `resample=True`, `timeout_ms=60_000`.

        Returns:
            The JSON answer. A molecule without conformers has `error`, with `reason` and `message`.

        Raises:
            InvalidRequest, Busy, DeadlinePassed, ServiceFault, ConnectionFailed
        """
        given = molecules if isinstance(molecules, (str, Mapping)) else list(molecules)
        body = {"molecules": given, **{_camel(name): value for name, value in options.items() if value is not None}}
        answer: Dict[str, Any] = self._http.json("POST", "/conformers", body)
        return answer

    def distill(self, **options: Any) -> Job:
        """Begins a round of distillation: the keys of `POST /distill`, such as `model`, `to`, `minutes`, `learning_rate`.

        `from` is a word of Python's: `from_=32`.

        Raises:
            NotAuthorised: the token is not the administrator's.
            Conflict: a round runs already; `job` names it.
        """
        body = {_camel(name): value for name, value in options.items() if value is not None}
        return Job(self._http.json("POST", "/distill", body))

    def jobs(self, limit: int = 50, offset: int = 0) -> List[Job]:
        """Rounds, newest first."""
        query = urllib.parse.urlencode({"limit": limit, "offset": offset})
        return [Job(one) for one in self._http.json("GET", f"/jobs?{query}")["jobs"]]

    def job(self, job: Union[Job, str]) -> Job:
        """A round as it is now, by its id; with its curves in `record`."""
        return Job(self._http.json("GET", f"/jobs/{_id(job)}"))

    def cancel(self, job: Union[Job, str]) -> Job:
        """Cancels a round; its checkpoint is kept."""
        return Job(self._http.json("DELETE", f"/jobs/{_id(job)}"))

    def resume(self, job: Union[Job, str]) -> Job:
        """Goes on with a round that was cancelled or failed."""
        return Job(self._http.json("POST", f"/jobs/{_id(job)}/resume"))

    def wait(
        self,
        job: Union[Job, str],
        *,
        poll: float = 5,
        timeout: Optional[float] = None,
        on_progress: Optional[Callable[[Job], None]] = None,
    ) -> Job:
        """Waits until a round has ended, however it did: see its `state` and `reason`.

        Args:
            poll: seconds between two looks.
            timeout: longest wait, in seconds; None: as long as it takes.
            on_progress: called with the round after each look.

        Raises:
            TimeoutError: it has not ended by then. It goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        failures = 0
        while True:
            try:
                now = self.job(job)
                failures = 0
            except ConnectionFailed:  # the service may be starting again
                failures += 1
                if failures >= self._http.attempts:
                    raise
            else:
                if on_progress is not None:
                    on_progress(now)
                if now.ended:
                    return now
            if deadline is not None and time.monotonic() + poll > deadline:
                raise TimeoutError(f"job {_id(job)} has not ended within {timeout} s")
            time.sleep(poll)


def _records(answer: Any, tally: Callable[[Dict[str, Any]], None]) -> Iterator[Dict[str, Any]]:
    """The molecules of a stream. What stands behind them is told, or raised."""
    for line in lines(answer):
        record: Dict[str, Any] = json.loads(line)
        if "error" in record:
            raise DeadlinePassed("Deadline passed", record["error"], problem=record)
        if "index" in record:
            yield record
        else:
            tally(record)


def _camel(name: str) -> str:
    """`heavy_atoms` as the service has it: `heavyAtoms`. `from_` is `from`."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name.rstrip("_"))


def _id(job: Union[Job, str]) -> str:
    return _quoted(job if isinstance(job, str) else job.id)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


#: How headers that are no text are read.
_READERS: Mapping[str, Callable[[str], Any]] = {"seed": int, "steps": int, "clamp": float, "grid": json.loads}


def _provenance(headers: Message) -> Dict[str, Any]:
    """What the headers `Molstep-*` say of the molecules."""
    told = {name[8:].lower(): value for name, value in headers.items() if name.lower().startswith("molstep-")}
    return {name: _READERS.get(name, urllib.parse.unquote)(value) for name, value in told.items()}


def _told(before: Dict[str, Any], now: Dict[str, Any]) -> Dict[str, Any]:
    changed = [f"{name} from {value} to {now.get(name)}" for name, value in before.items() if now.get(name) != value]
    if changed:
        # For example a student that was put into service meanwhile. Each molecule says what drew it.
        warnings.warn(f"what draws has changed between two requests: {', '.join(changed)}", stacklevel=3)
    return now


def _identity(record: Mapping[str, Any], unique: str) -> str:
    """What the same molecules have in common, as `unique` of `POST /generate` says."""
    inchikey = record["inchikey"]
    if inchikey is None:
        return str(record["smiles"])
    return str(inchikey if unique == "inchikey" else inchikey.split("-")[0])
