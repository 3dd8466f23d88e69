/** Whether answers of POST /generate are whole: every molecule that was promised is there, or a record that says why not. */
import { readSdf } from "../../chem/sdf.ts";
import { readXyz } from "../../chem/xyz.ts";
import type { Form } from "../../model/service/drawing.ts";
import { generateResponse } from "../../routes/generate_schema.ts";

/** What was asked, as far as the answer's size goes. */
export interface Asked {
  readonly form: Form;
  readonly count: number;
  /** Whether all that are drawn come, as without a filter. */
  readonly all: boolean;
}

/** What came. */
export interface Came {
  readonly molecules: number;
  /** Of the last record, where it tells a fault. */
  readonly error?: string;
}

/** Of each record its index, or the fault that it tells. */
type Records = readonly { readonly index: number; readonly error?: string }[];

/** A record by its fields. */
const fromFields = ({ index, error }: { index?: string | number; error?: string }) =>
  error === undefined ? { index: Number(index) } : { index: -1, error: String(error) };

/** Keys and values of a comment of extended XYZ, text in its quotes. */
const ofComment = (comment: string): Record<string, string> =>
  Object.fromEntries(
    Array.from(
      comment.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S+)/g),
      ([, key, value]) => [key, value.replace(/^"(.*)"$/, "$1")],
    ),
  );

/** Readers by form. Each throws where the text does not follow it. */
const READERS: Readonly<Record<Form, (text: string) => Records>> = {
  json(text) {
    const { molecules, drawn, returned } = generateResponse.parse(JSON.parse(text));
    if (molecules.length !== returned || returned > drawn) {
      throw new RangeError(
        `returned ${returned} of ${drawn} drawn must be the ${molecules.length} molecules that came`,
      );
    }
    return molecules.map(({ index }) => ({ index }));
  },
  ndjson: (text) => text.split("\n").slice(0, -1).map((line) => fromFields(JSON.parse(line))),
  sdf: (text) => readSdf(text).map(({ data }) => fromFields(data)),
  xyz: (text) => readXyz(text).map(({ comment }) => fromFields(ofComment(comment))),
};

/**
 * Reads an answer that has come to its end.
 *
 * @throws Error where it does not follow its form, a molecule is missing, or one is out of order
 */
export function readAnswer(text: string, { form, count, all }: Asked): Came {
  if (form !== "json" && text !== "" && !text.endsWith("\n")) throw new SyntaxError("the last line has no end");
  const records = READERS[form](text), error = records.at(-1)?.error;
  const molecules = error === undefined ? records : records.slice(0, -1);
  let last = -1;
  for (const { index, error } of molecules) {
    if (error !== undefined) throw new RangeError(`a fault must be the last record; it is followed: ${error}`);
    if (!(index > last && index < count) || all && index !== last + 1) {
      throw new RangeError(
        `the molecule after ${last} must be ${all ? last + 1 : "a later one"} of ${count}; got ${index}`,
      );
    }
    last = index;
  }
  if (all && error === undefined && molecules.length !== count) {
    throw new RangeError(`${count} molecules must come, or a record that says why not; got ${molecules.length}`);
  }
  return { molecules: molecules.length, ...(error !== undefined && { error }) };
}

/** What is the same whenever the same is drawn: the text but for how long it took. */
export const lasting = (text: string, form: Form): string =>
  form === "json" ? text.replace(/"timings":\{[^}]*\}/, '"timings":{}') : text;
