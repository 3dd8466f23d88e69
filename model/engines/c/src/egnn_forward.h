/*
 * Forward pass of an EGNN (Satorras et al., 2021, eqs. 3 to 6, as EDM and GeoLDM have it) over a few molecules of one size; the
 * mathematics stands in egnn.ts. Edges go by in tiles that stay in cache: nothing of the size of all pairs is ever stored. A team of threads
 * may do it together, each with some of the nodes; sums are made in the same order, so that the results have the same bits.
 */
#ifndef MOLSTEP_EGNN_FORWARD_H
#define MOLSTEP_EGNN_FORWARD_H
#include "egnn_layout.h"
#include "team.h"

/* Edges in a tile: both its layers stay in the second cache beside the weights. A multiple of every kernel's rows. */
enum { EGNN_EDGES = 48 };

typedef struct {
  int molecules, n, rows;
  float share; /* 1 / divisor */
  float *h, *s, *t, *heard,
      *hidden;              /* [rows, stride] features; parts of an edge's sum; sum of messages; node network */
  float *x, *start, *moved; /* [rows, 3] now; at the input; sums of displacements */
  float *first, *second; /* [EGNN_EDGES, stride] edges: their features, and sums before the silu; each thread's own */
  const ProductKernel *kernel;
  Team *team;
  int from, to;             /* rows of this thread, in whole groups of the kernel's but at the end: their products */
  int edges_from, edges_to; /* and rows whose edges are its own */
} EgnnTile;

typedef struct {
  int i[EGNN_EDGES], j[EGNN_EDGES]; /* rows of the two nodes */
  float square[EGNN_EDGES], from_start[EGNN_EDGES];
} EgnnEdges;

/* tanh(x) to float's relative precision: by its series' rational fit near 0 (Cephes, tanhf), else by the exponential. */
INLINE float tanh_near(float x) {
  if (x > 0.625f || x < -0.625f) return tanh_(x);
  float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  return x + x * z * p;
}

/* For thread `member` of a team. */
static void layout_egnn_tile(Arena *a, EgnnTile *t, const ProductKernel *kernel, int molecules, int n, Team *team,
                             int member) {
  const long rows = molecules * n, all = rows * EGNN_STRIDE, size = team->size, group = kernel->rows,
             groups = (rows + group - 1) / group;
  t->molecules = molecules, t->n = n, t->rows = rows, t->kernel = kernel, t->team = team;
  t->from = groups * member / size * group, t->to = member == size - 1 ? rows : groups * (member + 1) / size * group;
  t->edges_from = rows * member / size, t->edges_to = rows * (member + 1) / size;
  t->h = take(a, all), t->s = take(a, all), t->t = take(a, all), t->heard = take(a, all), t->hidden = take(a, all);
  t->x = take(a, rows * 3), t->start = take(a, rows * 3), t->moved = take(a, rows * 3);
  t->first = take(a, size * 2 * EGNN_EDGES * EGNN_STRIDE);
  if (t->first) t->first += (long)member * 2 * EGNN_EDGES * EGNN_STRIDE;
  t->second = t->first + EGNN_EDGES * EGNN_STRIDE;
}

/* Of the first f numbers of each row. */
static void silu_rows(int rows, int f, const float *from, float *to) {
  for (int r = 0; r < rows; r++) silu_all(f, from + (long)r * EGNN_STRIDE, to + (long)r * EGNN_STRIDE);
}

INLINE float squared_distance(const float *x, int i, int j) {
  const float a = x[3 * i] - x[3 * j], b = x[3 * i + 1] - x[3 * j + 1], c = x[3 * i + 2] - x[3 * j + 2];
  return a * a + b * b + c * c;
}

/* The next of this thread's edges after (i, j), at most EGNN_EDGES: row i with every other row of its molecule. Returns how many. */
static int next_edges(const EgnnTile *t, int *i, int *j, EgnnEdges *e) {
  int count = 0;
  while (count < EGNN_EDGES && *i < t->edges_to) {
    const int base = *i / t->n * t->n;
    for (; *j < t->n && count < EGNN_EDGES; ++*j) {
      if (base + *j == *i) continue;
      e->i[count] = *i, e->j[count] = base + *j;
      e->square[count] = squared_distance(t->x, *i, base + *j);
      e->from_start[count++] = squared_distance(t->start, *i, base + *j);
    }
    if (*j == t->n) *j = 0, ++*i;
  }
  return count;
}

/* Both layers of a tile of edges, into t->first. */
static void edge_layers(int f, const EgnnEdge *p, const EgnnTile *t, const EgnnEdges *e, int count) {
  const float *restrict c = p->distances, *restrict c0 = p->distances + f;
  for (int k = 0; k < count; k++) {
    const float *restrict source = t->s + (long)e->i[k] * EGNN_STRIDE, *restrict target =
                                                                           t->t + (long)e->j[k] * EGNN_STRIDE;
    float *restrict sum = t->second + k * EGNN_STRIDE;
    const float d = e->square[k], d0 = e->from_start[k];
    for (int q = 0; q < f; q++) sum[q] = source[q] + target[q] + d * c[q] + d0 * c0[q];
    silu_all(f, sum, t->first + k * EGNN_STRIDE);
  }
  linear(t->kernel, count, f, f, t->first, EGNN_STRIDE, p->hidden, p->hidden_bias, t->second, EGNN_STRIDE);
  silu_rows(count, f, t->second, t->first);
}

