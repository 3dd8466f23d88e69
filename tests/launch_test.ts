/** What `deno task` starts, with the permissions that it gives: services on each engine, a round that is killed with its service, and commands. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readSdf } from "../chem/sdf.ts";
import { ROOT } from "../model/service/permissions.ts";
import { hasCompiler } from "./model/engines/c/compiler.ts";
import { withFolder, writeTinyModel } from "./model/tiny_model.ts";
import { type Json, startChild, TOKEN } from "./service_child.ts";

const { tasks } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))) as { tasks: Record<string, string> };

/** What a task runs, as Deno's arguments. */
const task = (name: string, ...args: string[]) => [...tasks[name].split(" ").slice(1), ...args];

/** Runs a task to its end, from another folder. */
async function run(cwd: string, name: string, ...args: string[]) {
  const env = { MOLSTEP_QM9: "/nowhere", MOLSTEP_DATA_DIR: join(cwd, "data") };
  const words = task(name, ...args).map((word) => word === "main/launch.ts" ? join(ROOT, word) : word);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: words, cwd, env, stdout: "null" }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** A service, started by its task. */
async function start(root: string, environment: Record<string, string>) {
  const service = await startChild({ root, args: task("start"), cwd: ROOT, environment });
  return {
    ...service,
    /** Waits for a line of the log. */
    async told(found: (line: Json) => boolean) {
      for (const until = Date.now() + 60_000; !service.lines.some(found);) {
        assert.ok(Date.now() < until, JSON.stringify(service.lines));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

const ONLY = { ignore: Deno.build.os !== "linux" };

for (const backend of ["wasm", "native"]) {
  Deno.test({
    name: `deno task start draws on ${backend} with the permissions that it gives, and ends as it is told`,
    ignore: ONLY.ignore || (backend === "native" && !hasCompiler),
    fn: () =>
      withFolder(async (root) => {
        await writeTinyModel(root);
        const service = await start(root, { MOLSTEP_BACKEND: backend });
        const { status, body } = await service.ask("POST", "/generate", { count: 60, steps: 2, seed: 1 });
        assert.deepEqual([status, body.backend, body.molecules.length], [200, backend, 60], JSON.stringify(body));
        assert.equal((await service.ask("POST", "/distill", { from: 8, to: 4 })).status, 403);
        assert.equal(await service.end("SIGTERM"), 0);
        assert.deepEqual(service.lines.filter(({ level }) => level !== "info"), []);
      }),
  });
}

Deno.test({
  name: "a round runs with the permissions that a service gives it, outlives the service's kill, and is published",
  ...ONLY,
  fn: () =>
    withFolder(async (root) => {
      await writeTinyModel(root, { recommended: [{ steps: 4, sampler: "ddpm" }] });
      const environment = { MOLSTEP_ADMIN_TOKEN: TOKEN, MOLSTEP_BACKEND: "cpu", LD_LIBRARY_PATH: "/nowhere" };
      const first = await start(root, environment);
      const order = { from: 8, to: 4, updates: 12, batch: 4, samples: 4, accept: 100 };
      const { status, body: { id } } = await first.ask("POST", "/distill", order);
      assert.equal(status, 202);
      await first.until(id, ({ type, update }) => type === "progress" && update >= 2);
      const { pid } = JSON.parse(await Deno.readTextFile(join(root, "data", "owner.lock")));
      assert.equal(await first.end("SIGKILL", pid), 137);

      const unasked = await start(root, { ...environment, MOLSTEP_ADMIN_TOKEN: "" });
      await unasked.told(({ message, job }) => /^job waits for a service/.test(message) && job === id);
      assert.equal(await unasked.end("SIGTERM"), 0);

      const second = await start(root, environment);
      try {
        await second.until(id, ({ type, state }) => type === "state" && state === "done");
        const { body } = await second.ask("POST", "/generate", { count: 2, steps: 4, seed: 1 });
        assert.equal(body.sampler, "distilled");
      } finally {
        assert.equal(await second.end("SIGTERM"), 0);
      }
    }),
});

Deno.test({
  name: "deno task generate, train, export and evaluate do with their permissions, and write where they are told",
  ...ONLY,
  fn: () =>
    withFolder(async (root) => {
      const at = (path: string) => join(root, path);
      const done = async (name: string, ...args: string[]) => {
        const { code, stderr } = await run(root, name, ...args);
        assert.equal(code, 0, stderr);
      };
      await done("generate", "--count", "40", "--steps", "2", "--seed", "1", "--out", "q.sdf");
      assert.equal(readSdf(await Deno.readTextFile(at("q.sdf"))).length, 40);
      await done("data", "--sdf", "q.sdf", "--to", at("sets/q"));
      const sizes = ["--width", "16", "--blocks", "1", "--batch", "4"];
      await done(
        "train",
        "--data",
        at("sets/q"),
        ...sizes,
        "--updates",
        "3",
        "--folder",
        at("run"),
      );
      await done("export", "--folder", at("run"), "--to", at("data/models/t"));
      const card = at("data/models/t/card.json"), read = async () => JSON.parse(await Deno.readTextFile(card));
      await Deno.writeTextFile(card, JSON.stringify({ ...await read(), name: "t" })); // it is one of the data directory's
      await done(
        "evaluate",
        "--model",
        "t",
        "--count",
        "8",
        "--steps",
        "2",
        "--out",
        at("e/x"),
        "--record",
      );
      assert.ok(JSON.parse(await Deno.readTextFile(at("e/x.json"))).settings);
      assert.equal((await read()).evaluation.length, 1);
    }),
});

const script = await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: "deno task generate is interrupted once by a terminal's Ctrl-C, wherever its input comes from, and clears up",
  ignore: ONLY.ignore || !script,
  fn: () =>
    withFolder(async (root) => {
      const words = ["--count", "20000", "--steps", "100", "--backend", "wasm", "--threads", "1"];
      const task = [Deno.execPath(), "task", "--cwd", ROOT, "generate", ...words, "--out", join(root, "q.sdf")];
      const line = `exec ${task.join(" ")} < /dev/null`; // the terminal is stdout and stderr alone
      const child = new Deno.Command("script", {
        args: ["--quiet", "--return", "--command", line, "/dev/null"],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      let said = "", told = false;
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        said += text;
        if (!told && said.includes("of 20000 molecules")) {
          told = true;
          await writer.write(Uint8Array.of(3)); // Ctrl-C
        }
      }
      await writer.close().catch(() => {});
      assert.equal((await child.status).code, 130, said);
      assert.match(said, /\ninterrupted\r?\n/);
      assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), []);
    }),
});

Deno.test("deno task start tells what is wrong with options and variables, and starts nothing", () =>
  withFolder(async (root) => {
    const wrong = await run(root, "start", "--prot", "3");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /'--prot'.*; allowed are --port/);
    const comma = await run(root, "start", "--models", "/a,b");
    assert.equal(comma.code, 1);
    assert.match(comma.stderr, /^molstep serve: a permission must be of a path or name without a comma; got \/a,b/);
  }));
