/** The validations of a round, one JSON object a line in `validation.jsonl`: a resume goes on with the same curve. */
import type { Validation } from "./course.ts";

/** File of the curve in a round's folder. */
export const VALIDATIONS = "validation.jsonl";

/** Opens the log of a folder, making the folder where it is missing. */
export async function openValidationLog(folder: string) {
  await Deno.mkdir(folder, { recursive: true });
  const path = `${folder}/${VALIDATIONS}`;
  return {
    /** All whole lines, in order; a line cut short by a kill is left out. */
    async read(): Promise<Validation[]> {
      const text = await Deno.readTextFile(path).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return "";
        throw error;
      });
      return text.split("\n").flatMap((line) => {
        try {
          return line ? [JSON.parse(line) as Validation] : [];
        } catch {
          return [];
        }
      });
    },
    async add(validation: Validation): Promise<void> {
      await Deno.writeTextFile(path, JSON.stringify(validation) + "\n", { append: true });
    },
  };
}
