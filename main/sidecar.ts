/**
 * The record beside a file of molecules: all that it takes to make the file again, what came out, and digests. It has no date and no folder, so
 * that the same run makes the same record.
 */
import { basename } from "node:path";
import { absent, writeAtomically } from "../model/diffusion/files.ts";
import { runtimeOf } from "../model/engines/runtimes.ts";
import type { Where } from "../chem/where/where.ts";
import type { Parallel } from "../model/diffusion/samplers/parallel.ts";
import type { FixedAsked } from "../model/generation/fixed_order.ts";
import type { Sifted } from "../model/generation/formats.ts";
import type { GeneratedMolecule } from "../model/generation/pipeline.ts";
import type { DrawRequest } from "../model/generation/generate.ts";
import type { Card } from "../model/models/card.ts";
import { hasWeaker } from "../model/models/told.ts";
import { VERSION } from "../model/models/version.ts";
import { drawingWeights, studentOf } from "../model/models/weights.ts";
import { writingTo, type WrittenFile } from "./molecule_file.ts";

/** Molecules by what became of them. */
export interface Counts {
  /** All of them; the others are among these. */
  drawn: number;
  /** That pass the filter. */
  returned: number;
  valid: number;
  stable: number;
  connected: number;
  /** Decoded by `argmax`, as `valence` was asked for and found no graph. */
  fallbacks: number;
  /** Repaired by `valence`: whose likeliest graph broke a valence, or whose distances by `argmax` mean other bonds. */
  repaired: number;
  /** Moved to a minimum of the force field. */
  refined: number;
  /** Of these: whose SMILES, stereo included, is another than before. */
  stereoChanged: number;
}

/** None. */
export const noCounts = (): Counts => ({
  ...{ drawn: 0, returned: 0, valid: 0, stable: 0, connected: 0, fallbacks: 0 },
  ...{ repaired: 0, refined: 0, stereoChanged: 0 },
});

/** Counts a molecule that was drawn; `returned` is for whoever filters. */
export function countDrawn(counts: Counts, { validation, decoding, repaired }: GeneratedMolecule, asked: string): void {
  counts.drawn++;
  for (const kind of ["valid", "stable", "connected"] as const) if (validation[kind]) counts[kind]++;
  if (decoding !== asked) counts.fallbacks++;
  if (repaired) counts.repaired++;
  const { refinement } = validation;
  if (refinement?.refined) counts.refined++;
  if (refinement?.refined && refinement.stereoChanged) counts.stereoChanged++;
}

/** Both together. */
export const addCounts = (a: Counts, b: Counts): Counts =>
  Object.fromEntries(Object.entries(a).map(([name, n]) => [name, n + b[name as keyof Counts]])) as unknown as Counts;

/** What was asked, all that was left open filled in: an option's name to its value, as the command line takes it. */
export type Asked = Readonly<Record<string, string | number | boolean | object | undefined>>;

/** What a run is before it is run. */
export interface RunHead {
  /** The product's version. */
  readonly molstep: string;
  readonly model: {
    readonly name: string;
    readonly version: string;
    /** Of the weights that draw. */
    readonly weights: readonly { readonly file: string; readonly sha256?: string }[];
  };
  /** Where the networks run, product kernel included. */
  readonly backend: string;
  readonly request: Asked;
  /** A shell's line that makes the same molecules. */
  readonly command: string;
}

/** The record. */
export interface Sidecar extends RunHead {
  /** With what fell out by which reason, and what ended the drawing, where a file's molecules were sifted. */
  readonly counts: Counts & Partial<Pick<Sifted, "rejected" | "ended">>;
  readonly files: readonly (WrittenFile & { readonly molecules: number })[];
}

