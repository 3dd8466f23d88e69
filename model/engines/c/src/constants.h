/* Written by `deno task build:wasm` from constants_header.ts: change the numbers where it says they come from. */
#ifndef MOLSTEP_CONSTANTS_H
#define MOLSTEP_CONSTANTS_H

/* The pair-attention denoiser's sizes (networks/pair_attention/parameters.ts). */
enum {
  HEADS = 16,
  SETS = 16,
  PAIR = 32,
  DISTANCES = 8,
  TIMES = 16,
  EXPANSION = 3,
  SCALARS_MAX = 128,
};

/* Limits and tiles of its engine (constants.ts). */
enum {
  LANES = 16,
  BLOCKS_MAX = 32,
  THREADS_MAX = 64,
  TILE_ROWS = 72,
  TILE_PAIRS = 648,
};

/* Limits of an EGNN (networks/egnn_network.ts). */
enum {
  EGNN_WIDTH_MAX = 256,
  EGNN_BLOCKS_MAX = 32,
  EGNN_LAYERS_MAX = 4,
  EGNN_INPUTS_MAX = 128,
  EGNN_OUTPUTS_MAX = 256,
};

/* Arrays of an engine (constants.ts). */
enum {
  ARRAY_PARAMETERS = 0,
  ARRAY_EMA = 1,
  ARRAY_FIRST = 2,
  ARRAY_SECOND = 3,
  ARRAY_GRADIENT = 4,
};

/* Steps of Muon (tensorflow/muon.ts), and rounds of alignment (diffusion/coupling/align.ts). */
enum {
  MUON_STEPS = 5,
  ALIGN_ROUNDS = 3,
};

/* Those that are not whole, in double precision. */
#define ONE_HOT 0.5
#define VECTOR_WEIGHT 0.3
#define ADAM_BETA1 0.9
#define ADAM_BETA2 0.95
#define ADAM_EPSILON 1e-8
#define MUON_MOMENTUM 0.95
#define MUON_LINEAR 3.4445
#define MUON_CUBIC (-4.775)
#define MUON_QUINTIC 2.0315
#define ALIGN_DEGENERATE 0.000001

#endif
