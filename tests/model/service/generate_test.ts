import assert from "node:assert/strict";
import { createRdkit } from "../../../chem/rdkit.ts";
import { createValidator } from "../../../chem/validator.ts";
import { createQueue } from "../../../model/generation/queue.ts";
import { listModels, loadModel } from "../../../model/models/load.ts";
import { createModelStore } from "../../../model/models/store.ts";
import { type Form, generate, type GenerationEnd, TooMuchWorkError } from "../../../model/service/generate.ts";
import { createLifecycle, ShuttingDownError } from "../../../model/service/lifecycle.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

const ASKED = { model: "qm9", count: 5, steps: 2, seed: 3 };

/** A service of one tiny model. `ends` are what it told of generations that ended. */
const withService = (
  work: (service: {
    ask: (form: Form, more?: Partial<typeof ASKED>, signal?: AbortSignal) => ReturnType<typeof generate>;
    queue: ReturnType<typeof createQueue>;
    lifecycle: ReturnType<typeof createLifecycle>;
    ends: GenerationEnd[];
  }) => Promise<void>,
) =>
  withFolder(async (root) => {
    await writeTinyModel(root);
    const store = createModelStore(await listModels([root]), (entry) => loadModel(entry, { backend: "cpu", batch: 4 }));
    const validator = createValidator(await createRdkit()), validate = () => Promise.resolve(validator);
    const queue = createQueue(), lifecycle = createLifecycle(), ends: GenerationEnd[] = [];
    const service = { store, validate, queue, lifecycle, maxWork: 5000 };
    const ask = (form: Form, more = {}, signal = new AbortController().signal) =>
      generate(service, { ...ASKED, ...more }, { form, signal, onEnd: (end) => ends.push(end) });
    try {
      await work({ ask, queue, lifecycle, ends });
    } finally {
      store.dispose();
    }
  });

Deno.test("generate() tells the same molecules as one answer and as records, and what drew them", () =>
  withService(async ({ ask, queue, ends }) => {
    const { molecules, metrics, timings: _, ...rest } = JSON.parse(await (await ask("json")).answer());
    const drawing = await ask("ndjson"), text = (await Array.fromAsync(drawing.records())).join("");
    assert.deepEqual(text.trimEnd().split("\n").map((line) => JSON.parse(line)), molecules);
    assert.deepEqual(rest, { ...drawing.facts, drawn: 5, returned: 5, fallbacks: 0 });
    assert.ok(metrics.moleculeStability !== null && metrics.moleculeStability >= 0);
    assert.deepEqual(ends.map(({ outcome, seed, drawn }) => [outcome, seed, drawn]), [["done", 3, 5], ["done", 3, 5]]);
    assert.equal(queue.held, 0);
    const wrong = await ask("json");
    await assert.rejects(wrong.records().next(), /form sdf, xyz or ndjson; got json/);
    assert.equal(queue.held, 0);
  }));

Deno.test("generate() gives the place back, and tells it once, when a drawing is closed, read or not", () =>
  withService(async ({ ask, queue, ends }) => {
    const unread = await ask("sdf");
    assert.equal(queue.held, 1);
    unread.close();
    unread.close();
    assert.equal(queue.held, 0);
    const drawing = await ask("sdf", { count: 300 }), records = drawing.records();
    assert.match((await records.next()).value!, /V2000/);
    drawing.close();
    await records.return();
    assert.equal(queue.held, 0);
    assert.deepEqual(ends.map(({ outcome }) => outcome), ["cancelled", "cancelled"]);
    assert.ok(ends[1].drawn < 300);
  }));

Deno.test("generate() stops when the client goes away", () =>
  withService(async ({ ask, queue, ends }) => {
    const client = new AbortController(), drawing = await ask("json", { count: 5, steps: 1000 }, client.signal);
    const answer = drawing.answer();
    client.abort();
    await assert.rejects(answer, { name: "AbortError" });
    assert.deepEqual([queue.held, ends.map(({ outcome }) => outcome)], [0, ["cancelled"]]);
  }));

Deno.test("generate() refuses too much work, and everything once the service is shutting down, before it takes a place", () =>
  withService(async ({ ask, queue, lifecycle, ends }) => {
    await assert.rejects(
      ask("json", { count: 51, steps: 100 }),
      (error) =>
        error instanceof TooMuchWorkError && /at most 5000 here; given are 51 x 100 = 5100/.test(error.message),
    );
    lifecycle.enter("draining");
    await assert.rejects(ask("json"), ShuttingDownError);
    assert.deepEqual([queue.held, ends], [0, []]);
  }));
