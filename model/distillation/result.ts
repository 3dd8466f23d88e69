/** What a finished round leaves in its folder: the student's weights and what there is to say of them. */
import { z } from "zod";
import { type Card, type CardInput, cardSchema } from "../models/card.ts";
import { gridAtSteps } from "../diffusion/grids.ts";
import { conditionsOf } from "../models/told.ts";
import { sha256Of } from "../models/weights.ts";
import type { ModelEntry } from "../models/overlay.ts";
import { writeSafetensors } from "../diffusion/safetensors.ts";
import { absent, writeAtomically } from "../diffusion/files.ts";
import { DENOISER_FILE, writeModel } from "../training/export.ts";
import type { TrainResult } from "../training/train.ts";
import type { Validation } from "./course.ts";
import { type Drawn, drawn } from "./events.ts";
import type { Verdict } from "./judge.ts";
import type { RoundParts } from "./round.ts";
import { methodOf, METHODS } from "./methods/mod.ts";
import type { RoundSettings } from "./settings.ts";

/** Files of a finished round; the folder of the model that some methods make. */
export const STUDENT = "student.safetensors", RESULT = "result.json", MODEL = "model";

/** A card's entry of a student, its file to be named by whoever puts it into service. */
export const studentEntry = cardSchema.shape.distilled.unwrap().element.omit({ file: true, sha256: true });

/** `result.json`. */
export const roundResult = z.strictObject({
  method: z.enum(METHODS),
  accepted: z.boolean(),
  why: z.string(),
  /** For the card, at `to` steps; null where a model is made. */
  entry: studentEntry.nullable(),
  /** And at the step counts that it kept. */
  also: z.array(studentEntry),
  judged: z.strictObject({ student: drawn, teacher: drawn }),
});

/** What a round leaves. */
export type RoundOutcome = z.infer<typeof roundResult>;

/** The outcome of a finished round, and undefined where the folder holds none. @throws TypeError where it is damaged */
export async function readOutcome(folder: string): Promise<RoundOutcome | undefined> {
  const path = `${folder}/${RESULT}`, text = await Deno.readTextFile(path).catch(absent);
  if (text === undefined) return undefined;
  try {
    return roundResult.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new TypeError(`${path} is not sound: ${why}`, { cause: error });
  }
}

/** The model with the student of a finished round, and the step counts that it kept, in the place of older ones. */
export function withRound(model: ModelEntry, folder: string, { entry, also }: RoundOutcome): ModelEntry {
  const fresh = [...entry ? [entry] : [], ...also].map((one) => ({ ...one, file: STUDENT }));
  const steps = fresh.map((one) => one.steps);
  const others = model.card.distilled.filter((one) => !steps.includes(one.steps));
  const folders = steps.map((one) => [one, folder] as const);
  return {
    ...model,
    card: { ...model.card, distilled: [...others, ...fresh] },
    studentFolders: new Map([...model.studentFolders ?? [], ...folders]),
  };
}

/** Everything that is known at a round's end. */
export interface Ending {
  readonly settings: RoundSettings;
  readonly parts: RoundParts;
  readonly card: Card;
  readonly result: TrainResult;
  readonly curve: readonly Validation[];
  readonly judged: { readonly student: Drawn; readonly teacher: Drawn };
  readonly verdict: Verdict;
}

const brief = (value: number) => Number(value.toPrecision(6));

/** What the card says of the making. */
function madeOf({ settings, parts, result, curve }: Ending): Record<string, unknown> {
  const { model: _, ...rest } = settings;
  return {
    settings: rest,
    teacher: parts.teacher.name,
    data: parts.source.description,
    backend: result.backends.join(", then ") || parts.learner.backend,
    hardware: parts.device,
    updates: result.update,
    hours: brief(result.seconds / 3600),
    updatesPerSecond: brief(result.update / Math.max(1e-9, result.seconds)),
    validation: curve.map(({ update, seconds, heldOut, stability }) => ({
      update,
      minutes: brief(seconds / 60),
      heldOut: brief(heldOut),
      ...(stability && { moleculeStability: brief(stability.value) }),
    })),
  };
}

/** A version that names the making: the same for the same weights. */
export const versionOf = (weights: Uint8Array): string => sha256Of(weights).slice(0, 8);

/** Writes the student and, last, `result.json`. */
export async function writeResult(folder: string, ending: Ending): Promise<void> {
  const { settings, parts, card, judged, verdict } = ending,
    { method, to, keep, variant, grid, options, clamp } = settings;
  const weights = await parts.studentWeights(), training = madeOf(ending);
  const bytes = writeSafetensors(weights, { dtype: "F16", metadata: { model: settings.name ?? card.name } });
  const version = versionOf(bytes);
  const makesModel = methodOf(method).makes === "model";
  if (!makesModel) await writeAtomically(`${folder}/${STUDENT}`, bytes);
  else {
    const { recommended, evaluation: _, distilled: __, ...rest } = card, { width, blocks } = settings;
    const model: CardInput = {
      ...rest,
      name: settings.name ?? `${card.name}-${width ? `${width}x${blocks}` : method}`,
      version,
      description: `${card.description} ${
        methodOf(method).keepsSize ? "Told how far to be guided" : "A smaller network"
      }, taught by ${card.name} ${card.version}.`,
      denoiser: { ...parts.network, file: DENOISER_FILE } as CardInput["denoiser"],
      recommended,
      training,
    };
    await writeModel(`${folder}/${MODEL}`, model, new Map([[DENOISER_FILE, weights]]));
  }
  const { levels, guidance } = parts.told, conditional = conditionsOf(card).length > 0;
  const told = { levels, ...conditional && { conditions: true as const }, ...guidance && { guidance } };
  const entry = (steps: number) => ({
    steps,
    ...told,
    variant,
    teacher: parts.teacher.name,
    version,
    grid: gridAtSteps(grid, to, steps, parts.schedule),
    options,
    clamp,
    training,
  });
  const outcome: RoundOutcome = {
    method,
    ...verdict,
    entry: !makesModel ? { ...entry(to), metrics: { ...judged } } : null,
    also: parts.kept.length === 0
      ? keep.map(entry)
      : parts.kept.map(({ entry: { steps, variant, grid, options, clamp }, name }) => ({
        ...entry(steps),
        ...{ variant, grid, options, clamp, teacher: name },
      })),
    judged,
  };
  await writeAtomically(`${folder}/${RESULT}`, new TextEncoder().encode(JSON.stringify(outcome, null, 2) + "\n"));
}
