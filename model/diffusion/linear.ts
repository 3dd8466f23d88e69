/** Systems of linear equations. */

/** x of A x = y for a symmetric positive definite A, by rows, by elimination. Both are written over. */
export function solve(A: readonly Float64Array[], y: Float64Array): Float64Array {
  const n = y.length;
  for (let k = 0; k < n; k++) {
    for (let row = k + 1; row < n; row++) {
      const factor = A[row][k] / A[k][k];
      for (let l = k; l < n; l++) A[row][l] -= factor * A[k][l];
      y[row] -= factor * y[k];
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let l = k + 1; l < n; l++) y[k] -= A[k][l] * y[l];
    y[k] /= A[k][k];
  }
  return y;
}