/** What of a command line is not said by the request that it came to. */
export interface Said {
  readonly model: string;
  /** That runs, kernel included. */
  readonly backend: string;
  readonly batch: number;
  readonly precision: string;
  readonly refine: string;
  readonly filter: string;
  readonly unique?: string | boolean;
  readonly where?: Where;
  readonly fixed?: FixedAsked;
  readonly parallel?: Parallel;
  readonly want?: number;
  readonly include: readonly string[];
  readonly form: string;
  readonly split?: number;
  readonly out: string;
}

/** A run's head, from what was said and what it came to. */
export function headOf(card: Card, request: DrawRequest, said: Said): RunHead {
  const { count, first = 0, seed, size, settings, condition } = request,
    { steps, sampler, decoding, clamp, autoguidance = 1, grid, options } = settings;
  const { refine, filter, unique, where, fixed, parallel, want, include, form, split, backend, batch, precision } =
      said,
    range = size && `${size.min}-${size.max}`;
  const asked: Asked = {
    model: said.model,
    ...(want ? { want, "max-draws": count } : { count }),
    first,
    seed,
    steps,
    sampler,
    // Students have their own.
    ...(sampler !== "distilled" && { grid, "sampler-options": options }),
    decoding,
    clamp,
    // What a card has may change.
    ...(hasWeaker(card) && { autoguidance }),
    ...(size && { [card.counts === "atoms" ? "atoms" : "heavy-atoms"]: range }),
    ...(fixed && { fixed }),
    ...(condition && { condition: condition.properties, guidance: condition.guidance ?? 1 }),
    ...(parallel && { parallel }),
    refine,
    filter,
    ...(unique && { unique: String(unique) }),
    ...(where && { where }),
    ...(include.length > 0 && { include: include.join() }),
    format: form,
    ...(split && { split }),
    backend: runtimeOf(backend),
    precision,
    batch,
  };
  const weights = drawingWeights(card, settings).map(({ file, sha256 }) => ({ file, ...(sha256 && { sha256 }) }));
  const model = { name: card.name, version: (studentOf(card, settings) ?? card).version, weights };
  return { molstep: VERSION, model, backend, request: asked, command: commandOf(asked, said.out) };
}

/** As a shell takes it for one word. */
const quoted = (word: string) => /^[\w.,:=/+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

function commandOf(asked: Asked, out: string): string {
  const words = Object.entries(asked).flatMap(([name, value]) => [
    `--${name}`,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
  return ["deno", "task", "generate", ...words, "--out", basename(out)].map(quoted).join(" ");
}

/** A path's record, or undefined where there is none. @throws TypeError where what is there is none of ours */
export async function readSidecar(path: string): Promise<Sidecar | undefined> {
  const text = await Deno.readTextFile(path).catch(absent);
  if (text === undefined) return undefined;
  const found = ((): Partial<Sidecar> | undefined => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  })();
  if (found?.molstep && found.request && found.counts && Array.isArray(found.files)) return found as Sidecar;
  throw new TypeError(`${path} must be the record of a run, or not be there; got a file that is something else`);
}

/** Writes a record, whole or not at all. @throws FullDiskError */
export const writeSidecar = (path: string, record: Sidecar): Promise<void> =>
  writingTo(path, () => writeAtomically(path, new TextEncoder().encode(JSON.stringify(record, null, 2) + "\n")));

/** How two runs differ, in words, the first few of it; undefined where they do not. The command is left aside, as it has the folder's name. */
export function differenceOf(there: RunHead, asked: RunHead): string | undefined {
  const flat = ({ molstep, model, backend, request }: RunHead) =>
    Object.entries({ molstep, model, backend, ...request }).map(([name, value]) =>
      [name, JSON.stringify(value)] as const
    );
  const before = new Map(flat(there)), now = new Map(flat(asked));
  const names = [...new Set([...before.keys(), ...now.keys()])].filter((name) => before.get(name) !== now.get(name));
  if (names.length === 0) return undefined;
  return names.slice(0, 3).map((name) =>
    `${name} ${before.get(name) ?? "not given"} there, ${now.get(name) ?? "not given"} asked`
  )
    .join("; ");
}
