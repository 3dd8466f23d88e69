/** POST /conformers. */
import assert from "node:assert/strict";
import type { z } from "zod";
import { DRUGLIKE } from "../../chem/chemistry.ts";
import { noConformers } from "../../chem/conformers/answer.ts";
import { GAS_CONSTANT } from "../../chem/conformers/weights.ts";
import { readSdf } from "../../chem/sdf.ts";
import { createConformerPool } from "../../model/generation/conformer_pool.ts";
import type { createApp } from "../../routes/app.ts";
import { conformersResponse } from "../../routes/conformers_schema.ts";
import { TOLD_GRAPH } from "../model/graph_told.ts";
import { type FixtureOptions, withApp } from "./app_fixture.ts";
import { readMetrics } from "./metrics_text.ts";

/** Of several tests: to open a worker takes longer than most molecules here. */
const shared = () => {
  const pool = createConformerPool({ workers: 1 });
  return { conformerPool: { answers: pool.answers, close() {} }, close: pool.close };
};

const post = async (app: ReturnType<typeof createApp>, body: unknown, accept = "*/*") =>
  await app.request("/conformers", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", accept },
  });

type Answered = Extract<z.infer<typeof conformersResponse>["molecules"][number], { conformers: unknown }>;

const molecules = ["C[C@H](F)Cl", "C1CC", { smiles: "F/C=C\\F", name: "cis" }, "CC.O", "C[Si](C)C", {
  molblock: "none",
}, "O"];

Deno.test("POST /conformers answers good molecules beside bad ones, in JSON and SDF, the same bytes for a seed", async () => {
  const { conformerPool, close } = shared();
  await withApp(async (app) => {
    const asked = { molecules, count: 3, seed: 5, rmsd: 0.1 },
      response = await post(app, asked),
      text = await response.text();
    assert.equal(response.status, 200, text);
    const body = conformersResponse.parse(JSON.parse(text));
    assert.deepEqual(body.molecules.map((one) => "error" in one ? one.error.reason : one.smiles), [
      ...["C[C@H](F)Cl", "unreadable", "F/C=C\\F", "fragments", "elements", "unreadable", "O"],
    ]);
    assert.equal(body.molecules[2].name, "cis");
    for (const one of body.molecules.filter((one): one is Answered => "conformers" in one)) {
      const { conformers, symbols, by, drawn, dropped, smiles } = one;
      assert.equal(by, "openchemlib");
      assert.equal(conformers.length, drawn - dropped.stereo - dropped.broken - dropped.duplicate);
      assert.ok(Math.abs(conformers.reduce((sum, { weight }) => sum + weight!, 0) - 1) < 1e-5);
      for (const { relativeEnergy, weight, positions, smiles: own, refined } of conformers) {
        const expected = Math.exp(-relativeEnergy! / (GAS_CONSTANT * 298.15));
        assert.ok(Math.abs(weight! / conformers[0].weight! / expected - 1) < 1e-3);
        assert.deepEqual([own, positions.length, refined], [smiles, symbols.length, true]);
      }
    }
    const again = await post(app, { ...asked, molecules: molecules[0] }),
      alone = conformersResponse.parse(await again.json());
    assert.deepEqual(alone.molecules, [body.molecules[0]], "company changes nothing");

    const sdf = await post(app, asked, "chemical/x-mdl-sdfile"), records = readSdf(await sdf.text(), DRUGLIKE);
    assert.equal(sdf.headers.get("molstep-seed"), "5");
    const failed = records.filter(({ data }) => data.error !== undefined);
    assert.deepEqual(failed.map(({ data, molecule }) => [data.index, data.reason, molecule.atomicNumbers.length]), [
      ...[["1", "unreadable", 0], ["3", "fragments", 0], ["4", "elements", 0], ["5", "unreadable", 0]],
    ]);
    const energies = records.filter(({ data }) => data.energy !== undefined).map(({ data }) => Number(data.energy));
    assert.deepEqual(
      energies,
      body.molecules.flatMap((one) => "conformers" in one ? one.conformers.map(({ energy }) => energy!) : []),
    );

    // Another number of workers, in a service of its own.
    await withApp(async (app) => assert.equal(await (await post(app, asked)).text(), text), {
      conformerPool: createConformerPool({ workers: 2 }),
    });
  }, { conformerPool });
  close();
});

