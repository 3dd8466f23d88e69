import assert from "node:assert/strict";
import { at } from "../../conditions.ts";
import { join } from "node:path";
import { readCard } from "../../../model/models/card.ts";
import type { RoundEvent } from "../../../model/distillation/events.ts";
import { readOutcome, withRound } from "../../../model/distillation/result.ts";
import { runRound } from "../../../model/distillation/run.ts";
import { roundSettings } from "../../../model/distillation/settings.ts";
import { draw } from "../../../model/generation/generate.ts";
import { loadModel } from "../../../model/models/load.ts";
import { acceptOrder } from "../../../model/generation/order.ts";
import type { ModelEntry } from "../../../model/models/overlay.ts";
import { readSafetensors } from "../../../model/diffusion/safetensors.ts";
import { hasCompiler } from "../engines/c/compiler.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";
import { withoutQm9 } from "../without_qm9.ts";

const recommended = [{ steps: 4, sampler: "ddpm" as const }];

async function tiny(root: string): Promise<ModelEntry> {
  const folder = await writeTinyModel(root, { recommended });
  return { name: "qm9", folder, card: await readCard(folder) };
}

/** What learns, and draws: the native engine, ten times as fast on a tiny network as TensorFlow.js's own kernels, where it can be built. */
const backend = hasCompiler ? "native" : "cpu";

/** A round of a few updates. */
async function round(
  model: ModelEntry,
  folder: string,
  asked: Record<string, unknown>,
  more: { updates?: number; signal?: AbortSignal; onEvent?: (event: RoundEvent) => void; gate?: () => Promise<void> } =
    {},
) {
  const events: RoundEvent[] = [];
  const settings = roundSettings.parse({ model: "qm9", from: 8, to: 4, batch: 6, samples: 4, ...asked });
  const result = await runRound(settings, {
    model,
    folder,
    updates: 4,
    backend,
    threads: 1,
    checkpointSeconds: 0,
    ...more,
    onEvent: (event) => {
      events.push(event);
      more.onEvent?.(event);
    },
  });
  return { result, events, outcome: await readOutcome(folder) };
}

/** A start matched to the data, and moments that it takes. */
const matched = { type: "logSnr", start: { logSnr: 0.5, spread: 1 }, last: 5 };
const features = (count: number) => Array.from({ length: count }, (): [number, number] => [0.1, 0.2]);
const latents = { "4": { vectors: [0.7, 0.5, 0.5], scalars: features(12), pairs: features(4) } };

const run = (work: (root: string) => Promise<void>) => () => withFolder((root) => withoutQm9(() => work(root)));

Deno.test(
  "runRound() tells its events in order and leaves a student that a model can serve",
  run(async (root) => {
    const model = await tiny(root), folder = join(root, "round");
    const { result, events, outcome } = await round(model, folder, { accept: 100 });
    assert.deepEqual({ ...result, seconds: 0 }, { finished: true, accepted: true, update: 4, seconds: 0 });
    const types = events.map(({ type }) => type).filter((type) => type !== "saved" && type !== "progress");
    assert.deepEqual(types, ["started", "validated", "validated", "judged", "finished"]);
    assert.equal(outcome?.entry?.steps, 4);
    assert.equal(outcome?.judged.student.moleculeStability.n, 4);
    // In service: the student's weights, told their number of steps.
    const served = withRound(model, folder, outcome!), loaded = await loadModel(served, { backend });
    try {
      const z = new Float32Array(150).fill(0.1), shape = { batch: 1, nodes: 3 };
      const student = await (await loaded.denoiser(4)).predict(z.subarray(0, 99), shape, at(0.5));
      const teacher = await (await loaded.denoiser()).predict(z.subarray(0, 99), shape, at(0.5));
      assert.ok(student.every(Number.isFinite));
      assert.notDeepEqual(student, teacher);
    } finally {
      loaded.dispose();
    }
    // And it can teach the next round, which keeps what it serves.
    const next = await round(served, join(root, "next"), { from: 4, to: 2, keep: [4], accept: 100 });
    assert.deepEqual(next.outcome?.also.map(({ steps }) => steps), [4]);
    assert.match(next.outcome!.entry!.teacher, /^qm9 at 4 steps, /);
    // Or keep its word beside what another method makes.
    const matching = { method: "matching", variant: "consistency", from: 16, to: 8, keep: [4], options: { gamma: 1 } };
    const { outcome: both } = await round(served, join(root, "both"), { ...matching, accept: 100 });
    assert.deepEqual([both!.entry!.options, both!.entry!.variant], [{ gamma: 1 }, "consistency"]);
    const [{ steps, variant, grid, options, teacher }] = both!.also;
    assert.deepEqual({ steps, variant, grid, options }, {
      steps: 4,
      variant: outcome!.entry!.variant,
      grid: outcome!.entry!.grid,
      options: {},
    });
    assert.match(teacher, /^qm9 at 4 steps, /);
    // Or go on from the student in service at its steps.
    const learningRate = 1e-12, on = { ...matching, to: 4, keep: [], begin: "student", learningRate, accept: 100 };
    await round(served, join(root, "on"), on, { updates: 1 });
    const weightsOf = (place: string) => readSafetensors(Deno.readFileSync(join(root, place, "student.safetensors")));
    const [before, after] = ["round", "on"].map(weightsOf);
    for (const [name, { data }] of before) {
      const worst = Math.max(...data.map((value, i) => Math.abs(value - after.get(name)!.data[i])));
      assert.ok(worst < 1e-6, `${name} is off by ${worst}`);
    }
  }),
);

