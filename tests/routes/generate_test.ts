import assert from "node:assert/strict";
import { setChargesApart } from "../../chem/charges.ts";
import { readSdf } from "../../chem/sdf.ts";
import { readXyz } from "../../chem/xyz.ts";
import { makeDenoiser } from "../../model/models/parts.ts";
import { generateResponse } from "../../routes/generate_schema.ts";
import { modelList } from "../../routes/models.ts";
import { problemSchema } from "../../routes/problem.ts";
import { kernelHere, NARROW } from "../model/engines/c/narrow.ts";
import { student } from "../model/tiny_model.ts";
import { post, withApp } from "./app_fixture.ts";

/** Asserts a problem document of this status and returns it. */
async function problemOf(response: Response, status: number) {
  assert.equal(response.status, status);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = problemSchema.parse(await response.json());
  assert.equal(body.status, status);
  return body;
}

Deno.test("POST /generate gives molecules that follow the contract", () =>
  withApp(async (app) => {
    const response = await post(app, { count: 7, steps: 2, seed: 5, include: ["bonds", "molblock", "descriptors"] });
    assert.equal(response.status, 200);
    const body = generateResponse.parse(await response.json());
    assert.deepEqual([body.model, body.steps, body.seed, body.drawn, body.returned], ["qm9", 2, 5, 7, 7]);
    assert.equal(body.backend, "cpu");
    assert.deepEqual(body.molecules.map(({ index }) => index), [0, 1, 2, 3, 4, 5, 6]);
    for (const { symbols, positions, molblock, bonds, descriptors } of body.molecules) {
      assert.equal(symbols.length, positions.length);
      assert.ok(symbols.filter((symbol) => symbol !== "H").length >= 3);
      assert.match(molblock!, /V2000/);
      assert.ok(Array.isArray(bonds));
      assert.notEqual(descriptors, undefined);
    }
  }));

for (const precision of NARROW) {
  const kernel = kernelHere(precision);
  Deno.test({
    name: `POST /generate and GET /models name the kernel of products in ${precision}`,
    ignore: !kernel,
    fn: () =>
      withApp(async (app) => {
        const named = `native (${kernel!.name})`, answer = await post(app, { count: 2, steps: 2, seed: 5 });
        assert.equal((await answer.json()).backend, named);
        const sdf = await post(app, { count: 2, steps: 2, seed: 5 }, { accept: "chemical/x-mdl-sdfile" });
        await sdf.body?.cancel();
        assert.equal(sdf.headers.get("molstep-backend"), named);
        const { backend } = await (await app.request("/models/qm9")).json();
        assert.equal(backend.name, named);
        assert.ok(backend.why.endsWith(`, products ${kernel!.name}: asked for`));
        assert.match(backend.why, /^the engine, built for (x86-64|armv8)/);
      }, { place: { backend: "native", precision } }),
  });
}

Deno.test("POST /generate answers 500 and logs why where a network draws latents that are not finite; others are served", () => {
  let broken = true;
  const make: typeof makeDenoiser = async (...given) => {
    const { part, ...placed } = await makeDenoiser(...given);
    const predict: typeof part.predict = async (...given) => {
      const x0 = await part.predict(...given);
      if (broken) x0[x0.length - 1] = NaN; // of the batch's last molecule
      return x0;
    };
    return { ...placed, part: { space: part.space, predict, can: {}, dispose: () => part.dispose() } };
  };
  return withApp(async (app, { lines, queue }) => {
    for (const accept of ["application/json", "chemical/x-mdl-sdfile"]) {
      await problemOf(await post(app, { count: 3, steps: 2, seed: 5 }, { accept }), 500);
      const [end] = lines.filter(({ message }) => message === "generation").slice(-1);
      assert.deepEqual([end.level, end.outcome], ["error", "failed"]);
      assert.match(String(end.error), /finite latents asked, qm9 drew others at 2 steps .* of seed 5/);
    }
    broken = false;
    assert.equal((await post(app, { count: 3, steps: 2, seed: 5 })).status, 200);
    assert.equal(queue.held, 0);
  }, { place: { make } });
});

