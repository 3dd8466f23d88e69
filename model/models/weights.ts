/**
 * Files of weights: read so that what is damaged is told, by the digests that a card has beside each `file`, and entered in
 * the card by whoever writes one.
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { readStored } from "../diffusion/files.ts";
import { checkFinite } from "../diffusion/finite.ts";
import { readSafetensors, type StoredTensor, type WritableTensor, writeSafetensors } from "../diffusion/safetensors.ts";
import { type Card, type CardInput, cardPath, parseCard, writeCard } from "./card.ts";
import { addedTo, type BaseFile, baseOf, writeDifferences } from "./differences.ts";
import { isPacked, unpacked } from "./packed.ts";
import type { Settings } from "./settings.ts";

/** SHA-256, 64 hexadecimal digits. */
export const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** @param by who says what it must be @throws TypeError naming the file where the digest is another */
export function checkDigest(path: string, found: string, sha256: string, by: string): void {
  if (found === sha256) return;
  throw new TypeError(`${path}: sha256 must be ${sha256}, as ${by} says; got ${found}: the file is damaged or another`);
}

/** A part of a card that names a file of weights. */
export interface Weights {
  readonly file: string;
  readonly sha256?: string;
}

type WithWeights = Pick<Card, "denoiser" | "autoencoder" | "distilled">;

/** The parts of a card that have weights, a student of several step counts once for each. */
export const weightsOf = ({ denoiser, autoencoder, distilled }: WithWeights) =>
  [denoiser, autoencoder, ...distilled].filter((part): part is typeof part & Weights => "file" in part);

/** The student that draws by these settings; undefined where the undistilled network does. */
export const studentOf = <S extends { readonly steps: number }>(
  { distilled }: { readonly distilled: readonly S[] },
  { sampler, steps }: Pick<Settings, "sampler" | "steps">,
): S | undefined => sampler === "distilled" ? distilled.find((one) => one.steps === steps) : undefined;

/** The parts of a card whose weights draw by these settings: the denoiser, undistilled or a student, and the autoencoder where it has weights. */
export const drawingWeights = (card: WithWeights, settings: Pick<Settings, "sampler" | "steps">) =>
  weightsOf({ ...card, denoiser: studentOf(card, settings) ?? card.denoiser, distilled: [] } as WithWeights);

/** A file of weights. */
export interface WeightsFile {
  /** As they are uncompressed, and so is the digest: a file that lies as `NAME.gz` is `NAME` to all others. */
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** In full, also where the file holds differences, or is packed. */
  readonly tensors: Map<string, StoredTensor>;
  /** The file that it holds differences from; undefined for weights in full. */
  readonly base?: BaseFile;
}

/**
 * Reads a file of weights, in full, as differences or packed, compressed or not, and where it holds differences the file beside it that they are from.
 *
 * @param sha256 what its digest must be; anything where absent, as in cards that are older than digests
 * @param by who says so
 * @throws Deno.errors.NotFound; TypeError naming the file where the digest is another, or a number is not finite; SyntaxError
 * naming it where it is no safetensors file
 */
export async function readWeightsFile(path: string, sha256?: string, by = "the card"): Promise<WeightsFile> {
  const bytes = await readStored(path), found = sha256Of(bytes);
  if (sha256 !== undefined) checkDigest(path, found, sha256, by);
  const { base, stored } = naming(path, () => decoded(bytes));
  const of = base && await readBase(path, base), tensors = of ? naming(path, () => addedTo(of, stored)) : stored;
  checkFinite(tensors, path);
  return { bytes, sha256: found, tensors, ...base && { base } };
}

/** What a file holds by itself, and from what others its differences are. */
function decoded(bytes: Uint8Array): { readonly base?: BaseFile; readonly stored: WeightsFile["tensors"] } {
  const base = baseOf(bytes), packed = isPacked(bytes), stored = readSafetensors(bytes);
  if (base && packed) throw new SyntaxError("weights must be differences or packed; got metadata of both");
  return { base, stored: packed ? unpacked(stored) : stored };
}

/** What is made of a file's bytes, errors naming it. */
function naming<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The weights that those of `path` are differences from. */
async function readBase(path: string, { file, sha256 }: BaseFile): Promise<WeightsFile["tensors"]> {
  const by = `${basename(path)}, which holds differences from it,`;
  try {
    return (await readWeightsFile(join(dirname(path), file), sha256, by)).tensors;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const message =
      `${path}: ${file} (sha256 ${sha256}) must lie beside it, as it holds differences from that; it is not there`;
    throw new Deno.errors.NotFound(message, { cause: error });
  }
}