Deno.test(
  "runRound() stopped after any update and started again ends with the weights of a round that was not",
  run(async (root) => {
    const model = await tiny(root),
      weights = async (folder: string) =>
        [...readSafetensors(await Deno.readFile(join(folder, "student.safetensors"))).values()].map(({ data }) => data);
    const methods = [{}, { method: "moments", variant: "ddpm" }, { method: "rollout", variant: "consistency" }, {
      method: "consistency",
      variant: "consistency",
      solver: "dpm-solver++",
      skip: 2,
    }, {
      method: "matching",
      variant: "consistency",
      options: { after: 1, gamma: 1 },
    }, { method: "flow-map", keep: [2, 1], solver: "dpm-solver++" }];
    for (const [k, method] of methods.entries()) {
      const whole = join(root, `whole${k}`), torn = join(root, `torn${k}`);
      await round(model, whole, method);
      const stop = new AbortController();
      const onEvent = (event: RoundEvent) => event.type === "saved" && event.update === 2 && stop.abort();
      const first = await round(model, torn, method, { signal: stop.signal, onEvent });
      assert.deepEqual([first.result.finished, first.result.update], [false, 2]);
      assert.equal(first.events.at(-1)?.type, "stopped");
      assert.equal(first.outcome, undefined);
      const second = await round(model, torn, method);
      const started = second.events[0];
      assert.ok(started.type === "started" && started.update === 2);
      assert.deepEqual(await weights(torn), await weights(whole));
    }
  }),
);

Deno.test(
  "runRound() teaches students of a network trained on aligned noise, from starts matched to the data",
  run(async (root) => {
    const folder = await writeTinyModel(root, { recommended, coupling: "aligned", latents });
    const model: ModelEntry = { name: "qm9", folder, card: await readCard(folder) };
    for (
      const [method, variant] of [
        ["progressive", "ddim"],
        ["moments", "ddpm"],
        ["moments", "consistency"],
        ["rollout", "consistency"],
        ["consistency", "consistency"],
        ["flow-map", "ddim"],
        ["matching", "consistency"],
      ] as const
    ) {
      const place = join(root, `${method}-${variant}`),
        keep = ["moments", "rollout", "flow-map", "consistency"].includes(method) ? [2] : [];
      const { outcome } = await round(model, place, { method, variant, keep, grid: matched, accept: 100 });
      assert.deepEqual(outcome!.entry!.grid, matched);
      assert.deepEqual(outcome!.also.map(({ grid }) => grid), keep.map(() => ({ ...matched, last: 3.5 })));
      const served = withRound(model, place, outcome!), loaded = await loadModel(served, { backend });
      try {
        const drawn = await Array.fromAsync(draw(loaded, acceptOrder(loaded.card, { count: 3, steps: 4, seed: 1 })));
        assert.ok(
          drawn.flatMap(({ molecules }) => molecules).every(({ positions }) => positions.every(Number.isFinite)),
        );
      } finally {
        loaded.dispose();
      }
    }
  }),
);

Deno.test(
  "runRound() waits at its gate before each update and each call of a network that it judges",
  run(async (root) => {
    const model = await tiny(root), open = Promise.withResolvers<void>();
    let waits = 0, updates = 0, updatesAtGate = -1;
    const gate = async () => {
      if (++waits === 20) {
        // In the middle of a drawing or of training: nothing goes on until the gate opens.
        updatesAtGate = updates;
        setTimeout(open.resolve, 20);
        await open.promise;
        assert.equal(updates, updatesAtGate);
      }
    };
    const onEvent = (event: RoundEvent) => void (event.type === "saved" && updates++);
    const { events } = await round(model, join(root, "round"), {}, { gate, onEvent });
    assert.ok(updatesAtGate >= 0 && waits > 4 + 2 * 4, String(waits));
    assert.equal(events.at(-1)?.type, "finished");
  }),
);

Deno.test(
  "runRound() teaches a smaller network, which is a whole model",
  run(async (root) => {
    const model = await tiny(root), folder = join(root, "round");
    const asked = { method: "knowledge", from: 4, to: 4, width: 32, blocks: 2, name: "small", accept: 100 };
    const { outcome } = await round(model, folder, asked);
    assert.equal(outcome?.entry, null);
    const card = await readCard(join(folder, "model"));
    assert.deepEqual([card.name, card.denoiser.width, card.denoiser.blocks], ["small", 32, 2]);
    assert.deepEqual(card.distilled, []);
    const small = await loadModel(join(folder, "model"), { backend });
    small.dispose();
  }),
);

Deno.test(
  "runRound() refuses what this model cannot be taught, and a student that lost too much",
  run(async (root) => {
    const model = await tiny(root), folder = join(root, "round");
    await assert.rejects(round(model, folder, { to: 3 }), /from 8 steps goes to 4, not to 3/);
    await assert.rejects(
      round(model, folder, { width: 32 }),
      /width is for knowledge: a student of progressive has its teacher's size/,
    );
    await assert.rejects(round(model, folder, { keep: [16] }), /keep must name step counts in service, none; got 16/);
    await assert.rejects(
      round(model, folder, { method: "moments" }),
      /variant must be ddpm or consistency for moments; got ddim/,
    );
    await assert.rejects(
      round(model, folder, { variant: "consistency" }),
      /variant must be ddim or ddpm for progressive; got consistency/,
    );
    await assert.rejects(round(model, folder, { grid: matched }), /no `latents` in its card/);
    const coupled = { ...model, card: { ...model.card, coupling: "aligned" as const } };
    await assert.rejects(round(coupled, folder, { variant: "ddpm" }), /posterior means assume independent noise/);
    await round(model, folder, {});
    await assert.rejects(round(model, folder, { seed: 2 }), /settings must be those of the run in/);
  }),
);