Deno.test("POST /generate gives the same molecules when the seed is the same, whatever else runs", () =>
  withApp(async (app) => {
    const ask = async (seed: number, count: number) =>
      (await (await post(app, { count, steps: 3, seed })).json()).molecules;
    const alone = await ask(7, 6);
    const [again, other] = await Promise.all([ask(7, 6), ask(8, 5)]);
    assert.deepEqual(again, alone);
    assert.notDeepEqual(other.slice(0, 5), alone.slice(0, 5));
  }, { queue: { sliceMs: 0 } }));

Deno.test("POST /generate draws any part of a seed's molecules, by the index of the first, and gives them their indices", () =>
  withApp(async (app) => {
    const molecules = async (count: number, first?: number) =>
      generateResponse.parse(await (await post(app, { count, steps: 2, seed: 5, first })).json()).molecules;
    const whole = await molecules(9), parts = [await molecules(4, 0), await molecules(5, 4)];
    assert.deepEqual(parts.map((part) => part.map(({ index }) => index)), [[0, 1, 2, 3], [4, 5, 6, 7, 8]]);
    assert.deepEqual(parts.flat().map(({ symbols }) => symbols), whole.map(({ symbols }) => symbols));
    // Bit for bit on the engine; the cpu backend rounds by company.
    const drift = parts.flat().flatMap(({ positions }, i) =>
      positions.flatMap((at, k) => at.map((x, axis) => Math.abs(x - whole[i].positions[k][axis])))
    );
    assert.ok(Math.max(...drift) < 2e-3, `${Math.max(...drift)} angstrom`);
    const last = await problemOf(await post(app, { count: 2, steps: 2, first: 0xffffffff }), 422);
    assert.deepEqual(last.errors!.map(({ path }) => path), ["/first"]);
    assert.match(last.detail, /first \+ count may be at most 4294967296; got 4294967295 \+ 2/);
    const { molecules: [only] } = await (await post(app, { count: 1, steps: 2, first: 0xffffffff })).json();
    assert.equal(only.index, 0xffffffff);
  }));

Deno.test("POST /generate gives the whole SDF record with each molecule where it is asked for", () =>
  withApp(async (app) => {
    const asked = { count: 3, steps: 2, seed: 5, include: ["sdf", "descriptors"] };
    const body = generateResponse.parse(await (await post(app, asked)).json());
    const sdf = await (await post(app, asked, { accept: "chemical/x-mdl-sdfile" })).text();
    assert.equal(body.molecules.map(({ sdf }) => sdf).join(""), sdf);
  }));

Deno.test("GET /models tells the most that a request may ask", () =>
  withApp(async (app) => {
    const { limits } = modelList.parse(await (await app.request("/models")).json());
    assert.deepEqual(limits, { count: 1000, steps: 1000, work: 70, timeoutMs: 5000 });
    await problemOf(await post(app, { count: 71, steps: 1 }), 422);
    await problemOf(await post(app, { count: 1, steps: 1, timeoutMs: 5001 }), 422);
    assert.equal((await post(app, { count: 70, steps: 1, timeoutMs: 5000 })).status, 200);
  }, { maxWork: 70, timeoutSeconds: 5 }));

Deno.test("POST /generate draws and returns a seed when none is given", () =>
  withApp(async (app) => {
    const first = await (await post(app, { count: 2, steps: 1 })).json();
    const { molecules } = await (await post(app, { count: 2, steps: 1, seed: first.seed })).json();
    assert.deepEqual(molecules, first.molecules);
  }));

