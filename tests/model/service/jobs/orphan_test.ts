import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { workersAccess } from "../../../../model/service/jobs/worker.ts";
import { flagsOf, ROOT, together } from "../../../../model/service/permissions.ts";

Deno.test({
  name: "endPredecessor() ends a worker that is deaf, and no other, with no more permissions than to start one",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const mark = `molstep-orphan-${crypto.randomUUID()}`;
    /** A process with this mark in its command line that is deaf to SIGTERM. */
    const start = (mark: string) =>
      new Deno.Command("sh", { args: ["-c", "trap '' TERM; while :; do sleep 0.1; done", mark] }).spawn();
    const orphan = start(mark), other = start("another");
    const flags = flagsOf(together(workersAccess(), { read: [ROOT], env: ["MOLSTEP_MACHINE"] }));
    const probe = fileURLToPath(new URL("orphan_probe.ts", import.meta.url));
    const end = async (pid: number) => {
      const args = ["run", ...flags, probe, String(pid), mark, "0"];
      const { code, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    };
    try {
      await end(other.pid);
      await end(orphan.pid);
      const { promise, resolve } = Promise.withResolvers<string>(), late = setTimeout(resolve, 5000, "it runs on");
      assert.equal(await Promise.race([orphan.status.then(({ signal }) => signal), promise]), "SIGKILL");
      clearTimeout(late);
      Deno.kill(other.pid, "SIGCONT"); // it is there
    } finally {
      for (const child of [orphan, other]) {
        try {
          child.kill("SIGKILL");
        } catch { /* it has ended */ }
        await child.status;
      }
    }
  },
});
