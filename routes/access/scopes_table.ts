/** Which route asks for which scope, as a Markdown table, from what each route says of itself. */
import { markdownTable } from "../../model/evaluation/markdown_table.ts";
import { ENDPOINTS } from "../endpoints.ts";

/** A row a route. */
export function scopesTable(): string {
  const rows = ENDPOINTS.map(({ route: { method, path, scopes } }) => [
    `\`${method.toUpperCase()} ${path}\``,
    scopes.map((scope) => `\`${scope}\``).join(" or ") || "none",
  ]);
  return markdownTable(["route", "scope"], rows);
}