/* y's rows of this thread = x w (+ bias): x, y [rows, f]. */
static void own_linear(const EgnnTile *t, int f, const float *x, const float *w, const float *bias, float *y) {
  const long from = (long)t->from * EGNN_STRIDE;
  if (t->from < t->to) linear(t->kernel, t->to - t->from, f, f, x + from, EGNN_STRIDE, w, bias, y + from, EGNN_STRIDE);
}
/* += x w */
static void own_linear_add(const EgnnTile *t, int f, const float *x, const float *w, float *y) {
  const long from = (long)t->from * EGNN_STRIDE;
  if (t->from < t->to) linear_add(t->kernel, t->to - t->from, f, f, x + from, EGNN_STRIDE, w, y + from, EGNN_STRIDE);
}

/* A h_i + b and B h_j of all nodes. */
static void edge_nodes(int f, const EgnnEdge *p, const EgnnTile *t) {
  own_linear(t, f, t->h, p->source, p->bias, t->s);
  own_linear(t, f, t->h, p->target, 0, t->t);
  team_wait(t->team);
}

static void message_layer(const EgnnSizes *s, const EgnnMessage *p, EgnnTile *t) {
  const int f = s->width;
  edge_nodes(f, &p->edge, t);
  for (int r = t->edges_from; r < t->edges_to; r++)
    for (int k = 0; k < f; k++) t->heard[(long)r * EGNN_STRIDE + k] = 0.f;
  EgnnEdges e;
  for (int i = t->edges_from, j = 0, count; (count = next_edges(t, &i, &j, &e)) > 0;) {
    edge_layers(f, &p->edge, t, &e, count);
    for (int k = 0; k < count; k++) {
      const float *restrict m = t->first + k * EGNN_STRIDE;
      float *restrict heard = t->heard + (long)e.i[k] * EGNN_STRIDE, gate = t->share;
      if (s->attention) {
        const float *restrict w = p->attention;
        float dot = 0;
        for (int q = 0; q < f; q++) dot += m[q] * w[q];
        gate *= sigmoid_(dot + p->attention_bias[0]);
      }
      for (int q = 0; q < f; q++) heard[q] += gate * m[q];
    }
  }
  team_wait(t->team);
  own_linear(t, f, t->h, p->node_h, p->node_bias, t->hidden);
  own_linear_add(t, f, t->heard, p->node_m, t->hidden);
  silu_rows(t->to - t->from, f, t->hidden + (long)t->from * EGNN_STRIDE, t->s + (long)t->from * EGNN_STRIDE);
  for (int r = t->from; r < t->to; r++)
    for (int k = 0; k < f; k++) t->h[(long)r * EGNN_STRIDE + k] += p->update_bias[k];
  own_linear_add(t, f, t->s, p->update, t->h);
}

static void coordinate_layer(const EgnnSizes *s, const EgnnBlock *p, EgnnTile *t) {
  const int f = s->width;
  edge_nodes(f, &p->edge, t);
  for (int r = 3 * t->edges_from; r < 3 * t->edges_to; r++) t->moved[r] = 0.f;
  EgnnEdges e;
  for (int i = t->edges_from, j = 0, count; (count = next_edges(t, &i, &j, &e)) > 0;) {
    edge_layers(f, &p->edge, t, &e, count);
    for (int k = 0; k < count; k++) {
      const float *restrict m = t->first + k * EGNN_STRIDE, *restrict w = p->out;
      float dot = 0;
      for (int q = 0; q < f; q++) dot += m[q] * w[q];
      if (s->tanh) dot = s->range * tanh_near(dot);
      const float gate = dot * t->share / (__builtin_sqrtf(e.square[k] + 1e-8f) + s->norm);
      const float *xi = t->x + 3 * e.i[k], *xj = t->x + 3 * e.j[k];
      for (int a = 0; a < 3; a++) t->moved[3 * e.i[k] + a] += gate * (xi[a] - xj[a]);
    }
  }
  team_wait(t->team); /* all have read where all were */
  for (int r = 3 * t->edges_from; r < 3 * t->edges_to; r++) t->x[r] += t->moved[r];
}

/* h [rows, inputs], x [rows, 3] -> h_out [rows, outputs], x_out [rows, 3]: this thread's rows of them. */
static void egnn_forward(const EgnnNet *net, EgnnTile *t, const float *h, const float *x, float *h_out, float *x_out) {
  const EgnnSizes *s = &net->s;
  const int f = s->width;
  t->share = 1.f / (s->factor > 0.f ? s->factor : (float)t->n);
  for (int r = t->from; r < t->to; r++) {
    float *restrict out = t->h + (long)r * EGNN_STRIDE;
    for (int k = 0; k < f; k++) out[k] = net->in_b[k];
    for (int q = 0; q < s->inputs; q++) {
      const float value = h[(long)r * s->inputs + q], *restrict w = net->in_w + (long)q * f;
      for (int k = 0; k < f; k++) out[k] += value * w[k];
    }
  }
  for (int r = 3 * t->edges_from; r < 3 * t->edges_to; r++) t->x[r] = t->start[r] = x[r];
  for (int b = 0; b < s->blocks; b++) {
    for (int l = 0; l < s->layers; l++) message_layer(s, &net->block[b].message[l], t);
    coordinate_layer(s, &net->block[b], t);
  }
  for (int r = t->from; r < t->to; r++)
    for (int q = 0; q < s->outputs; q++) {
      const float *in = t->h + (long)r * EGNN_STRIDE;
      float sum = 0;
      for (int k = 0; k < f; k++) sum += in[k] * net->out_w[(long)k * s->outputs + q];
      h_out[(long)r * s->outputs + q] = sum + net->out_b[q];
    }
  for (int r = 3 * t->edges_from; r < 3 * t->edges_to; r++) x_out[r] = t->x[r];
}

#endif
