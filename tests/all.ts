/**
 * `deno task test`: all tests and the examples of doc comments, by two processes side by side: one has what waits for a GPU's software adapter, most of
 * all for its compiler, which uses one core; the other has the rest. Arguments go to `deno test` of both.
 */
import { fileURLToPath } from "node:url";

/** Files and folders of tests on a GPU, or on a software adapter. */
const GPU = [
  "tests/bench/gpu",
  "tests/model/distillation/backends_test.ts",
  "tests/model/engines/tensorflow",
  "tests/model/engines/webgpu",
  "tests/model/engines/wide_space_test.ts",
];

/** What `deno test` is given: the tests of a process. */
const PARTS = {
  gpu: GPU,
  rest: [`--ignore=${GPU.join()}`, "--doc", "tests/", "chem/", "model/"],
};

/** The last line of `deno test`: ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s). */
const SUMMARY = /^(ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(?: \((?:\d+ steps?)\))?(?: \| (\d+) ignored)?/gm;

const out = Deno.stdout.writable.getWriter();

/** Runs one process to its end. `live`: its output is written as it comes, else at the end. */
async function run(args: readonly string[], live: boolean): Promise<{ code: number; counts: number[] }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...Deno.args, ...args],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { NO_COLOR: "1" },
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
  const [{ code }] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
  const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("");
  if (!live) console.log(text);
  const [, , passed, failed, ignored = 0] = [...text.matchAll(SUMMARY)].at(-1) ?? [];
  // Without a summary (a type error, a crash) nothing can be said to have passed.
  return { code, counts: passed === undefined ? [0, 1, 0] : [passed, failed, ignored].map(Number) };
}

if (import.meta.main) {
  const started = performance.now();
  const parts = await Promise.all([run(PARTS.rest, true), run(PARTS.gpu, false)]);
  const [passed, failed, ignored] = [0, 1, 2].map((k) => parts.reduce((sum, { counts }) => sum + counts[k], 0));
  const ok = parts.every(({ code }) => code === 0) && failed === 0;
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${ok ? "ok" : "FAILED"} | ${passed} passed | ${failed} failed | ${ignored} ignored (${seconds}s)`);
  Deno.exit(ok ? 0 : 1);
}
