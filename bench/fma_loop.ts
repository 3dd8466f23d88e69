/** The reference that the WebAssembly engine's rate is stated beside: multiply-adds on 128-bit vectors and nothing else, in WebAssembly. */

/** Independent sums: enough for two units of a latency of four or five cycles, few enough for 16 registers. */
const SUMS = 12;

/** Floating-point operations of a turn of the loop: a multiplication and an addition in each of four lanes. */
export const FLOPS_A_TURN = 8 * SUMS;

const I32 = 0x7f, F32 = 0x7d, V128 = 0x7b;
const GET = 0x20, SET = 0x21, TEE = 0x22, F32_CONST = 0x43, SIMD = 0xfd;
const SPLAT = [SIMD, 0x13], LANE_0 = [SIMD, 0x1f, 0], MUL = [SIMD, 0xe6, 1], ADD = [SIMD, 0xe4, 1];
const RELAXED_MADD = [SIMD, 0x85, 2];

/** An unsigned number as WebAssembly writes it (LEB128). */
function leb(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...leb(value >>> 7)];
}
const sized = (bytes: number[]) => [...leb(bytes.length), ...bytes];
const section = (id: number, bytes: number[]) => [id, ...sized(bytes)];
const splat = (value: number) => [F32_CONST, ...new Uint8Array(new Float32Array([value]).buffer), ...SPLAT];

/**
 * A module that exports `run(turns: i32): f32`: in each turn SUMS vectors become s 0.999 + 0.5. The result is their sum, so that nothing
 * can be left out.
 *
 * @param relaxed fused multiply-adds, or a multiplication and an addition each
 */
export function fmaLoop(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const factor = 1, addend = 2, sums = Array.from({ length: SUMS }, (_, k) => 3 + k);
  const step = (sum: number) =>
    relaxed
      ? [GET, sum, GET, factor, GET, addend, ...RELAXED_MADD, SET, sum]
      : [GET, sum, GET, factor, ...MUL, GET, addend, ...ADD, SET, sum];
  const body = [
    ...[1, SUMS + 2, V128],
    ...[...splat(0.999), SET, factor, ...splat(0.5), SET, addend],
    ...sums.flatMap((sum) => [...splat(sum), SET, sum]),
    ...[0x03, 0x40, ...sums.flatMap(step)],
    // turns - 1; on while it is not zero
    ...[GET, 0, 0x41, 1, 0x6b, TEE, 0, 0x0d, 0, 0x0b],
    ...[GET, sums[0], ...sums.slice(1).flatMap((sum) => [GET, sum, ...ADD]), ...LANE_0, 0x0b],
  ];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, F32]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...sized([...new TextEncoder().encode("run")]), 0, 0]),
    ...section(10, [1, ...sized(body)]),
  ]);
}
