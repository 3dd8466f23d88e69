/** What the programs that measure have in common: the machine's line, the file of results, and how they end. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { option } from "../main/options.ts";
import type { Conditions } from "./conditions.ts";
import type { Result } from "./table.ts";

/** The machine and its load, in a line. */
export function machineLine({ machine: { cpu, cores, memoryGiB, os, deno }, load }: Conditions): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}, Deno ${deno}, load ${load.toFixed(1)}`;
}

/** Where results go unless told otherwise: by day, commit and the parts that were measured, where not all were. */
export function resultsPath(
  { date, commit }: Pick<Conditions, "date" | "commit">,
  ...parts: readonly string[]
): string {
  const name = [date.slice(0, 10), commit?.slice(0, 7) ?? "unknown", ...parts].join("-");
  return join(fileURLToPath(new URL("results", import.meta.url)), `${name}.json`);
}

/** The option of a program's results, of which all parts were measured. */
export const resultsOption = (part: string) =>
  option(
    "FILE",
    `where results go, - for nowhere (default bench/results/<date>-<commit>-${part}.json)`,
    z.string().optional(),
  );

/** Writes results beside their conditions, in place of what the file had. */
export async function keep<Under extends Conditions>(
  path: string,
  under: Under,
  results: readonly Result[],
): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify({ ...under, results }, null, 1) + "\n");
}

/** Whether the command line asks how it is used. */
export const asksForHelp = (args: readonly string[]): boolean => args.includes("--help") || args.includes("-h");

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
