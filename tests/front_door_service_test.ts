/** The service as an operator runs it, in processes of its own: out of file descriptors, and two of them on one data directory. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../bench/soak/raw.ts";
import { startService } from "../bench/service_process.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A tiny model, served by this backend. */
const served = (root: string) => ({ root, model: "qm9", backend: "wasm" }) as const;

Deno.test({
  name:
    "a service that is out of file descriptors draws on by the connections that it has, and is itself again when the others have gone",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root);
      const lines: string[] = [];
      const service = await startService({
        ...served(root),
        descriptors: 100,
        variables: { MOLSTEP_HEAD_SECONDS: "3", MOLSTEP_VALIDATORS: "1" },
        onLine: (line) => lines.push(line),
      });
      try {
        const order = { count: 40, steps: 1, seed: 1 };
        // Opens the worker that validates: Deno 2.9.6 panics where a worker is to start and there is no descriptor left.
        await service.generate({ ...order, count: 400 });
        const before = await service.generate(order), crowd = [];
        for (let k = 0; k < 200; k++) crowd.push(await connect(service.url));
        // This process keeps connections alive, so that it has one already.
        const during = await service.generate(order);
        assert.deepEqual(during.metrics, before.metrics);
        assert.equal((await fetch(`${service.url}/health/live`)).status, 200);
        await wait(4000); // those that say nothing are ended
        for (const one of crowd) one.leave();
        assert.equal((await service.generate({ ...order, seed: 2 })).returned, 40);
        const open = Array.from(Deno.readDirSync(`/proc/${service.pid}/fd`)).length;
        assert.ok(open < 95, `${open} descriptors`);
        assert.ok(
          lines.some((line) => /could not be accepted.*(EMFILE|Too many open files)/.test(line)),
          lines.join("\n"),
        );
        assert.deepEqual(lines.filter((line) => line.includes('"level":"error"')), []);
      } finally {
        await service.stop();
        assert.equal((await service.ended).code, 0, lines.at(-1));
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
