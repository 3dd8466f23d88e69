import assert from "node:assert/strict";
import { join } from "node:path";
import { commands } from "../../../main.ts";
import { run } from "../../../main/run.ts";
import { FolderInUseError, LOCK, lockFolder } from "../../../model/diffusion/lock.ts";
import { withFolder, writeTinyModel } from "../tiny_model.ts";

const module = new URL("../../../model/diffusion/lock.ts", import.meta.url).href;

Deno.test("lockFolder() gives a folder to one at a time, names who has it, and has it back at once when that is killed", () =>
  withFolder(async (root) => {
    const folder = join(root, "data");
    const code = `import { lockFolder } from ${JSON.stringify(module)};
      lockFolder(${JSON.stringify(folder)});
      console.log("held");
      setTimeout(() => {}, 60_000);`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", code],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    assert.match(new TextDecoder().decode((await reader.read()).value), /held/);
    assert.throws(() => lockFolder(folder), (error) => {
      assert.ok(error instanceof FolderInUseError);
      assert.match(
        error.message,
        new RegExp(`data must be one process's alone; got .* process ${child.pid} on ${Deno.hostname()}`),
      );
      return true;
    });
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    const mine = lockFolder(folder);
    assert.equal(JSON.parse(await Deno.readTextFile(join(folder, LOCK))).pid, Deno.pid);
    assert.throws(() => lockFolder(folder), new RegExp(`process ${Deno.pid} `));
    mine.release();
    mine.release();
    lockFolder(folder).release();
  }));

Deno.test("lockFolder() tells what it cannot write in, and takes no folder without a lock", () =>
  withFolder(async (root) => {
    await Deno.writeTextFile(join(root, "file"), "");
    assert.throws(() => lockFolder(join(root, "file")), (error) => !(error instanceof FolderInUseError));
  }));

for (
  const [command, ...args] of [
    ["distill", "--from", "8", "--updates", "1", "--backend", "cpu"],
    ["train", "--updates", "1", "--backend", "native"],
    ["train", "--updates", "1", "--kind", "edm", "--backend", "cpu"],
  ]
) {
  Deno.test(`molstep ${command} ${args.join(" ")} refuses a folder that another process has, and leaves it as it is`, () =>
    withFolder(async (root) => {
      const model = await writeTinyModel(root), folder = join(root, "run"), lock = lockFolder(folder);
      let words = "";
      const terminal = {
        out: () => {},
        error: (text: string) => void (words += text),
        interactive: false,
        environment: { MOLSTEP_DATA_DIR: join(root, "data") },
        signal: new AbortController().signal,
      };
      const named = command === "distill" ? ["--model", model] : [];
      assert.equal(await run(commands, [command, ...named, "--folder", folder, ...args], terminal), 1);
      assert.match(words, new RegExp(`run must be one process's alone; got .* process ${Deno.pid} on `));
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [LOCK]);
      lock.release();
    }));
}
