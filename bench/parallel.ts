/**
 * `deno task bench:parallel`: steps of a molecule called for together (docs/speed.md), beside one after the other. Rounds, calls and time of lone molecules, the two
 * by turns; then the model's own molecules, by `argmax`, of many.
 */
import { z } from "zod";
import { findModel } from "../main/models.ts";
import { list, option, readOptions, whole } from "../main/options.ts";
import { COUPLINGS } from "../model/diffusion/coupling/align.ts";
import { samplerName } from "../model/diffusion/samplers/mod.ts";
import type { Effort, Parallel } from "../model/diffusion/samplers/parallel.ts";
import { RUNTIME_CHOICES } from "../model/engines/runtimes.ts";
import { draw, type DrawRequest } from "../model/generation/generate.ts";
import { openModel } from "../model/generation/open_model.ts";
import { acceptOrder } from "../model/generation/order.ts";
import type { Model } from "../model/models/load.ts";
import { conditions } from "./conditions.ts";
import { keep, machineLine, resultsOption, resultsPath, runProgram } from "./program.ts";
import { meanError, median } from "./statistics.ts";
import { formatResult, type Row } from "./table.ts";
import { toldCommand } from "./told.ts";

const numbers = (text: string) => list(whole(1)).default(text.split(",").map(Number));

const OPTIONS = {
  model: option("NAME", "(default qm9)", z.string().default("qm9")),
  samplers: option(
    "NAMES",
    "(default ddim,dpm-solver++,ddpm,consistency)",
    list(samplerName).default(["ddim", "dpm-solver++", "ddpm", "consistency"]),
  ),
  steps: option("N,N", "(default 16,32,64,128)", numbers("16,32,64,128")),
  windows: option("N,N", "(default 4,8,16)", numbers("4,8,16")),
  tolerances: option(
    "X,X",
    "(default 0.003,0.01,0.03,0.1)",
    list(z.string().transform(Number).pipe(z.number().min(0).max(1))).default([0.003, 0.01, 0.03, 0.1]),
  ),
  coupling: option("NAME", "how noise is paired (default: as the card says)", z.enum(COUPLINGS).optional()),
  lone: option("N", "molecules drawn one at a time (default 8)", whole(1).default(8)),
  count: option("N", "molecules that are judged, 0 for none (default 0)", whole().default(0)),
  seed: option("N", "(default 5)", whole().default(5)),
  threads: option("N", "(default 2)", whole(1).default(2)),
  backend: option("NAME", "(default native)", z.enum(RUNTIME_CHOICES).default("native")),
  out: resultsOption("parallel"),
};

const toldEffort = (efforts: readonly Effort[]) => ({
  rounds: meanError(efforts.map(({ rounds }) => rounds)).mean,
  calls: meanError(efforts.map(({ calls }) => calls)).mean,
});

/** Lone molecules of the first indices: how many times as fast they are in parallel, and what that takes. */
async function loneRow(model: Model, request: DrawRequest, parallel: Parallel, lone: number): Promise<Row> {
  const ratios: number[] = [], efforts: Effort[] = [];
  const timed = async (one: DrawRequest) => {
    const began = performance.now();
    for await (const batch of draw(model, one)) efforts.push(...batch.efforts ?? []);
    return performance.now() - began;
  };
  for (let first = 0; first < lone; first++) {
    const one = { ...request, first, count: 1 }, sequential = await timed(one);
    ratios.push(sequential / await timed({ ...one, parallel }));
  }
  return { ...toldEffort(efforts), "times as fast, median": median(ratios) };
}

async function main(args: string[]): Promise<void> {
  const { samplers, steps: allSteps, windows, tolerances, coupling, lone, count, seed, threads, backend, ...rest } =
    readOptions(args, OPTIONS);
  const entry = await findModel(rest.model), opened = await openModel(entry, { backend, threads, count: 64 });
  const { pool, close } = opened, card = { ...entry.card, ...(coupling && { coupling }) };
  const model: Model = { ...opened.model, card };
  const under = { command: toldCommand("bench:parallel", args), ...await conditions() };
  console.log(machineLine(under));
  const rows: Row[] = [];
  /** The molecules of the first indices, judged; `before` are the SMILES of those drawn one step after the other. */
  const judged = async (request: DrawRequest, before: readonly (string | null)[] = []) => {
    const drawn = await Array.fromAsync(draw(model, { ...request, count }));
    const molecules = drawn.flatMap(({ indices, molecules, efforts }) =>
      molecules.map((molecule, k) => ({ index: indices[k], molecule, effort: efforts?.[k] }))
    ).sort((a, b) => a.index - b.index);
    const options = { chemistry: card.chemistry, inchikey: false };
    const { validations } = await pool.judge(molecules.map(({ molecule }) => molecule), options, { last: true });
    const share = (n: number) => Math.round(1000 * n / count) / 10, smiles = validations.map((one) => one.smiles);
    const row = {
      "stable %": share(validations.filter(({ stable }) => stable).length),
      "valid, unique %": share(new Set(smiles.filter((one) => one !== null)).size),
      ...(before.length > 0 && { "the same graph %": share(smiles.filter((one, k) => one === before[k]).length) }),
    };
    return { row, smiles, efforts: molecules.flatMap(({ effort }) => effort ?? []) };
  };
  const tell = (row: Row) => {
    rows.push(row);
    console.log(JSON.stringify(row));
  };

  try {
    for (const sampler of samplers) {
      for (const steps of allSteps) {
        const request = acceptOrder(card, { count: 1, seed, steps, sampler, decoding: "argmax" });
        const sequential = count > 0 ? await judged(request) : undefined;
        if (sequential) tell({ sampler, steps, window: null, tolerance: null, ...sequential.row });
        for (const window of windows) {
          for (const tolerance of tolerances) {
            const parallel = { window, tolerance }, what = { sampler, steps, window, tolerance };
            const many = sequential && await judged({ ...request, parallel }, sequential.smiles);
            const took = many ? toldEffort(many.efforts) : await loneRow(model, request, parallel, lone);
            tell({ ...what, ...took, ...many?.row });
          }
        }
      }
    }
  } finally {
    close();
  }
  const settings = { model: rest.model, version: card.version, coupling: card.coupling, lone, count, seed, threads };
  const result = { bench: "parallel", settings, rows };
  console.log(formatResult(result));
  const path = rest.out ?? resultsPath(under, "parallel");
  if (path !== "-") await keep(path, under, [result]);
}

if (import.meta.main) await runProgram(main);
