/** A Python program beside a bench program: a question and an answer a line of JSON each. */
import { fileURLToPath } from "node:url";

/** Asks it. */
export interface Python {
  /** @throws Error where Python has ended, which says on stderr why */
  ask<Answer>(question: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * Starts a program of this folder.
 *
 * @param python the interpreter
 * @param script such as `conformers.py`
 */
export function openPython(python: string, script: string): Python {
  const child = new Deno.Command(python, {
    args: [fileURLToPath(new URL(script, import.meta.url))],
    ...{ stdin: "piped", stdout: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter(), lines = child.stdout.pipeThrough(new TextDecoderStream()).values();
  let text = "";
  return {
    async ask<Answer>(question: unknown): Promise<Answer> {
      await writer.write(new TextEncoder().encode(JSON.stringify(question) + "\n"));
      while (!text.includes("\n")) {
        const { done, value } = await lines.next();
        if (done) throw new Error("Python has ended");
        text += value;
      }
      const end = text.indexOf("\n"), line = text.slice(0, end);
      text = text.slice(end + 1);
      return JSON.parse(line);
    },
    close: () => writer.close(),
  };
}
