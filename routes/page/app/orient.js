/** Turns molecules so that their largest plane faces the viewer: for looking at, never for files. */

/** @typedef {[number, number, number]} Vec */

/** Eigenvectors of a symmetric 3 x 3 matrix by Jacobi rotations, columns of the result. @param {number[][]} a */
function eigenvectors(a) {
  const m = a.map((row) => [...row]), v = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  for (let sweep = 0; sweep < 30; sweep++) {
    for (const [p, q] of [[0, 1], [0, 2], [1, 2]]) {
      if (Math.abs(m[p][q]) < 1e-12) continue;
      const theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
      const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1)), c = 1 / Math.hypot(t, 1), s = t * c;
      for (let k = 0; k < 3; k++) [m[k][p], m[k][q]] = [c * m[k][p] - s * m[k][q], s * m[k][p] + c * m[k][q]];
      for (let k = 0; k < 3; k++) [m[p][k], m[q][k]] = [c * m[p][k] - s * m[q][k], s * m[p][k] + c * m[q][k]];
      for (let k = 0; k < 3; k++) [v[k][p], v[k][q]] = [c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]];
    }
  }
  return { values: [m[0][0], m[1][1], m[2][2]], vectors: v };
}

/**
 * The rotation and centre that lay the longest direction across and the shortest towards the viewer. No mirror: chirality is kept.
 *
 * @param {Vec[]} positions
 * @returns {(position: Vec) => Vec}
 */
export function facing(positions) {
  const n = Math.max(1, positions.length);
  const centre = [0, 1, 2].map((k) => positions.reduce((sum, one) => sum + one[k], 0) / n);
  const covariance = [0, 1, 2].map((a) =>
    [0, 1, 2].map((b) => positions.reduce((sum, one) => sum + (one[a] - centre[a]) * (one[b] - centre[b]), 0))
  );
  const { values, vectors } = eigenvectors(covariance);
  const order = [0, 1, 2].sort((a, b) => values[b] - values[a]);
  const axes = order.map((column) => [0, 1, 2].map((row) => vectors[row][column]));
  const [x, y] = axes;
  axes[2] = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
  return (
    position,
  ) => /** @type {Vec} */ (axes.map((axis) =>
    axis.reduce((sum, value, k) => sum + value * (position[k] - centre[k]), 0)
  ));
}
