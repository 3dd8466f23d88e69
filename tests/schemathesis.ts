/** Schemathesis (PyPI `schemathesis`), which makes requests of an OpenAPI document and holds answers against it. `.ci/run` installs it. */
import { join } from "node:path";

/** Where it may be. */
const PROGRAMS = [["schemathesis"], ["st"], ["python3", "-m", "schemathesis.cli"]] as const;

/** Its command; undefined where no version 4 is there. */
export const schemathesis: readonly string[] | undefined = await (async () => {
  for (const program of PROGRAMS) {
    try {
      const { stdout } = await new Deno.Command(program[0], { args: [...program.slice(1), "--version"] }).output();
      if (/\bversion 4\./.test(new TextDecoder().decode(stdout))) return program;
    } catch { /* not there */ }
  }
})();

/**
 * What is held against each answer. The others find wrong what is right: that 422 is for more than JSON Schema can say, such as keys that exclude each other
 * (`positive_data_acceptance`), that an empty Last-Event-ID counts as none (`negative_data_rejection`), that whoever has given ten wrong tokens is told 429
 * (`ignored_auth`), and that a job which was ended by DELETE can still be read about (`use_after_free`).
 */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "unsupported_method",
  "allow_header_conformance",
];

/** 503, 504 and 507 are documented answers of a service that is full, late or out of storage. */
const CONFIG = `checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503, 504, 507]\n`;

// deno-lint-ignore no-explicit-any -- JSON of any shape
type Json = any;

/**
 * The document with lists of items in place of tuples. In answers Schemathesis 4.32 writes `prefixItems` as `items: [...]`, as older drafts had it, and
 * then finds that this is no schema of OpenAPI 3.1.
 */
export function withoutTuples(node: Json): Json {
  if (Array.isArray(node)) return node.map(withoutTuples);
  if (node === null || typeof node !== "object") return node;
  const { prefixItems, items, ...rest } = node;
  const told = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, withoutTuples(value)]));
  if (prefixItems) return { ...told, items: { anyOf: prefixItems.map(withoutTuples) } };
  return items === undefined ? told : { ...told, items: withoutTuples(items) };
}

/** How much is asked. */
interface FuzzOptions {
  /** Of the service, and a token for all that it does. */
  readonly url: string;
  readonly token: string;
  /** A folder for its files. */
  readonly folder: string;
  /** Examples an operation, beside those of its own choice at the limits of each key. */
  readonly examples: number;
}

/** Asks a service by its own document, from a fixed seed. @returns whether every answer was as the document says, and the report */
export async function fuzz(
  [program, ...args]: readonly string[],
  { url, token, folder, examples }: FuzzOptions,
): Promise<{ success: boolean; report: string }> {
  const config = join(folder, "schemathesis.toml"), document = join(folder, "openapi.json");
  await Deno.writeTextFile(config, CONFIG);
  await Deno.writeTextFile(
    document,
    JSON.stringify(withoutTuples(await (await fetch(`${url}/openapi.json`)).json())),
  );
  const options = {
    url,
    checks: CHECKS.join(),
    seed: "1",
    "max-examples": String(examples),
    "generation-database": "none",
    "request-timeout": "30",
    header: `Authorization: Bearer ${token}`,
  };
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [
      ...[...args, "--config-file", config, "run", document, "--continue-on-failure", "--no-color"],
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    ],
    cwd: folder,
  }).output();
  const decoder = new TextDecoder();
  return { success, report: decoder.decode(stdout) + decoder.decode(stderr) };
}
