/** Muon's matrices as its kernels find them: which lies where, and which tile of which a workgroup takes. */
import { TILE_ROWS } from "../products.ts";
import { roundUp } from "../round_up.ts";
import type { Matrix } from "./layout.ts";

/** Words of a matrix in the table. */
export const WORD = {
  /** Where it lies among those to be turned, as `[rows, columns]` with rows <= columns, and the length of its rows there. */
  x: 0,
  xStride: 1,
  rows: 2,
  columns: 3,
  /** Where its square `[rows, rows]` lies, and the length of its rows. */
  square: 4,
  squareStride: 5,
  /** The parameters: where they lie; numbers from one to the next along a row and along a column as above. */
  at: 6,
  alongRow: 7,
  alongColumn: 8,
  /** Its tiles. */
  firstTile: 9,
  tiles: 10,
  /** Bits of sqrt(max(1, out / in)). */
  factor: 11,
  length: 12,
} as const;

/** The tables of {@link WORD} and of tiles `[tile, 4]` (matrix, row, column), and the numbers that lie in both kinds of array. */
export function muonTables(matrices: readonly Matrix[]) {
  const table = new Uint32Array(matrices.length * WORD.length), floats = new Float32Array(table.buffer);
  const tiles: number[] = [], squareTiles: number[] = [];
  let x = 0, square = 0;
  matrices.forEach(({ offset, stride, rows, columns }, m) => {
    const wide = rows <= columns, [short, long] = wide ? [rows, columns] : [columns, rows];
    const height = roundUp(short, TILE_ROWS), width = roundUp(long, TILE_ROWS), at = m * WORD.length;
    table.set([x, width, short, long, square, height, offset, wide ? 1 : stride, wide ? stride : 1], at);
    table.set([tiles.length / 4, (height / TILE_ROWS) * (width / TILE_ROWS)], at + WORD.firstTile);
    floats[at + WORD.factor] = Math.sqrt(Math.max(1, columns / rows));
    for (let i = 0; i < height / TILE_ROWS; i++) {
      for (let j = 0; j < width / TILE_ROWS; j++) tiles.push(m, i, j, 0);
      for (let j = i; j < height / TILE_ROWS; j++) squareTiles.push(m, i, j, 0); // squares are symmetric
    }
    x += height * width, square += height * height;
  });
  return { table, tiles: Uint32Array.from(tiles), squareTiles: Uint32Array.from(squareTiles), x, square };
}