Deno.test("POST /conformers draws by a model that is told the graph, by a generator where it does not know a molecule, and says so", async () => {
  const { conformerPool, close } = shared();
  await withApp(async (app) => {
    const ask = async (body: object) => {
      const response = await post(app, { molecules: ["CCO", "CCI"], count: 2, seed: 1, ...body });
      return { status: response.status, body: await response.json() };
    };
    const { status, body } = await ask({ model: "tiny", steps: 2, refine: false });
    assert.equal(status, 200, JSON.stringify(body));
    const { molecules, model, steps } = conformersResponse.parse(body), [known, unknown] = molecules as Answered[];
    assert.deepEqual([model, steps, known.by, known.insteadOf, unknown.by], [
      "tiny",
      2,
      "tiny",
      undefined,
      "openchemlib",
    ]);
    assert.equal(unknown.insteadOf!.by, "tiny");
    assert.match(unknown.insteadOf!.why, /it does not know an atom: .*atomic number 53/);
    const proximity = conformersResponse.parse((await ask({ model: "proximity" })).body);
    assert.deepEqual((proximity.molecules as Answered[]).map(({ by }) => by), ["proximity", "proximity"]);
    const usual = conformersResponse.parse((await ask({ molecules: "CCO", refine: false })).body);
    assert.equal((usual.molecules[0] as Answered).by, "tiny", "where nobody says");
    for (
      const [wrong, detail] of [
        [{ model: "qm9" }, "model must be one of openchemlib, proximity, tiny for conformers; got qm9"],
        [{ model: "openchemlib", steps: 4 }, "steps must be absent where openchemlib draws, which has none; got 4"],
        [{ model: "tiny", steps: 1001 }, /steps/],
      ] as const
    ) {
      const { status, body } = await ask(wrong);
      assert.equal(status, 422);
      assert.match(JSON.stringify(body), detail instanceof RegExp ? detail : new RegExp(detail));
    }
  }, { conformerPool, models: [{}, TOLD_GRAPH] });
  close();
});

Deno.test("POST /conformers refines by the force field that is named, and says whose energies they are", async () => {
  const { conformerPool, close } = shared();
  await withApp(async (app) => {
    const ask = async (refine?: unknown, accept?: string) =>
      await post(app, { molecules: "OCCO", model: "proximity", count: 1, seed: 1, refine }, accept);
    const of = async (refine?: unknown) => {
      const { molecules, ...told } = conformersResponse.parse(await (await ask(refine)).json());
      return { told: [told.refine, told.forceField], conformer: (molecules[0] as Answered).conformers[0] };
    };
    const [usual, named, yes, plain, no, none] = [
      ...[await of(), await of("mmff94s"), await of(true)],
      ...[await of("mmff94"), await of(false), await of("none")],
    ];
    assert.deepEqual(usual.told, ["mmff94s", "MMFF94s with charges"]);
    assert.deepEqual([named, yes], [usual, usual]);
    assert.deepEqual(plain.told, ["mmff94", "MMFF94 without charges"]);
    assert.ok(Math.abs(plain.conformer.energy! - usual.conformer.energy!) > 1);
    assert.deepEqual(no.told, ["none", "MMFF94s with charges"]);
    assert.deepEqual([none, no.conformer.refined], [no, false]);
    const [{ data }] = readSdf(await (await ask("mmff94", "chemical/x-mdl-sdfile")).text(), DRUGLIKE);
    assert.deepEqual([data.forceField, data.energy], ["MMFF94 without charges", String(plain.conformer.energy)]);
    for (const wrong of ["mmff94-qm9", "uff", 1]) {
      const response = await ask(wrong);
      assert.equal(response.status, 422);
      assert.match(await response.text(), /refine.*must be true, false, or one of none, mmff94, mmff94s/);
    }
  }, { conformerPool });
  close();
});

Deno.test("POST /conformers draws as many as the service allows where that is less than the default", async () => {
  const { conformerPool, close } = shared();
  await withApp(async (app) => {
    const response = await post(app, { molecules: "C", seed: 1 });
    assert.equal(conformersResponse.parse(await response.json()).count, 3);
  }, { conformerPool, conformers: { count: 3 } });
  close();
});

