import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Campaign } from "../../../../model/campaigns/campaign.ts";
import { withFolder } from "../../tiny_model.ts";
import { resultsOf } from "./made_service.ts";

/** Runs a campaign in a process of its own. */
async function run(data: string, ...point: string[]): Promise<{ signal: Deno.Signal | null; campaign?: Campaign }> {
  const child = fileURLToPath(new URL("./killed_child.ts", import.meta.url));
  const { signal, success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", child, data, ...point],
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success && signal === null) throw new Error(new TextDecoder().decode(stderr));
  return { signal, ...(text && { campaign: JSON.parse(text) }) };
}

const POINTS = [
  ["before a shard's file", "2"],
  ["after a shard's file", "1"],
  ["between results and their commit", "2"],
  ["after a commit", "1"],
  ["between results and their commit", "1"],
  ["before a collected file is removed", "2"],
  ["before the Parquet file"],
  ["after the Parquet file"],
] as const;

Deno.test("a campaign whose process is killed, at any point, again and again, ends with the bytes of one that is not", () =>
  withFolder(async (root) => {
    const whole = await run(`${root}/whole`), data = `${root}/killed`;
    for (const point of POINTS) assert.equal((await run(data, ...point)).signal, "SIGKILL", point.join());
    const { campaign } = await run(data), { seconds: _, ...progress } = campaign!.progress;
    const { seconds: __, ...wholly } = whole.campaign!.progress;
    assert.equal(campaign!.state, "done");
    assert.deepEqual(progress, wholly);
    assert.deepEqual(await resultsOf(data, campaign!.id), await resultsOf(`${root}/whole`, whole.campaign!.id));
  }));
