/** A worker of `decoders.ts`: searches for the graph of one latent after the other. */
import { answerPool } from "../../../chem/pool_worker.ts";
import { type Decoded, readLatent } from "./decode.ts";
import type { DecodeQuestion } from "./decoders.ts";

answerPool<DecodeQuestion, Decoded>(({ z, nodes, classes, chemistry, form, fixed }) => ({
  data: readLatent(z, nodes, classes, 0, "valence", chemistry, form, fixed),
}));
