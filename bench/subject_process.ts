/** The parent's end of `child.ts`. */
import { fileURLToPath } from "node:url";
import { type Answer, MARK, type Question } from "./child.ts";
import { readLines } from "../model/service/jobs/lines.ts";
import { noteStarted } from "./started.ts";
import type { Subject } from "./subject.ts";

/** A subject in a process of its own. */
export interface SubjectProcess {
  /** What it runs on. */
  readonly why: string;
  /** Calls on a batch for some seconds. @returns calls, the seconds they took, some of the results */
  measure(question: Question): Promise<Extract<Answer, { type: "measured" }>>;
  /** Ends the process. */
  close(): Promise<void>;
}

const program = fileURLToPath(new URL("./child.ts", import.meta.url));

/** Starts a process and waits until its subject is open. See {@link startProgram}. */
export function startSubject(subject: Subject, timeout: number): Promise<SubjectProcess> {
  return startProgram(Deno.execPath(), ["run", "-A", program, JSON.stringify(subject)], timeout);
}

/**
 * Starts a program that answers as `child.ts` does, and waits until its subject is open.
 *
 * @param timeout seconds that opening, or one answer beyond what it was asked for, may take
 * @throws Error where the backend does not work here, the process dies or the time is over; the process has ended then
 */
export async function startProgram(command: string, args: string[], timeout: number): Promise<SubjectProcess> {
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const answers = readLines(child.stdout), writer = child.stdin.getWriter();
  const close = noteStarted(async () => {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await child.status;
    await answers.return();
    await writer.abort().catch(() => {});
  });

  const read = async (): Promise<Answer> => {
    while (true) {
      const { value, done } = await answers.next();
      if (done) {
        const { code, signal } = await child.status;
        throw new Error(`its process ended by ${signal ?? `code ${code}`}`);
      }
      if (value.startsWith(MARK)) return JSON.parse(value.slice(MARK.length));
    }
  };
  const answer = async <T extends Answer["type"]>(type: T, seconds: number): Promise<Extract<Answer, { type: T }>> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${Math.round(seconds)} s`)), 1000 * seconds);
    });
    try {
      const got = await Promise.race([read(), late]);
      if (got.type === "error") throw new Error(got.message);
      if (got.type !== type) throw new Error(`the answer must be of type ${type}; got ${got.type}`);
      return got as Extract<Answer, { type: T }>;
    } finally {
      clearTimeout(timer);
    }
  };

  try {
    const { why } = await answer("open", timeout);
    return {
      why,
      async measure(question) {
        await writer.write(new TextEncoder().encode(JSON.stringify(question) + "\n"));
        return await answer("measured", question.seconds + timeout);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
