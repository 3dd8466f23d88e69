/** What the service says of itself in its OpenAPI document: fields of requests with their limits and words. Nothing of that is written here again. */

/**
 * A JSON schema, as far as forms go by it.
 * @typedef {{
 *   type?: string, enum?: any[], const?: unknown, default?: any, description?: string, title?: string,
 *   minimum?: number, maximum?: number, exclusiveMinimum?: number, exclusiveMaximum?: number, multipleOf?: number,
 *   minLength?: number, maxLength?: number, pattern?: string, maxItems?: number,
 *   properties?: Record<string, Schema>, required?: string[], additionalProperties?: Schema | boolean, propertyNames?: Schema,
 *   items?: Schema | boolean, prefixItems?: Schema[], anyOf?: Schema[], oneOf?: Schema[], $ref?: string,
 *   "x-unit"?: string, unit?: string,
 * }} Schema
 */

/** @typedef {{paths: Record<string, any>, components: {schemas: Record<string, Schema>}}} Document */

/**
 * The schema without references at its top.
 *
 * @param {Document} document
 * @param {Schema} schema
 * @returns {Schema}
 */
export function resolved(document, schema) {
  if (!schema.$ref) return schema;
  const { $ref, ...own } = schema;
  return { ...resolved(document, document.components.schemas[/** @type {string} */ ($ref.split("/").at(-1))]), ...own };
}

/**
 * What a route takes as its body; undefined where there is no such route.
 *
 * @param {Document} document
 * @param {string} path
 * @returns {Schema | undefined}
 */
export function bodyOf(document, path) {
  const body = document.paths[path]?.post?.requestBody;
  if (!body) return undefined;
  const schema = resolved(document, body.content["application/json"].schema);
  const { properties = {} } = schema;
  const entries = Object.entries(properties).map(([name, one]) => [name, resolved(document, one)]);
  return { ...schema, properties: Object.fromEntries(entries) };
}

/** `heavyAtoms` as people write it. */
export function words(/** @type {string} */ name) {
  const spaced = name.replace(/Ms$/, " (ms)").replace(/Csp3$/, " Csp3").replace(
    /([a-z\d])([A-Z][a-z])/g,
    (_, a, b) => `${a} ${b.toLowerCase()}`,
  );
  return spaced === "qed" || spaced === "tpsa"
    ? spaced.toUpperCase()
    : spaced === "logP"
    ? spaced
    : spaced[0].toUpperCase() + spaced.slice(1);
}

/** The first sentence of a description, without the marks of code. */
export const firstSentence = (/** @type {string | undefined} */ text) =>
  (text ?? "").replaceAll("`", "").split(/(?<=[.;])\s/)[0].replace(/;$/, "").trim();

/** The range that a number may be of, as text; empty where there is none. */
export function rangeText(/** @type {Schema} */ { minimum, maximum, exclusiveMinimum }) {
  const low = minimum ?? exclusiveMinimum;
  if (low === undefined && maximum === undefined) return "";
  const big = (/** @type {number} */ value) => value.toLocaleString("en-US");
  if (maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER) {
    return low === undefined || low <= -1e15 ? "" : `from ${big(low)}`;
  }
  return low === undefined ? `up to ${big(maximum)}` : `${big(low)} to ${big(maximum)}`;
}
