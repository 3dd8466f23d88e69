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

/* Floats of a node's vectors and scalars in z, and of a molecule of n nodes. */
static int node_length(const Net *net) { return 3 * net->s.vectors + net->s.scalars; }
static long latent_length(const Net *net, int n) { return (long)n * node_length(net) + (long)n * n * net->s.pairs; }

/* Positions y [n, 4] of a molecule -> functions of their distances, out [n, n, 8]: those of i >= j are computed, the others are the same. */
static void see_distances(int n, const float *restrict y, float *restrict out) {
  const int all = n * (n + 1) / 2;
  for (int done = 0, i = 0, j = 0; done < all; done += RADIAL_PAIRS) {
    const int count = all - done < RADIAL_PAIRS ? all - done : RADIAL_PAIRS;
    float d2[RADIAL_PAIRS] = {0.f}, functions[DISTANCES][RADIAL_PAIRS];
    int own[RADIAL_PAIRS], mirrored[RADIAL_PAIRS];
    for (int p = 0; p < count; p++) {
      const float *a = y + i * 4, *b = y + j * 4, dx = a[0] - b[0], dy = a[1] - b[1], dz = a[2] - b[2];
      d2[p] = (dx * dx + dy * dy + dz * dz) * ANGSTROM_SQUARED;
      own[p] = (i * n + j) * DISTANCES, mirrored[p] = (j * n + i) * DISTANCES;
      if (j++ == i) i++, j = 0;
    }
    radial_functions((count + WIDE - 1) / WIDE * WIDE, d2, functions);
    for (int p = 0; p < count; p++) {
      float each[DISTANCES];
      for (int k = 0; k < DISTANCES; k++) each[k] = functions[k][p];
      __builtin_memcpy(out + own[p], each, sizeof each);
      __builtin_memcpy(out + mirrored[p], each, sizeof each);
    }
  }
}

/* Sets x [rows, 3, 16] -> estimate [rows, 4] and the functions of its distances, estimated [pairs, 8]. */
static void see_estimate(const Net *net, const Tile *t, const float *x, float *estimate, float *restrict estimated) {
  const int n = t->n;
  float readout[SETS];
  first_readout(net, readout);
  for (int m = 0; m < t->molecules; m++) {
    const float *z = t->z + m * latent_length(net, n), alpha = t->alpha[m], sigma = t->sigma[m];
    float *y = estimate + (long)m * n * 4;
    for (int i = 0; i < n; i++, x += 48, z += node_length(net))
      for (int a = 0; a < 3; a++) {
        float sum = 0;
        for (int c = 0; c < SETS; c++) sum += x[a * 16 + c] * readout[c];
        y[i * 4 + a] = alpha * z[a] + sigma * sum;
      }
    see_distances(n, y, estimated + (long)m * n * n * DISTANCES);
  }
}

/*
 * What pairs are told of the sets x, where the network looks at them: adds estimated w to pre [pairs, 32], w packed by the kernel. A call for
 * itself, and no branch beside it, so that compilers round all else in the passes as they did without it.
 */
static __attribute__((noinline)) void tell_estimate(const Net *net, const Tile *t, const float *x, float *estimate,
                                                    float *estimated, const float *w, float *pre) {
  if (!net->s.estimates) return;
  see_estimate(net, t, x, estimate, estimated);
  linear_add(net->kernel, t->pairs, PAIR, DISTANCES, estimated, DISTANCES, w, pre, PAIR);
}

/*
 * From dhid [pairs, 32], the gradient of estimated w: to w [8, 32] in dw, to the readout in g, to the sets in d->dx and, where d->dz is there,
 * to z. `wt` [32, 16] is w transposed and packed; the sets are xn [rows, 3, 16] / scale [molecules, 16].
 */
static void see_estimate_backward(const Net *net, const Tile *t, const float *xn, const float *scale,
                                  const float *estimate, const float *estimated, const float *wt, float *dw,
                                  Gradient *d, float *restrict g) {
  const int n = t->n, V = net->s.vectors;
  weight_gradient(net->kernel, t->pairs, PAIR, DISTANCES, estimated, DISTANCES, d->dhid, PAIR, dw);
  linear(net->kernel, t->pairs, LANES, PAIR, d->dhid, PAIR, wt, 0, d->destimated, LANES);
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
  for (int r = 0; r < t->rows; r++) {
    float *dz = d->dz + r / n * latent_length(net, n) + r % n * node_length(net);
    for (int a = 0; a < 3; a++) dz[a] += t->alpha[r / n] * d->destimate[r * 4 + a];
  }
}

#endif
