/** A drawing: molecules of a model as they are drawn, and told in the form asked. */
import { breather } from "../../chem/breathe.ts";
import type { Summary } from "../../chem/metrics.ts";
import type { PropertyValues } from "../../chem/properties.ts";
import type { Refine } from "../../chem/refinement/refine.ts";
import {
  type Format,
  type Include,
  type MoleculeJson,
  type Origin,
  type Sifted,
  toRecord,
  toTail,
} from "../generation/formats.ts";
import type { DrawRequest } from "../generation/generate.ts";
import {
  type GeneratedMolecule,
  generateMolecules,
  type GenerateOptions,
  type Generation,
  type Timings,
} from "../generation/pipeline.ts";
import type { Effort, Parallel } from "../diffusion/samplers/parallel.ts";
import type { Model } from "../models/load.ts";
import { chooseRefine, type Settings } from "../models/settings.ts";
import { drawingWeights } from "../models/weights.ts";

/** The form of an answer: one JSON object, or a stream of records. */
export type Form = "json" | Format;

/** How to draw, and what to say of each molecule. */
export interface DrawingOptions extends Omit<GenerateOptions, "detail"> {
  readonly form: Form;
  readonly include?: readonly Include[];
  /** Default: as {@link chooseRefine} has it for the card and the request's settings. */
  readonly refine?: Refine;
}

/** What drew the molecules. */
export interface DrawingFacts
  extends Pick<Settings, "steps" | "sampler" | "decoding" | "grid" | "clamp" | "autoguidance"> {
  readonly model: string;
  /** Of the weights. */
  readonly version: string;
  readonly seed: number;
  readonly backend: string;
  /** How molecules are refined; absent where they are not, and then nothing is said of it. */
  readonly refine?: Exclude<Refine, "none">;
  /** The first so many atoms of each molecule were given; absent where none were. */
  readonly fixedAtoms?: number;
  /** Properties that the molecules were to have, how far they were guided there, and what is to be said of that; absent where there is nothing. */
  readonly condition?: PropertyValues;
  readonly guidance?: number;
  readonly warnings?: readonly string[];
  /** How several steps of a molecule were called for at once; absent where they were not. */
  readonly parallel?: Parallel;
}

/** All that is said of a drawing, with its molecules. `passed`, `rejected` and `ended` are there as {@link Sifted} has it. */
export interface Answer extends DrawingFacts, Partial<Omit<Sifted, "drawn">> {
  readonly drawn: number;
  readonly returned: number;
  /** Of those drawn: decoded by `argmax` in place of `valence`, as no graph was found for them. */
  readonly fallbacks: number;
  /** Rates over the molecules drawn; null for one of no cases. */
  readonly metrics: Readonly<Record<typeof METRICS[number], number | null>>;
  readonly timings: Timings;
  readonly molecules: MoleculeJson[];
  /** With what all of those drawn took together. */
  readonly parallel?: Parallel & Effort;
}

/** A molecule, and what is said of it in the form asked. */
export interface WrittenMolecule {
  readonly generated: GeneratedMolecule;
  readonly text: string;
}

/** Molecules of the windows that are written, by what became of them. */
export type DrawingCounts = Pick<Generation, "drawn" | "returned" | "fallbacks" | "effort" | "rejected">;

/** Molecules that are being drawn. Nothing is until they are read. */
export interface Drawing {
  readonly facts: DrawingFacts;
  /** What each record says of where it came from. */
  readonly origin: Origin;
  readonly generation: Generation;
  /** Text of one window of molecules after the other; empty where the filter leaves none. For a form other than `json`. */
  records(): AsyncGenerator<string, void, void>;
  /** The molecules that the filter leaves, a window after the other, for whoever tells them in a form of their own. */
  molecules(): AsyncGenerator<GeneratedMolecule[], void, void>;
  /** The same with each molecule's text apart. */
  written(form: Format): AsyncGenerator<WrittenMolecule[], void, void>;
  /** Of what was written by `records`, `written` or `answer`. */
  readonly counts: DrawingCounts;
  /**
   * The same where the drawing has a `where` or a `want`, else undefined.
   *
   * @param ended default: as {@link counts} say
   */
  sifted(ended?: Sifted["ended"]): Sifted | undefined;
  /**
   * A record behind the last one that says how many were drawn, and why the rest fell out: of NDJSON where the drawing has a `where` or a `want`, of the
   * other forms only where fewer are there than wanted, as their readers take it for a molecule. Undefined where there is none.
   */
  tail(ended?: Sifted["ended"]): string | undefined;
  /** All of them at once: an {@link Answer} as JSON text. */
  answer(): Promise<string>;
  /** The same of what `answer` has drawn until now. */
  soFar(ended: Sifted["ended"]): string;
}

