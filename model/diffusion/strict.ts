/** Objects of schemas that refuse unknown keys and say which they know. */
import { z } from "zod";

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