/**
 * A file of weights that needs no other beside it, for whoever copies one to another folder: its own bytes, or of one that holds differences a file of the
 * same numbers in single precision.
 *
 * @throws as {@link readWeightsFile}
 */
export async function readWholeFile(path: string, sha256?: string): Promise<Pick<WeightsFile, "bytes" | "sha256">> {
  const found = await readWeightsFile(path, sha256);
  if (!found.base) return found;
  const bytes = writeSafetensors(found.tensors);
  return { bytes, sha256: sha256Of(bytes) };
}

/**
 * A student's weights as they lie in its model's own folder: differences from the denoiser there.
 *
 * @returns undefined where no tensor is stored so with little loss
 * @throws as {@link readWeightsFile}, of the denoiser
 */
export async function studentBytes(
  folder: string,
  { denoiser: { file, sha256 } }: Pick<Card, "denoiser">,
  tensors: ReadonlyMap<string, WritableTensor>,
): Promise<Uint8Array | undefined> {
  const base = await readWeightsFile(join(folder, file), sha256);
  return writeDifferences(tensors, base.tensors, { file, sha256: base.sha256 });
}

/** The tensors of {@link readWeightsFile}. */
export const readWeights = async (path: string, sha256?: string): Promise<WeightsFile["tensors"]> =>
  (await readWeightsFile(path, sha256)).tensors;

/** A part of a card with its digest beside its file's name, where it names one and the digest is known. */
function digested<P extends object>(part: P, digestOf: (file: string) => string | undefined): P {
  const sha256 = "file" in part ? digestOf(String(part.file)) : undefined;
  if (sha256 === undefined) return part;
  const { sha256: _, ...others } = part as P & { sha256?: string };
  return Object.fromEntries(
    Object.entries(others).flatMap((entry) => entry[0] === "file" ? [entry, ["sha256", sha256]] : [entry]),
  ) as P;
}

/** A card with digests. @param digestOf the digest of a file beside it; undefined leaves what the card says */
export function withDigests<C extends CardInput>(card: C, digestOf: (file: string) => string | undefined): C {
  return {
    ...card,
    denoiser: digested(card.denoiser, digestOf),
    autoencoder: digested(card.autoencoder, digestOf),
    ...card.distilled && { distilled: card.distilled.map((one) => digested(one, digestOf)) },
  };
}

/** The digests of the files that a card in `folder` names, by file; each is read as a model's weights are. */
async function digestsIn(folder: string, card: Card): Promise<Map<string, string>> {
  const files = [...new Set(weightsOf(card).map(({ file }) => file))];
  return new Map(
    await Promise.all(
      files.map(async (file) => [file, (await readWeightsFile(join(folder, file))).sha256] as const),
    ),
  );
}

/** A file whose digest its card does not have, or not rightly. */
export interface DigestFault extends Weights {
  readonly found: string;
}

/**
 * Compares the digests in a model's card with its files.
 *
 * @throws as {@link readWeightsFile} but for digests
 */
export async function checkDigests(folder: string, card: Card): Promise<DigestFault[]> {
  return faultsOf(card, await digestsIn(folder, card));
}

const faultsOf = (card: Card, digests: ReadonlyMap<string, string>): DigestFault[] =>
  [...new Map(weightsOf(card).map(({ file, sha256 }) => [file, sha256]))].flatMap(([file, sha256]) => {
    const found = digests.get(file)!;
    return found === sha256 ? [] : [{ file, sha256, found }];
  });

/**
 * Enters the digests of a model's files in its card; the card is replaced at once.
 *
 * @returns what was wrong before, or not there
 * @throws as {@link checkDigests}; TypeError where the card is unsound
 */
export async function recordDigests(folder: string): Promise<DigestFault[]> {
  const path = cardPath(folder), written = JSON.parse(await Deno.readTextFile(path)), card = parseCard(written, path);
  const digests = await digestsIn(folder, card), faults = faultsOf(card, digests);
  const fresh = withDigests(written as CardInput, (file) => digests.get(file));
  if (faults.length > 0) await writeCard(path, fresh);
  return faults;
}