Deno.test("POST /generate counts what a filter leaves out", () =>
  withApp(async (app) => {
    const all = generateResponse.parse(await (await post(app, { count: 12, steps: 1, seed: 1 })).json());
    for (const filter of ["valid", "stable", "unique"] as const) {
      const body = generateResponse.parse(await (await post(app, { count: 12, steps: 1, seed: 1, filter })).json());
      assert.equal(body.drawn, 12);
      assert.equal(body.returned, body.molecules.length);
      assert.deepEqual(body.metrics, all.metrics);
      if (filter === "stable") assert.equal(body.returned, all.molecules.filter(({ stable }) => stable).length);
      if (filter === "valid") assert.equal(body.returned, all.molecules.filter(({ valid }) => valid).length);
      if (filter === "unique" && all.metrics.validity) {
        assert.equal(body.returned, Math.round(all.metrics.validity * 12 * all.metrics.uniqueness!));
      }
    }
  }));

Deno.test("POST /generate says when two molecules are the same as `unique` asks", () =>
  withApp(async (app) => {
    const ask = async (more: object) => await (await post(app, { count: 40, steps: 1, seed: 1, ...more })).json();
    const { molecules } = generateResponse.parse(await ask({ filter: "valid" }));
    const keys = new Set(molecules.map(({ inchikey }) => inchikey));
    assert.equal((await ask({ unique: "inchikey" })).returned, keys.size);
    const blocks = new Set(molecules.map(({ inchikey }) => inchikey!.split("-")[0]));
    assert.equal((await ask({ unique: "flat" })).returned, blocks.size);
    assert.deepEqual((await ask({ unique: true })).molecules, (await ask({ filter: "unique" })).molecules);
    const refused = await problemOf(await post(app, { count: 1, steps: 1, filter: "unique", unique: false }), 422);
    assert.match(refused.detail, /^\/unique: must not be false where filter is unique/);
    await problemOf(await post(app, { count: 1, steps: 1, unique: "smiles" }), 422);
  }));

Deno.test("POST /generate gives SDF, XYZ and NDJSON that agree with the JSON", () =>
  withApp(async (app) => {
    const request = { count: 5, steps: 2, seed: 3, include: ["bonds"] };
    const { molecules } = generateResponse.parse(await (await post(app, request)).json());
    const sdf = await post(app, request, { Accept: "chemical/x-mdl-sdfile" });
    assert.equal(sdf.headers.get("content-type"), "chemical/x-mdl-sdfile");
    assert.equal(sdf.headers.get("molstep-seed"), "3");
    const records = readSdf(await sdf.text());
    const near = (found: ArrayLike<number>, expected: readonly number[], tolerance: number) => {
      assert.equal(found.length, expected.length);
      expected.forEach((value, k) => assert.ok(Math.abs(found[k] - value) <= tolerance, `${found[k]} for ${value}`));
    };
    records.forEach(({ molecule, bonds, data }, k) => {
      near(molecule.positions, molecules[k].positions.flat(), 1.01e-4);
      // JSON has bonds as they were perceived; SDF has charges, too.
      const perceived = { ...molecule, charges: undefined };
      assert.deepEqual(bonds, setChargesApart(perceived, molecules[k].bonds!).bonds);
      assert.equal(data.index, String(k));
    });
    assert.equal(records.length, 5);
    const frames = readXyz(await (await post(app, request, { Accept: "chemical/x-xyz" })).text());
    frames.forEach(({ molecule }, k) => near(molecule.positions, molecules[k].positions.flat(), 1.01e-4));
    assert.equal(frames.length, 5);
    const lines = (await (await post(app, request, { Accept: "application/x-ndjson" })).text()).trimEnd().split("\n");
    assert.deepEqual(lines.map((line) => JSON.parse(line)), molecules);
  }));

Deno.test("POST /generate draws sizes in the range asked", () =>
  withApp(async (app) => {
    const heavy = ({ symbols }: { symbols: string[] }) => symbols.filter((symbol) => symbol !== "H").length;
    const { molecules } = await (await post(app, { count: 20, steps: 1, heavyAtoms: [3, 4], seed: 1 })).json();
    assert.deepEqual([...new Set(molecules.map(heavy))].sort(), [3, 4]);
    const body = await problemOf(await post(app, { count: 1, steps: 1, heavyAtoms: 9 }), 422);
    assert.match(body.detail, /no molecules of 9 heavy atoms; it has 3 to 5/);
    for (const [min, max] of [[1, 4], [4, 9], [1, 9]]) {
      const { detail } = await problemOf(await post(app, { count: 1, steps: 1, heavyAtoms: [min, max] }), 422);
      assert.match(detail, new RegExp(`has not all of ${min} to ${max} heavy atoms; it has 3 to 5`));
    }
    assert.match((await problemOf(await post(app, { count: 1, steps: 1, atoms: 9 }), 422)).detail, /heavy atoms/);
    await problemOf(await post(app, { count: 1, steps: 1, heavyAtoms: [5, 4] }), 422);
    await problemOf(await post(app, { count: 1, steps: 1, heavyAtoms: 3, atoms: 9 }), 422);
  }));

