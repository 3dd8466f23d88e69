import assert from "node:assert/strict";
import { Hono } from "hono";
import { join } from "node:path";
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator, type Validate } from "../../chem/validator.ts";
import { cardSchema } from "../../model/models/card.ts";
import { listModels, loadModel } from "../../model/models/load.ts";
import { makeDenoiser } from "../../model/models/parts.ts";
import { createPublisher, type NewStudent, type Publisher } from "../../model/service/publisher.ts";
import { createQueue } from "../../model/generation/queue.ts";
import { createModelStore } from "../../model/models/store.ts";
import type { Env } from "../../routes/deps.ts";
import { type GenerateDeps, generateRoute } from "../../routes/generate.ts";
import { modelList, modelsRoute } from "../../routes/models.ts";
import { problem, problemSchema, toHttpError } from "../../routes/problem.ts";
import { stepsRoute } from "../../routes/steps.ts";
import { type CardChanges, student, withFolder, writeTinyModel } from "../model/tiny_model.ts";

/** The answer of POST /generate, as far as it is looked at here. */
interface Answer {
  version: string;
  sampler: string;
  molecules: unknown[];
}

/** Loaded once for the tests of this file. */
const chemistry = (() => {
  let loading: Promise<Validate> | undefined;
  return () => loading ??= createRdkit().then(createValidator);
})();

/** A service of these routes alone. `slow`, where set, holds up every load and every call of a denoiser. */
interface Fixture {
  readonly publisher: Publisher;
  readonly weights: string;
  slow: (() => Promise<void>) | undefined;
  readonly request: (method: string, path: string) => Promise<Response>;
  readonly generate: (body: unknown, accept?: string) => Promise<Response>;
}

const withRoutes = (work: (fixture: Fixture) => Promise<void>, changes: CardChanges = {}) =>
  withFolder(async (root) => {
    const folder = await writeTinyModel(join(root, "weights"), changes), data = join(root, "data");
    const make: typeof makeDenoiser = async (...given) => {
      await fixture.slow?.();
      const { part, backend } = await makeDenoiser(...given);
      const predict: typeof part.predict = async (...given) => {
        await fixture.slow?.();
        return await part.predict(...given);
      };
      return { backend, part: { space: part.space, predict, can: {}, dispose: () => part.dispose() } };
    };
    const load = (entry: Parameters<typeof loadModel>[0]) => loadModel(entry, { backend: "cpu", batch: 4, make });
    const store = createModelStore(await listModels([join(root, "weights")], { data }), load);
    const queue = createQueue({ sliceMs: 0 }),
      deps: GenerateDeps = {
        store,
        validate: chemistry,
        queue,
        config: { maxWork: 1000, maxBodyBytes: 1000, timeoutSeconds: 60 },
        lifecycle: { state: "ready", signal: new AbortController().signal },
        log: () => {},
      };
    const publisher = createPublisher({ store, data, load, queue });
    const app = new Hono<Env>();
    app.onError((error, c) => {
      const known = toHttpError(error);
      if (!known) throw error;
      return problem(c, known);
    });
    app.get("/models", modelsRoute(deps));
    app.delete("/models/:name/steps/:steps", stepsRoute({ publisher }));
    app.post("/generate", generateRoute(deps));
    const fixture: Fixture = {
      publisher,
      weights: join(folder, "denoiser.safetensors"),
      slow: undefined,
      request: async (method, path) => await app.request(path, { method }),
      generate: async (body, accept = "application/json") =>
        await app.request("/generate", {
          method: "POST",
          body: JSON.stringify(body),
          headers: { "Content-Type": "application/json", Accept: accept },
        }),
    };
    try {
      await work(fixture);
      await publisher.idle();
    } finally {
      store.dispose();
    }
  });

const made = (steps: number, version: string): NewStudent => {
  const { file: _, ...entry } = cardSchema.shape.distilled.parse([student(steps, version)])[0];
  return entry;
};

Deno.test("DELETE /models/{name}/steps/{n} takes weights out of service; 404 where there are none", () =>
  withRoutes(async ({ request, generate }) => {
    const listed = async () => modelList.parse(await (await request("GET", "/models")).json()).models[0];
    assert.deepEqual((await listed()).distilled, [
      { steps: 2, variant: "ddim", version: "1", teacher: "qm9" },
      { steps: 4, variant: "ddim", version: "1", teacher: "qm9" },
    ]);
    const gone = await request("DELETE", "/models/qm9/steps/4");
    assert.deepEqual([gone.status, await gone.text()], [204, ""]);
    assert.deepEqual((await listed()).distilledSteps, [2]);
    assert.equal((await generate({ count: 1, steps: 4, sampler: "distilled" })).status, 422);
    assert.notEqual((await (await generate({ count: 1, steps: 4 })).json()).sampler, "distilled");
    for (const path of ["qm9/steps/4", "qm9/steps/3"]) {
      const lacking = await request("DELETE", `/models/${path}`);
      assert.equal(lacking.status, 404);
      assert.deepEqual(problemSchema.parse(await lacking.json()).availableSteps, [2]);
    }
    for (const path of ["zinc/steps/4", "qm9/steps/0", "qm9/steps/two", "qm9/steps/1e1"]) {
      assert.equal((await request("DELETE", `/models/${path}`)).status, 404);
    }
  }, { distilled: [student(4), student(2)] }));

