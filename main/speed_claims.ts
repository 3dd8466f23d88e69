/** What results of `deno task bench` say of the speed, a line a claim. */

/** A row of a result. */
export type ResultRow = Readonly<Record<string, string | number | null>>;

/** A result as `bench/` keeps it. */
export interface BenchResult {
  readonly bench: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly rows: readonly ResultRow[];
}

/** Who was measured: the columns of the table. */
export const COLUMNS = ["WebAssembly", "native", "GPU", "TensorFlow", "PyTorch"] as const;

/** A column of the table. */
export type Column = typeof COLUMNS[number];

/** A claim: what was measured, what came out where, over how much. */
export interface Claim {
  readonly what: string;
  readonly values: Readonly<Partial<Record<Column, string>>>;
  /** Rounds, molecules or requests. */
  readonly n: string;
}

/** The column of a backend or a place; undefined where the table has none for it. */
export function columnOf(backend: unknown): Column | undefined {
  const names: Record<Column, readonly string[]> = {
    WebAssembly: ["wasm", "wasm engine"],
    native: ["native", "native engine"],
    GPU: ["webgpu", "webgpu engine"],
    TensorFlow: ["tensorflow", "tfjs tensorflow"],
    PyTorch: ["GeoLDM", "PyTorch"],
  };
  return COLUMNS.find((column) => names[column].includes(String(backend)));
}

/** Three significant digits, thousands set apart. */
export const figure = (value: number): string => Number(value.toPrecision(3)).toLocaleString("en-US");

/** Values of rows that were measured, by their backends; `text` undefined for a row that does not count. */
function byBackend(rows: readonly ResultRow[], text: (row: ResultRow) => string | undefined): Claim["values"] {
  return Object.fromEntries(rows.flatMap((row) => {
    const column = columnOf(row.backend ?? row.on), value = text(row);
    return column && value !== undefined ? [[column, value]] : [];
  }));
}

/** A row's number as text; undefined where it was not measured. */
const shown = (row: ResultRow, name: string, unit = ""): string | undefined =>
  typeof row[name] === "number" ? `${figure(row[name])}${unit}` : undefined;

/** A row's rate with its ratio. */
function withRatio(row: ResultRow, rate: string): string | undefined {
  const text = shown(row, rate), ratio = shown(row, "ratio");
  return text && (ratio && row.ratio !== 1 ? `${text} (x ${ratio})` : text);
}

