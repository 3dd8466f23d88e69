/** The service as an operator runs it, in processes of its own: out of file descriptors, and two of them on one data directory. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect } from "../bench/soak/raw.ts";
import { startService } from "../bench/service_process.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";

/** A tiny model, served by this backend. */
const served = (root: string) => ({ root, model: "qm9", backend: "wasm" }) as const;

Deno.test({
  name:
    "a service of few file descriptors keeps some for its workers: it draws beside more connections than it can hold, and is itself again when they have gone",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root);
      const lines: string[] = [];
      const service = await startService({
        ...served(root),
        descriptors: 100,
        variables: { MOLSTEP_HEAD_SECONDS: "60", MOLSTEP_VALIDATORS: "1" },
        onLine: (line) => lines.push(line),
      });
      try {
        const order = { count: 40, steps: 1, seed: 1 };
        const before = await service.generate(order), crowd = [];
        for (let k = 0; k < 200; k++) crowd.push(await connect(service.url));
        // Nobody has to make room in its first moment; those that say nothing do after it.
        let during: typeof before | undefined;
        for (const end = Date.now() + 10_000; !during && Date.now() < end; await wait(100)) {
          during = await service.generate(order).catch(() => undefined);
        }
        assert.deepEqual(during?.metrics, before.metrics);
        for (const one of crowd) one.leave();
        await wait(500);
        assert.equal((await service.generate({ ...order, seed: 2 })).returned, 40);
        const open = Array.from(Deno.readDirSync(`/proc/${service.pid}/fd`)).length;
        assert.ok(open < 95, `${open} descriptors`);
        const told = lines.find((line) => line.includes("the limit of open files allows fewer connections"));
        assert.ok(Number(/"connections":(\d+)/.exec(told ?? "")?.[1]) < 60, `${told}`);
        assert.deepEqual(lines.filter((line) => line.includes('"level":"error"')), []);
        assert.deepEqual(lines.filter((line) => line.includes("could not be accepted")), []);
      } finally {
        await service.stop();
        assert.equal((await service.ended).code, 0, lines.slice(-25).join("\n"));
      }
    }),
});

Deno.test({
  name: "a second process on a data directory only reads it, and takes it over when the first is killed",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(join(root, "weights"));
      const options = { ...served(join(root, "weights")), data: join(root, "data") };
      const first = await startService(options), second = await startService(options);
      try {
        const health = async (url: string) => await (await fetch(`${url}/health/ready`)).json();
        assert.deepEqual(await health(first.url), { status: "ok" });
        assert.match((await health(second.url)).readOnly, new RegExp(`process ${first.pid} `));
        await assert.rejects(second.admin("POST", "/distill", { from: 8, updates: 5 }), /409/);
        assert.equal((await second.generate({ count: 3, steps: 1, seed: 1 })).returned, 3);
        await first.stop("SIGKILL");
        for (const end = Date.now() + 20_000; (await health(second.url)).readOnly !== undefined; await wait(50)) {
          assert.ok(Date.now() < end, "the second never took over");
        }
        assert.deepEqual(await second.admin("GET", "/jobs"), { jobs: [], total: 0 });
      } finally {
        await Promise.all([first.stop(), second.stop()]);
      }
    }),
});
