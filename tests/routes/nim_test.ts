import assert from "node:assert/strict";
import { descriptorsOf } from "../../chem/descriptors.ts";
import { createRdkit } from "../../chem/rdkit.ts";
import { readSdf } from "../../chem/sdf.ts";
import type { Validate } from "../../chem/validator.ts";
import type { createApp } from "../../routes/app.ts";
import { nimHealth, nimResponse } from "../../routes/nim_schema.ts";
import { problemSchema } from "../../routes/problem.ts";
import { withApp } from "./app_fixture.ts";

const ask = (app: ReturnType<typeof createApp>, body: unknown, headers: Record<string, string> = {}) =>
  Promise.resolve(app.request("/v1/generate", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  }));

const answerOf = async (response: Response) => {
  assert.equal(response.status, 200, await response.clone().text());
  return nimResponse.parse(await response.json()).molecules;
};

/** A chemistry that says of the k-th molecule that it is judged what `verdict` says: its SMILES, or null where it is not valid. */
function told(verdict: (k: number) => string | null) {
  let k = 0;
  const validate = (({ atomicNumbers }) => {
    const smiles = verdict(k++), valid = smiles !== null, connected = valid && !smiles.includes(".");
    return {
      valid,
      stable: valid,
      connected,
      smiles,
      edmSmiles: smiles,
      inchikey: null,
      fragments: valid ? smiles.split(".").length : 0,
      atoms: atomicNumbers.length,
      stableAtoms: 0,
      bonds: [],
      descriptors: { qed: k / 1000, logP: -k },
    } as unknown as ReturnType<Validate>;
  }) as Validate;
  return () => Promise.resolve(validate);
}

/** Molecules of one node: valid, and of one fragment. */
const LONE = { models: [{ sizes: { "1": 1 } }] };

/** Molecules that each round drew, by the log. */
const roundsOf = (lines: readonly Record<string, unknown>[]) =>
  lines.filter(({ message }) => message === "generation").map(({ drawn }) => Number(drawn));

Deno.test("POST /v1/generate gives valid molecules with SMILES, SDF and QED, highest first, and takes what GenMol's clients send", () =>
  withApp(async (app) => {
    const rdkit = await createRdkit();
    const body = { smiles: null, num_molecules: "6", temperature: "2.0", noise: 1.0, step_size: "1", scoring: "QED" };
    const response = await ask(app, { ...body, steps: 2, seed: 5 });
    const molecules = await answerOf(response);
    assert.equal(response.headers.get("molstep-seed"), "5");
    assert.equal(molecules.length, 6);
    for (const { smiles, score, sdf } of molecules) {
      assert.ok(!smiles.includes("."));
      assert.equal(score, Math.round(1000 * descriptorsOf(rdkit, smiles).qed) / 1000);
      const [{ molecule, data }] = readSdf(sdf);
      assert.ok(molecule.atomicNumbers.length > 0);
      assert.equal(data.smiles, smiles);
    }
    const scores = molecules.map(({ score }) => score);
    assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
    assert.ok(new Set(scores).size > 1);
    const byLogP = await answerOf(await ask(app, { num_molecules: 6, steps: 2, seed: 5, scoring: "LogP" }));
    assert.deepEqual(byLogP.map(({ smiles }) => smiles).sort(), molecules.map(({ smiles }) => smiles).sort());
    const [{ smiles, score }] = byLogP;
    assert.equal(score, Math.round(1000 * descriptorsOf(rdkit, smiles).logP) / 1000);
  }, LONE));

Deno.test("POST /v1/generate draws what POST /generate draws of the same seed, record for record", () =>
  withApp(async (app) => {
    const order = { steps: 2, seed: 9 },
      ours = await app.request("/generate", {
        method: "POST",
        body: JSON.stringify({ ...order, count: 8, filter: "valid", include: ["sdf", "descriptors"] }),
        headers: { "Content-Type": "application/json" },
      });
    const { molecules } = await ours.json(),
      theirs = await answerOf(await ask(app, { ...order, num_molecules: 8, unique: false }));
    const expected = molecules.filter(({ connected }: { connected: boolean }) => connected);
    assert.ok(expected.length > 0);
    const records = new Set(theirs.map(({ sdf }) => sdf));
    for (const { sdf } of expected) assert.ok(records.has(sdf), sdf);
    assert.match(readSdf(expected[0].sdf)[0].data.weights, /^[\da-f]{64}$/);
  }, { ...LONE, digests: true }));

Deno.test("POST /v1/generate refuses a fragment, a number beyond its limits and an unknown key, each by name", () =>
  withApp(async (app) => {
    for (
      const [body, path, message] of [
        [{ smiles: "CCO.[*{15-15}]" }, "/smiles", /absent, null or empty/],
        [{ num_molecules: 0 }, "/num_molecules", /whole number from 1 to 1000/],
        [{ num_molecules: "1001" }, "/num_molecules", /whole number from 1 to 1000/],
        [{ num_molecules: "2.5" }, "/num_molecules", /whole number from 1 to 1000/],
        [{ temperature: 11 }, "/temperature", /number from 0.01 to 10/],
        [{ scoring: "SA" }, "/scoring", /QED/],
        [{ particles: 30 }, "", /unknown key particles; allowed are smiles, num_molecules/],
      ] as const
    ) {
      const response = await ask(app, body);
      assert.equal(response.status, 422, JSON.stringify(body));
      const { errors } = problemSchema.parse(await response.json());
      assert.equal(errors![0].path, path);
      assert.match(errors![0].message, message);
    }
    for (const smiles of [null, "", " "]) {
      assert.equal((await ask(app, { smiles, num_molecules: 1, steps: 1 })).status, 200);
    }
  }, LONE));