/** `3 rounds`, `1 round`. */
const many = (number: unknown, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;

const rounds = ({ rounds, seconds }: BenchResult["settings"]) =>
  seconds === undefined ? many(rounds, "round") : `${many(rounds, "round")} of ${seconds} s`;

/** Rows with the same values of these names, in the order of their first. */
function groups(rows: readonly ResultRow[], names: readonly string[]): ResultRow[][] {
  return Object.values(Object.groupBy(rows, (row) => JSON.stringify(names.map((name) => row[name])))) as ResultRow[][];
}

/** Molecule-steps a second of a network at some batches, and of what ratios are. */
const network = (name: string, batches: readonly number[]) => ({ settings, rows }: BenchResult): Claim[] =>
  batches.map((batch) => {
    const own = rows.filter((row) => row.batch === batch);
    const base = own.find(({ note }) => String(note).startsWith("ratios are"));
    return {
      what: `molecule-steps/s of ${name}, batch ${batch}` +
        (base ? ` (ratio to ${String(base.backend).replace("tfjs", "TensorFlow.js's")})` : ""),
      values: byBackend(own, (row) => withRatio(row, "molecule-steps/s")),
      n: rounds(settings),
    };
  });

/** Molecule-steps a second against nodes, at QM9's largest molecules and the largest measured. */
const sizes = (name: string) => ({ settings, rows }: BenchResult): Claim[] =>
  groups(rows.filter(({ nodes }) => [29, 90, 180].includes(Number(nodes))), ["nodes", "batch"]).map((own) => ({
    what: `molecule-steps/s of ${name}, ${own[0].nodes} nodes, batch ${own[0].batch}`,
    values: byBackend(own, (row) => shown(row, "molecule-steps/s")),
    n: rounds(settings),
  }));

const SHIPPED = "the shipped network, 9 heavy atoms", EGNN = "an EGNN of GeoLDM's size, 18 atoms";

/** Claims of each bench, in the table's order, with the part of `deno task bench` that makes it. */
const CLAIMS: Readonly<Record<string, { part: string; claims: (result: BenchResult) => Claim[] }>> = {
  "pair-attention": { part: "engine", claims: network(SHIPPED, [1, 128]) },
  "egnn": { part: "engine", claims: network(EGNN, [1, 64]) },
  "kernel": {
    part: "kernel",
    claims: ({ settings, rows }) =>
      rows.filter(({ batch }) => batch === 8).map((row) => ({
        what: `GFLOPS of one core, ${row.build}, batch ${row.batch} (share of bare multiply-adds)`,
        values: { WebAssembly: `${shown(row, "GFLOPS")} (${Number(row.share).toFixed(2)})` },
        n: rounds(settings),
      })),
  },
  "sizes of pair-attention": { part: "sizes", claims: sizes("the shipped network with random weights") },
  "sizes of egnn": { part: "sizes", claims: sizes("an EGNN of GeoLDM's size with random weights") },
  "molecules": {
    part: "molecules",
    claims: ({ rows }) =>
      groups(rows.filter(({ steps }) => steps !== null), ["steps", "decoding"]).map((own) => ({
        what: `molecules/s at ${own[0].steps} steps, ${
          own[0].decoding
        }, from seed to verdict (valid, unique and stable)`,
        values: byBackend(own, (row) => {
          const all = shown(row, "molecules/s");
          return all && `${all} (${shown(row, "valid-unique-stable/s")})`;
        }),
        n: `${[...new Set(own.flatMap(({ n }) => n === null ? [] : [n]))].join(", ")} molecules`,
      })),
  },
  "training": {
    part: "train",
    claims: ({ settings, rows }) =>
      groups(rows.filter(({ batch }) => batch !== null), ["batch"]).map((own) => ({
        what: `updates/s of training, batch ${own[0].batch}`,
        values: byBackend(own, (row) => shown(row, "updates/s")),
        n: rounds(settings),
      })),
  },
  "distill": {
    part: "distill",
    claims: ({ settings, rows }) =>
      groups(rows.filter(({ method }) => method !== "-" && method !== "training"), ["method", "batch"]).map((own) => ({
        what: `updates/s of a round, ${own[0].method}, batch ${own[0].batch}`,
        values: byBackend(own, (row) => shown(row, "updates/s")),
        n: rounds(settings),
      })),
  },
  "start": {
    part: "start",
    claims: ({ settings, rows }) => [{
      what: "from the start of the process to the first molecule over HTTP (slowest)",
      values: byBackend(rows, (row) => {
        const first = shown(row, "first molecule ms");
        return first && `${first} (${shown(row, "slowest ms")}) ms`;
      }),
      n: many(settings.rounds, "start"),
    }],
  },
  "memory": {
    part: "memory",
    claims: ({ settings: { count, steps, rounds }, rows }) => [
      {
        what: `most memory of the service for a request of ${count} molecules at ${steps} steps`,
        values: byBackend(rows, (row) => shown(row, "peak MiB", " MiB")),
        n: many(rounds, "request"),
      },
      {
        what: `molecules/s of that request; of \`generate\` with its start`,
        values: byBackend(rows, (row) => {
          const rate = shown(row, "molecules/s");
          return rate && `${rate}; ${shown(row, "generate molecules/s")}`;
        }),
        n: many(rounds, "request"),
      },
    ],
  },
  "service": {
    part: "service",
    claims: ({ settings: { count, steps, backend }, rows }) =>
      rows.filter((row) => columnOf(backend) && shown(row, "molecules/s")).map((row) => ({
        what:
          `molecules/s of \`POST /generate\` of ${count} at ${steps} steps, clients: ${row.clients} (median, p99 ms)`,
        values: {
          [columnOf(backend)!]: `${shown(row, "molecules/s")} (${shown(row, "median ms")}, ${shown(row, "p99 ms")})`,
        },
        n: many(row.requests, "request"),
      })),
  },
  "lone beside large": {
    part: "service",
    claims: ({ settings: { lone, large, backend }, rows }) =>
      rows.filter((row) => columnOf(backend) && row["large requests"] !== 0).map((row) => ({
        what: `delay of a request of ${lone} beside ${
          row["large requests"]
        } of ${large}, in steps of these: median, p99`,
        values: {
          [columnOf(backend)!]: `${shown(row, "delay, steps, median")}, ${shown(row, "delay, steps, p99")}`,
        },
        n: many(row.requests, "request"),
      })),
  },
  "service during a round": {
    part: "service",
    claims: ({ settings: { backend }, rows }) =>
      rows.filter(({ phase }) => columnOf(backend) && phase === "during").map((row) => ({
        what:
          `while a round runs, of what it is without: molecules/s, median time; ${row.request}, clients: ${row.clients}`,
        values: { [columnOf(backend)!]: `${shown(row, "rate ratio")}, ${shown(row, "p50 ratio")}` },
        n: many(row.requests, "request"),
      })),
  },
  "peers: network": {
    part: "peers",
    claims: ({ settings, rows }) =>
      groups(rows.filter(({ batch }) => batch !== null), ["atoms", "batch"]).map((own) => ({
        what:
          `molecule-steps/s of GeoLDM's own network, ${own[0].atoms}${own[0].atoms === "QM9's sizes" ? "" : " atoms"}` +
          `, batch ${own[0].batch} (ratio to GeoLDM's code)`,
        values: byBackend(own, (row) => withRatio(row, "molecule-steps/s")),
        n: rounds(settings),
      })),
  },
  "peers: sampling": {
    part: "peers",
    claims: ({ settings, rows }) =>
      rows.filter((row) => columnOf(row.on) && shown(row, "molecules/s")).map((row) => ({
        what: `molecules/s of ${row.of} at ${row.steps} steps (ratio to the first of these)`,
        values: byBackend([row], (row) => withRatio(row, "molecules/s")),
        n: many(settings.rounds, "round"),
      })),
  },
};

/** The benches that make claims, in the table's order. */
export const CLAIMING: readonly string[] = Object.keys(CLAIMS);

/** The part of `deno task bench` that a bench belongs to. */
export const partOf = (bench: string): string => CLAIMS[bench].part;

/** Claims of a result; those that nothing was measured of are left out. */
export const claimsOf = (result: BenchResult): Claim[] =>
  CLAIMS[result.bench].claims(result).filter(({ values }) => Object.keys(values).length > 0);