Deno.test("POST /generate names the version of the weights in every form", () =>
  withRoutes(async ({ generate }) => {
    const version = async (body: Record<string, unknown>): Promise<string> =>
      (await (await generate({ count: 1, seed: 1, ...body })).json()).version;
    assert.equal(await version({ steps: 2 }), "made 1");
    assert.equal(await version({ steps: 2, sampler: "ddim" }), "test");
    assert.equal(await version({ steps: 3 }), "test");
    const form = async (type: string) => {
      const response = await generate({ count: 1, seed: 1, steps: 2 }, type);
      return [response.headers.get("molstep-version"), await response.text()];
    };
    const [sdfVersion, sdf] = await form("chemical/x-mdl-sdfile"), [xyzVersion, xyz] = await form("chemical/x-xyz");
    assert.deepEqual([sdfVersion, xyzVersion, (await form("application/x-ndjson"))[0]], Array(3).fill("made 1"));
    assert.match(sdf!, /> +<version>\nmade 1\n/);
    assert.match(xyz!, /model="qm9" version="made 1" seed=1/);
  }, { distilled: [student(2, "made 1")].map((one) => ({ ...one, file: "d2.safetensors" })) }));

Deno.test("POST /generate finishes on the weights that it began with while others go into service, and loses no request", () =>
  withRoutes(async (fixture) => {
    const { publisher, generate, weights, request } = fixture, asked = { count: 6, steps: 2, seed: 1 };
    const ask = async (): Promise<Answer> => {
      const response = await generate(asked);
      assert.equal(response.status, 200);
      return await response.json();
    };
    const before = await ask();
    assert.equal(before.version, "old");

    // One request is held within a step; others wait behind it.
    let arrived = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    fixture.slow = async () => {
      arrived.resolve();
      await leave.promise;
    };
    const held = ask();
    await arrived.promise;
    fixture.slow = undefined;
    const publishing = publisher.publishStudent("qm9", made(2, "new"), weights);
    const queued = [ask(), ask()];
    leave.resolve();
    const during = [await held, ...await Promise.all(queued)];
    await publishing;
    const after = await ask();

    assert.equal(during[0].version, "old");
    assert.equal(after.version, "new");
    assert.notDeepEqual(after.molecules, before.molecules);
    for (const { version, molecules } of during) {
      assert.deepEqual(molecules, (version === "old" ? before : after).molecules);
    }

    // Removed while it draws: it ends as it began; whoever comes later gets the undistilled weights.
    arrived = Promise.withResolvers();
    const go = Promise.withResolvers<void>();
    fixture.slow = async () => {
      arrived.resolve();
      await go.promise;
    };
    const last = ask();
    await arrived.promise;
    fixture.slow = undefined;
    assert.equal((await request("DELETE", "/models/qm9/steps/2")).status, 204);
    go.resolve();
    assert.deepEqual((await last).molecules, after.molecules);
    assert.equal((await ask()).version, "test");
  }, { distilled: [student(2, "old")] }));

Deno.test("POST /generate takes what is in service when the model is loaded, where a student goes while it is loading", () =>
  withRoutes(async (fixture) => {
    const arrived = Promise.withResolvers<void>(), leave = Promise.withResolvers<void>();
    fixture.slow = async () => {
      arrived.resolve();
      await leave.promise;
    };
    const held = fixture.generate({ count: 1, steps: 2 });
    await arrived.promise;
    assert.equal((await fixture.request("DELETE", "/models/qm9/steps/2")).status, 204);
    leave.resolve();
    const { version, sampler }: Answer = await (await held).json();
    assert.deepEqual([version, sampler], ["test", "ddpm"]);
  }, { distilled: [student(2, "old")] }));

Deno.test("POST /generate as a stream goes on with its weights after a swap, and gives them back when it is given up", () =>
  withRoutes(async ({ publisher, generate, weights }) => {
    const asked = { count: 260, steps: 1, seed: 1 }; // two windows
    const stream = async () => (await generate(asked, "application/x-ndjson")).body!.getReader();
    const whole = await (await generate(asked, "application/x-ndjson")).bytes();
    const [reader, other] = [await stream(), await stream()], pieces = [(await reader.read()).value!];
    await publisher.publishStudent("qm9", made(1, "new"), weights);
    await other.cancel();
    let idle = false;
    const cleared = publisher.idle().then(() => idle = true);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(idle, false); // the first stream has its weights still
    for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
    assert.deepEqual(await new Blob(pieces as BlobPart[]).bytes(), whole);
    await cleared; // or the weights of the stream that was given up were never released
  }, { distilled: [student(1, "old")] }));
