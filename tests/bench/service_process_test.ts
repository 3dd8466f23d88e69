/** The service as `deno task start` starts it: its launcher, and the process that this waits for. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { MAIN, startService } from "../../bench/service_process.ts";
import { readLines } from "../../model/service/jobs/lines.ts";
import { withFolder, writeTinyModel } from "../model/tiny_model.ts";

/** The words of a process's command line; none once it has ended. */
function commandOf(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** Who started a process. */
const parentOf = (pid: number) => Number(/^PPid:\s*(\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);

/** Waits until a process has ended. Throws AssertionError where it does not in this time. */
async function goneWithin(ms: number, pid: number): Promise<void> {
  for (const end = Date.now() + ms; commandOf(pid).length > 0; await new Promise((go) => setTimeout(go, 50))) {
    assert.ok(Date.now() < end, `process ${pid} goes on`);
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

Deno.test({
  name: "a service whose launcher is killed alone ends in order",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root);
      const lines: string[] = [];
      const service = await startService({
        ...{ root, model: "qm9", backend: "cpu", launched: true },
        onLine: (line) => lines.push(line),
      });
      try {
        const launcher = parentOf(service.pid);
        assert.ok(commandOf(launcher).some((word) => word.endsWith("launch.ts")), commandOf(launcher).join(" "));
        Deno.kill(launcher, "SIGKILL");
        await goneWithin(20_000, service.pid);
        await service.stop("SIGKILL"); // reads what it has said last
        const told = lines.map((line) => JSON.parse(line));
        assert.ok(
          told.some(({ message, reason }) => message === "stopping" && reason === "the launcher has ended"),
          lines.join("\n"),
        );
        assert.equal(told.at(-1).message, "stopped");
      } finally {
        await service.stop("SIGKILL");
      }
    }),
});

Deno.test({
  name: "a service that was started without a launcher goes on when its parent ends",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root);
      const words = ["run", "-A", MAIN, "serve", "--port", "0", "--host", "127.0.0.1", "--models", root];
      const shell = new Deno.Command("sh", {
        args: ["-c", '"$@" &', "sh", Deno.execPath(), ...words, "--backend", "cpu"],
        env: { MOLSTEP_DATA_DIR: join(root, "data"), MOLSTEP_DRAIN_SECONDS: "0" },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      let own: number | undefined, last = "";
      for await (const line of readLines(shell.stderr)) {
        last = line;
        const { message, port, pid } = JSON.parse(line);
        if (message !== "listening") continue;
        own = pid;
        assert.ok((await shell.status).success);
        await new Promise((resolve) => setTimeout(resolve, 2500)); // it would have looked
        assert.ok((await fetch(`http://127.0.0.1:${port}/health/live`).then((answer) => answer.json())).status);
        Deno.kill(pid, "SIGTERM");
      }
      assert.ok(own, last);
      assert.equal(JSON.parse(last).message, "stopped");
    }),
});
