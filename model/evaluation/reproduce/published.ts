/** The papers' published rows, as data: `published.json` says where each was read. */
import { z } from "zod";
import data from "./published.json" with { type: "json" };

const percent = z.number().min(0).max(100).nullable().default(null);

const schema = z.strictObject({
  papers: z.record(z.string(), z.strictObject({ title: z.string(), url: z.url().nullable() })),
  rows: z.array(z.strictObject({
    /** Stands in the table and the figure; rows of one name are one method. */
    name: z.string(),
    /** A key of `papers`. */
    paper: z.string(),
    steps: z.int().min(1),
    /** Where in the paper or else these numbers were read, and what else there is to say. */
    where: z.string(),
    /** Molecules that were judged, where the source says so. */
    n: z.int().min(1).nullable().default(null),
    /** Percent, all four and uniqueness. */
    moleculeStability: percent,
    atomStability: percent,
    validity: percent,
    validUnique: percent,
    uniqueness: percent,
    /** On `machine`, which is not ours: never to be compared with our speeds. */
    moleculesPerSecond: z.number().positive().nullable().default(null),
    /** What this speed was measured on, as its source says. */
    machine: z.string().optional(),
  })),
}).refine(({ papers, rows }) => rows.every(({ paper }) => paper in papers), "a row names a paper that is not listed")
  .refine(
    ({ rows }) => rows.every((row) => row.moleculesPerSecond === null || row.machine),
    "a speed needs its machine",
  );

/** Published rows and the papers that they name. */
export type Published = z.infer<typeof schema>;
export type PublishedRow = Published["rows"][number];

/** The rows that the tables show beside ours. */
export const publishedRows = (): Published => schema.parse(data);
