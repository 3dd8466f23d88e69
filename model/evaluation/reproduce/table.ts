/** The measured rows beside the published ones, for people: Markdown, and the figures of the JSON. */
import { JUDGED_HEAD, judgedCell, samplerText } from "../card_table.ts";
import { markdownTable } from "../markdown_table.ts";
import type { Published, PublishedRow } from "./published.ts";
import type { Row, RowKey } from "./row.ts";

type Rate = { readonly value: number; readonly low: number; readonly high: number; readonly n: number };

/** What two rows must share for the larger to take the other's place in the table. */
function settingOf({ count: _, seed: __, batch: ___, backend: ____, ...setting }: RowKey): string {
  return JSON.stringify(setting);
}

/**
 * The rows that stand in the table: of the weights there are now, and of several of one setting that of the most molecules,
 * then the newest. Most steps first, as the papers have them.
 *
 * @param current whether the weights that a key names are those there are
 */
export function tableRows(rows: Iterable<Row>, current: (key: RowKey) => boolean): Row[] {
  const best = new Map<string, Row>();
  for (const row of rows) {
    if (!current(row.key)) continue;
    const setting = settingOf(row.key), other = best.get(setting);
    const better = !other || row.key.count > other.key.count ||
      (row.key.count === other.key.count && row.evaluation.date > other.evaluation.date);
    if (better) best.set(setting, row);
  }
  return [...best.values()].sort((a, b) =>
    b.key.steps - a.key.steps || rank(a) - rank(b) || (a.line < b.line ? -1 : 1)
  );
}

const rank = ({ kind }: Row) => ["teacher", "recommended", "student"].indexOf(kind);

/** Percent with the interval; nothing where there were no cases. */
const rate = ({ value, low, high, n }: Rate) =>
  n === 0 ? "" : `${(100 * value).toFixed(1)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;
const decimals = (value: number | null | undefined, places: number) => value?.toFixed(places) ?? "";
const plain = (value: number | null) => value === null ? "" : String(value);

const HEAD = [
  "steps (NFE)",
  "row",
  "sampler",
  "n",
  "molecule stability %",
  "atom stability %",
  "validity %",
  "valid x unique %",
  "uniqueness %",
  "novelty %",
  "connected %",
  JUDGED_HEAD,
  "bond lengths, W1 Å",
  "angles, W1 °",
  "molecules/s, measured here",
  "molecules/s, as published",
];

const KIND = { teacher: "teacher", recommended: "teacher, recommended", student: "distilled" } as const;

function measured({ kind, shipped, key, evaluation }: Row): string[] {
  const { variant, clamp, decoding } = key, { metrics, distances, moleculesPerSecond } = evaluation;
  const sampler = variant
    ? `${variant}${clamp ? `, clamp ${clamp}` : ""}`
    : samplerText({ ...key, sampler: key.sampler });
  return [
    String(key.steps),
    `${KIND[kind]}${shipped ? "" : `, not shipped (${key.version})`}`,
    `${sampler}${decoding === "argmax" ? "" : `, decoded by ${decoding}`}`,
    String(key.count),
    rate(metrics.moleculeStability),
    rate(metrics.atomStability),
    rate(metrics.validity),
    rate(metrics.validUnique),
    rate(metrics.uniqueness),
    metrics.novelty ? rate(metrics.novelty) : "",
    rate(metrics.connected),
    judgedCell(evaluation),
    decimals(distances?.bondLengths, 4),
    decimals(distances?.bondAngles, 2),
    `${Number(moleculesPerSecond.toPrecision(3))} (${key.backend})`,
    "",
  ];
}

function published(row: PublishedRow): string[] {
  const { name, steps, n, moleculeStability, atomStability, validity, validUnique, uniqueness, moleculesPerSecond } =
    row;
  return [
    String(steps),
    `*published*: ${name}`,
    "",
    plain(n),
    ...[moleculeStability, atomStability, validity, validUnique, uniqueness].map(plain),
    "",
    "",
    "",
    "",
    "",
    "",
    moleculesPerSecond === null ? "" : `${moleculesPerSecond}${row.machine ? ` (${row.machine})` : ""}`,
  ];
}

/** The table as Markdown, our rows and the published ones of each number of steps together, and below it what it takes to read it. */
export function tableMarkdown(model: string, rows: readonly Row[], { papers, rows: others }: Published): string {
  const lines = [
    ...rows.map((row) => ({ steps: row.key.steps, cells: measured(row) })),
    ...others.map((row) => ({ steps: row.steps, cells: published(row) })),
  ].sort((a, b) => b.steps - a.steps).map(({ cells }) => cells); // stable: ours stay before the published
  const table = markdownTable(HEAD, lines);
  const machines = new Set(rows.map(({ evaluation: { machine: m } }) => `${m.cpu}, ${m.cores} cores, ${m.os}`));
  const weights = new Set(
    rows.filter(({ kind }) => kind !== "student").map(({ key }) => `${key.version} (${key.weights})`),
  );
  const own = rows.find(({ evaluation }) => evaluation.data)?.evaluation.data?.metrics.moleculeStability.value;
  const used = new Set(others.map(({ paper }) => paper));
  const notes = [
    "Rates with 95 % intervals over n molecules; uniqueness falls as n grows, so compare it, and valid x unique, at equal n.",
    ...(own === undefined
      ? []
      : [`The data itself (QM9's test split) scores ${(100 * own).toFixed(1)} % molecule stability.`]),
    `Measured on: ${[...machines].join("; ") || "nothing yet"}. Undistilled weights: version ${
      [...weights].join(", ") || "-"
    }.`,
    "Published rows are as their sources give them; a speed among them is of another machine, not to be compared with ours.",
    ...[...used].map((key) =>
      `${key}: ${papers[key].url ? `[${papers[key].title}](${papers[key].url})` : papers[key].title}.`
    ),
    ...[...Map.groupBy(others.filter(({ where }) => where), ({ name, where }) => `${name}: ${where}`)].map(
      ([text, rows]) => `${text} (${rows.map(({ steps }) => steps).join(", ")} steps).`,
    ),
  ];
  return `# ${model}: the papers' tables\n\n${table}\n\n${notes.map((note) => `- ${note}`).join("\n")}\n`;
}

/** The table as plain data: every row says whether it was measured here or published. */
export function tableData(model: string, rows: readonly Row[], { papers, rows: others }: Published): unknown {
  return {
    format: "molstep-reproduced-table",
    model,
    rows: [
      ...rows.map(
        ({ kind, line, shipped, key, evaluation: { metrics, distances, moleculesPerSecond, machine, date } }) => {
          const totals = Object.fromEntries(
            Object.entries(distances ?? {}).filter(([, value]) => !Array.isArray(value)),
          );
          return {
            source: "measured",
            kind,
            line,
            shipped,
            ...key,
            metrics,
            distances: totals,
            moleculesPerSecond,
            machine,
            date,
          };
        },
      ),
      ...others.map((row) => ({ source: "published", ...row })),
    ],
    papers,
  };
}
