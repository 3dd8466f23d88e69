/** What the programs that measure have in common: the machine's line, the file of results, and how they end. */
import { dirname } from "node:path";
import type { Conditions } from "./conditions.ts";
import type { Result } from "./table.ts";

/** The machine and its load, in a line. */
export function machineLine({ machine: { cpu, cores, memoryGiB, os, deno }, load }: Conditions): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}, Deno ${deno}, load ${load.toFixed(1)}`;
}

/** Writes results beside their conditions, in place of what the file had. */
export async function keep<Under extends Conditions>(
  path: string,
  under: Under,
  results: readonly Result[],
): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify({ ...under, results }, null, 1) + "\n");
}

/** Runs a program on the command line's arguments and ends the process: 1, and the error's message, where it fails. */
export async function runProgram(main: (args: string[]) => Promise<void>): Promise<never> {
  try {
    await main(Deno.args);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
  // Backends may keep workers or threads alive.
  Deno.exit(0);
}
