/** What a round tells while it runs: one JSON object a line on the worker's stdout, read back by whoever started it. */
import { z } from "zod";
import { groupNames } from "../../chem/composition.ts";

const rate = z.object({ value: z.number(), low: z.number(), high: z.number(), n: z.int() });

/** Of molecules drawn, in [0, 1] with 95 % intervals. */
export const drawn = z.object({
  steps: z.int(),
  moleculeStability: rate,
  atomStability: rate,
  validity: rate,
  validUnique: rate,
  /** Sound molecules among all (`docs/judge.md`), and shares of groups among the valid; where they were judged. */
  sound: rate.optional(),
  composition: z.record(z.enum(groupNames), z.object({ value: z.number() })).optional(),
});

/** How far a round is. At most two a second. `eta` in seconds of training. */
export const progressEvent = z.object({
  type: z.literal("progress"),
  update: z.int(),
  seconds: z.number(),
  fraction: z.number(),
  loss: z.number(),
  parts: z.record(z.string(), z.number()),
  updatesPerSecond: z.number(),
  eta: z.number(),
});

/** One thing that happened in a round. */
export const roundEvent = z.discriminatedUnion("type", [
  /** The worker has its teacher, its data and its trainer; `memoryMiB` is the process's own. */
  z.object({
    type: z.literal("started"),
    backend: z.string(),
    why: z.string(),
    device: z.string(),
    update: z.int(),
    memoryMiB: z.number(),
    /** Why it goes on from a checkpoint that is not the newest. */
    passedOver: z.string().optional(),
  }),
  progressEvent,
  /** The moving average of the weights on fixed seeds: loss on held-out molecules, and molecules drawn. */
  z.object({
    type: z.literal("validated"),
    update: z.int(),
    seconds: z.number(),
    heldOut: z.number(),
    drawn: drawn.optional(),
  }),
  /** A checkpoint is on disk. */
  z.object({ type: z.literal("saved"), update: z.int() }),
  /** The finished student beside its teacher, drawn from the same seeds. */
  z.object({ type: z.literal("judged"), student: drawn, teacher: drawn, accepted: z.boolean(), why: z.string() }),
  /** The end: `student.safetensors` and `result.json` are in the folder. */
  z.object({ type: z.literal("finished"), update: z.int(), seconds: z.number(), accepted: z.boolean() }),
  /** The end without a student: told to stop (the checkpoint is kept), or at fault. */
  z.object({ type: z.literal("stopped"), update: z.int(), seconds: z.number() }),
  z.object({ type: z.literal("failed"), reason: z.string() }),
]);

/** One of {@link roundEvent}. */
export type RoundEvent = z.infer<typeof roundEvent>;

/** Molecules drawn and judged. */
export type Drawn = z.infer<typeof drawn>;

/** What the worker is told on stdin, a line each: to wait after the update that runs, and to go on. */
export const COMMANDS = ["pause", "resume"] as const;
