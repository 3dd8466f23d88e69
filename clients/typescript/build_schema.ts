/**
 * Writes `schema.ts`: the routes' types (`routes/app_type.ts`) with nothing left to be worked out, so that a client needs `hono` and none of the service's
 * sources. `deno task build:client`; `tests/clients/typescript_test.ts` holds that the two are the same. TypeScript's compiler is fetched for this alone.
 */
// deno-lint-ignore no-import-prefix -- no package of the service
import ts from "npm:typescript@6.0.3";
import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const SOURCE = here("../../routes/app_type.ts"), TARGET = here("./schema.ts");

const program = ts.createProgram([SOURCE], {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  target: ts.ScriptTarget.ESNext,
  types: [],
});
const checker = program.getTypeChecker();

/** Where a type's children are read from: any place does. */
const place = program.getSourceFile(SOURCE)!;

/** Types of several lines that are written once, by their text. */
const names = new Map<string, string>();

/** A name as a key: bare where it may be. */
const key = (name: string) => /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);

/** The type written out. @throws TypeError for one that is no data */
function text(type: ts.Type, way: string): string {
  const { flags } = type, go = (child: ts.Type, name: string) => text(child, `${way}.${name}`);
  if (flags & ts.TypeFlags.StringLiteral) return JSON.stringify((type as ts.StringLiteralType).value);
  if (flags & ts.TypeFlags.NumberLiteral) return String((type as ts.NumberLiteralType).value);
  const plain = ts.TypeFlags.String | ts.TypeFlags.Number | ts.TypeFlags.BooleanLike | ts.TypeFlags.Null |
    ts.TypeFlags.Undefined | ts.TypeFlags.Unknown | ts.TypeFlags.Never;
  if (flags & plain) return checker.typeToString(type);
  if (type.isUnion()) {
    const members = [...new Set(type.types.map((one) => go(one, "|")))].sort();
    const joined = members.join(" | ");
    return members.includes("true") && members.includes("false")
      ? ["boolean", ...members.filter((one) => one !== "true" && one !== "false")].join(" | ")
      : joined;
  }
  if (checker.isTupleType(type)) {
    const { elementFlags } = (type as ts.TupleTypeReference).target;
    const elements = checker.getTypeArguments(type as ts.TypeReference).map((one, k) =>
      elementFlags[k] & ts.ElementFlags.Optional ? `(${go(checker.getNonNullableType(one), "[]")})?` : go(one, "[]")
    );
    return `[${elements.join(", ")}]`;
  }
  if (checker.isArrayType(type)) return `(${go(checker.getTypeArguments(type as ts.TypeReference)[0], "[]")})[]`;
  if (!(flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) {
    throw new TypeError(`${way} must be data; got ${checker.typeToString(type)}`);
  }
  const signatures = checker.getIndexInfosOfType(type).map((one) =>
    `[key: ${checker.typeToString(one.keyType)}]: ${go(one.type, "*")}`
  );
  const properties = checker.getPropertiesOfType(type).map((one) => {
    const optional = (one.flags & ts.SymbolFlags.Optional) !== 0, own = checker.getTypeOfSymbolAtLocation(one, place);
    return `${key(one.name)}${optional ? "?" : ""}: ${go(own, one.name)}`;
  });
  return shared(`{ ${[...signatures, ...properties.sort()].join("; ")} }`);
}

/** A name for a type that is long. */
function shared(whole: string): string {
  if (whole.length < 200) return whole;
  if (!names.has(whole)) names.set(whole, `Type${names.size + 1}`);
  return names.get(whole)!;
}

const symbol = checker.getExportsOfModule(checker.getSymbolAtLocation(place)!).find(({ name }) => name === "AppSchema");
if (!symbol) throw new Error(`${SOURCE} must export AppSchema`);
const schema = text(checker.getDeclaredTypeOfSymbol(symbol), "AppSchema");
const head =
  "// deno-lint-ignore-file ban-types\n/** What each route takes and gives, by status. Written by `deno task build:client`. */\n";
const types = [...names].map(([whole, name]) => `type ${name} = ${whole};\n\n`).join("");
await Deno.writeTextFile(TARGET, `${head}export type Schema = ${schema};\n\n${types.trimEnd()}\n`);
