/** Objects of schemas that refuse unknown keys and say which they know, and how such a schema reads what a newer version wrote. */
import { z } from "zod";
import "./issues.ts";

/** A strict object whose error names the keys that are allowed. */
export function strict<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `unknown ${issue.keys.length > 1 ? "keys" : "key"} ${issue.keys.join(", ")}; allowed are ${
          Object.keys(shape).join(", ")
        }`
        : undefined,
  });
}

/** Parses JSON by a schema, without the keys that its strict objects do not know: what another version says more is not for us. */
export function parseKnown<T extends z.ZodType>(schema: T, json: unknown): z.ZodSafeParseResult<z.infer<T>> {
  const result = schema.safeParse(json);
  const surplus = result.error?.issues.filter((issue) => issue.code === "unrecognized_keys") ?? [];
  if (surplus.length === 0) return result;
  const known = structuredClone(json);
  for (const { path, keys } of surplus) {
    // deno-lint-ignore no-explicit-any -- a way through JSON that the schema has just gone
    const object = path.reduce<any>((at, part) => at[part], known);
    for (const key of keys) delete object[key];
  }
  return schema.safeParse(known);
}
