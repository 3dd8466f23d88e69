/** molstep readme */
import { fileURLToPath } from "node:url";
import { cardTable, replaceBetween } from "../model/card_table.ts";
import { command } from "./command.ts";
import { findModel } from "./models.ts";
import { flag } from "./options.ts";

/** The README with the table of the shipped card. */
export async function readmeWithTables(text: string): Promise<string> {
  const { card } = await findModel("qm9");
  return replaceBetween(text, "evaluation of weights/qm9", cardTable(card));
}

/** The tables of the README. */
export const readmeCommand = command({
  summary: "Writes the tables of README.md from the cards of the shipped models.",
  options: { check: flag("write nothing; exit with 1 where the README is behind the cards") },
  async run({ check }, { error }) {
    const path = fileURLToPath(new URL("../README.md", import.meta.url)), text = await Deno.readTextFile(path);
    const fresh = await readmeWithTables(text);
    if (fresh === text) return 0;
    if (check) {
      error("README.md is behind the cards; molstep readme brings it up to date\n");
      return 1;
    }
    await Deno.writeTextFile(path, fresh);
    return 0;
  },
});
