/** Shows how far a run is: one line that is rewritten on a terminal, a plain line now and then elsewhere. */
import type { Progress } from "./train.ts";

/** Where and how often to write. */
export interface ProgressOptions {
  /** Takes text as it is, newlines and all. */
  readonly write: (text: string) => void;
  /** Whether a line can be rewritten. */
  readonly terminal: boolean;
  /** Seconds between two plain lines. */
  readonly everySeconds?: number;
}

/** Hours, minutes and seconds: "1:02:03", "02:03". */
function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds)), two = (n: number) => String(n).padStart(2, "0");
  const minutes = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${minutes}` : minutes;
}

/** One line about a run, without a newline. */
export function progressLine({ update, seconds, molecules, speed, fraction, losses, validation }: Progress): string {
  const left = fraction > 0 ? seconds * (1 - fraction) / fraction : NaN;
  const parts = Object.entries(losses.parts).map(([name, part]) => `${name} ${part.toFixed(3)}`).join(" ");
  return [
    `${(100 * fraction).toFixed(1)} %`,
    `update ${update}`,
    `${(molecules / 1000).toFixed(1)} k molecules`,
    `${speed.toFixed(0)}/s`,
    `loss ${losses.total.toFixed(4)} (${parts})`,
    ...(validation === undefined ? [] : [`held out ${validation.toFixed(4)}`]),
    `${clockTime(seconds)} of about ${Number.isFinite(left) ? clockTime(seconds + left) : "?"}`,
  ].join(" | ");
}

/** A listener for `train`'s `onProgress`; call `end()` after the run. */
export function createProgress({ write, terminal, everySeconds = 10 }: ProgressOptions) {
  let last = -Infinity, width = 0;
  return {
    onProgress(progress: Progress) {
      const every = terminal ? 0.2 : everySeconds;
      if (progress.seconds - last < every && progress.fraction < 1) return;
      last = progress.seconds;
      const line = progressLine(progress), filled = Math.round(20 * progress.fraction);
      if (!terminal) return write(`${line}\n`);
      const text = `[${"#".repeat(filled)}${"-".repeat(20 - filled)}] ${line}`;
      write(`\r${text.padEnd(width)}`);
      width = text.length;
    },
    end() {
      if (terminal && width > 0) write("\n");
    },
  };
}
