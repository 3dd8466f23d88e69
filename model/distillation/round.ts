/** What a round takes and what it works with, for any method and kind of model. */
import type { Coupling } from "../diffusion/coupling/align.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { Learner } from "../diffusion/learner.ts";
import type { WritableTensor } from "../diffusion/safetensors.ts";
import type { Autoencoder, Schedule } from "../diffusion/types.ts";
import type { Trainer } from "../engines/open_learner.ts";
import type { Card } from "../models/card.ts";
import type { ToldBeside } from "../networks/pair_attention/parameters.ts";
import type { ModelEntry } from "../models/overlay.ts";
import type { RoundEvent } from "./events.ts";
import type { LatentSource } from "./source.ts";

/** What a round takes beside its settings. */
export interface RoundOptions {
  /** The teacher's model. */
  readonly model: ModelEntry;
  /** Where checkpoints, curves and the student go. Goes on where it holds a round of the same settings. */
  readonly folder: string;
  /** Most minutes of training, over all resumes; or updates. One is needed. */
  readonly minutes?: number;
  readonly updates?: number;
  readonly backend?: Trainer;
  readonly threads?: number;
  /** Where the model's data set lies; where it is found, if absent; latents drawn by the teacher where it is not. */
  readonly data?: string;
  /** Seconds between validations. */
  readonly validateSeconds?: number;
  readonly checkpointSeconds?: number;
  readonly onEvent: (event: RoundEvent) => void;
  /** Awaited before each update: generation goes first. */
  readonly gate?: () => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Tensors by name. */
export type Named = ReadonlyMap<string, WritableTensor>;

/** A student in service. */
export interface KeptStudent {
  readonly entry: Card["distilled"][number];
  readonly denoiser: Denoiser;
  /** The student, in words. */
  readonly name: string;
}

/** What a round works with: the teacher, the student under training, and the molecules. */
export interface RoundParts {
  /** Of the teacher's model. */
  readonly card: Card;
  readonly schedule: Schedule;
  /** How the teacher was trained, as its card says. */
  readonly coupling: Coupling;
  readonly autoencoder: Autoencoder;
  readonly teacher: { readonly denoiser: Denoiser; readonly name: string };
  /** What the student began as, which stays as it is: its teacher, or the student in service whose weights it began with. */
  readonly beginning: Denoiser;
  readonly learner: Learner;
  /** Networks in the teacher's shape, begun from its values, by the names that the method gives them. */
  readonly auxiliaries: Readonly<Record<string, Learner>>;
  /** Students in service whose word the student is to keep at their step counts; of a method that keeps such. */
  readonly kept: readonly KeptStudent[];
  readonly why: string;
  readonly device: string;
  readonly source: LatentSource;
  readonly heldOut: LatentSource;
  /** Card entry of the student's network, without its file, and what it is told beside. */
  readonly network: Omit<Card["denoiser"], "file">;
  readonly told: Required<Pick<ToldBeside, "levels">> & ToldBeside;
  /** The moving average of the student's weights. */
  studentWeights(): Promise<Map<string, { shape: number[]; data: Float32Array }>>;
  /** A denoiser of these weights. The caller disposes it. */
  studentDenoiser(): Promise<Denoiser>;
  dispose(): void;
}
