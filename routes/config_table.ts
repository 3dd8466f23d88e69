/** The configuration as a Markdown table, from the schema that it is checked with. */
import { markdownTable } from "../model/evaluation/markdown_table.ts";
import { serviceEnvironment } from "./config.ts";

/** A row a variable. */
export function configTable(): string {
  const defaults = serviceEnvironment.parse({}) as Record<string, unknown>;
  const rows = Object.entries(serviceEnvironment.shape).map(([name, { description }]) => {
    const value = defaults[name];
    return [`\`${name}\``, value === undefined ? "" : `\`${value}\``, description ?? ""];
  });
  return markdownTable(["variable", "default", ""], rows);
}
