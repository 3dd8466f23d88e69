/**
 * The process of one subject: `deno run -A bench/child.ts SUBJECT`. Backends are measured in processes of their own, as
 * TensorFlow and software Vulkan drivers do not bear one another, and as none shall see another's memory.
 *
 * It opens the subject and says so; then it answers each line `{ batch, what?, seconds }` on its standard input with how many
 * calls it made in how long (at least one call, whatever the seconds). Lines of standard output that do not begin with
 * {@link MARK} are other libraries' talk.
 */
import { readLines } from "../model/service/jobs/lines.ts";
import { openSubject } from "./subject.ts";

/** Begins an answer. */
export const MARK = "@molstep-bench ";

/** Asks for calls on batches of this size, of a subject that can do several things of `what`. */
export interface Question {
  readonly batch: number;
  readonly what?: string;
  readonly seconds: number;
}

/** What is answered. */
export type Answer =
  | { readonly type: "open"; readonly why: string }
  | { readonly type: "measured"; readonly calls: number; readonly seconds: number; readonly sample: number[] }
  | { readonly type: "error"; readonly message: string };

const say = (answer: Answer) => console.log(MARK + JSON.stringify(answer));
const fail = (error: unknown) =>
  say({ type: "error", message: error instanceof Error ? error.message : String(error) });

async function main(text: string): Promise<void> {
  const subject = await openSubject(JSON.parse(text)), prepared = new Map<string, () => Promise<number[]>>();
  say({ type: "open", why: subject.why });
  for await (const line of readLines(Deno.stdin.readable)) {
    try {
      const { batch, what, seconds } = JSON.parse(line) as Question, key = `${batch} ${what}`;
      if (!(Number.isInteger(batch) && batch > 0)) throw new RangeError(`batch must be at least 1; got ${batch}`);
      const call = prepared.get(key) ?? subject.prepare(batch, what);
      prepared.set(key, call);
      const started = performance.now();
      let calls = 0, elapsed = 0, sample: number[];
      do {
        sample = await call();
        calls++;
        elapsed = (performance.now() - started) / 1000;
      } while (elapsed < seconds);
      say({ type: "measured", calls, seconds: elapsed, sample });
    } catch (error) {
      fail(error);
    }
  }
}

if (import.meta.main) {
  await main(Deno.args[0]).catch(fail);
  // Backends may keep workers or threads alive.
  Deno.exit(0);
}
