/** Forms from JSON schemas: a control for each key, with the schema's own limits and words. */
import { html } from "./html.js";
import { firstSentence, rangeText, words } from "./schema.js";

/** @typedef {import("./schema.js").Schema} Schema */

/**
 * @typedef {{
 *   id: string, name: string, schema: Schema, value: any, required?: boolean, choices?: string[], hint?: boolean,
 *   onChange: (value: any) => void,
 * }} FieldProps
 */

const filled = (/** @type {any} */ event) => event.currentTarget.value === "" ? undefined : event.currentTarget.value;

/** @param {{id: string, schema: Schema, value: any, required?: boolean, label?: string, placeholder?: string, describedBy?: string, onChange: (value: number | undefined) => void}} props */
function NumberInput({ id, schema, value, required, label, placeholder, describedBy, onChange }) {
  const { type, minimum, maximum, exclusiveMinimum, default: usual } = schema;
  const safe = (/** @type {number | undefined} */ limit) =>
    limit === undefined || Math.abs(limit) >= 1e15 ? undefined : limit;
  return html`
    <input id=${id} type="number" inputmode=${type === "integer" ? "numeric" : "decimal"} min=${safe(
      minimum ?? exclusiveMinimum,
    )}
      max=${safe(maximum)} step=${schema.multipleOf ??
        (type === "integer" ? 1 : "any")} required=${required} aria-label=${label} aria-describedby=${describedBy}
      placeholder=${placeholder ?? (usual === undefined ? rangeText(schema) : String(usual))} value=${value ?? ""}
      onInput=${(/** @type {any} */ event) => {
        const text = filled(event);
        onChange(text === undefined ? undefined : Number(text));
      }} />
  `;
}

/** @param {{id: string, label: string, low: Schema, high: Schema, value: {min?: number, max?: number} | undefined, onChange: (value: {min?: number, max?: number} | undefined) => void}} props */
function Window({ id, label, low, high, value = {}, onChange }) {
  const change = (/** @type {"min" | "max"} */ key, /** @type {number | undefined} */ limit) => {
    const next = { ...value, [key]: limit };
    if (limit === undefined) delete next[key];
    onChange(Object.keys(next).length === 0 ? undefined : next);
  };
  return html`
    <div class="window">
      <${NumberInput} id=${id} schema=${low} value=${value.min} label=${`${label}, least`} placeholder="least"
        onChange=${(/** @type {any} */ limit) => change("min", limit)} />
      <span aria-hidden="true">–</span>
      <${NumberInput} id=${`${id}-max`} schema=${high} value=${value.max} label=${`${label}, most`} placeholder="most"
        onChange=${(/** @type {any} */ limit) => change("max", limit)} />
    </div>
  `;
}

/** @param {{id: string, options: [value: unknown, label: string][], value: any, required?: boolean, usual?: string, onChange: (value: any) => void}} props */
function Select({ id, options, value, required, usual, onChange }) {
  const chosen = options.findIndex(([one]) => one === value);
  return html`<select id=${id} value=${chosen < 0 ? "" : String(chosen)} onChange=${(/** @type {any} */ event) => {
    const text = filled(event);
    onChange(text === undefined ? undefined : options[Number(text)][0]);
  }}>
    ${!required && html`<option value="">${usual ?? "as recommended"}</option>`}
    ${options.map(([, label], k) => html`<option value=${String(k)}>${label}</option>`)}
  </select>`;
}

/** Whether it is a least and a most. @param {Schema} schema */
export const isWindow = ({ properties }) =>
  properties !== undefined && Object.keys(properties).length > 0 &&
  Object.keys(properties).every((key) => key === "min" || key === "max");

const isSize = (/** @type {Schema} */ { anyOf }) =>
  anyOf?.some(({ prefixItems }) => prefixItems?.length === 2) ?? false;

/** Choices of a schema that has some: an enumeration, and truth values. @param {Schema} schema @returns {[unknown, string][]} */
function choicesOf({ enum: values, type, anyOf = [] }) {
  if (values) return values.map((value) => [value, String(value)]);
  if (type === "boolean") return [[false, "no"], [true, "yes"]];
  return anyOf.flatMap(choicesOf);
}

/** A pattern as the attribute has it, which reads a hyphen at the end of a class otherwise than schemas do; undefined for one that it does not know. @param {Schema} schema */
function patternOf({ pattern }) {
  const escaped = pattern?.replaceAll("-]", "\\-]");
  try {
    return escaped && new RegExp(escaped, "v") && escaped;
  } catch {
    return undefined;
  }
}

