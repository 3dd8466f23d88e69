/**
 * Batches of latents to molecules, beside the main thread where that takes long. Of most latents the likeliest class and orders, each by
 * itself, obey valence: these take some 20 us, and are decoded here. For the others a graph is searched, in some milliseconds at worst
 * (`graph.ts`): by workers, or here while there are none. A molecule is the same wherever it is decoded.
 */
import { breather } from "../../../chem/breathe.ts";
import type { Chemistry } from "../../../chem/chemistry.ts";
import type { FixedAtoms, Molecule } from "../../../chem/molecule.ts";
import { openPoolWorker } from "../../../chem/pool_worker.ts";
import { createWorkPool, type WorkPoolOptions } from "../../../chem/work_pool.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { BatchShape, DecodeOptions, HeavyAtomClass } from "../../diffusion/types.ts";
import { type Decoded, readLatent } from "./decode.ts";
import { needsSearch } from "./graph.ts";
import { bondSumsOf, chargesOf, heavyAtomSpace, type LatentForm } from "./space.ts";

/** What the molecules of a model have in common. */
export interface Codec {
  readonly classes: readonly HeavyAtomClass[];
  readonly chemistry: Chemistry;
  readonly form?: LatentForm;
}

/** What the molecules of a batch have in common. */
interface Question extends Codec {
  readonly fixed?: FixedAtoms;
}

/** What a worker is asked: the latent of a molecule whose graph is to be searched. */
export interface DecodeQuestion extends Question {
  readonly z: Float32Array;
  readonly nodes: number;
}

/** What decoders are made of. */
export interface DecoderOptions extends Codec, Pick<WorkPoolOptions<Latent, Question, Decoded>, "workers" | "onFault"> {
  /** Decodes a molecule on this thread. Default {@link readLatent}. */
  readonly read?: typeof readLatent;
}

/** A molecule's latent. */
type Latent = Pick<DecodeQuestion, "z" | "nodes">;

/** Whoever decodes. */
export interface Decoders {
  /** Latents `[B, L]` to molecules, in their order. @throws the signal's reason where it is aborted: what is begun then is one molecule a thread */
  decode(z: Float32Array, shape: BatchShape, options?: DecodeOptions): Promise<Molecule[]>;
  /** Starts the first worker; resolves when it is ready, or has failed. Without this the first search starts it. */
  warm(): Promise<void>;
  /** Ends the workers; what they had, and what comes later, is decoded here. */
  close(): void;
}

/** Starts a worker. */
const openDecodeWorker = () =>
  openPoolWorker({
    module: new URL("./decode_worker.ts", import.meta.url),
    work: "decoding",
    question: ([latent]: readonly Latent[], codec: Question) => ({ data: { ...latent, ...codec } }),
    results: (decoded: Decoded) => [decoded],
  });

/** Opens no worker before a search is asked for. Default: none at all. */
export function createDecoders(
  { classes, chemistry, form, read = readLatent, workers = 0, onFault }: DecoderOptions,
): Decoders {
  const codec: Codec = { classes, chemistry, form }, bondSums = bondSumsOf(classes, chemistry);
  const space = heavyAtomSpace(classes, form);
  const here = ({ z, nodes }: Latent, { fixed }: Question): Decoded =>
    read(z, nodes, classes, 0, "valence", chemistry, form, fixed);
  const pool = createWorkPool({ here, open: openDecodeWorker, workers, onFault, piece: 1, ahead: 1, backlog: 16 });
  return {
    async decode(z, { batch, nodes }, { decoding = "argmax", signal, onFallback, onRepaired, fixed: given } = {}) {
      const fixed = given?.atoms, charges = fixed ? undefined : chargesOf(classes, form);
      const length = latentLength(space, nodes), pause = breather();
      const molecules = new Array<Molecule>(batch), searched: number[] = [];
      const tell = (b: number, { molecule, decoding: used, repaired }: Decoded) => {
        molecules[b] = molecule;
        if (used !== decoding) onFallback?.(b);
        if (repaired) onRepaired?.(b);
      };
      for (let b = 0; b < batch; b++) {
        signal?.throwIfAborted();
        const at = b * length;
        if (decoding === "valence" && needsSearch(z, nodes, bondSums, at, space.pairs, charges)) searched.push(b);
        else tell(b, read(z, nodes, classes, at, decoding, chemistry, form, fixed));
        await pause();
      }
      const latents = searched.map((b) => ({ z: z.slice(b * length, (b + 1) * length), nodes }));
      const { results } = await pool.run(latents, { ...codec, fixed }, { signal, last: true });
      results.forEach((decoded, k) => tell(searched[k], decoded));
      return molecules;
    },
    warm: pool.warm,
    close: pool.close,
  };
}
