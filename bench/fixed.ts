/**
 * `deno task bench:fixed`: what is drawn about fixed parts (docs/fixed.md), beside molecules that are drawn without any. Sampled once, and decoded both
 * by `argmax`, the model's own, and by `valence`.
 */
import { z } from "zod";
import type { JudgedBatch } from "../chem/validator_pool.ts";
import { createRdkit } from "../chem/rdkit.ts";
import type { Molecule } from "../chem/molecule.ts";
import { findModel } from "../main/models.ts";
import { list, option, readOptions, whole } from "../main/options.ts";
import { alsoDecode } from "../model/evaluation/also_decode.ts";
import { draw } from "../model/generation/generate.ts";
import { openModel } from "../model/generation/open_model.ts";
import { acceptOrder, type Order } from "../model/generation/order.ts";
import { SAMPLER_CHOICES } from "../model/diffusion/samplers/mod.ts";
import { RUNTIME_CHOICES } from "../model/engines/runtimes.ts";
import { conditions } from "./conditions.ts";
import { partOf, PARTS } from "./fixed_parts.ts";
import { keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { formatResult, quantiles, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

/** The parts, and none, for what is drawn without any. */
const NAMES = ["none", ...Object.keys(PARTS)];

const numbers = (text: string) => list(whole(1)).default(text.split(",").map(Number));

const OPTIONS = {
  model: option("NAME", "(default qm9)", z.string().default("qm9")),
  parts: option("NAMES", `of ${NAMES.join(", ")} (default all)`, list(z.enum(NAMES)).default(NAMES)),
  steps: option("N,N", "(default 8,16,32,64)", numbers("8,16,32,64")),
  times: option("N,N", "how often each step is drawn, 1 for no resampling (default 1,3)", numbers("1,3")),
  back: option("N", "steps of a stretch that is drawn again (default 3)", whole(1).default(3)),
  sampler: option("NAME", "(default consistency)", z.enum(SAMPLER_CHOICES).default("consistency")),
  count: option("N", "molecules of a row (default 100)", whole(1).default(100)),
  seed: option("N", "(default 5)", whole().default(5)),
  threads: option("N", "(default 1)", whole(1).default(1)),
  backend: option("NAME", "(default native)", z.enum(RUNTIME_CHOICES).default("native")),
  out: resultsOption("fixed"),
};

async function main(args: string[]): Promise<void> {
  const { parts, steps: allSteps, times: allTimes, back, sampler, count, seed, threads, backend, ...rest } =
    readOptions(
      args,
      OPTIONS,
    );
  const entry = await findModel(rest.model), { card } = entry, rdkit = await createRdkit();
  const { model, pool, close } = await openModel(entry, { backend, threads, count, refine: "mmff94" });
  const under = { command: toldCommand("bench:fixed", args), ...await conditions() };
  console.log(machineLine(under));
  const rows: Row[] = [];

  const judged = async (molecules: readonly Molecule[]): Promise<JudgedBatch["validations"]> =>
    (await pool.judge(molecules, {
      chemistry: card.chemistry,
      strain: true,
      inchikey: false,
      molblock: true,
      judge: true,
    }, { last: true }))
      .validations;

  /** A row of what is drawn to an order. @param smarts what each molecule is to have */
  const row = async (order: Order, smarts?: string) => {
    const { model: observed, others } = alsoDecode(model, ["argmax"]), request = acceptOrder(card, order);
    const began = performance.now(), drawn: Molecule[] = [];
    for await (const { molecules } of draw(observed, { ...request })) drawn.push(...molecules);
    const seconds = (performance.now() - began) / 1000;
    const pattern = smarts === undefined ? undefined : rdkit.pattern(smarts);
    const has = ({ molblock }: { molblock?: string }) =>
      !pattern || rdkit.withMol(molblock!, (mol) => pattern.in(mol)) === true;
    const share = (n: number, of = count) => Math.round(1000 * n / of) / 10;
    const raw = await judged(others.get("argmax")!.map(({ molecule }) => molecule)), repaired = await judged(drawn);
    const whole = (list: typeof raw) => list.filter((one) => one.connected && has(one));
    const own = whole(raw),
      kept = whole(repaired),
      strains = kept.flatMap(({ strain }) => strain === undefined ? [] : [strain]);
    pattern?.close();
    const sorted = strains.toSorted((a, b) => a - b);
    return {
      calls: request.plan!.length,
      "raw %": share(own.length),
      "raw stable %": share(raw.filter(({ stable }) => stable).length),
      "repaired %": share(kept.length),
      "stable %": share(repaired.filter(({ stable }) => stable).length),
      "sound %": share(kept.filter(({ findings }) => findings?.faults.length === 0).length),
      "unique %": share(new Set(kept.map(({ edmSmiles }) => edmSmiles)).size, kept.length || 1),
      "strain median": sorted.length ? quantiles(sorted).median : null,
      "strain 90 %": sorted.length ? sorted[Math.floor(0.9 * sorted.length)] : null,
      "molecules/s": count / seconds,
    };
  };

  try {
    for (const steps of allSteps) {
      const order = { count, seed, steps, sampler, decoding: "valence" as const };
      for (const name of parts) {
        const { smarts } = PARTS[name] ?? {};
        for (const times of smarts ? allTimes : [1]) {
          const resample = times > 1 ? { times, back } : undefined;
          const fixed = smarts ? { ...await partOf(name), resample } : undefined;
          rows.push({ steps, part: name, times, ...await row({ ...order, fixed }, smarts) });
          console.log(JSON.stringify(rows.at(-1)));
        }
      }
    }
  } finally {
    close();
  }
  const settings = { model: rest.model, version: card.version, sampler, back, count, seed };
  const result = { bench: "fixed", settings, rows };
  console.log(formatResult(result));
  const path = rest.out ?? resultsPath(under, "fixed");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);
