/* A network and what a tile of molecules holds while it passes through. */
#ifndef MOLSTEP_STATE_H
#define MOLSTEP_STATE_H
#include "elementary.h"
#include "layout.h"
#include "product.h"

/* What one block keeps for its backward pass; in inference all blocks share one. */
typedef struct {
  float *hn, *rstd1; /* [rows, f+16] LN(h) and set norms; [rows] */
  float *xn, *scale; /* [rows, 3, 16] normalised sets; [molecules, 16] 1/rms */
  float *q;          /* [rows, 16] squared norms of the sets */
  float *shapes;     /* [pairs, 32] distances, cosines */
  float *estimate,
      *estimated; /* [rows, 4] positions as the network has them here; [pairs, 8] their distances; where it looks at them */
  float *pre;     /* [pairs, 32] before the first silu */
  float *m;       /* [pairs, 64] message before its silu | attention | coordinate weight */
  float *qkv;     /* [3, rows, f] */
  float *mixed;       /* [rows, f+32] attention's output and summed messages */
  float *hn2, *rstd2; /* [rows, f+16]; [rows] */
  float *up;          /* [rows, 3f] before its silu */
  float *g;           /* [rows, 16] tanh gate */
  float *u;           /* [rows, 3, 16] update of the sets before mixing */
} Saved;

typedef struct {
  Sizes s;
  Layout l;
  Transposed lt;
  Padded padded;
  float *p, *t; /* parameters; transposes, packed */
  const ProductKernel *kernel;
  float *packed;       /* p's weights as the kernel packs them, each where it lies in p; may be p itself */
  Padded packed_heads; /* the same of `padded` */
} Net;

typedef struct {
  int molecules, n, rows, pairs;
  const float *z, *alpha, *sigma; /* [molecules, length], [molecules] each: what forward() was given */
  float *h, *x, *radial;          /* [rows, f], [rows, 3, 16], [pairs, 16]: r0 and its pad */
  float *fork_h, *fork_x;         /* h and x before a block that is left out; in inference alone */
  float *hid, *act, *ab, *wide;   /* scratch: [pairs, 64], [rows, 3f or the input], [rows, 64], [rows, f+32] */
  float *shapes_end, *hl, *rstd_end, *xn_end, *scale_end, *q_end, *node_end, *pre_end, *estimate_end,
      *estimated_end;              /* the end's own */
  float *logits, *bond_logits, *o; /* [rows,lanes], [pairs,16], [rows,V,3] */
  Saved saved[BLOCKS_MAX];
} Tile;

#endif
