/** What a round left in its job's folder. */
import { join } from "node:path";
import { RESULT, type RoundOutcome, roundResult } from "../distillation/result.ts";

/** What a finished round left; undefined where it has not finished. @throws Error where it is not sound */
export async function readOutcome(folder: string): Promise<RoundOutcome | undefined> {
  try {
    return roundResult.parse(JSON.parse(await Deno.readTextFile(join(folder, RESULT))));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`${RESULT} is not sound: ${(error as Error).message}`, { cause: error });
  }
}
