/** A part in a process of its own, for so long and no longer: what goes wrong in it does not stop the others. */
import { fileURLToPath } from "node:url";
import { readLines } from "../../model/service/jobs/lines.ts";
import { type Answer, MARK } from "./part.ts";
import type { Asked, Found, Part } from "./parts.ts";

/** How a part ended. */
export interface Report extends Found {
  readonly part: Part;
  readonly seconds: number;
}

/** Seconds that a part has to end what it has started. */
const GRACE = 10;

const PROGRAM = fileURLToPath(new URL("part.ts", import.meta.url));

/**
 * Runs a part; its other lines go to `onLine`.
 *
 * @param limit most seconds
 * @param program runs it; told what is asked as JSON
 */
export async function runLimited(
  asked: Asked,
  limit: number,
  onLine: (line: string) => void,
  program: string = PROGRAM,
): Promise<Report> {
  const from = performance.now(), args = ["run", "-A", program, JSON.stringify(asked)];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped", stderr: "inherit" }).spawn();
  let answer: Answer | undefined, late = false;
  const timers = [
    setTimeout(() => {
      late = true;
      child.kill("SIGTERM");
    }, 1000 * limit),
    setTimeout(() => child.kill("SIGKILL"), 1000 * (limit + GRACE)),
  ];
  for await (const line of readLines(child.stdout)) {
    if (line.startsWith(MARK)) answer = JSON.parse(line.slice(MARK.length));
    else onLine(line);
  }
  const { code, signal } = await child.status;
  timers.forEach(clearTimeout);
  const seconds = (performance.now() - from) / 1000, { part } = asked;
  const failed = (said: string) => ({ part, seconds, said, wrong: true, results: [] });
  if (late) return failed(`not done within ${limit} s`);
  if (!answer) return failed(`its process ended by ${signal ?? `code ${code}`}`);
  return "error" in answer ? failed(answer.error) : { ...answer, part, seconds };
}