Deno.test("POST /generate takes distilled weights where there are some, and lists them where there are none", () =>
  withApp(async (app) => {
    const lacking = await problemOf(await post(app, { count: 1, steps: 3, sampler: "distilled" }), 422);
    assert.deepEqual(lacking.availableSteps, [2, 4]);
    const body = await (await post(app, { count: 3, steps: 2, seed: 1 })).json();
    assert.equal(body.sampler, "distilled");
    const teacher = await (await post(app, { count: 3, steps: 2, seed: 1, sampler: "ddim" })).json();
    assert.equal(teacher.sampler, "ddim");
    assert.notDeepEqual(body.molecules, teacher.molecules);
    assert.equal((await (await post(app, { count: 1, steps: 3 })).json()).sampler, "consistency");
  }, {
    models: [{
      distilled: [4, 2].map((steps) => (
        { steps, file: `distilled-${steps}.safetensors`, variant: "ddim", teacher: "qm9", version: "1" }
      )),
      recommended: [{ steps: 3, sampler: "consistency" }],
    }],
  }));

Deno.test("POST /generate refuses what does not follow the contract", () =>
  withApp(async (app) => {
    const detail = async (body: unknown) => (await problemOf(await post(app, body), 422)).detail;
    assert.match(await detail({ count: 1, steps: 1, foo: 2 }), /unknown key foo; allowed are count, steps, model/);
    for (const count of [0, 1001, 1.5, "1", null]) assert.match(await detail({ count, steps: 1 }), /^\/count/);
    for (const steps of [0, 1001]) assert.match(await detail({ count: 1, steps }), /^\/steps/);
    for (const seed of [-1, 2 ** 32]) assert.match(await detail({ count: 1, steps: 1, seed }), /^\/seed/);
    assert.match(await detail({ count: 1, steps: 1, sampler: "euler" }), /^\/sampler/);
    assert.match(await detail({}), /^\/steps/);
    assert.match(await detail({ steps: 1 }), /^\/count: count or want must be given, and not both/);
    assert.match(await detail({ steps: 1, count: 1, want: 1 }), /^\/count: count or want must be given, and not both/);
    assert.match(await detail({ count: 100, steps: 11 }), /at most 1000 here; given are 100 x 11 = 1100/);
    await problemOf(await post(app, "{"), 400);
    const unknown = await problemOf(await post(app, { count: 1, steps: 1, model: "zinc" }), 404);
    assert.deepEqual(unknown.availableModels, ["qm9"]);
    await problemOf(await post(app, { count: 1, steps: 1 }, { "Content-Type": "text/plain" }), 415);
    for (const coding of ["gzip", "br", "identity, gzip"]) {
      const refused = await post(app, { count: 1, steps: 1 }, { "Content-Encoding": coding });
      assert.match((await problemOf(refused, 415)).detail, /Content-Encoding must be identity or absent; got /);
      assert.equal(refused.headers.get("accept-encoding"), "identity");
    }
    assert.equal((await post(app, { count: 1, steps: 1 }, { "Content-Encoding": "Identity" })).status, 200);
    await problemOf(await post(app, { count: 1, steps: 1 }, { Accept: "text/html" }), 406);
    await problemOf(await post(app, `{"count": 1, "steps": 1${" ".repeat(300)}}`), 413);
  }, { maxWork: 1000, maxBodyBytes: 200 }));

