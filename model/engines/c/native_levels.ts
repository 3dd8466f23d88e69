/** Levels of processors that the native engine is built for, and which of them a processor has. */

/** A level: the compiler's flags, and what the processor must have. */
export interface Level {
  readonly name: string;
  readonly arch: typeof Deno.build.arch;
  readonly flags: readonly string[];
  /** As Linux calls them in /proc/cpuinfo. */
  readonly needs: readonly string[];
  /** Whether the engine in WebAssembly is faster: not worth building but for training. */
  readonly slow?: true;
}

/** Of the psABI's x86-64-v3 and v4, what Linux tells of; lzcnt is its abm, osxsave its xsave. */
const V3 = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"];
const V4 = [...V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"];
const BF16 = [...V4, "avx512_bf16"];
const FP16 = [...BF16, "avx512_fp16"];

/** Vectors of 512 bits: gcc and clang prefer 256. */
const WIDE_VECTORS = "-mprefer-vector-width=512";

/**
 * One for each set of kernels in `src/product_kernels.h`, those of an architecture from the least to the best. A processor that has a level
 * has all before it.
 */
export const LEVELS: readonly Level[] = [
  { name: "x86-64", arch: "x86_64", flags: ["-march=x86-64"], needs: [], slow: true },
  { name: "x86-64-v3", arch: "x86_64", flags: ["-march=x86-64-v3"], needs: V3 },
  { name: "x86-64-v4", arch: "x86_64", flags: ["-march=x86-64-v4", WIDE_VECTORS], needs: V4 },
  {
    name: "x86-64-v4-bf16",
    arch: "x86_64",
    flags: ["-march=x86-64-v4", WIDE_VECTORS, "-mavx512bf16"],
    needs: BF16,
  },
  {
    name: "x86-64-v4-fp16",
    arch: "x86_64",
    flags: ["-march=x86-64-v4", WIDE_VECTORS, "-mavx512bf16", "-mavx512fp16"],
    needs: FP16,
  },
  {
    name: "x86-64-v4-amx",
    arch: "x86_64",
    flags: ["-march=x86-64-v4", WIDE_VECTORS, "-mavx512bf16", "-mavx512fp16", "-mamx-tile", "-mamx-bf16"],
    needs: [...FP16, "amx_tile", "amx_bf16"],
  },
  { name: "armv8-a", arch: "aarch64", flags: ["-march=armv8-a"], needs: ["asimd"] },
];

/** What a processor of which nothing is known gets: whatever the compiler finds. No library of it serves another machine. */
const HERE: Level = {
  name: "native",
  arch: Deno.build.arch,
  flags: ["-march=native", ...Deno.build.arch === "x86_64" ? [WIDE_VECTORS] : []],
  needs: [],
};

/** A processor: its architecture, and what it has as Linux calls it; nothing where the system does not tell. */
export interface Processor {
  readonly arch: typeof Deno.build.arch;
  readonly has: ReadonlySet<string>;
}

/** Reads a processor's line of /proc/cpuinfo, that of its flags (x86-64) or features (aarch64). */
export function readProcessor(line: string, arch: typeof Deno.build.arch = Deno.build.arch): Processor {
  return { arch, has: new Set(/:(.*)/.exec(line)?.[1].split(/\s+/).filter(Boolean)) };
}

/** What a processor lacks of a level; empty where it has all of it. A level of another architecture is lacking as a whole. */
export const lackingOf = ({ name, arch, needs }: Level, processor: Processor): string[] =>
  arch === processor.arch ? needs.filter((need) => !processor.has.has(need)) : [name];

/** The levels that a processor has, the best first: of one of which nothing is known, {@link HERE} alone. */
export const levelsOf = (processor: Processor): readonly Level[] =>
  processor.has.size === 0 ? [HERE] : LEVELS.filter((level) => lackingOf(level, processor).length === 0).reverse();