const METRICS = ["validity", "moleculeStability", "atomStability", "uniqueness", "connected"] as const;

/** Begins to draw with a model that is loaded; as {@link generateMolecules}. */
export function drawMolecules(
  model: Model,
  request: DrawRequest,
  { form, include = [], refine = chooseRefine(model.card, request.settings), ...options }: DrawingOptions,
): Drawing {
  const { seed, settings: { steps, sampler, decoding, grid, clamp, autoguidance } } = request;
  // XYZ has no place for the InChIKey; what that saves: `chem/validator.ts`.
  const detail = {
    descriptors: include.includes("descriptors"),
    judge: include.includes("judge"),
    inchikey: form !== "xyz",
  };
  const generation = generateMolecules(model, request, { ...options, refine, detail }), { version } = generation;
  const who = { model: model.card.name, version }, backend = model.backend.name;
  const facts: DrawingFacts = {
    ...{ ...who, steps, sampler, seed, backend, decoding, grid, clamp },
    ...(autoguidance !== undefined && { autoguidance }),
    ...(refine !== "none" && { refine }),
    ...(request.fixed && { fixedAtoms: request.fixed.part.nodes }),
    ...(request.condition && { condition: request.condition.properties, guidance: request.condition.guidance ?? 1 }),
    ...(request.warnings && { warnings: request.warnings }),
    ...(request.parallel && { parallel: request.parallel }),
  };
  const digests = drawingWeights(model.card, request.settings).map(({ sha256 }) => sha256);
  const { where, want } = options, lines: string[] = [];
  let counts: DrawingCounts = { drawn: 0, returned: 0, fallbacks: 0, effort: { rounds: 0, calls: 0 }, rejected: {} };
  const sifted = (
    ended: Sifted["ended"] = counts.returned === want ? "want" : "maxDraws",
  ): Sifted | undefined => {
    if (!where && want === undefined) return undefined;
    const { drawn, returned: passed, rejected } = counts;
    return { drawn, passed, rejected, ...(want !== undefined && { ended }) };
  };
  const origin: Origin = { ...facts, ...(digests.every(Boolean) && { weights: digests.join(" ") }) };
  /** Texts of the molecules of each window. A window takes tens of milliseconds: the event loop turns after each molecule. */
  async function* written(form: Format): AsyncGenerator<WrittenMolecule[], void, void> {
    for await (const molecules of generation.windows) {
      const told: WrittenMolecule[] = [], pause = breather(), from = performance.now();
      for (const generated of molecules) {
        options.signal?.throwIfAborted();
        told.push({ generated, text: toRecord(form, generated, include, origin) });
        await pause();
      }
      options.onStage?.({ name: "write", from, to: performance.now(), molecules: told.length });
      const { drawn, returned, fallbacks, effort, rejected } = generation;
      counts = { drawn, returned, fallbacks, effort: { ...effort }, rejected: { ...rejected } };
      yield told;
    }
  }
  return {
    facts,
    origin,
    generation,
    written,
    async *records() {
      if (form === "json") throw new TypeError("records have the form sdf, xyz or ndjson; got json");
      for await (const told of written(form)) yield told.map(({ text }) => text).join("");
    },
    molecules: () => generation.windows,
    get counts() {
      return counts;
    },
    sifted,
    tail(ended) {
      const told = sifted(ended);
      if (!told || form === "json") return undefined;
      return form === "ndjson" || (told.ended ?? "want") !== "want" ? toTail(form, told) : undefined;
    },
    async answer() {
      for await (const told of written("ndjson")) lines.push(...told.map(({ text }) => text.trimEnd()));
      return soFar();
    },
    soFar,
  };
  function soFar(ended?: Sifted["ended"]): string {
    const { drawn, returned, fallbacks, effort } = counts;
    const told: Omit<Answer, "molecules"> = {
      ...facts,
      parallel: facts.parallel && { ...facts.parallel, ...effort },
      drawn,
      returned,
      fallbacks,
      ...sifted(ended),
      metrics: metricsOf(generation.summary(undefined, drawn)),
      timings: rounded(generation.timings),
    };
    return `${JSON.stringify(told).slice(0, -1)},"molecules":[${lines.join(",")}]}`;
  }
}

function metricsOf(summary: Summary): Answer["metrics"] {
  const plain = ({ value, n }: { value: number; n: number }) => n === 0 ? null : value;
  return Object.fromEntries(METRICS.map((name) => [name, plain(summary[name])])) as Answer["metrics"];
}

/** Timings to a tenth of a millisecond. */
export const rounded = (timings: Timings): Timings =>
  Object.fromEntries(
    Object.entries(timings).map(([name, ms]) => [name, Math.round(ms * 10) / 10]),
  ) as unknown as Timings;
