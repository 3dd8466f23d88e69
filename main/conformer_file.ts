/** Files of molecules that conformers are drawn for: SMILES or SDF. */
import type { ConformerItem } from "../chem/conformers/answer.ts";
import { linesOf, sdfSource } from "../chem/sets/records.ts";
import { TITLE_MAX } from "../chem/sdf.ts";
import { UsageError } from "./options.ts";

/** Endings of files that are read, with what they hold. */
const KINDS = { smi: "smiles", smiles: "smiles", sdf: "molblock", sd: "molblock" } as const;

/** A molecule of a file, and where it is in it: a line of a file of SMILES, a record of SDF, counted from 1. */
export interface FileItem extends ConformerItem {
  readonly place: number;
}

const kindOf = (path: string) => {
  const ending = /\.([a-z]+)(\.gz)?$/i.exec(path)?.[1].toLowerCase();
  return Object.entries(KINDS).find(([name]) => name === ending)?.[1];
};

/** Whether a word of a command line names such a file. */
export const isMoleculeFile = (word: string): boolean => kindOf(word) !== undefined;

/** What a place of a file is called. */
export const placeName = (path: string): string => kindOf(path) === "smiles" ? "line" : "record";

/**
 * Its molecules, one after another; blank lines and such as begin with # are passed over.
 *
 * @throws UsageError for another ending, Deno.errors.NotFound; while it is read, TypeError where its compression is damaged
 */
export async function openMolecules(path: string): Promise<AsyncGenerator<FileItem, void, void>> {
  const kind = kindOf(path);
  if (!kind) {
    const endings = Object.keys(KINDS).map((name) => `.${name}`).join(", ");
    throw new UsageError(`--in must end in ${endings}, or one of these and .gz; got ${path}`);
  }
  await Deno.stat(path);
  return kind === "smiles" ? smilesOf(path) : blocksOf(path);
}

/** A name as titles of records take it: four dollars would end the record. */
const nameOf = (text: string) => text.trim().replace(/^\$+/, "").slice(0, TITLE_MAX) || undefined;

async function* smilesOf(path: string): AsyncGenerator<FileItem, void, void> {
  let place = 0, index = 0;
  for await (const line of linesOf(path)) {
    place++;
    const [, text, name = ""] = /^\s*(\S+)(?:\s+(.*?))?\s*$/.exec(line) ?? [];
    if (text === undefined || text.startsWith("#")) continue;
    yield { kind: "smiles", text, index: index++, name: nameOf(name), place };
  }
}

async function* blocksOf(path: string): AsyncGenerator<FileItem, void, void> {
  let index = 0;
  for await (const record of sdfSource(path).records) {
    // One that is broken has an empty block, which says what is wrong with it.
    const text = "block" in record ? record.block : "";
    yield { kind: "molblock", text, index, name: nameOf(record.title), place: ++index };
  }
}