Deno.test("POST /generate answers 503 with Retry-After when the queue is full", () =>
  withApp(async (app, { queue }) => {
    const slot = queue.enter();
    const response = await post(app, { count: 1, steps: 1 });
    assert.ok(Number(response.headers.get("retry-after")) >= 1);
    await problemOf(response, 503);
    slot.leave();
    assert.equal((await post(app, { count: 1, steps: 1 })).status, 200);
  }, { queue: { limit: 1 } }));

Deno.test("POST /generate stops and leaves the queue when the client goes away", () =>
  withApp(async (app, { queue, lines }) => {
    await (await post(app, { count: 1, steps: 1 })).body!.cancel(); // loads the model
    lines.length = 0;
    const client = new AbortController();
    const response = Promise.resolve(app.request("/generate", {
      method: "POST",
      body: JSON.stringify({ count: 500, steps: 1000 }),
      headers: { "Content-Type": "application/json" },
      signal: client.signal,
    }));
    do await new Promise((resolve) => setTimeout(resolve, 0)); while (queue.held === 0);
    client.abort();
    assert.equal((await response).status, 499);
    assert.equal(queue.held, 0);
    const line = lines.find(({ message }) => message === "generation")!;
    assert.equal(line.outcome, "cancelled");
    assert.ok((line.drawn as number) < 500);
  }));

Deno.test("POST /generate stops and leaves the queue when a stream is given up", () =>
  withApp(async (app, { queue, lines }) => {
    const response = await post(app, { count: 600, steps: 1 }, { Accept: "application/x-ndjson" });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    assert.equal(queue.held, 0);
    const told = lines.filter(({ message }) => message === "generation");
    assert.deepEqual(told.map(({ outcome }) => outcome), ["cancelled"]);
  }));

/** Moments of latents for matched starts. */
const parts = (count: number) => Array.from({ length: count }, (): [number, number] => [0.1, 0.2]);
const latents = { "4": { vectors: [0.7, 0.5, 0.5], scalars: parts(12), pairs: parts(4) } };

Deno.test("POST /generate takes a grid, tells it, and begins at a start matched to the data", () =>
  withApp(async (app) => {
    const grid = { type: "logSnr", start: { logSnr: 0.5 }, last: 5 };
    const ask = async (more: object) => await (await post(app, { count: 3, steps: 3, seed: 2, ...more })).json();
    const [own, asked] = [await ask({}), generateResponse.parse(await ask({ grid, sampler: "consistency" }))];
    assert.deepEqual(asked.grid, { ...grid, start: { logSnr: 0.5, spread: 1 } });
    assert.notDeepEqual(asked.molecules, own.molecules);
    const other = await ask({ grid: { ...grid, start: { logSnr: 0.5, spread: 0 } }, sampler: "consistency" });
    assert.notDeepEqual(other.molecules, asked.molecules);
    const sdf = await post(app, { count: 1, steps: 3, grid }, { accept: "chemical/x-mdl-sdfile" });
    assert.deepEqual(JSON.parse(sdf.headers.get("Molstep-Grid")!), asked.grid);
    await sdf.body?.cancel();
  }, { models: [{ latents, coupling: "aligned" }] }));

Deno.test("POST /generate tells what is wrong with a grid", () =>
  withApp(async (app) => {
    const fault = async (body: object) =>
      (await problemOf(await post(app, { count: 1, steps: 4, ...body }), 422)).errors!.map(({ path, message }) =>
        `${path}: ${message}`
      ).join();
    const start = { logSnr: 0.5 };
    assert.match(await fault({ grid: { type: "logSnr", start, last: 5 } }), /^\/grid: .*no `latents` in its card/);
    assert.match(
      await fault({ grid: { type: "logSnr", first: 6, last: 5 } }),
      /^\/grid: .*must rise from first to last/,
    );
    assert.match(await fault({ grid: { type: "power", rho: 5000 } }), /^\/grid: a grid must fall strictly/);
    assert.match(await fault({ grid: { type: "logSnr", start, first: 1 } }), /both `first` and `start`/);
    assert.match(await fault({ steps: 2, grid: { type: "uniform" } }), /^\/grid: weights distilled to 2 steps/);
  }, { models: [{ distilled: [student(2)] }] }));

