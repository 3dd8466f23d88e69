import assert from "node:assert/strict";
import { acceptOptions, distillCommand } from "../../main/distill.ts";
import { readOptions, UsageError } from "../../main/options.ts";
import { acceptRound, roundOrder } from "../../model/distillation/order.ts";
import { listModels } from "../../model/models/load.ts";
import { student, withFolder, writeTinyModel } from "../model/tiny_model.ts";

const power = { type: "power", rho: 2 } as const;
const distilled = [{ ...student(16), variant: "ddpm", grid: power, clamp: 0.3 } as const];

Deno.test("molstep distill fills in what is left open as POST /distill does", () =>
  withFolder(async (root) => {
    await writeTinyModel(root, { distilled });
    const [entry] = await listModels([root]);
    const byOptions = (...args: string[]) => acceptOptions(readOptions(args, distillCommand.options), entry);
    const byRequest = (body: Record<string, unknown>) => acceptRound(entry.card, roundOrder.parse(body));
    const { settings, limits } = byOptions();
    assert.deepEqual([settings.from, settings.to, settings.variant, settings.grid, settings.clamp], [
      ...[16, 8, "ddpm"],
      power,
      0.3,
    ]);
    assert.deepEqual(limits, { minutes: 30 });
    for (
      const [args, body] of [
        [[], {}],
        [["--from", "64", "--updates", "3"], { from: 64, updates: 3 }],
        [["--method", "moments", "--to", "8", "--keep", "4,2"], { method: "moments", to: 8, keep: [4, 2] }],
        [["--method", "knowledge"], { method: "knowledge" }],
        [["--method", "consistency", "--solver", "dpm-solver++", "--skip", "2", "--boundary", "data"], {
          ...{ method: "consistency", solver: "dpm-solver++", skip: 2, boundary: "data" },
        }],
        [["--precision", "bf16"], { precision: "bf16" }],
        [["--grid", '{"type":"logSnr"}', "--from", "32", "--learning-rate", "0.01", "--seed", "5"], {
          ...{ from: 32, learningRate: 0.01, seed: 5, grid: { type: "logSnr" } },
        }],
      ] as const
    ) {
      assert.deepEqual(byOptions(...args), byRequest({ model: entry.card.name, ...body }));
    }
    assert.throws(
      () => byOptions("--keep", "3"),
      (error) => error instanceof UsageError && /--keep/.test(error.message),
    );
    assert.throws(() => byOptions("--batch", "5000"), UsageError);
  }));
