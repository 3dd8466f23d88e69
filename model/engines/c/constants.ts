/** Numbers that the C engine and the TypeScript beside it both need. `src/constants.h` is written from here (`constants_header.ts`). */

/** Most threads of an engine, and most blocks of a pair-attention denoiser. */
export const THREADS_MAX = 64, BLOCKS_MAX = 32;

/** Lanes innermost in a pair's arrays, and columns that narrow heads are padded to: most scalars, and most features of the number of steps. */
export const LANES = 16;

/** Rows (nodes), and pairs, of a tile: enough to reuse each weight from cache, few enough that a tile stays there. */
export const TILE = { rows: 72, pairs: 648 } as const;

/** An engine's arrays, by their numbers in `molstep_array`; `first` is Muon's momentum or Adam's first moment. */
export const ARRAYS = { parameters: 0, ema: 1, first: 2, second: 3, gradient: 4 } as const;