/** The control for a schema. @param {FieldProps & {label: string}} props */
function Control({ id, name, label, schema, value, required, choices, hint, onChange }) {
  const { type, items, default: usual } = schema;
  if (choices) {
    return html`<${Select} id=${id} required options=${choices.map((one) => [one, one])} value=${
      value ?? usual
    } onChange=${onChange} />`;
  }
  const options = choicesOf(schema), told = usual === undefined ? undefined : `${usual} (default)`;
  if (options.length > 0) {
    const shown = options.filter(([one]) => one !== usual);
    return html`
      <${Select} id=${id} options=${shown} value=${value} usual=${told} required=${required}
        onChange=${onChange} />
    `;
  }
  if (type === "integer" || type === "number") {
    return html`
      <${NumberInput} id=${id} schema=${schema} value=${value} required=${required} onChange=${onChange}
        describedBy=${hint ? `${id}-hint` : undefined} />
    `;
  }
  if (isSize(schema)) {
    const one = /** @type {Schema} */ (schema.anyOf?.find((part) => part.type === "integer"));
    const [min, max] = Array.isArray(value) ? value : [value, value];
    return html`<${Window} id=${id} label=${label} low=${one} high=${one} value=${{ min, max }} onChange=${(
      /** @type {any} */ next,
    ) => {
      const from = next?.min ?? next?.max, to = next?.max ?? next?.min;
      onChange(from === undefined ? undefined : from === to ? from : [from, to]);
    }} />`;
  }
  if (isWindow(schema)) {
    const { min, max } = /** @type {Record<string, Schema>} */ (schema.properties);
    return html`<${Window} id=${id} label=${label} low=${min} high=${max} value=${value} onChange=${onChange} />`;
  }
  if (schema.properties && Object.values(schema.properties).every(isWindow)) {
    return html`<div class="rows" role="group" aria-label=${label}>${
      Object.entries(schema.properties).map(([key, one]) => {
        const change = (/** @type {any} */ part) => {
          const next = { ...value, [key]: part };
          if (part === undefined) delete next[key];
          onChange(Object.keys(next).length === 0 ? undefined : next);
        };
        return html`
          <div
            class="row"><label for=${`${id}-${key}`}>${key}</label><${Control} id=${`${id}-${key}`} name=${key} label=${`${label}: ${key}`} schema=${one} value=${value
              ?.[key]} onChange=${change} /></div>
        `;
      })
    }</div>`;
  }
  const ofItems = typeof items === "object" ? items : undefined;
  if (type === "array" && ofItems?.enum) {
    const has = new Set(value ?? []);
    return html`<div class="checks" role="group" aria-label=${label}>${
      ofItems.enum.map((one) =>
        html`<label class="check"><input type="checkbox" checked=${has.has(one)} onChange=${() => {
          if (!has.delete(one)) has.add(one);
          onChange(has.size === 0 ? undefined : [...has]);
        }} />${String(one)}</label>`
      )
    }</div>`;
  }
  if (type === "array" && ofItems?.type === "string") {
    return html`
      <textarea id=${id} rows="2" spellcheck=${false} placeholder="one a line" value=${(value ?? []).join("\n")}
        onChange=${(/** @type {any} */ event) => {
          const lines = event.currentTarget.value.split("\n").map((/** @type {string} */ line) => line.trim()).filter(
            Boolean,
          );
          onChange(lines.length === 0 ? undefined : lines);
        }} />
    `;
  }
  if (type === "string") {
    return html`
      <input id=${id} type="text" value=${value ?? ""} maxlength=${schema.maxLength} pattern=${patternOf(
        schema,
      )} required=${required}
        spellcheck=${false} placeholder=${usual === undefined ? undefined : String(usual)} onInput=${(
          /** @type {any} */ event,
        ) => onChange(filled(event))} />
    `;
  }
  return html`
    <input id=${id} type="text" class="code" value=${value === undefined
      ? ""
      : JSON.stringify(value)} spellcheck=${false} placeholder="JSON"
      aria-label=${`${name}, as JSON`} onChange=${(/** @type {any} */ event) => {
        const { currentTarget } = event, text = currentTarget.value.trim();
        try {
          onChange(text === "" ? undefined : JSON.parse(text));
          currentTarget.setCustomValidity("");
        } catch {
          currentTarget.setCustomValidity(`${name} must be JSON`);
          currentTarget.reportValidity();
        }
      }} />
  `;
}

/** The unit that a schema names. */
const unitOf = (/** @type {Schema} */ schema) => schema["x-unit"] ?? schema.unit;

/** A label, a control, and where asked what it is about. @param {FieldProps} props */
export function Field(props) {
  const { id, name, schema, hint } = props,
    label = words(name),
    unit = unitOf(schema),
    about = hint ? firstSentence(schema.description) : "";
  return html`<div class="field">
    <label for=${id} title=${schema.description}>${label}${
    unit && html`
      <span class="unit">${unit}</span>
    `
  }</label>
    <${Control} ...${props} hint=${about !== ""} label=${label} />
    ${about !== "" && html`<p class="hint" id=${`${id}-hint`}>${about}</p>`}
  </div>`;
}

/**
 * Fields for keys of a schema.
 *
 * @param {{prefix: string, schema: Schema, names: string[], values: Record<string, any>, choices?: Record<string, string[]>, hints?: boolean, onChange: (name: string, value: any) => void}} props
 */
export const Fields = ({ prefix, schema, names, values, choices = {}, hints = false, onChange }) =>
  names.filter((name) => schema.properties?.[name]).map((name) =>
    html`
      <${Field} key=${name} id=${`${prefix}-${name}`} name=${name} schema=${/** @type {any} */ (schema.properties)[
        name
      ]} value=${values[name]}
        required=${schema.required?.includes(name)} choices=${choices[name]} hint=${hints} onChange=${(
          /** @type {any} */ value,
        ) => onChange(name, value)} />
    `
  );
