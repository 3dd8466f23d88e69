/** Rounds of distillation that a command runs: one, or one after the other down to a number of steps. */
import { gridAtSteps } from "../diffusion/grids.ts";
import { makeSchedule } from "../diffusion/schedules.ts";
import { recordRound } from "../distillation/record.ts";
import { readOutcome, withRound } from "../distillation/result.ts";
import type { RoundOptions } from "../distillation/round.ts";
import { runRound } from "../distillation/run.ts";
import { halved } from "../distillation/methods/progressive.ts";
import type { RoundSettings } from "../distillation/settings.ts";

/** How to run them. */
export interface LadderOptions extends Omit<RoundOptions, "folder"> {
  /** Where a round's files go. */
  readonly folderOf: (settings: RoundSettings) => string;
  /** Go on, round by round, down to this number of steps; one round where absent. */
  readonly ladder?: number;
  /** Each round keeps the step counts before it: one network serves them all. */
  readonly shared?: boolean;
  /** Enter accepted students in the model's card. */
  readonly record?: boolean;
  /** Told before each round that runs. */
  readonly onRound?: (settings: RoundSettings, folder: string) => void;
  /** Told of each round that its folder shows to be finished, and that is not run again. */
  readonly onFinished?: (settings: RoundSettings, folder: string) => void;
}

/**
 * Runs the rounds. Those that are finished already, in their folders, are not run again.
 *
 * @returns false where the signal stopped one of them
 */
export async function runLadder(first: RoundSettings, options: LadderOptions): Promise<boolean> {
  const { folderOf, ladder, shared, record, onRound, onFinished, ...round } = options;
  let { model } = options;
  for (let settings = first;;) {
    const folder = folderOf(settings), done = await readOutcome(folder);
    if (done) onFinished?.(settings, folder);
    else {
      onRound?.(settings, folder);
      const { finished } = await runRound(settings, { ...round, model, folder });
      if (!finished) return false;
    }
    const outcome = done ?? (await readOutcome(folder))!;
    if (record && outcome.accepted) await recordRound(model.folder, folder, outcome);
    if (ladder === undefined || settings.to <= ladder) return true;
    // The student is the next round's teacher, accepted or not: the ladder shows how far it goes.
    model = withRound(model, folder, outcome);
    const { to } = settings, next = halved(to), schedule = makeSchedule(model.card.schedule);
    const keep = shared ? [...settings.keep, to] : [];
    // A student knows the steps of its variant only, whoever taught it.
    const solver = settings.solver === settings.variant ? settings.solver : undefined;
    settings = { ...settings, solver, from: to, to: next, grid: gridAtSteps(settings.grid, to, next, schedule), keep };
  }
}
