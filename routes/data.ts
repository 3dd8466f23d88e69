/** POST and GET /data, GET and DELETE /data/{id}: sets of molecules that clients give. */
import { z } from "zod";
import { type RefusalReason, REFUSALS } from "../chem/sets/accept.ts";
import type { SetSummary } from "../chem/sets/summary.ts";
import { addSet, type KeptSet, removeSet } from "../model/service/sets.ts";
import { checkHead } from "./body_head.ts";
import { endpoint, exampled, json } from "./endpoint.ts";
import { DATA_REQUESTS } from "./examples.ts";
import { numberOf } from "./jobs_schema.ts";
import { ACCEPT_PROBLEMS, offers } from "./negotiate.ts";
import { problems, STORAGE_PROBLEMS } from "./problem.ts";

const time = z.iso.datetime();

const refusedRecord = z.strictObject({
  record: z.int().describe("Counted from 1"),
  title: z.string(),
  reason: z.enum(Object.keys(REFUSALS) as [RefusalReason, ...RefusalReason[]]).describe(
    Object.entries(REFUSALS).map(([name, words]) => `${name}: ${words}`).join(". "),
  ),
  message: z.string(),
}).meta({ id: "RefusedRecord" });

const setShape = {
  id: z.string().describe("For `data` of POST /distill"),
  description: z.string(),
  molecules: z.int(),
  refusedRecords: z.int().describe("Records that are no molecule to train on"),
  classes: z.array(z.tuple([z.int(), z.int(), z.int()])).describe(
    "What heavy atoms are: atomic number, hydrogens, formal charge",
  ),
  createdAt: time,
  expiresAt: time,
};

const setSchema = z.strictObject(setShape).meta({ id: "DataSet" });
const setList = z.strictObject({ sets: z.array(setSchema), most: z.int().describe("Sets that may be kept at once") })
  .meta({ id: "DataSetList" });
const setAdded = z.strictObject({
  ...setShape,
  refused: z.array(refusedRecord).describe("The first of them; GET /data/{id} has all"),
}).meta({ id: "NewDataSet" });
const counts = z.record(z.string(), z.int());
const setDetail = z.strictObject({
  ...setShape,
  summary: z.strictObject({
    atoms: z.int(),
    parts: z.strictObject({ train: z.int(), valid: z.int(), test: z.int() }).describe(
      "Molecules of each part of the split",
    ),
    repeated: z.int().describe("Molecules whose SMILES without stereo another one before them has"),
    charged: z.int().describe("Molecules with a charged atom"),
    refused: counts.describe("Refused records by reason"),
    sizes: counts.describe("Molecules by heavy atoms"),
    elements: counts.describe("Molecules that have each element"),
    groups: z.record(z.string(), z.number()).describe("The share of molecules that have each functional group"),
  }),
  refused: z.array(refusedRecord).describe("A page of them"),
}).meta({ id: "DataSetDetail" });

const setId = z.strictObject({ id: z.string().max(64) });

/** Most refused records of a page. */
const PAGE_MAX = 10_000;

const describe = (
  { id, description, molecules, refused, classes, createdAt, expiresAt }: KeptSet,
): z.infer<typeof setSchema> => ({
  ...{ id, description, molecules, refusedRecords: refused },
  classes: classes.map(([element, hydrogens, charge = 0]): [number, number, number] => [element, hydrogens, charge]),
  createdAt: new Date(createdAt).toISOString(),
  expiresAt: new Date(expiresAt).toISOString(),
});

const valuesOf = <T, V>(of: Readonly<Record<string, T>>, value: (one: T) => V): Record<string, V> =>
  Object.fromEntries(Object.entries(of).map(([name, one]) => [name, value(one)]));

const describeSummary = (
  { atoms, parts, repeated, charged, refused, sizes, elements, composition }: SetSummary,
): z.infer<typeof setDetail>["summary"] => ({
  ...{ atoms, parts, repeated, charged, refused, sizes },
  elements: valuesOf(elements, ({ molecules }) => molecules),
  groups: valuesOf(composition, ({ value }) => value),
});

