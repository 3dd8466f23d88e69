/** zod schemas as components of the OpenAPI document. */
import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import { z } from "zod";

type Registry = OpenAPIHono["openAPIRegistry"];
/** Content by media type, as a route's description has it. */
export type Content = NonNullable<NonNullable<RouteConfig["request"]>["body"]>["content"];
type Component = Exclude<Extract<NonNullable<Content[string]>, { schema?: unknown }>["schema"], z.ZodType | undefined>;

/**
 * Turns schemas into JSON Schema 2020-12, as OpenAPI 3.1 wants it, by zod's own means: the conversion of `@asteasolutions/zod-to-openapi`
 * leaves out lengths of tuples, names of keys, and that a default makes a key of an answer sure.
 *
 * @returns a function that gives a reference to a component for a schema with an id (`.meta({ id })`), else the schema itself
 */
export function named(registry: Registry): (schema: z.ZodType, io: "input" | "output") => Component {
  const register = (name: string, { id: _, ...schema }: Record<string, unknown>) => {
    const known = registry.definitions.some((one) => one.type === "component" && one.name === name);
    if (!known) registry.registerComponent("schemas", name, schema as Component);
  };
  return function component(schema, io): Component {
    const converted = z.toJSONSchema(schema, {
      io,
      unrepresentable: "any",
      reused: "inline",
      // What a text holds may be a schema, too.
      override({ jsonSchema }) {
        const { contentSchema } = jsonSchema;
        if (contentSchema instanceof z.ZodType) {
          jsonSchema.contentSchema = component(contentSchema, io) as typeof contentSchema;
        }
      },
    });
    const text = JSON.stringify(converted).replaceAll('"#/$defs/', '"#/components/schemas/');
    const { $schema: _, $defs = {}, ...whole } = JSON.parse(text);
    for (const [name, one] of Object.entries<Record<string, unknown>>($defs)) register(name, one);
    if (typeof whole.id !== "string") return whole;
    register(whole.id, whole);
    return { $ref: `#/components/schemas/${whole.id}` };
  };
}
