/* What the backward pass of a tile works with. */
#ifndef MOLSTEP_GRADIENT_H
#define MOLSTEP_GRADIENT_H

typedef struct {
  float *dh, *dx;                                           /* [rows, f], [rows, 48] gradients of the stream */
  float *dxn, *dq;                                          /* [rows, 48], [rows, 16] */
  float *dpair, *dhid, *dshapes;                            /* [pairs, 64], [pairs, 32], [pairs, 32] */
  float *dqkv, *dhn, *dmixed;                               /* [3, rows, f], [rows, f+16], [rows, f+32] */
  float *dup, *dy, *dab;                                    /* [rows, 3f], [rows, f+16], [rows, 64] */
  float *scalars_w, *scalars_b, *bonds_out_w, *bonds_out_b; /* padded heads' gradients */
  float *destimate, *destimated; /* [rows, 4], [pairs, 16] of the network's own estimate and its distances */
  float *dradial, *dz;           /* [pairs, 16] of r0; [molecules, length] of the input, 0 where that is not asked */
  double loss[3];
} Gradient;

#endif
