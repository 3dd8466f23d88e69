/** The metrics as a Markdown table, from their registry. */
import { markdownTable } from "../model/evaluation/markdown_table.ts";
import { createMeters } from "./meters.ts";

/** A row a metric. */
export const metricsTable = (): string =>
  markdownTable(
    ["metric", "type", "labels", ""],
    createMeters().descriptions.map(({ name, type, labels, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
    ]),
  );
