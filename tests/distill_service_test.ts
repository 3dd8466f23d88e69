/** The service as an operator runs it, in processes of its own: rounds over HTTP, with requests, kills and restarts. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { MAIN } from "../bench/service_process.ts";
import { trainers } from "../bench/soak/rounds.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";
import { type Json, startChild, TOKEN } from "./service_child.ts";

/** The service with everything that it may do. */
const start = (root: string) =>
  startChild({
    root,
    args: ["run", "-A", MAIN, "serve"],
    environment: { MOLSTEP_ADMIN_TOKEN: TOKEN, MOLSTEP_BACKEND: "cpu" },
  });

const is = (type: string) => (event: Json) => event.type === type;
const state = (name: string) => (event: Json) => event.type === "state" && event.state === name;
const order = { from: 8, to: 4, updates: 12, batch: 4, samples: 4, accept: 100 };

Deno.test({
  name:
    "a round over HTTP puts its student into service without a failed request, through a cancel and a killed trainer",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root, { recommended: [{ steps: 4, sampler: "ddpm" }] });
      const service = await start(root);
      let over = false;
      const answers: { status: number; body: Json }[] = [];
      try {
        const generating = (async () => {
          while (!over) answers.push(await service.ask("POST", "/generate", { count: 2, steps: 4, seed: 1 }));
        })();
        const before = await service.ask("POST", "/generate", { count: 2, steps: 4, seed: 1 });
        assert.deepEqual([before.status, before.body.sampler, before.body.version], [200, "ddpm", "test"]);

        const { status, body: { id } } = await service.ask("POST", "/distill", order);
        assert.equal(status, 202);
        assert.equal((await service.ask("POST", "/distill", order)).status, 409);
        await service.until(id, (event) => event.type === "progress" && event.update >= 2);
        assert.equal((await service.ask("DELETE", `/jobs/${id}`)).status, 202);
        const cancelled = await service.until(id, state("cancelled"));

        assert.equal((await service.ask("POST", `/jobs/${id}/resume`)).status, 202);
        const again = await service.until(id, is("started"), cancelled.id);
        assert.ok(again.update >= 2, "it goes on from the checkpoint that cancelling made");
        const pids = trainers(root);
        assert.ok(pids.length >= 1);
        for (const pid of pids) Deno.kill(pid, "SIGKILL");
        const failed = await service.until(id, state("failed"), again.id);
        assert.match(failed.reason, /killed/);

        assert.equal((await service.ask("POST", `/jobs/${id}/resume`)).status, 202);
        const third = await service.until(id, is("started"), failed.id);
        assert.ok(third.update >= again.update);
        await service.until(id, state("done"), third.id);
        const after = await service.ask("POST", "/generate", { count: 2, steps: 4, seed: 1 });
        over = true;
        await generating;
        assert.deepEqual([after.status, after.body.sampler], [200, "distilled"]);
        const { body: model } = await service.ask("GET", "/models/qm9");
        assert.equal(after.body.version, model.card.distilled[0].version);
        assert.deepEqual(answers.filter((one) => one.status !== 200), []);
        assert.ok(answers.length > 3 && new Set(answers.map(({ body }) => body.version)).size <= 2);
        assert.equal((await service.ask("DELETE", "/models/qm9/steps/4")).status, 204);
        const gone = await service.ask("POST", "/generate", { count: 2, steps: 4, seed: 1 });
        assert.deepEqual(gone.body.molecules, before.body.molecules);
      } finally {
        over = true;
        await service.end("SIGTERM");
      }
    }),
});

Deno.test({
  name: "a service killed in the middle of a round, and again while it publishes, goes on by itself when it is started",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root, { recommended: [{ steps: 4, sampler: "ddpm" }] });
      let service = await start(root);
      try {
        const { body: { id } } = await service.ask("POST", "/distill", order);
        const progress = await service.until(id, is("progress"));
        await service.end("SIGKILL");

        service = await start(root);
        const started = await service.until(id, is("started"), progress.id);
        assert.ok(started);
        await service.until(id, state("publishing"), started.id);
        await service.end("SIGKILL");

        service = await start(root);
        await service.until(id, (event) => event.type === "state" && event.state === "done", started.id);
        const { body } = await service.ask("POST", "/generate", { count: 2, steps: 4, seed: 1 });
        assert.equal(body.sampler, "distilled");
        assert.deepEqual(trainers(root), []);
        const files = [...Deno.readDirSync(join(root, "data/models/qm9"))].map(({ name }) => name);
        assert.equal(files.length, 2, `one student and its entry: ${files}`);
      } finally {
        await service.end("SIGTERM");
      }
    }),
});
