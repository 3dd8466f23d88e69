/** molstep readme */
import { fileURLToPath } from "node:url";
import { cardTable, replaceBetween } from "../model/card_table.ts";
import { configTable } from "../routes/config_table.ts";
import { command } from "./command.ts";
import { findModel } from "./models.ts";
import { flag } from "./options.ts";

/** The README with the evaluation of a card and the configuration's table. */
export function readmeWithTables(text: string, card: Parameters<typeof cardTable>[0]): string {
  const evaluated = replaceBetween(text, "evaluation of weights/qm9", cardTable(card));
  return replaceBetween(evaluated, "configuration", configTable());
}

/** The tables of the README. */
export const readmeCommand = command({
  summary: "Writes the tables of README.md: the evaluation from the shipped card, the configuration from its schema.",
  options: { check: flag("write nothing; exit with 1 where the README is behind") },
  async run({ check }, { error }) {
    const path = fileURLToPath(new URL("../README.md", import.meta.url)), text = await Deno.readTextFile(path);
    const { card } = await findModel("qm9"), fresh = readmeWithTables(text, card);
    if (fresh === text) return 0;
    if (check) {
      error("README.md is behind; `deno task readme` brings it up to date\n");
      return 1;
    }
    await Deno.writeTextFile(path, fresh);
    return 0;
  },
});