Deno.test("POST /v1/generate draws on until there are enough, of distinct SMILES and one fragment, and no more", () =>
  withApp(async (app, { lines }) => {
    const molecules = await answerOf(await ask(app, { num_molecules: 8, unique: true, steps: 1, seed: 1 }));
    assert.equal(molecules.length, 8);
    assert.equal(new Set(molecules.map(({ smiles }) => smiles)).size, 8);
    assert.ok(molecules.every(({ smiles }) => /^C+$/.test(smiles)));
    const rounds = roundsOf(lines), seeds = lines.filter(({ message }) => message === "generation").map((l) => l.seed);
    assert.ok(rounds.length > 1 && rounds[0] === 8, String(rounds));
    assert.equal(new Set(seeds).size, rounds.length);
    const told = molecules.map(({ sdf }) => Number(readSdf(sdf)[0].data.seed));
    assert.deepEqual([...new Set(told)].sort(), [...new Set(seeds)].sort(), "each record names the seed of its round");
  }, {
    // Of four: an invalid one, one of two fragments, one that came before, and a new one.
    validate: told((k) => [null, "C.C", "C", "C".repeat(Math.floor(k / 4) + 1)][k % 4]),
  }));

Deno.test("POST /v1/generate gives back the same twice where `unique` is false, and needs one round for it", () =>
  withApp(async (app, { lines }) => {
    assert.equal((await answerOf(await ask(app, { num_molecules: 5, steps: 1 }))).length, 5);
    assert.deepEqual(roundsOf(lines), [5]);
  }, { validate: told(() => "C") }));

Deno.test("POST /v1/generate gives up after five rounds, or at the work of a request, and tells those that it found", async () => {
  const one = { validate: told(() => "C") };
  await withApp(async (app, { lines, queue }) => {
    assert.equal((await answerOf(await ask(app, { num_molecules: 3, unique: true, steps: 1 }))).length, 1);
    assert.equal(roundsOf(lines).length, 5);
    assert.equal(queue.held, 0);
  }, one);
  await withApp(async (app, { lines }) => {
    assert.equal((await answerOf(await ask(app, { num_molecules: 3, unique: true, steps: 2 }))).length, 1);
    assert.deepEqual(roundsOf(lines), [3, 2]);
    const { status } = await ask(app, { num_molecules: 6, steps: 2 });
    assert.equal(status, 422);
  }, { ...one, maxWork: 10 });
  await withApp(async (app) => {
    assert.deepEqual(await answerOf(await ask(app, { num_molecules: 2, steps: 1 })), []);
  }, { validate: told(() => null) });
});

Deno.test("POST /v1/generate stands in the queue of POST /generate: 503 where it is full, with molecules where it fills up meanwhile", () =>
  withApp(async (app, { queue }) => {
    const slot = queue.enter();
    const refused = await ask(app, { num_molecules: 1, steps: 1 });
    assert.equal(refused.status, 503);
    assert.match(refused.headers.get("retry-after")!, /^\d+$/);
    slot.leave();
    // The first round holds the only place; when it leaves, another takes it.
    const asked = ask(app, { num_molecules: 4, unique: true, steps: 1 });
    while (queue.held === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const { enter } = queue, taken: ReturnType<typeof enter>[] = [];
    queue.enter = (...given) => {
      if (taken.length === 0) taken.push(enter());
      return enter(...given);
    };
    assert.equal((await answerOf(await asked)).length, 1);
    assert.equal(taken.length, 1);
  }, { queue: { limit: 1 }, validate: told(() => "C") }));

Deno.test("POST /v1/generate answers 504 where the deadline passes before a molecule is found", () =>
  withApp(async (app, { queue }) => {
    assert.equal((await ask(app, { num_molecules: 1, steps: 1 })).status, 504);
    assert.equal(queue.held, 0);
  }, { timeoutSeconds: 0.05, validate: () => new Promise(() => {}) }));

Deno.test("GET /v1/health/live and /v1/health/ready say what NVIDIA's NIMs say; ready is 503 until the service is", async () => {
  await withApp(async (app) => {
    for (const status of ["live", "ready"] as const) {
      const response = await app.request(`/v1/health/${status}`);
      assert.equal(response.status, 200);
      assert.equal(nimHealth.parse(await response.json()).status, status);
    }
  });
  await withApp(async (app, { lines }) => {
    assert.equal((await app.request("/v1/health/live")).status, 200);
    assert.equal((await app.request("/v1/health/ready")).status, 503);
    assert.ok(lines.every(({ level }) => level === "debug"));
  }, { state: "starting" });
});
