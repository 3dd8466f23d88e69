/** The InChIKey that a number stands for in tests and benchmarks: of no molecule, spread as digests are; two of one key take a chance of 113 bits. */
export function inchikeyOf(number: number): string {
  const letters: number[] = [];
  for (let seed = 0; seed < 4; seed++) {
    let word = (number ^ Math.imul(seed, 0x9e3779b9)) >>> 0;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    word = (word ^ (word >>> 16)) >>> 0;
    for (let k = 0; k < 6; k++, word = Math.floor(word / 26)) letters.push(65 + word % 26);
  }
  const text = String.fromCharCode(...letters);
  return `${text.slice(0, 14)}-${text.slice(14)}-N`;
}
