/** The soak itself, in short: a tiny model, each part once. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { soak } from "../bench/soak/run.ts";
import { toText } from "../bench/soak/report.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";

Deno.test({
  name:
    "a service under mixed load loses nothing but to kills, and draws the same before, meanwhile and after, through rounds and restarts",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(join(root, "weights"), { recommended: [{ steps: 4, sampler: "ddpm" }] });
      const out = join(root, "out");
      const report = await soak({
        ...{ minutes: 0.1, root: join(root, "weights"), model: "qm9", backend: "wasm", seed: 1, out },
        ...{ patienceSeconds: 2, pace: 4 },
      });
      const text = toText(report), { requests, events } = report;
      assert.ok(report.sound, `${text}\n${JSON.stringify(events, null, 1)}`);
      for (
        const one of ["SIGKILL to life 1", "SIGKILL to the round's worker", "SIGTERM to life 2", "SIGTERM to life 3"]
      ) {
        assert.ok(events.some(({ what }) => what === one), `${one}: ${JSON.stringify(events)}`);
      }
      assert.equal(events.filter(({ what }) => what.startsWith("student ")).length, 2);
      assert.equal(requests["every place"][200], 32);
      for (const kind of ["reader json", "reader sdf", "repeater", "slow reader", "reference"]) {
        assert.ok(requests[kind][200] > 0, `${kind}: ${text}`);
      }
      assert.ok(requests["slow writer"][408] > 0 && requests.greedy[504] > 0 && requests.leaver.left > 0, text);
      assert.ok(report.molecules > 500 && report.restarts === 2, text);
      assert.ok(
        report.memory!.start > 50 && report.mostDescriptors! > 10 && report.live!.most > 0 && report.busy!.most > 0,
        text,
      );
      assert.equal(await Deno.readTextFile(join(out, "report.txt")), `${text}\n`);
      assert.deepEqual(JSON.parse(await Deno.readTextFile(join(out, "report.json"))).requests, requests);
      assert.match(
        await Deno.readTextFile(join(out, "samples.csv")),
        /^seconds,life,pid,rss_mib,descriptors,threads,live_ms,busy_ms,waiting\n[\d.]+,1,/,
      );
      assert.match(await Deno.readTextFile(join(out, "memory.svg")), /^<svg /);
    }),
});