/** What a file may be said to be; that it is compressed its first bytes tell. */
const TYPES = ["chemical/x-mdl-sdfile", "application/gzip", "application/octet-stream"] as const;
const file = { schema: z.string().meta({ format: "binary" }) };
/** Of all types, which are the same here, the one that generic clients can send has examples. */
const FILES = {
  ...Object.fromEntries(TYPES.map((type) => [type, file])),
  "application/octet-stream": { ...file, ...exampled(DATA_REQUESTS) },
} satisfies Partial<Record<typeof TYPES[number], unknown>>;

/** POST /data: 201 with the set, which `Location` names. */
export const addData = endpoint({
  method: "post",
  path: "/data",
  operationId: "addData",
  summary: "Give molecules to learn from: an SDF file with 3D coordinates and hydrogens, compressed by gzip or not",
  scopes: ["admin"],
  request: {
    query: z.strictObject({ description: z.string().min(1).max(200).optional().describe("What the set is") }),
    body: { required: true, content: FILES },
  },
  responses: {
    201: {
      description: "The set",
      content: json(setAdded),
      headers: { Location: { description: "The set", schema: { type: "string" } } },
    },
    ...problems({
      409: "Another set is being read, there are as many as may be, or another service has the data directory",
      413: "The file is too long",
      415: "The body is said to be something else",
      422: "There is no molecule in the file, more records than may be, or it is damaged",
      503: "The service is shutting down",
    }),
    ...STORAGE_PROBLEMS,
  },
}, ({ sets, lifecycle }) => async (c) => {
  try {
    checkHead(c, { types: TYPES, codings: ["gzip"], most: sets.quota.bytes, what: "file" });
    const { description } = c.req.valid("query"), { raw } = c.req;
    const { first, ...set } = await addSet(sets, raw.body ?? ReadableStream.from([]), {
      description,
      signal: raw.signal,
    }, lifecycle);
    return c.json({ ...describe(set), refused: [...first] }, 201, { Location: `/data/${set.id}` });
  } finally {
    if (!c.req.raw.bodyUsed) await c.req.raw.body?.cancel();
  }
});

/** GET /data */
export const listData = endpoint({
  method: "get",
  path: "/data",
  operationId: "listData",
  summary: "The sets of molecules, newest first",
  scopes: ["admin"],
  middleware: offers("application/json"),
  request: {},
  responses: { 200: { description: "The sets", content: json(setList) }, ...ACCEPT_PROBLEMS },
}, ({ sets }) => async (c) => c.json({ sets: (await sets.list()).map(describe), most: sets.quota.sets }, 200));

/** GET /data/{id} */
export const getData = endpoint({
  method: "get",
  path: "/data/{id}",
  operationId: "getData",
  summary: "A set of molecules, with what was refused",
  scopes: ["admin"],
  middleware: offers("application/json"),
  request: {
    params: setId,
    query: z.strictObject({
      offset: numberOf(z.int().min(0).max(1_000_000_000).default(0)).describe("The first refused record of the page"),
      limit: numberOf(z.int().min(1).max(PAGE_MAX).default(1000)).describe("Refused records of the page"),
    }),
  },
  responses: {
    200: { description: "The set", content: json(setDetail) },
    ...ACCEPT_PROBLEMS,
    ...problems({ 404: "Unknown set", 422: "No such page" }),
  },
}, ({ sets }) => async (c) => {
  const { id } = c.req.valid("param"), { summary, ...set } = await sets.get(id);
  return c.json(
    { ...describe(set), summary: describeSummary(summary), refused: await sets.refused(id, c.req.valid("query")) },
    200,
  );
});

/** DELETE /data/{id} */
export const removeData = endpoint({
  method: "delete",
  path: "/data/{id}",
  operationId: "removeData",
  summary: "Remove a set of molecules",
  scopes: ["admin"],
  request: { params: setId },
  responses: {
    204: { description: "There is nothing of it any more" },
    ...problems({ 404: "Unknown set", 422: "No id of a set", 409: "Another service has the data directory" }),
    ...STORAGE_PROBLEMS,
  },
}, ({ sets, lifecycle }) => async (c) => {
  await removeSet(sets, c.req.valid("param").id, lifecycle);
  return c.body(null, 204);
});
