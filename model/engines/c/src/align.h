/* Noise that lies as the molecule lies: coupling/align.ts, step for step, in double precision. The mathematics is told there. */
#ifndef MOLSTEP_ALIGN_H
#define MOLSTEP_ALIGN_H
#include "constants.h"
#include "memory.h"

#define ROOT(x) __builtin_sqrt(x)

/* The Hungarian algorithm; see coupling/assignment.ts. `floats` [3 (n + 1)], `whole` [3 (n + 1)]. */
static void assign_columns(const double *cost, int n, int *columns, double *floats, int *whole) {
  double *u = floats, *v = u + n + 1, *least = v + n + 1;
  int *row_of = whole, *before = row_of + n + 1, *used = before + n + 1;
  for (int j = 0; j <= n; j++) u[j] = v[j] = 0, row_of[j] = 0;
  for (int row = 1; row <= n; row++) {
    for (int j = 0; j <= n; j++) least[j] = __builtin_inf(), used[j] = 0;
    row_of[0] = row;
    int column = 0;
    do {
      used[column] = 1;
      const int i = row_of[column];
      const double *costs = cost + (long)(i - 1) * n - 1, price = u[i];
      double delta = __builtin_inf();
      int next = 0;
      for (int j = 1; j <= n; j++) {
        if (used[j]) continue;
        const double reduced = costs[j] - price - v[j];
        if (reduced < least[j]) least[j] = reduced, before[j] = column;
        if (least[j] < delta) delta = least[j], next = j;
      }
      if (!next) return; /* costs that are no numbers: the order stays as it was */
      for (int j = 0; j <= n; j++) {
        if (used[j]) u[row_of[j]] += delta, v[j] -= delta;
        else least[j] -= delta;
      }
      column = next;
    } while (row_of[column]);
    do {
      const int earlier = before[column];
      row_of[column] = row_of[earlier];
      column = earlier;
    } while (column);
  }
  for (int j = 1; j <= n; j++) columns[row_of[j] - 1] = j - 1;
}

/* Eigenvectors of a symmetric 3 x 3 matrix in the columns of `v`, eigenvalues on the diagonal of `a`, descending. */
static void eigen3(double a[9], double v[9]) {
  for (int k = 0; k < 9; k++) v[k] = k % 4 == 0;
  for (int sweep = 0; sweep < 12; sweep++) {
    const double off = a[1] * a[1] + a[2] * a[2] + a[5] * a[5];
    if (off <= 1e-32 * (a[0] * a[0] + a[4] * a[4] + a[8] * a[8])) break;
    for (int p = 0; p < 2; p++)
      for (int q = p + 1; q < 3; q++) {
        const double apq = a[3 * p + q];
        if (apq == 0) continue;
        const double theta = (a[4 * q] - a[4 * p]) / (2 * apq);
        const double t = (theta < 0 ? -1 : 1) / (__builtin_fabs(theta) + ROOT(theta * theta + 1));
        const double c = 1 / ROOT(t * t + 1), s = t * c;
        const int r = 3 - p - q;
        a[4 * p] -= t * apq, a[4 * q] += t * apq;
        a[3 * p + q] = a[3 * q + p] = 0;
        const double arp = a[3 * r + p], arq = a[3 * r + q];
        a[3 * r + p] = a[3 * p + r] = c * arp - s * arq;
        a[3 * r + q] = a[3 * q + r] = s * arp + c * arq;
        for (int k = 0; k < 3; k++) {
          const double vp = v[3 * k + p], vq = v[3 * k + q];
          v[3 * k + p] = c * vp - s * vq, v[3 * k + q] = s * vp + c * vq;
        }
      }
  }
  for (int pair = 0; pair < 3; pair++) {
    const int p = pair == 2, q = pair == 0 ? 1 : 2;
    if (a[4 * p] >= a[4 * q]) continue;
    const double value = a[4 * p];
    a[4 * p] = a[4 * q], a[4 * q] = value;
    for (int k = 0; k < 3; k++) {
      const double one = v[3 * k + p];
      v[3 * k + p] = v[3 * k + q], v[3 * k + q] = one;
    }
  }
}

