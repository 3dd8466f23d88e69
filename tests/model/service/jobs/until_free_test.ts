import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { lockFolder } from "../../../../model/diffusion/lock.ts";
import { untilFree } from "../../../../model/service/jobs/worker.ts";
import { withFolder } from "../../tiny_model.ts";

Deno.test("untilFree() waits for the worker that has the folder, no longer than it may, and makes no folder", () =>
  withFolder(async (root) => {
    const folder = join(root, "job"), lock = lockFolder(folder);
    const waiting = untilFree(folder, { pollMs: 5 });
    const late = await Promise.race([
      waiting.then(() => "free"),
      new Promise((resolve) => setTimeout(resolve, 100, "waits")),
    ]);
    assert.equal(late, "waits");
    await untilFree(folder, { graceMs: 20, pollMs: 5 });
    lock.release();
    await waiting;
    lockFolder(folder).release();
    await untilFree(join(root, "none"));
    assert.ok(!existsSync(join(root, "none")));
  }));
