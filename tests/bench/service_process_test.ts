/** The service as `deno task start` starts it: its launcher, and the process that this waits for. */
import assert from "node:assert/strict";
import { startService } from "../../bench/service_process.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

/** The words of a process's command line; none once it has ended. */
function commandOf(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

Deno.test({
  name:
    "startService({ launched }) tells the number of the service's own process, whose permissions are few, and kills that",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root);
      const service = await startService({ root, model: "qm9", backend: "cpu", launched: true });
      try {
        const words = commandOf(service.pid);
        assert.ok(words.some((word) => word.endsWith("main.ts")) && words.includes("serve"), words.join(" "));
        assert.ok(words.includes("--no-prompt") && !words.includes("-A"), words.join(" "));
      } finally {
        await service.stop("SIGKILL");
      }
      assert.deepEqual(commandOf(service.pid), []);
      assert.deepEqual((await service.ended).code, 137);
    }),
});
