/*
 * The network's own estimate of the positions on the way, and what pairs are told of it: y = alpha z + sigma X W_out, of the first
 * vector, and functions of its distances. Only where a network has weights for them.
 */
#ifndef MOLSTEP_ESTIMATE_H
#define MOLSTEP_ESTIMATE_H
#include "gemm.h"
#include "gradient.h"
#include "radial.h"
#include "state.h"

/* out [16]: what each set adds to the first vector. */
static void first_readout(const Net *net, float *out) {
  for (int c = 0; c < SETS; c++) out[c] = net->p[net->l.sets_out + c * net->s.vectors];
}

/* Floats between the first vectors of a tile's row r and what stands in front of z. */
static long position_at(const Net *net, const Tile *t, int r) {
  const Sizes *s = &net->s;
  const int n = t->n, width = 3 * s->vectors + s->scalars;
  return r / n * ((long)n * width + (long)n * n * s->pairs) + r % n * width;
}

/* Sets x [rows, 3, 16] -> estimate [rows, 4] and the functions of its distances, estimated [pairs, 8]. */
static void see_estimate(const Net *net, const Tile *t, const float *x, float *estimate, float *restrict estimated) {
  const int n = t->n;
  float readout[SETS];
  first_readout(net, readout);
  for (int r = 0; r < t->rows; r++) {
    const float *z = t->z + position_at(net, t, r), alpha = t->alpha[r / n], sigma = t->sigma[r / n];
    for (int a = 0; a < 3; a++) {
      float sum = 0;
      for (int c = 0; c < SETS; c++) sum += x[r * 48 + a * 16 + c] * readout[c];
      estimate[r * 4 + a] = alpha * z[a] + sigma * sum;
    }
  }
  for (int m = 0; m < t->molecules; m++) {
    const float *y = estimate + (long)m * n * 4;
    float *out = estimated + (long)m * n * n * DISTANCES;
    for (int i = 0; i < n; i++)
      for (int j = 0; j <= i; j++) { /* (j, i) is the same */
        const float *a = y + i * 4, *b = y + j * 4;
        float *o = out + ((long)i * n + j) * DISTANCES;
        RADIAL_FUNCTIONS(a, b, o);
        if (i != j) __builtin_memcpy(out + ((long)j * n + i) * DISTANCES, o, DISTANCES * sizeof(float));
      }
  }
}

/*
 * From dhid [pairs, 32], the gradient of estimated w: to w [8, 32] in dw, to the readout in g, to the sets in d->dx and, where d->dz is there,
 * to z. `wt` [32, 16] is w transposed; the sets are xn [rows, 3, 16] / scale [molecules, 16].
 */
static void see_estimate_backward(const Net *net, const Tile *t, const float *xn, const float *scale,
                                  const float *estimate, const float *estimated, const float *wt, float *dw,
                                  Gradient *d, float *restrict g) {
  const int n = t->n, V = net->s.vectors;
  weight_gradient(t->pairs, PAIR, DISTANCES, estimated, DISTANCES, d->dhid, PAIR, dw);
  gemm((Gemm){t->pairs, LANES, PAIR, d->dhid, PAIR, 1, wt, LANES, d->destimated, LANES, 0, 0});
  __builtin_memset(d->destimate, 0, sizeof(float) * t->rows * 4);
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < i; j++) { /* on the diagonal nothing moves */
        const long row = (long)m * n + i, column = (long)m * n + j, pair = row * n + j, mirrored = column * n + i;
        const float *a = estimate + row * 4, *b = estimate + column * 4, *o = estimated + pair * DISTANCES;
        float both[DISTANCES];
        for (int k = 0; k < DISTANCES; k++)
          both[k] = d->destimated[pair * LANES + k] + d->destimated[mirrored * LANES + k];
        const float r[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
        const float length =
            __builtin_sqrtf((r[0] * r[0] + r[1] * r[1] + r[2] * r[2]) * ANGSTROM_SQUARED + DISTANCE_FLOOR);
        const float square = radial_slope(length, o, both);
        for (int c = 0; c < 3; c++) {
          const float each = 2.f * ANGSTROM_SQUARED * r[c] * square;
          d->destimate[row * 4 + c] += each, d->destimate[column * 4 + c] -= each;
        }
      }
  float readout[SETS], dreadout[SETS] = {0};
  first_readout(net, readout);
  for (int m = 0; m < t->molecules; m++) {
    float own[SETS] = {0}; /* of the normalised sets */
    for (int r = m * n; r < (m + 1) * n; r++)
      for (int a = 0; a < 3; a++) {
        const float dout = t->sigma[m] * d->destimate[r * 4 + a];
        for (int c = 0; c < SETS; c++) {
          d->dx[r * 48 + a * 16 + c] += dout * readout[c];
          own[c] += dout * xn[r * 48 + a * 16 + c];
        }
      }
    for (int c = 0; c < SETS; c++) dreadout[c] += own[c] / scale[m * 16 + c];
  }
  for (int c = 0; c < SETS; c++) g[net->l.sets_out + c * V] += dreadout[c];
  if (!d->dz) return;
  for (int r = 0; r < t->rows; r++)
    for (int a = 0; a < 3; a++) d->dz[position_at(net, t, r) + a] += t->alpha[r / n] * d->destimate[r * 4 + a];
}

#endif
