/** The validations of a round, one JSON object a line in `validation.jsonl`: a resume goes on with the same curve. */
import { absent } from "../diffusion/files.ts";
import type { Validation } from "./course.ts";

/** File of the curve in a round's folder. */
export const VALIDATIONS = "validation.jsonl";

function parsed(line: string): Validation | undefined {
  try {
    return line ? JSON.parse(line) : undefined;
  } catch {
    return undefined;
  }
}

/** Opens the log of a folder, making the folder where it is missing. */
export async function openValidationLog(folder: string) {
  await Deno.mkdir(folder, { recursive: true });
  const path = `${folder}/${VALIDATIONS}`;
  return {
    /**
     * The validations up to an update, one an update: of those that a killed run repeats the last. A line cut short by a kill
     * is left out.
     */
    async read(upTo: number): Promise<Validation[]> {
      const text = await Deno.readTextFile(path).catch(absent) ?? "";
      const byUpdate = new Map<number, Validation>();
      for (const line of text.split("\n")) {
        const one = parsed(line);
        if (one && one.update <= upTo) byUpdate.set(one.update, one);
      }
      return [...byUpdate.values()].sort((a, b) => a.update - b.update);
    },
    async add(validation: Validation): Promise<void> {
      await Deno.writeTextFile(path, JSON.stringify(validation) + "\n", { append: true });
    },
  };
}