/** A pool that never answers, or answers at once. */
const made = (answers: boolean): FixtureOptions["conformerPool"] => ({
  async *answers(items) {
    if (!answers) await new Promise(() => {});
    for await (const { text } of items) {
      const counts = { ...noConformers(), drawn: 3, duplicate: 1, returned: 2 };
      yield text === "bad"
        ? { text: "{}", counts: noConformers(), error: { reason: "size", message: "" } }
        : { text: "{}", counts };
    }
  },
  close() {},
});

Deno.test("POST /conformers refuses what is beyond its limits, and says what is allowed", () =>
  withApp(async (app) => {
    const cases: [unknown, RegExp][] = [
      [{}, /molecules: must be a molecule, or a list of 1 to 10000: each SMILES of 1 to 2000 characters/],
      [{ molecules: [] }, /\/molecules/],
      [{ molecules: "" }, /\/molecules/],
      [{ molecules: "C".repeat(2001) }, /2000 characters/],
      [{ molecules: [{ smiles: "C", molblock: "x" }] }, /"smiles"} or {"molblock"}/],
      [{ molecules: { smiles: "C", name: "a\nb" } }, /one line/],
      [{ molecules: ["C", "C", "C"] }, /molecules must be at most 2 here; got 3/],
      [{ molecules: "C", count: 5 }, /count must be at most 4 here; got 5/],
      [{ molecules: ["C", "C"], count: 4 }, /molecules x count must be at most 6 here; got 8/],
      [{ molecules: "C", count: 0 }, /\/count/],
      [{ molecules: "C", temperature: 0 }, /\/temperature/],
      [{ molecules: "C", rmsd: 11 }, /\/rmsd/],
      [{ molecules: "C", refine: "uff" }, /\/refine/],
      [{ molecules: "C", timeoutMs: 60_001 }, /1 to 60000 here; got 60001/],
      [{ molecules: "C", step: 4 }, /unknown key step; allowed are molecules, count, seed/],
    ];
    for (const [body, detail] of cases) {
      const response = await post(app, { count: 1, ...body as object }), text = await response.text();
      assert.equal(response.status, 422, text);
      assert.match(JSON.parse(text).detail, detail);
    }
    assert.equal((await post(app, { molecules: "C" }, "chemical/x-xyz")).status, 406);
  }, { conformers: { molecules: 2, count: 4, total: 6 }, timeoutSeconds: 60, conformerPool: made(true) }));

Deno.test("POST /conformers gives its slot back at its deadline, when the client goes away, and when it is done, and counts what came of it", () =>
  withApp(async (app, { queue, lines, meters }) => {
    const late = await post(app, { molecules: ["C", "C"], timeoutMs: 20 }), problem = await late.json();
    assert.deepEqual([late.status, problem.drawn], [504, 0]);
    assert.equal(queue.held, 0);
    const gone = new AbortController();
    const request = app.request("/conformers", {
      ...{ method: "POST", body: JSON.stringify({ molecules: "C" }), headers: { "Content-Type": "application/json" } },
      signal: gone.signal,
    });
    while (queue.held === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    gone.abort();
    assert.equal((await request).status, 499);
    assert.equal(queue.held, 0);
    const told = lines.filter(({ message }) => message === "conformers");
    assert.deepEqual(told.map(({ outcome }) => outcome), ["timeout", "cancelled"]);
    const { value } = readMetrics(await meters.text());
    assert.equal(value("molstep_conformer_requests_total", { outcome: "timeout" }), 1);
  }, { conformerPool: made(false) }));

Deno.test("POST /conformers counts molecules and conformers by what became of them", () =>
  withApp(async (app, { queue, meters }) => {
    assert.equal((await post(app, { molecules: ["C", "bad", "C"], count: 3 })).status, 200);
    assert.equal(queue.held, 0);
    const { value } = readMetrics(await meters.text());
    assert.equal(value("molstep_conformer_requests_total", { outcome: "done" }), 1);
    assert.equal(value("molstep_conformer_molecules_total", { outcome: "answered" }), 2);
    assert.equal(value("molstep_conformer_molecules_total", { outcome: "size" }), 1);
    for (const [outcome, n] of [["drawn", 6], ["duplicate", 2], ["returned", 4], ["stereo", 0]] as const) {
      assert.equal(value("molstep_conformers_total", { outcome }), n, outcome);
    }
  }, { conformerPool: made(true) }));
