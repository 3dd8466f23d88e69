"""What the client does of a service that is busy, fails, or goes away: one that is played by the standard library."""

from __future__ import annotations

import ast
import gzip
import http.server
import json
import sys
import threading
import unittest
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple
from unittest import mock

import molstep
from molstep import (
    Busy,
    ConnectionFailed,
    DeadlinePassed,
    InvalidRequest,
    MissingPackage,
    Molecules,
    Molstep,
    NotAuthorised,
    ServiceFault,
)
from molstep.molecules import Molecule, _columns

FACTS = {"Model": "qm9", "Version": "6", "Seed": "7", "Steps": "1", "Sampler": "ddim", "Backend": "wasm", "Clamp": "0.5", "Grid": "{}"}


def record(index: int, **more: Any) -> Dict[str, Any]:
    told = {"index": index, "valid": True, "stable": True, "connected": True, "decoding": "argmax", "smiles": "C", "inchikey": None}
    return {**told, "symbols": ["C"], "positions": [[0, 0, 0]], "sdf": f"{index}\n$$$$\n", **more}


class Played(http.server.BaseHTTPRequestHandler):
    """Answers each request to `POST /generate` with the next of the server's acts."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.answer(200, json.dumps({"models": [], "limits": {"count": 4, "steps": 10, "work": 1000, "timeoutMs": 1}}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((body, dict(self.headers)))  # type: ignore[attr-defined]
        self.server.acts.pop(0)(self, body)  # type: ignore[attr-defined]

    def answer(self, status: int, body: bytes, headers: Dict[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


Act = Callable[[Played, Dict[str, Any]], None]


def problem(status: int, title: str = "No", headers: Dict[str, str] = {}, **more: Any) -> Act:
    told = json.dumps({"title": title, "status": status, "detail": "as the play has it", **more}).encode()
    return lambda played, _: played.answer(status, told, headers)


def draw(played: Played, body: Dict[str, Any], *, cut: int = -1, coding: str = "gzip", last: bytes = b"", **facts: str) -> None:
    """A stream of what was asked; ends without an end before molecule `cut`."""
    played.send_response(200)
    for name, value in {**FACTS, **facts}.items():
        played.send_header(f"Molstep-{name}", value)
    played.send_header("Transfer-Encoding", "chunked")
    if coding == "gzip":
        played.send_header("Content-Encoding", "gzip")
    played.end_headers()
    first, count = body["first"], body["count"] if cut < 0 else cut
    text = b"".join(json.dumps(record(first + k)).encode() + b"\n" for k in range(count)) + last
    sent = text if coding != "gzip" else gzip.compress(text)[: None if cut < 0 else -8]
    played.wfile.write(b"%x\r\n%s\r\n" % (len(sent), sent))
    if cut < 0:
        played.wfile.write(b"0\r\n\r\n")
    else:
        played.close_connection = True


class Client(unittest.TestCase):
    def setUp(self) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Played)
        self.server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.waits: List[float] = []

    def play(self, *acts: Act, **options: Any) -> Molstep:
        self.server.acts = list(acts)  # type: ignore[attr-defined]
        client = Molstep(f"http://127.0.0.1:{self.server.server_address[1]}/", **options)
        client._http._sleep = self.waits.append
        return client

    @property
    def asked(self) -> List[Tuple[Dict[str, Any], Dict[str, str]]]:
        return self.server.asked  # type: ignore[attr-defined,no-any-return]

    def test_conformers_are_asked_of_one_molecule_or_of_many(self) -> None:
        told = json.dumps({"molecules": [{"index": 0, "error": {"reason": "fragments", "message": "must be one"}}]}).encode()
        answer: Act = lambda played, _: played.answer(200, told)
        client = self.play(answer, answer)
        for molecules in ["CC.O", [{"smiles": "CC.O", "name": "two"}]]:
            answered = client.conformers(molecules, count=3, timeout_ms=1000, seed=None)
            self.assertEqual(answered["molecules"][0]["error"]["reason"], "fragments")
            self.assertEqual(self.asked.pop()[0], {"molecules": molecules, "count": 3, "timeoutMs": 1000})

    def test_waits_as_long_as_it_is_told_and_tries_again(self) -> None:
        busy = [problem(503, headers={"Retry-After": "7"}), problem(429, headers={"Retry-After": "0.5"}), problem(503)]
        self.assertEqual(len(self.play(*busy, draw).generate(2, steps=1)), 2)
        self.assertEqual(self.waits, [7, 0.5, 4])

    def test_gives_up_after_its_attempts_or_at_once_where_it_would_wait_too_long(self) -> None:
        acts = [problem(503, "Queue full", headers={"Retry-After": "3"})] * 9
        with self.assertRaisesRegex(Busy, r"Queue full \(503\)") as caught:
            self.play(*acts, attempts=3).generate(2, steps=1)
        self.assertEqual((len(self.asked), self.waits, caught.exception.retry_after), (3, [3, 3], 3))
        with self.assertRaises(Busy):
            self.play(*acts, max_wait=2.5).generate(2, steps=1)
        self.assertEqual(len(self.asked), 4)

    def test_does_not_try_a_wrong_token_again(self) -> None:
        refused = problem(429, headers={"Retry-After": "7"}, type="urn:molstep:problem:too-many-failures")
        with self.assertRaises(NotAuthorised):
            self.play(refused, draw).generate(2, steps=1)
        self.assertEqual((len(self.asked), self.waits), (1, []))

    def test_parquet_says_how_each_molecule_was_decoded(self) -> None:
        told = {"model": "qm9", "decoding": "valence"}
        rows = [Molecule(record(k, decoding=decoding), told) for k, decoding in enumerate(("valence", "argmax"))]
        columns = {name: [value(one) for one in rows] for name, _, value in _columns(mock.MagicMock(), rows, told)}
        self.assertEqual((columns["decoding"], columns["model"]), (["valence", "argmax"], ["qm9", "qm9"]))

    def test_tries_nothing_else_again(self) -> None:
        for status, kind in ((400, InvalidRequest), (418, InvalidRequest), (500, ServiceFault), (504, DeadlinePassed), (507, ServiceFault)):
            self.asked.clear()
            with self.assertRaises(kind):
                self.play(problem(status), draw).generate(2, steps=1)
            self.assertEqual((len(self.asked), self.waits), (1, []), status)

    def test_says_what_a_proxy_says_that_knows_no_problems(self) -> None:
        with self.assertRaisesRegex(ServiceFault, r"\(502\): <h1>Bad gateway"):
            self.play(lambda played, _: played.answer(502, b"<h1>Bad gateway</h1>")).generate(2, steps=1)

    def test_splits_by_the_service_s_limits_with_the_seed_that_the_first_answer_tells(self) -> None:
        molecules = self.play(draw, draw, draw).generate(10, steps=1, first=5)
        self.assertEqual([one.index for one in molecules], list(range(5, 15)))
        self.assertEqual([(body["first"], body["count"], body.get("seed")) for body, _ in self.asked], [(5, 4, None), (9, 4, 7), (13, 2, 7)])
        self.assertEqual(molecules.seed, 7)

    def test_asks_for_no_more_than_is_read(self) -> None:
        stream = self.play(draw, draw, draw).stream(10, steps=1)
        self.assertEqual((self.asked, stream.provenance), ([], {}))
        for _ in range(4):
            next(stream)
        self.assertEqual((len(self.asked), stream.provenance["clamp"]), (1, 0.5))
        self.assertEqual([one.index for one in stream], [4, 5, 6, 7, 8, 9])

    def test_goes_on_where_a_stream_was_cut(self) -> None:
        for coding in ("gzip", "identity"):
            self.asked.clear()
            cut: Act = lambda played, body, coding=coding: draw(played, body, cut=2, coding=coding)  # type: ignore[misc]
            molecules = self.play(cut, draw, cut, draw).generate(8, steps=1)
            self.assertEqual([one.index for one in molecules], list(range(8)))
            self.assertEqual([(body["first"], body["count"]) for body, _ in self.asked], [(0, 4), (2, 4), (6, 2)])

    def test_gives_up_where_a_stream_never_gets_on(self) -> None:
        nothing: Act = lambda played, body: draw(played, body, cut=0)
        with self.assertRaisesRegex(ConnectionFailed, "cut off"):
            self.play(*[nothing] * 9, attempts=3).generate(8, steps=1)
        self.assertEqual((len(self.asked), self.waits), (3, [1, 2]))

    def test_does_not_go_on_where_unique_is_judged_within_a_request(self) -> None:
        with self.assertRaises(ConnectionFailed):
            self.play(lambda played, body: draw(played, body, cut=2), draw).generate(4, steps=1, unique=True)
        self.assertEqual(len(self.asked), 1)

    def test_raises_what_the_last_record_of_a_stream_says(self) -> None:
        last = json.dumps({"error": "the deadline of 5 ms has passed", "drawn": 1, "count": 4}).encode() + b"\n"
        stream = self.play(lambda played, body: draw(played, {**body, "count": 1}, last=last)).stream(4, steps=1)
        self.assertEqual(next(stream).index, 0)
        with self.assertRaisesRegex(DeadlinePassed, "the deadline of 5 ms has passed") as caught:
            next(stream)
        self.assertEqual(caught.exception.drawn, 1)

    def test_warns_where_the_weights_change_between_two_requests(self) -> None:
        client = self.play(draw, lambda played, body: draw(played, body, Version="7"))
        with self.assertWarnsRegex(UserWarning, "version from 6 to 7"):
            molecules = client.generate(8, steps=1)
        self.assertEqual([one.provenance["version"] for one in molecules], ["6"] * 4 + ["7"] * 4)

    def test_gives_the_token_to_the_service_and_to_nobody_that_it_points_to(self) -> None:
        there = f"http://localhost:{self.server.server_address[1]}/elsewhere"
        seen: List[Any] = []

        class Elsewhere(Played):
            def do_GET(self) -> None:
                seen.append((self.path, self.headers["Authorization"]))
                moved = {"Location": there} if self.path == "/models" else {}
                self.answer(302 if moved else 200, json.dumps({"models": []}).encode(), moved)

        self.server.RequestHandlerClass = Elsewhere
        self.play(token="secret").models()
        self.assertEqual(seen, [("/models", "Bearer secret"), ("/elsewhere", None)])

    def test_says_who_does_not_answer(self) -> None:
        with self.assertRaisesRegex(ConnectionFailed, "No answer: GET http://127.0.0.1:9/models: "):
            Molstep("http://127.0.0.1:9").generate(1, steps=1)
        with self.assertRaisesRegex(ValueError, "must begin with http"):
            Molstep("localhost:8000")

    def test_says_in_time_that_there_is_silence(self) -> None:
        done = threading.Event()
        self.addCleanup(done.set)
        with self.assertRaisesRegex(ConnectionFailed, "timed out"):
            self.play(lambda played, body: done.wait(5) and None, timeout=0.1).generate(1, steps=1)


class Packages(unittest.TestCase):
    def test_says_what_to_install(self) -> None:
        molecules = Molecules([Molecule(record(0), {"seed": 1})], {"seed": 1})
        with mock.patch.dict(sys.modules, {"rdkit": None, "rdkit.Chem": None, "pyarrow": None}):
            with self.assertRaisesRegex(MissingPackage, "pip install rdkit"):
                molecules.mols()
            with self.assertRaisesRegex(ImportError, "pip install pyarrow"):
                molecules.to_parquet("never.parquet")
        self.assertFalse(Path("never.parquet.part").exists())

    def test_is_python_3_9(self) -> None:
        sources = list(Path(molstep.__file__).parent.glob("*.py"))
        self.assertGreater(len(sources), 4)
        for source in sources:
            ast.parse(source.read_text(), feature_version=(3, 9))


warnings.simplefilter("error", ResourceWarning)
