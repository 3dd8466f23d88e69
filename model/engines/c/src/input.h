/* The backward pass of what forward() reads of its input: from the network to noisy latents. */
#ifndef MOLSTEP_INPUT_H
#define MOLSTEP_INPUT_H
#include "gradient.h"
#include "radial.h"
#include "state.h"

/* dradial [pairs, 16] += d hid [pairs, 32] w^T, w [R, 32] */
static void radial_gradient(int pairs, int R, const float *restrict dhid, const float *restrict w,
                            float *restrict dradial) {
  for (int pair = 0; pair < pairs; pair++)
    for (int k = 0; k < R; k++) {
      float sum = 0;
      for (int e = 0; e < PAIR; e++) sum += dhid[(long)pair * PAIR + e] * w[k * PAIR + e];
      dradial[(long)pair * LANES + k] += sum;
    }
}

/* dz += what dradial says of the positions and of the pair features; see radial_features(). */
static void radial_features_backward(const Sizes *s, int molecules, int n, const float *z, long length,
                                     const float *radial, const float *dradial, float *dz) {
  const int width = 3 * s->vectors + s->scalars, P = s->pairs;
  for (int m = 0; m < molecules; m++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const long pair = ((long)(m * n + i) * n + j) * LANES, features = m * length + n * width + (i * n + j) * P;
        const float *o = radial + pair, *g = dradial + pair, *a = z + m * length + i * width,
                    *b = z + m * length + j * width;
        for (int k = 0; k < P; k++) dz[features + k] += g[DISTANCES + k];
        if (i == j) continue;
        const float r[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
        const float d = __builtin_sqrtf((r[0] * r[0] + r[1] * r[1] + r[2] * r[2]) * ANGSTROM_SQUARED + DISTANCE_FLOOR);
        const float square = radial_slope(d, o, g);
        for (int c = 0; c < 3; c++) {
          const float each = 2.f * ANGSTROM_SQUARED * r[c] * square;
          dz[m * length + i * width + c] += each;
          dz[m * length + j * width + c] -= each;
        }
      }
}

/* dz += what the gradients of h, of the sets and of r0 say of the network's input; call when all three are whole. */
static void input_backward(const Net *net, const Tile *t, const float *z, const Gradient *d) {
  const Sizes *s = &net->s;
  const int f = s->f, V = s->vectors, K = s->scalars, n = t->n, width = 3 * V + K;
  const long length = (long)n * width + (long)n * n * s->pairs;
  const float *in = net->p + net->l.input_w, *sets = net->p + net->l.sets_in;
  for (int r = 0; r < t->rows; r++) {
    const float *dh = d->dh + (long)r * f, *dx = d->dx + (long)r * 48;
    float *node = d->dz + r / n * length + r % n * width;
    for (int v = 0; v < V; v++)
      for (int a = 0; a < 3; a++)
        for (int c = 0; c < 16; c++) node[3 * v + a] += dx[a * 16 + c] * sets[v * 16 + c];
    for (int k = 0; k < K; k++)
      for (int e = 0; e < f; e++) node[3 * V + k] += dh[e] * in[(long)k * f + e];
  }
  radial_features_backward(s, t->molecules, n, z, length, t->radial, d->dradial, d->dz);
}

#endif