static double dot3(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
static void cross3(const double *a, const double *b, double *out) {
  out[0] = a[1] * b[2] - a[2] * b[1], out[1] = a[2] * b[0] - a[0] * b[2], out[2] = a[0] * b[1] - a[1] * b[0];
}
static void apply3(const double *m, const double *v, double *out) {
  for (int a = 0; a < 3; a++) out[a] = dot3(m + 3 * a, v);
}

/* The least rotation from the unit vector `from` to `to`. */
static void least_rotation(const double *from, const double *to, double *out) {
  const double c = dot3(from, to);
  if (c < -1 + 1e-12) {
    int axis = 0;
    for (int k = 1; k < 3; k++)
      if (__builtin_fabs(from[k]) < __builtin_fabs(from[axis])) axis = k;
    double across[3];
    for (int k = 0; k < 3; k++) across[k] = (k == axis) - from[axis] * from[k];
    const double size = 1 / ROOT(dot3(across, across));
    for (int a = 0; a < 3; a++)
      for (int b = 0; b < 3; b++) out[3 * a + b] = 2 * across[a] * size * across[b] * size - (a == b);
    return;
  }
  double w[3];
  cross3(from, to, w);
  const double k = 1 / (1 + c);
  out[0] = c + k * w[0] * w[0], out[1] = k * w[0] * w[1] - w[2], out[2] = k * w[0] * w[2] + w[1];
  out[3] = k * w[1] * w[0] + w[2], out[4] = c + k * w[1] * w[1], out[5] = k * w[1] * w[2] - w[0];
  out[6] = k * w[2] * w[0] - w[1], out[7] = k * w[2] * w[1] + w[0], out[8] = c + k * w[2] * w[2];
}

/* The orthogonal matrix for which tr(R^T h) is largest; see coupling/turn.ts. */
static void nearest_orthogonal(const double h[9], double out[9]) {
  double gram[9], v[9], v1[3], v2[3], v3[3], u1[3], u2[3], u3[3], hv3[3];
  for (int a = 0; a < 3; a++)
    for (int b = 0; b < 3; b++) gram[3 * a + b] = h[a] * h[b] + h[3 + a] * h[3 + b] + h[6 + a] * h[6 + b];
  eigen3(gram, v);
  for (int k = 0; k < 3; k++) v1[k] = v[3 * k], v2[k] = v[3 * k + 1];
  apply3(h, v1, u1);
  const double s1 = ROOT(dot3(u1, u1));
  if (!(s1 > 1e-300)) {
    for (int k = 0; k < 9; k++) out[k] = k % 4 == 0;
    return;
  }
  for (int k = 0; k < 3; k++) u1[k] /= s1;
  apply3(h, v2, u2);
  const double along = dot3(u1, u2);
  for (int k = 0; k < 3; k++) u2[k] -= along * u1[k];
  const double s2 = ROOT(dot3(u2, u2));
  if (s2 <= ALIGN_DEGENERATE * s1) {
    least_rotation(v1, u1, out);
    return;
  }
  for (int k = 0; k < 3; k++) u2[k] /= s2;
  cross3(u1, u2, u3), cross3(v1, v2, v3);
  apply3(h, v3, hv3);
  const double mirrored = dot3(u3, hv3) < -ALIGN_DEGENERATE * s1 ? -1 : 1;
  for (int a = 0; a < 3; a++)
    for (int b = 0; b < 3; b++) out[3 * a + b] = u1[a] * v1[b] + u2[a] * v2[b] + mirrored * u3[a] * v3[b];
}

/* turned = R e, n vectors */
static void turn_all(const double *R, const double *e, double *turned, int n) {
  for (int j = 0; j < n; j++) apply3(R, e + 3 * j, turned + 3 * j);
}

/* One molecule: the positions of z, the first three of each `width` floats, less alpha x0 are aligned to x0's. */
static void align_molecule(int n, int width, double alpha, float *z, const float *x0, double *room) {
  double *x = room, *e = x + 3 * n, *turned = e + 3 * n, *cost = turned + 3 * n, *floats = cost + (long)n * n;
  int *columns = (int *)(floats + 3 * (n + 1)), *order = columns + n, *whole = order + n;
  double R[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, h[9];
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++)
      x[3 * i + a] = x0[(long)i * width + a], e[3 * i + a] = z[(long)i * width + a] - alpha * x[3 * i + a];
    columns[i] = order[i] = i;
  }
  for (int round = 0; round < ALIGN_ROUNDS; round++) {
    turn_all(R, e, turned, n);
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) cost[(long)i * n + j] = -dot3(x + 3 * i, turned + 3 * j);
    assign_columns(cost, n, columns, floats, whole);
    int same = round > 0;
    for (int i = 0; i < n; i++) same &= columns[i] == order[i], order[i] = columns[i];
    if (same) break; /* the turn is the best for this order already */
    for (int k = 0; k < 9; k++) h[k] = 0;
    for (int i = 0; i < n; i++)
      for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) h[3 * a + b] += x[3 * i + a] * e[3 * order[i] + b];
    nearest_orthogonal(h, R);
  }
  turn_all(R, e, turned, n);
  for (int i = 0; i < n; i++)
    for (int a = 0; a < 3; a++) z[(long)i * width + a] = (float)(alpha * x[3 * i + a] + turned[3 * order[i] + a]);
}

/*
 * Aligns what of z [batch, length] is not alpha x0 to x0 [batch, length], in place; a molecule's floats begin with `width` for each node. 1, or 0
 * where memory ran out.
 */
EXPORT(molstep_align)
int molstep_align(int nodes, int batch, int width, int length, float alpha, float *z, const float *x0) {
  if (nodes < 2) return 1;
  const long n = nodes, doubles = 9 * n + n * n + 3 * (n + 1), whole = 2 * n + 3 * (n + 1);
#if defined(__wasm__)
  static double *room; /* an instance has one thread; grown where it is too small */
  static long have;
  if (doubles + whole > have) room = allocate((doubles + whole) * 8), have = room ? doubles + whole : 0;
#else
  double *room = allocate(doubles * 8 + whole * 4);
#endif
  if (!room) return 0;
  for (int b = 0; b < batch; b++)
    align_molecule(nodes, width, alpha, z + (long)b * length, x0 + (long)b * length, room);
#if !defined(__wasm__)
  release(room);
#endif
  return 1;
}
#endif
