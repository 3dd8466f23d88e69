/** `src/constants.h`: what C and TypeScript both know, told once, here or where the mathematics is. Written by `deno task build:wasm`. */
import { fileURLToPath } from "node:url";
import { ROUNDS } from "../../diffusion/coupling/align.ts";
import { DEGENERATE } from "../../diffusion/coupling/turn.ts";
import { EGNN_LIMITS } from "../../networks/egnn_network.ts";
import { ONE_HOT } from "../../networks/heavy_atom/space.ts";
import { VECTOR_WEIGHT } from "../../networks/pair_attention/loss.ts";
import {
  DISTANCES,
  EXPANSION,
  HEADS,
  MOST_SCALARS,
  PAIR_WIDTH,
  SETS,
  TIMES,
} from "../../networks/pair_attention/parameters.ts";
import { BETA1, BETA2, EPSILON } from "../tensorflow/adamw.ts";
import { MOMENTUM, QUINTIC, STEPS } from "../tensorflow/muon.ts";
import { ARRAYS, BLOCKS_MAX, LANES, THREADS_MAX, TILE } from "./constants.ts";

/** Where the header lies. */
export const HEADER = fileURLToPath(new URL("./src/constants.h", import.meta.url));

/** Whole numbers, by their names in C. */
const WHOLE: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "The pair-attention denoiser's sizes (networks/pair_attention/parameters.ts).": {
    HEADS,
    SETS,
    PAIR: PAIR_WIDTH,
    DISTANCES,
    TIMES,
    EXPANSION,
    SCALARS_MAX: MOST_SCALARS,
  },
  "Limits and tiles of its engine (constants.ts).": {
    LANES,
    BLOCKS_MAX,
    THREADS_MAX,
    TILE_ROWS: TILE.rows,
    TILE_PAIRS: TILE.pairs,
  },
  "Limits of an EGNN (networks/egnn_network.ts).": {
    EGNN_WIDTH_MAX: EGNN_LIMITS.width,
    EGNN_BLOCKS_MAX: EGNN_LIMITS.blocks,
    EGNN_LAYERS_MAX: EGNN_LIMITS.layers,
    EGNN_INPUTS_MAX: EGNN_LIMITS.inputs,
    EGNN_OUTPUTS_MAX: EGNN_LIMITS.outputs,
  },
  "Arrays of an engine (constants.ts).": Object.fromEntries(
    Object.entries(ARRAYS).map(([name, number]) => [`ARRAY_${name.toUpperCase()}`, number]),
  ),
  "Steps of Muon (tensorflow/muon.ts), and rounds of alignment (diffusion/coupling/align.ts).": {
    MUON_STEPS: STEPS,
    ALIGN_ROUNDS: ROUNDS,
  },
};

/** Other numbers: constants in double precision, to be rounded where they are used. */
const REAL: Readonly<Record<string, number>> = {
  ONE_HOT,
  VECTOR_WEIGHT,
  ADAM_BETA1: BETA1,
  ADAM_BETA2: BETA2,
  ADAM_EPSILON: EPSILON,
  MUON_MOMENTUM: MOMENTUM,
  MUON_LINEAR: QUINTIC[0],
  MUON_CUBIC: QUINTIC[1],
  MUON_QUINTIC: QUINTIC[2],
  ALIGN_DEGENERATE: DEGENERATE,
};

const real = (value: number) => Number.isInteger(value) ? value.toFixed(1) : String(value);

/** The header's text, as `clang-format` leaves it. */
export function constantsHeader(): string {
  const enums = Object.entries(WHOLE).map(([what, numbers]) =>
    `/* ${what} */\nenum {\n${Object.entries(numbers).map(([name, value]) => `  ${name} = ${value},\n`).join("")}};\n`
  );
  const defines = Object.entries(REAL).map(([name, value]) =>
    `#define ${name} ${value < 0 ? `(${value})` : real(value)}\n`
  );
  return [
    "/* Written by `deno task build:wasm` from constants_header.ts: change the numbers where it says they come from. */\n",
    "#ifndef MOLSTEP_CONSTANTS_H\n#define MOLSTEP_CONSTANTS_H\n\n",
    enums.join("\n"),
    "\n/* Those that are not whole, in double precision. */\n",
    ...defines,
    "\n#endif\n",
  ].join("");
}
