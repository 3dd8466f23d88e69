"""Against a service with the shipped weights, of which one request may ask 20 molecules at 4 steps (80 molecule-steps)."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import unittest
from pathlib import Path

from molstep import Conflict, DeadlinePassed, InvalidRequest, Molecule, Molstep, NotAuthorised, NotFound

from .service import PLAYED, SCRIPT, TOKEN, URL, has, needs_service


def key(molecule: Molecule) -> object:
    return molecule.index, molecule.smiles, molecule.positions


@needs_service
class Generate(unittest.TestCase):
    def setUp(self) -> None:
        self.molstep = Molstep(URL)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_molecules_and_what_drew_them(self) -> None:
        molecules = self.molstep.generate(6, steps=4, seed=1)
        self.assertEqual(len(molecules), 6)
        self.assertEqual([one.index for one in molecules], list(range(6)))
        self.assertEqual(molecules.smiles, [one.smiles for one in molecules])
        self.assertTrue(all(one.smiles for one in molecules if one.valid))
        for one in molecules:
            self.assertEqual({len(at) for at in one.positions}, {3})
            self.assertEqual(len(one.positions), len(one.symbols))
        told = molecules.provenance
        self.assertEqual((told["model"], told["seed"], told["steps"], told["sampler"]), ("qm9", 1, 4, "distilled"))
        self.assertIsInstance(told["version"], str)
        self.assertIsInstance(told["grid"], dict)
        self.assertIsInstance(told["clamp"], float)
        self.assertEqual([key(one) for one in molecules[2:4]], [key(molecules[2]), key(molecules[3])])

    def test_a_seed_names_its_molecules(self) -> None:
        drawn = self.molstep.generate(3, steps=4)
        again = self.molstep.generate(3, steps=4, seed=drawn.seed)
        self.assertEqual([key(one) for one in drawn], [key(one) for one in again])
        other = self.molstep.generate(3, steps=4, seed=(drawn.seed + 1) % 2**32)
        self.assertNotEqual([key(one) for one in drawn], [key(one) for one in other])

    def test_what_is_more_than_a_request_may_ask_is_split_and_the_same(self) -> None:
        self.assertEqual(self.molstep.limits()["work"], 80)
        with self.assertRaisesRegex(InvalidRequest, "80"):
            urllib_generate({"count": 21, "steps": 4})
        molecules = self.molstep.generate(47, steps=4, seed=5)
        self.assertEqual([one.index for one in molecules], list(range(47)))
        # The same indices, in requests that are cut elsewhere.
        parts = [self.molstep.generate(size, steps=4, seed=5, first=first) for first, size in ((0, 13), (13, 20), (33, 14))]
        self.assertEqual([key(one) for part in parts for one in part], [key(one) for one in molecules])
        seeds = {one.provenance["seed"] for one in self.molstep.generate(41, steps=4)}
        self.assertEqual(len(seeds), 1)

    def test_unique_counts_over_all_requests(self) -> None:
        asked = {"steps": 40, "seed": 1, "heavy_atoms": 3}  # two molecules a request
        every = self.molstep.generate(16, filter="valid", **asked)
        for unique, of in (("inchikey", lambda one: one.inchikey), ("flat", lambda one: one.inchikey.split("-")[0])):
            kept = self.molstep.generate(16, unique=unique, **asked)
            self.assertEqual([of(one) for one in kept], list(dict.fromkeys(of(one) for one in every)))
            self.assertLess(len(kept), len(every))
        with self.assertRaisesRegex(ValueError, "at most 2 molecules"):
            self.molstep.generate(16, unique=True, **asked)
        within = self.molstep.generate(2, filter="unique", **asked)
        self.assertEqual([one.index for one in within], [0] if every[0].smiles == every[1].smiles else [0, 1])

    def test_sound_ones_alone_or_told_of_all(self) -> None:
        asked = {"steps": 2, "seed": 1, "sampler": "ddim", "decoding": "argmax", "clamp": 0, "refine": "none"}
        every = self.molstep.generate(24, include=["judge"], **asked)
        for one in every:
            self.assertEqual(one.faults is None, not one.valid)
            self.assertEqual(one.sound, one.connected and one.faults == [])
        sound = [one.index for one in every if one.sound]
        self.assertLess(len(sound), len(every))
        self.assertEqual([one.index for one in self.molstep.generate(24, filter="sound", **asked)], sound)
        self.assertIsNone(self.molstep.generate(1, **asked)[0].sound)

    def test_where_keeps_what_passes_and_counts_the_rest_over_all_requests(self) -> None:
        where = {"fractionCsp3": {"max": 0.9}, "forbidden": ["[OX2H]"]}
        plain = self.molstep.generate(33, steps=4, seed=6, include=["descriptors"])
        kept = self.molstep.generate(33, steps=4, seed=6, where=where)
        light = {one.index for one in plain if one.descriptors and one.descriptors["fractionCsp3"] <= 0.9}
        indices = [one.index for one in kept]
        self.assertTrue(0 < len(kept) < 33 and set(indices) <= light)
        counts = kept.counts
        self.assertEqual((counts["drawn"], counts["passed"]), (33, len(kept)))
        self.assertEqual(sum(counts["rejected"].values()), 33 - len(kept))
        self.assertEqual(plain.counts, {})
        some = self.molstep.generate(steps=4, seed=6, want=2, where=where)
        self.assertEqual([key(one) for one in some], [key(one) for one in kept[:2]])
        self.assertEqual((some.counts["ended"], some.counts["drawn"]), ("want", indices[1] + 1))
        none = self.molstep.generate(steps=4, seed=6, want=1, max_draws=5, where={"molecularWeight": {"min": 1000}})
        self.assertEqual((len(none), none.counts["ended"]), (0, "maxDraws"))
        with self.assertRaisesRegex(ValueError, "count or want"):
            self.molstep.generate(2, steps=4, want=2)

    def test_sdf_is_the_service_s_own(self) -> None:
        molecules = self.molstep.generate(5, steps=4, seed=1, include=["descriptors"])
        body = {"count": 5, "steps": 4, "seed": 1, "include": ["descriptors"]}
        own = urllib_generate(body, "chemical/x-mdl-sdfile")
        self.assertEqual(molecules.to_sdf(self.folder / "a.sdf"), 5)
        self.assertEqual((self.folder / "a.sdf").read_bytes(), own)
        molecules.to_sdf(os.fspath(self.folder / "a.sdf.gz"))
        self.assertEqual(gzip.decompress((self.folder / "a.sdf.gz").read_bytes()), own)
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.sdf", "a.sdf.gz"])

    def test_streams_go_to_files_and_leave_nothing_behind_where_they_fail(self) -> None:
        self.assertEqual(self.molstep.stream(25, steps=4, seed=1).to_sdf(self.folder / "b.sdf"), 25)
        self.assertEqual((self.folder / "b.sdf").read_text().count("$$$$\n"), 25)
        with self.assertRaises(InvalidRequest):
            self.molstep.stream(5, steps=0).to_sdf(self.folder / "c.sdf")
        self.assertEqual(os.listdir(self.folder), ["b.sdf"])

    @unittest.skipUnless(has("rdkit"), "rdkit is not installed")
    def test_mols_are_rdkit_s(self) -> None:
        from rdkit import Chem

        molecules = self.molstep.generate(8, steps=16, seed=1, filter="valid")
        mols = molecules.mols()
        self.assertGreater(len(mols), 4)
        for one, mol in zip(molecules, mols):
            flat = [Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False) for mol in (mol, Chem.MolFromSmiles(one.smiles))]
            self.assertEqual(*flat)
            if hasattr(Chem, "MolToInchiKey"):  # Debian's is without InChI
                self.assertEqual(Chem.MolToInchiKey(mol), one.inchikey)
            self.assertEqual(mol.GetNumAtoms(), len(one.symbols))
            self.assertTrue(mol.GetConformer().Is3D())
            for ours, theirs in zip(one.positions, mol.GetConformer().GetPositions()):
                self.assertLess(max(abs(a - b) for a, b in zip(ours, theirs)), 1e-4)
            self.assertEqual(mol.GetIntProp("index"), one.index)
        streamed = self.molstep.stream(8, steps=16, seed=1, filter="valid").mols()
        self.assertEqual([Chem.MolToSmiles(mol) for mol in streamed], [Chem.MolToSmiles(mol) for mol in mols])

    @unittest.skipUnless(has("pyarrow"), "pyarrow is not installed")
    def test_parquet_has_a_row_for_each(self) -> None:
        from pyarrow import parquet

        path = self.folder / "a.parquet"
        molecules = self.molstep.generate(23, steps=4, seed=1, include=["descriptors"])
        self.assertEqual(molecules.to_parquet(path), 23)
        rows = parquet.read_table(path).to_pylist()
        self.assertEqual(len(rows), 23)
        for one, row in zip(molecules, rows):
            self.assertEqual((row["index"], row["smiles"], row["symbols"]), (one.index, one.smiles, one.symbols))
            self.assertLess(max(abs(a - b) for x, y in zip(row["positions"], one.positions) for a, b in zip(x, y)), 1e-5)
            self.assertEqual((row["model"], row["seed"], row["version"]), ("qm9", 1, one.provenance["version"]))
            self.assertEqual(json.loads(row["grid"]), one.provenance["grid"])
            if one.valid:
                self.assertEqual({name: row[name] for name in one.descriptors}, one.descriptors)
        none = self.molstep.generate(1, steps=4, seed=1, filter="valid", unique="flat")[:0]
        none.to_parquet(path)
        self.assertEqual(parquet.read_table(path).num_rows, 0)


@needs_service
class Faults(unittest.TestCase):
    def setUp(self) -> None:
        self.molstep = Molstep(URL)

    def test_a_refusal_says_where_it_is_wrong(self) -> None:
        with self.assertRaises(InvalidRequest) as caught:
            self.molstep.generate(1, steps=0, clamp=2)
        fault = caught.exception
        self.assertEqual((fault.status, fault.title), (422, "Invalid request"))
        self.assertEqual([path for path, _ in fault.fields], ["/steps", "/clamp"])
        self.assertIn("/steps", str(fault))
        self.assertTrue(fault.request_id)
        for count in (0, -1):
            with self.assertRaises(InvalidRequest):
                self.molstep.generate(count, steps=4)
        with self.assertRaisesRegex(InvalidRequest, "stepz"):
            self.molstep.generate(1, steps=4, stepz=3)

    def test_an_unknown_model_names_those_there_are(self) -> None:
        with self.assertRaises(NotFound) as caught:
            self.molstep.generate(1, steps=4, model="zinc")
        self.assertIn("qm9", caught.exception.problem["availableModels"])

    def test_a_deadline_tells_what_was_drawn(self) -> None:
        with self.assertRaises(DeadlinePassed) as caught:
            self.molstep.generate(20, steps=4, timeout_ms=1)
        self.assertLess(caught.exception.drawn, 20)


@needs_service
class Service(unittest.TestCase):
    def setUp(self) -> None:
        self.molstep = Molstep(URL, token=TOKEN)

    def test_models(self) -> None:
        models = {one["name"]: one for one in self.molstep.models()}
        self.assertIn(4, models["qm9"]["distilledSteps"])
        self.assertEqual(self.molstep.model("qm9")["card"]["version"], models["qm9"]["version"])
        with self.assertRaises(NotFound):
            self.molstep.model("no/such?model")

    def test_health(self) -> None:
        self.assertEqual(self.molstep.health(), (True, None, None))

    def test_rounds_are_begun_followed_cancelled_and_resumed(self) -> None:
        with self.assertRaises(NotAuthorised):
            Molstep(URL).distill(model=PLAYED, from_=8, updates=5)
        Path(SCRIPT).write_text('{"act": "hold"}')
        job = self.molstep.distill(model=PLAYED, from_=8, updates=5, learning_rate=0.001)
        self.assertFalse(job.ended)
        self.assertEqual(job.record["settings"]["learningRate"], 0.001)
        with self.assertRaises(Conflict) as caught:
            self.molstep.distill(model=PLAYED, from_=8)
        self.assertEqual(caught.exception.job, job.id)
        with self.assertRaises(TimeoutError):
            self.molstep.wait(job, poll=0.01, timeout=0.05)
        self.molstep.cancel(job)
        job = self.molstep.wait(job.id, poll=0.05, timeout=60)
        self.assertEqual((job.state, job.ended), ("cancelled", True))
        Path(SCRIPT).write_text('{"act": "finish"}')
        looks = []
        job = self.molstep.wait(self.molstep.resume(job), poll=0.05, timeout=60, on_progress=looks.append)
        self.assertEqual(job.state, "done", job.reason)
        self.assertEqual(job.fraction, looks[-1].fraction)
        self.assertIn("curves", job.record)
        self.assertEqual(self.molstep.jobs(limit=1)[0].id, job.id)
        self.assertEqual(self.molstep.generate(1, steps=4, model=PLAYED).provenance["sampler"], "distilled")


def urllib_generate(body: object, accept: str = "application/json") -> bytes:
    """An answer of the service without the client, but for its faults."""
    from molstep._http import Http

    with Http(URL, timeout=60, attempts=1, max_wait=0).open("POST", "/generate", body, accept=accept) as answer:  # type: ignore[arg-type]
        return answer.read()