Deno.test("POST /generate answers 429 to a client over its share, by address or token, and serves others", () =>
  withApp(async (app, { queue }) => {
    const asked = { count: 1, steps: 1 }, from = (address: string) => ({ address });
    const slots = [1, 2].map(() => queue.enter(undefined, { work: 1000, client: "198.51.100.7" }));
    const refused = await post(app, asked, {}, from("198.51.100.7"));
    assert.equal(refused.headers.get("retry-after"), "2"); // 1000 molecule-steps at half of a guess of 1000 a second
    assert.match((await problemOf(refused, 429)).detail, /at most 2 of its requests/);
    assert.equal((await post(app, asked, {}, from("198.51.100.8"))).status, 200);
    const proxied = { "X-Forwarded-For": "198.51.100.8" };
    assert.equal((await post(app, asked, proxied, from("198.51.100.7"))).status, 429); // says who likes to
    assert.equal((await post(app, asked, proxied, from("10.0.0.1"))).status, 200);
    assert.equal((await post(app, asked, { "X-Forwarded-For": "198.51.100.7" }, from("10.0.0.1"))).status, 429);
    const authorised = (token: string) => ({ Authorization: `Bearer ${token}` });
    assert.equal((await post(app, asked, authorised("made up for this"), from("198.51.100.7"))).status, 429);
    assert.equal((await post(app, asked, authorised("0123456789abcdef"), from("198.51.100.7"))).status, 200);
    slots[0].leave();
    assert.equal((await post(app, asked, {}, from("198.51.100.7"))).status, 200);
  }, { queue: { limit: 4, share: 0.5 }, trustedProxies: ["10.0.0.0/8"], adminToken: "0123456789abcdef" }));

Deno.test("POST /generate refuses with 503 what is more work than may be held", () =>
  withApp(async (app, { queue }) => {
    queue.enter(undefined, { work: 900_000 });
    const response = await post(app, { count: 1000, steps: 110 });
    assert.equal(response.headers.get("retry-after"), "10");
    assert.match((await problemOf(response, 503)).detail, /at most 1000000 molecule-steps.*900000 are and 110000 are/);
    assert.equal((await post(app, { count: 1, steps: 1 })).status, 200);
    assert.equal(queue.work, 900_000);
  }, { queue: { maxWork: 1_000_000 } }));

Deno.test("POST /generate answers 504 at the deadline, in every form that has not begun", () =>
  withApp(async (app, { queue, lines }) => {
    await (await post(app, { count: 1, steps: 1 })).body!.cancel(); // loads the model
    for (const Accept of ["application/json", "chemical/x-mdl-sdfile"]) {
      const body = await problemOf(await post(app, { count: 3, steps: 1000, timeoutMs: 30 }, { Accept }), 504);
      assert.match(body.detail, /deadline of 30 ms/);
      assert.ok(body.drawn! >= 0 && body.drawn! <= 3);
    }
    await problemOf(await post(app, { count: 1, steps: 1, timeoutMs: 61_000 }), 422);
    assert.equal(queue.held, 0);
    assert.deepEqual(lines.filter(({ outcome }) => outcome === "timeout").length, 2);
  }, { timeoutSeconds: 60 }));

Deno.test("POST /generate draws no further ahead of a reader than two windows", () =>
  withApp(async (app, { queue }) => {
    const response = await post(app, { count: 1000, steps: 4 }, { Accept: "application/x-ndjson" });
    const reader = response.body!.getReader();
    await reader.read();
    let before = Infinity;
    while (queue.work < before) { // until nothing is drawn any more
      before = queue.work;
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    // One is read, one waits to be, and of two more all or some are drawn: 4 windows of 256 would be all.
    assert.ok(queue.work > 0, `${queue.work}`);
    await reader.cancel();
    assert.equal(queue.held, 0);
  }, { place: { backend: "wasm" } }));
