/** Checkpoints of a run: one safetensors file, written so that a kill at any moment leaves a whole one. */
import { absent, writeAtomically } from "../diffusion/files.ts";
import { checkFinite } from "../diffusion/finite.ts";
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from "../diffusion/safetensors.ts";
import type { State } from "../diffusion/learner.ts";

/** Where a run stands. */
export interface Checkpoint {
  readonly state: State;
  /** Updates done. */
  readonly update: number;
  /** Seconds of training, over all resumes. */
  readonly seconds: number;
  /** Where its updates were made, each backend once, in the order that the run came to it; none of a run that is older than this. */
  readonly backends: readonly string[];
  /** What the run was told, JSON: a resume with other settings can be refused. */
  readonly settings: string;
  /** Of one that was loaded though it is not the newest: why, in words. */
  readonly passedOver?: string;
}

/** The newest checkpoint and the one before it. */
export const CHECKPOINT = "checkpoint.safetensors", PREVIOUS = "checkpoint.previous.safetensors";

/** One that is being written. */
const NEXT = "checkpoint.next.safetensors";

/** All files of checkpoints in a run's folder. */
export const CHECKPOINTS = [CHECKPOINT, PREVIOUS, NEXT] as const;

const exists = async (path: string): Promise<boolean> => await Deno.stat(path).catch(absent) !== undefined;

/** Saves a checkpoint in `folder`; the newest before it becomes the previous one. */
export async function saveCheckpoint(
  folder: string,
  { state, update, seconds, backends, settings }: Checkpoint,
): Promise<void> {
  const bytes = writeSafetensors(state.tensors, {
    dtype: "F32",
    metadata: { update: String(update), seconds: String(seconds), backends: JSON.stringify(backends), settings },
  });
  const path = `${folder}/${CHECKPOINT}`, fresh = `${folder}/${NEXT}`;
  await writeAtomically(fresh, bytes);
  // Killed between the two renames, the previous one is whole and `loadCheckpoint` takes it.
  if (await exists(path)) await Deno.rename(path, `${folder}/${PREVIOUS}`);
  await Deno.rename(fresh, path);
}

async function read(path: string): Promise<Checkpoint> {
  const bytes = await Deno.readFile(path);
  const { update, seconds, backends = "[]", settings } = readSafetensorsMetadata(bytes);
  if (update === undefined || seconds === undefined) throw new TypeError(`${path} is not a checkpoint of a run`);
  const tensors = readSafetensors(bytes);
  checkFinite(tensors, path);
  const at = { update: Number(update), seconds: Number(seconds), backends: JSON.parse(backends) as string[] };
  return { state: { tensors }, ...at, settings: settings ?? "{}" };
}

/**
 * The newest whole checkpoint of `folder`, all its numbers finite, or undefined where there is none. One that is not the newest says so
 * (`passedOver`).
 *
 * @throws the reader's error where files are there and none can be read
 */
export async function loadCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  let failure: unknown;
  for (const name of [CHECKPOINT, PREVIOUS]) {
    const path = `${folder}/${name}`;
    if (!await exists(path)) continue;
    try {
      const checkpoint = await read(path);
      if (name === CHECKPOINT) return checkpoint;
      const why = failure instanceof Error ? failure.message : `${folder}/${CHECKPOINT} is missing`;
      return { ...checkpoint, passedOver: `${why}; ${name}, of update ${checkpoint.update}, is taken in its place` };
    } catch (error) {
      failure ??= new TypeError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }
  if (failure) throw failure;
  return undefined;
}
