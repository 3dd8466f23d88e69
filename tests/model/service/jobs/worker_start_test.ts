import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ownTrainer } from "../../../../model/service/jobs/worker.ts";

/** Which Deno holds while it looks after node_modules. */
const LOCK = fileURLToPath(new URL("../../../../node_modules/.deno/.deno.lock", import.meta.url));

Deno.test({
  name: "ownTrainer() starts while the lock of node_modules is held, and finds its packages",
  ignore: !existsSync(LOCK),
  async fn() {
    const file = await Deno.open(LOCK, { read: true, write: true });
    await file.lock(true);
    try {
      const [program, ...args] = ownTrainer("/nowhere");
      const child = new Deno.Command(program, { args: [...args, "--help"], stdout: "piped", stderr: "null" }).spawn();
      const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
      const { code, stdout } = await child.output();
      clearTimeout(late);
      assert.equal(code, 0);
      assert.match(new TextDecoder().decode(stdout), /--folder/);
    } finally {
      file.close();
    }
  },
});
