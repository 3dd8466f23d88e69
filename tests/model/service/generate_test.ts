import assert from "node:assert/strict";
import { createRdkit } from "../../../chem/rdkit.ts";
import { createValidator, type Validate, type Validation } from "../../../chem/validator.ts";
import { createQueue } from "../../../model/generation/queue.ts";
import { listModels, loadModel } from "../../../model/models/load.ts";
import { createModelStore } from "../../../model/models/store.ts";
import type { Form } from "../../../model/service/drawing.ts";
import {
  generate,
  type GenerationEnd,
  type ServedDrawing,
  type ServeOptions,
  TooMuchWorkError,
} from "../../../model/service/generate.ts";
import { DeadlineError } from "../../../model/service/held.ts";
import { createLifecycle, ShuttingDownError } from "../../../model/service/lifecycle.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

const ASKED = { model: "qm9", count: 5, steps: 2, seed: 3 };

/** The verdict on a molecule that nobody looked at. */
const UNSEEN: Validation = {
  valid: false,
  fragments: 0,
  stable: false,
  connected: false,
  stableAtoms: 0,
  atoms: 1,
  smiles: null,
  edmSmiles: null,
  inchikey: null,
  bonds: [],
};

/** A service of one tiny model. `ends` are what it told of generations that ended. */
const withService = (
  work: (service: {
    ask: (
      form: Form,
      more?: Partial<typeof ASKED> & { timeoutMs?: number; decoding?: "argmax" },
      signal?: AbortSignal,
      after?: ServeOptions["after"],
    ) => ReturnType<typeof generate>;
    queue: ReturnType<typeof createQueue>;
    lifecycle: ReturnType<typeof createLifecycle>;
    ends: GenerationEnd[];
  }) => Promise<void>,
  validate?: Validate,
) =>
  withFolder(async (root) => {
    await writeTinyModel(root);
    const store = createModelStore(
      await listModels([root]),
      (entry) => loadModel(entry, { backend: "cpu", batch: 4 }),
    );
    const validator = validate ?? createValidator(await createRdkit());
    const queue = createQueue(), lifecycle = createLifecycle(), ends: GenerationEnd[] = [];
    const service = {
      store,
      validate: () => Promise.resolve(validator),
      queue,
      lifecycle,
      maxWork: 5000,
      timeoutMs: 60_000,
    };
    const ask = (form: Form, more = {}, signal = new AbortController().signal, after?: ServeOptions["after"]) =>
      generate(service, { ...ASKED, ...more }, { form, signal, after, onEnd: (end) => ends.push(end) });
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

Deno.test("generate() keeps the place for what is done after the molecules are there, in a turn on the device and within the deadline", () =>
  withService(async ({ ask, queue, ends }) => {
    let seen: unknown[] = [];
    const drawing = await ask("json", {}, undefined, async (model, rest) => {
      await rest();
      let turned = false;
      const other = queue.enter(), turn = other.turn(() => Promise.resolve(void (turned = true)));
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen = [model.card.name, queue.held, ends.length, turned];
      turn.finally(() => other.leave());
    });
    assert.equal(JSON.parse(await drawing.answer()).returned, 5);
    assert.deepEqual(seen, ["qm9", 2, 0, false]);
    while (queue.held > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const late = await ask("json", { timeoutMs: 300 }, undefined, () => new Promise(() => {}));
    await assert.rejects(late.answer(), DeadlineError);
    assert.deepEqual([queue.held, ends.map(({ outcome }) => outcome)], [0, ["done", "timeout"]]);
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

Deno.test("generate() tells the end of a drawing whatever of it is read, and ends who waits for more when the client goes away", () =>
  withService(async ({ ask, queue, ends }) => {
    const readers: Record<string, (drawing: ServedDrawing) => AsyncGenerator<unknown, void, void>> = {
      records: (drawing) => drawing.records(),
      molecules: (drawing) => drawing.molecules(),
      written: (drawing) => drawing.written("sdf"),
    };
    for (const [name, read] of Object.entries(readers)) {
      await Array.fromAsync(read(await ask("sdf")));
      assert.deepEqual([name, queue.held, ends.pop()?.outcome], [name, 0, "done"]);
      const client = new AbortController(), waiting = read(await ask("sdf", { steps: 1000 }, client.signal)).next();
      client.abort();
      await assert.rejects(waiting, { name: "AbortError" }, name);
      assert.deepEqual([name, queue.held, ends.pop()?.outcome], [name, 0, "cancelled"]);
    }
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

Deno.test("generate() ends at its deadline, and says how many were drawn", () =>
  withService(async ({ ask, queue, ends }) => {
    await (await ask("json")).answer(); // loads the model
    const drawing = await ask("json", { count: 5, steps: 1000, timeoutMs: 50 });
    await assert.rejects(drawing.answer(), (error) => {
      assert.ok(error instanceof DeadlineError);
      assert.match(error.message, /the deadline of 50 ms has passed: [0-5] of 5 molecules were drawn by then/);
      return true;
    });
    assert.deepEqual([queue.held, queue.work, ends[1].outcome], [0, 0, "timeout"]);
    await assert.rejects(ask("json", { timeoutMs: 60_001 }), /timeoutMs must be 1 to 60000 here; got 60001/);
  }));

Deno.test("generate() gives the place of a reader back at the deadline, and ends what it reads with a record that says so", () =>
  withService(async ({ ask, queue, ends }) => {
    const asked = { count: 600, steps: 1, decoding: "argmax" } as const;
    const began = performance.now(), trial = (await ask("ndjson", asked)).records();
    await trial.next();
    await trial.return();
    const timeoutMs = Math.ceil(1.5 * (performance.now() - began)) + 200; // time for one window
    const records = (await ask("ndjson", { ...asked, timeoutMs })).records();
    assert.equal((await records.next()).value!.trimEnd().split("\n").length, 256);
    while (queue.held > 0) await new Promise((resolve) => setTimeout(resolve, 20)); // nobody reads
    assert.deepEqual([ends[1].outcome, ends[1].drawn], ["timeout", 256]);
    assert.deepEqual(JSON.parse((await records.next()).value!), {
      error: `the deadline of ${timeoutMs} ms has passed: 256 of 600 molecules were drawn by then`,
      drawn: 256,
      count: 600,
    });
    assert.ok((await records.next()).done);
  }, () => UNSEEN));

Deno.test("generate() gives all of them to whoever takes the last after the deadline", () =>
  withService(async ({ ask, queue }) => {
    await (await ask("json")).answer();
    const records = (await ask("ndjson", { timeoutMs: 1000 })).records(), { value } = await records.next();
    assert.equal(value!.trimEnd().split("\n").length, 5);
    while (queue.held > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok((await records.next()).done);
  }));
