import assert from "node:assert/strict";
import { z } from "zod";
import { foundOf, shown } from "../../chem/issues.ts";
import { strict } from "../../chem/strict.ts";

/** What is found of a value, as `path: message`. */
function found(schema: z.ZodType, value: unknown): string[] {
  const { error } = schema.safeParse(value);
  return foundOf(error?.issues ?? []).map(({ path, message }) => `${path.join("/")}: ${message}`);
}

Deno.test("issues say what is allowed and what was given", () => {
  const schema = strict({
    steps: z.int().min(1).max(1000).optional(),
    share: z.number().positive().lt(1).optional(),
    name: z.string().min(1).max(4).optional(),
    list: z.array(z.boolean()).max(2).optional(),
    format: z.enum(["sdf", "xyz"]).optional(),
    version: z.literal(2).optional(),
    even: z.int().multipleOf(2).optional(),
    own: z.string().refine((text) => text === "a", "must be a, says the schema").optional(),
  });
  assert.deepEqual(found(schema, { steps: 0 }), ["steps: must be at least 1; got 0"]);
  assert.deepEqual(found(schema, { steps: 1001 }), ["steps: must be at most 1000; got 1001"]);
  assert.deepEqual(found(schema, { steps: 1.5 }), ["steps: must be a whole number; got 1.5"]);
  assert.deepEqual(found(schema, { steps: "8" }), ['steps: must be a number; got "8"']);
  assert.deepEqual(found(schema, { steps: null }), ["steps: must be a number; got null"]);
  assert.deepEqual(found(schema, { share: 0 }), ["share: must be above 0; got 0"]);
  assert.deepEqual(found(schema, { share: 1 }), ["share: must be below 1; got 1"]);
  assert.deepEqual(found(schema, { name: "" }), ["name: must have at least 1 character; got 0"]);
  assert.deepEqual(found(schema, { name: "abcde" }), ["name: must have at most 4 characters; got 5"]);
  assert.deepEqual(found(schema, { list: [true, 1] }), ["list/1: must be true or false; got 1"]);
  assert.deepEqual(found(schema, { list: [true, true, true] }), ["list: must have at most 2 items; got 3"]);
  assert.deepEqual(found(schema, { list: {} }), ["list: must be a list; got an object"]);
  assert.deepEqual(found(schema, { format: "pdb" }), ['format: must be one of sdf, xyz; got "pdb"']);
  assert.deepEqual(found(schema, { version: 1 }), ["version: must be 2; got 1"]);
  assert.deepEqual(found(schema, { even: 3 }), ["even: must be a multiple of 2; got 3"]);
  assert.deepEqual(found(schema, { own: "b" }), ["own: must be a, says the schema"]);
  assert.deepEqual(found(schema, { other: 1 }), [
    ": unknown key other; allowed are steps, share, name, list, format, version, even, own",
  ]);
});

Deno.test("of a choice of forms the nearest one's faults are told, with their places; else what each form takes", () => {
  const item = z.union([z.string().min(1), strict({ smiles: z.string() }), strict({ molblock: z.string() })]);
  const schema = strict({ molecules: z.union([z.string(), z.array(item)]) });
  assert.deepEqual(found(schema, { molecules: ["CCO", { smiles: 5 }] }), [
    "molecules/1/smiles: must be a string; got 5",
  ]);
  assert.deepEqual(found(schema, { molecules: ["CCO", 5] }), [
    "molecules/1: must be a string, or an object; got 5",
  ]);
  assert.deepEqual(found(schema, { molecules: 5 }), [
    "molecules: must be a string, or a list; got 5",
  ]);
  const grid = z.discriminatedUnion("type", [strict({ type: z.literal("even") }), strict({ type: z.literal("bent") })]);
  assert.deepEqual(found(grid, { type: "odd" }), ['type: must be one of even, bent; got "odd"']);
  assert.deepEqual(found(grid, {}), ["type: must be one of even, bent; got nothing"]);
});

Deno.test("shown() keeps long strings short", () => {
  assert.equal(shown("x".repeat(61)), `"${"x".repeat(60)}" and more`);
  assert.equal(shown([1, 2]), "a list of 2");
});
