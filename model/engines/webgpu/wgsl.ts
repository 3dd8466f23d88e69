/**
 * Kernels are `.wgsl` files, with what differs between networks as `override` constants. What WGSL has no word for stands in comments,
 * so that a file is a module by itself:
 *
 *     // @include noise.wgsl          another file, once
 *     // @block load ... // @end      lines that whoever makes the kernel may put others in the place of
 *     // @unroll k 8 ... // @end      lines for each k of 0 to 7, written out: where `$k` stands in them it is that number
 *
 * Indices that are constants are not checked at run time, hence the last. Its number may have a name, `// @unroll k DEPTH=2`, by which it
 * is given; the number behind is for a file read by itself.
 */

import { LIBRARY } from "./library.ts";

/** What to make of a file. */
export interface Assembly {
  /** What files may include, by name. Default: the engine's own. */
  readonly includes?: Readonly<Record<string, string>>;
  /** Lines in the place of a block's own, by the block's name. */
  readonly blocks?: Readonly<Record<string, string>>;
  /** How often to unroll, by name. */
  readonly counts?: Readonly<Record<string, number>>;
}

const MARK = /^\s*\/\/ @(include|block|unroll|end)\b\s*(.*?)\s*$/;

/** Lines from `from` on to the end of the file or of the block that they are in. */
interface Read {
  readonly lines: string[];
  /** The line behind. */
  readonly next: number;
}

/**
 * A kernel's text.
 *
 * @throws SyntaxError for a file that is not included, a block or a number that no file has, and what has no end
 */
export function assemble(text: string, { includes = LIBRARY, blocks = {}, counts = {} }: Assembly = {}): string {
  const included = new Set<string>(), used = new Set<string>();

  const include = (name: string): string[] => {
    if (included.has(name)) return [];
    included.add(name);
    if (!(name in includes)) throw new SyntaxError(`${name} is included, but not given`);
    return read(includes[name].split("\n"), 0, false).lines;
  };
  const repeat = (words: string, body: readonly string[]): string[] => {
    const match = /^([a-z]+) (?:(\w+)=)?(\d+)$/.exec(words);
    if (!match) throw new SyntaxError(`"// @unroll k 8" or "// @unroll k NAME=8" expected; got "// @unroll ${words}"`);
    const [, variable, name, own] = match, count = name === undefined ? Number(own) : counts[name] ?? Number(own);
    if (name !== undefined) used.add(name);
    const place = new RegExp(`\\$${variable}(?![a-z_])`, "gi");
    return Array.from({ length: count }, (_, k) => body.map((line) => line.replace(place, String(k)))).flat();
  };
  const read = (lines: readonly string[], from: number, inside: boolean): Read => {
    const out: string[] = [];
    for (let k = from; k < lines.length;) {
      const [, mark, words] = MARK.exec(lines[k]) ?? [];
      if (mark === undefined) out.push(lines[k++]);
      else if (mark === "include") out.push(...include(words)), k++;
      else if (mark === "end") {
        if (inside) return { lines: out, next: k + 1 };
        throw new SyntaxError('"// @end" ends nothing');
      } else {
        const body = read(lines, k + 1, true);
        k = body.next;
        if (mark === "unroll") out.push(...repeat(words, body.lines));
        else {
          used.add(words);
          out.push(...words in blocks ? blocks[words].split("\n") : body.lines);
        }
      }
    }
    if (inside) throw new SyntaxError(`"// @end" is missing`);
    return { lines: out, next: lines.length };
  };

  const { lines } = read(text.split("\n"), 0, false);
  const unknown = [...Object.keys(blocks), ...Object.keys(counts)].filter((name) => !used.has(name));
  if (unknown.length > 0) throw new SyntaxError(`no such block or number: ${unknown.join(", ")}`);
  return lines.join("\n");
}
