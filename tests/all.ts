/**
 * `deno task test`: all tests and the examples of doc comments, in two lanes side by side, as one process leaves half of two cores idle. The first lane has
 * what waits for a GPU's software adapter, most of all for its compiler, which uses one core, and then some of the others. Types are checked once, by the
 * second. Arguments go to `deno test` of all.
 */
import { fileURLToPath } from "node:url";
import { webgpuVariables } from "../model/engines/webgpu/variables.ts";

/** Files and folders of tests on a GPU, or on a software adapter. */
const GPU = [
  "tests/bench/gpu",
  "tests/model/distillation/backends_test.ts",
  "tests/model/engines/tensorflow",
  "tests/model/engines/webgpu",
  "tests/model/engines/wide_space_test.ts",
];

/** Folders that the first lane goes on with, so that both end at about the same time. */
const THEN = [
  "tests/chem",
  "tests/clients",
  "tests/main",
  "tests/model/campaigns",
  "tests/model/service",
  "tests/model/training",
  "tests/routes",
  "tests/schemathesis_service_test.ts",
];

/** What has examples in doc comments, and is tested. */
const ALL = ["--doc", "tests/", "chem/", "model/"];

/** `deno test` of types that are checked elsewhere. */
const test = (...args: readonly string[]) => ["test", "-A", "--no-check", ...Deno.args, ...args];

/** What `deno` is given, by processes one after another. */
const LANES = [
  [test(...GPU), test(...THEN)],
  [["check", ...ALL], test(`--ignore=${[...GPU, ...THEN].join()}`, ...ALL)],
];

/** The last line of `deno test`: ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s). */
const SUMMARY = /^(ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(?: \((?:\d+ steps?)\))?(?: \| (\d+) ignored)?/gm;

const out = Deno.stdout.writable.getWriter();

/** How a process ended, and its tests: passed, failed, ignored. */
interface Ended {
  readonly ok: boolean;
  readonly counts: readonly number[];
}

/** Runs one process to its end. `live`: its output is written as it comes, else at the end. */
async function run(args: readonly string[], live: boolean): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { NO_COLOR: "1", ...webgpuVariables(Deno.env.toObject()) },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const chunks: Uint8Array[] = [], decoder = new TextDecoder();
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (live) await out.write(chunk);
    }
  };
  const [status] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
  const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("");
  if (!live) console.log(text);
  if (!status.success) {
    console.log(`deno ${args.slice(0, 5).join(" ")} ... ended with ${status.signal ?? `code ${status.code}`}`);
  }
  if (args[0] === "check") return { ok: status.success, counts: [0, status.success ? 0 : 1, 0] };
  const [, , passed, failed, ignored = 0] = [...text.matchAll(SUMMARY)].at(-1) ?? [];
  // Without a summary (a crash) nothing can be said to have passed.
  return {
    ok: status.success,
    counts: passed === undefined ? [0, 1, 0] : [passed, failed, ignored].map(Number),
  };
}

if (import.meta.main) {
  const started = performance.now();
  const lanes = await Promise.all(LANES.map(async (lane, k) => {
    const ended: Ended[] = [];
    for (const args of lane) ended.push(await run(args, k > 0));
    return ended;
  }));
  const parts = lanes.flat();
  const [passed, failed, ignored] = [0, 1, 2].map((k) => parts.reduce((sum, { counts }) => sum + counts[k], 0));
  const ok = parts.every((part) => part.ok) && failed === 0;
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${ok ? "ok" : "FAILED"} | ${passed} passed | ${failed} failed | ${ignored} ignored (${seconds}s)`);
  Deno.exit(ok ? 0 : 1);
}
