import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { benchLag } from "../../bench/lag.ts";
import { openProbe, type Sample } from "../../bench/probe.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

const linux = Deno.build.os === "linux";

/** Runs a test with samples of a server that takes 200 ms for each answer in this way; see `probe_child.ts`. */
async function withSamples(
  work: (sample: (how: "computing" | "waiting") => Promise<Sample>, pid: number) => Promise<void>,
) {
  const script = fileURLToPath(new URL("probe_child.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), { args: ["run", "-A", script], stdout: "piped" }).spawn();
  const reader = child.stdout.getReader(), port = Number(new TextDecoder().decode((await reader.read()).value));
  try {
    await work(async (how) => {
      const heard = Promise.withResolvers<Sample>(), probe = openProbe(heard.resolve);
      probe.watch({ url: `http://127.0.0.1:${port}/${how}`, pid: child.pid, everyMs: 100 });
      return await heard.promise.finally(probe.close);
    }, child.pid);
  } finally {
    child.kill("SIGKILL");
    await reader.cancel();
    await child.status;
  }
}

Deno.test({
  name: "openProbe() tells how long an answer took, and for how much of that the main thread was computing",
  ignore: !linux,
  fn: () =>
    withSamples(async (sample, pid) => {
      const computing = await sample("computing"), waiting = await sample("waiting");
      for (const { live, busy, ...one } of [computing, waiting]) {
        assert.ok(live.length >= 1 && live.length === busy.length);
        assert.ok(live.every((ms, k) => ms >= 195 && busy[k] >= 0 && busy[k] <= ms), `${live} ${busy}`);
        assert.ok(one.waiting >= 0 && one.waiting < 1.01);
        assert.ok(one.pid === pid && one.rssMiB > 20 && one.descriptors > 3 && one.threads > 1);
      }
      // Other processes may have had the core meanwhile.
      assert.ok(Math.max(...computing.busy) > 2 * Math.min(...waiting.busy), `${computing.busy} ${waiting.busy}`);
      assert.ok(Math.min(...waiting.busy) < 100, `${waiting.busy}`);
    }),
});

Deno.test({
  name: "benchLag() has a row at rest and one for each sampler and number of steps",
  ignore: !linux,
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root);
      const { rows } = await benchLag({
        ...{ root, model: "qm9", weights: "test", backend: "wasm", count: 10, steps: [1, 2], samplers: ["ddim"] },
        rounds: 1,
      });
      assert.deepEqual(rows.map(({ sampler, steps }) => [sampler, steps]), [["at rest", null], ["ddim", 1], [
        "ddim",
        2,
      ]]);
      for (const row of rows) {
        assert.ok(Number(row["live most ms"]) > 0 && Number(row.questions) > 0, JSON.stringify(row));
      }
    }),
});
