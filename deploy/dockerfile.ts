/** Reads the Dockerfile and .dockerignore, as far as ours go: for the tests, and to try the image without Docker. */

/** An instruction. */
export interface Step {
  /** In capitals. */
  readonly word: string;
  readonly text: string;
}

/** A stage. */
export interface Stage {
  readonly name: string;
  /** An image, or a stage before. */
  readonly from: string;
  readonly steps: readonly Step[];
}

/** Instructions that are understood. */
const WORDS = ["RUN", "COPY", "ENV", "WORKDIR", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"];

/** The stages of a Dockerfile. Throws SyntaxError for an instruction that is not understood here. */
export function readDockerfile(text: string): Stage[] {
  const lines = text.split("\n").filter((line) => !/^\s*#/.test(line)).join("\n").replaceAll(/\s*\\\n\s*/g, " ").split(
    "\n",
  );
  const stages: { name: string; from: string; steps: Step[] }[] = [];
  for (const line of lines.map((line) => line.trim()).filter(Boolean)) {
    const [, word, rest] = /^(\S+)\s+(.*)$/.exec(line) ?? [], from = /^(\S+) AS (\S+)$/.exec(rest ?? "");
    if (word === "FROM" && from) stages.push({ name: from[2], from: from[1], steps: [] });
    else if (stages.length > 0 && WORDS.includes(word)) stages.at(-1)!.steps.push({ word, text: rest });
    else throw new SyntaxError(`Dockerfile: expected FROM IMAGE AS NAME, or one of ${WORDS.join(", ")}; got ${line}`);
  }
  return stages;
}

/** A stage by its name. Throws RangeError where there is none. */
export function stageOf(stages: readonly Stage[], name: string): Stage {
  const found = stages.find((stage) => stage.name === name);
  if (!found) {
    throw new RangeError(`the Dockerfile has the stages ${stages.map((one) => one.name).join(", ")}; got ${name}`);
  }
  return found;
}

/** What a stage inherits and adds, in its order: its base's instructions of this word before its own. */
export function inherited(stages: readonly Stage[], name: string, word: string): string[] {
  const { from, steps } = stageOf(stages, name),
    own = steps.filter((step) => step.word === word).map(({ text }) => text);
  return stages.some((stage) => stage.name === from) ? [...inherited(stages, from, word), ...own] : own;
}

/** The variables of ENV instructions; values have no blanks. */
export const variables = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    texts.flatMap((text) => text.split(/\s+/)).map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );

/** An instruction's value in the form of a JSON list: CMD, and what stands behind CMD in HEALTHCHECK. */
export const listOf = (text: string): string[] => JSON.parse(text.slice(text.indexOf("[")));

/** What COPY copies. */
export interface Copy {
  /** A stage; the context where absent. */
  readonly stage?: string;
  readonly sources: readonly string[];
  readonly target: string;
}

/** Reads a COPY. */
export function copyOf(text: string): Copy {
  const words = text.split(/\s+/), stage = words.find((word) => word.startsWith("--from="))?.slice("--from=".length);
  const paths = words.filter((word) => !word.startsWith("--"));
  return { stage, sources: paths.slice(0, -1), target: paths.at(-1)! };
}

/** A pattern of .dockerignore as an expression over paths relative to the context; it matches what lies below, too. */
const patternOf = (pattern: string) =>
  new RegExp(
    `^${
      pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("**/", "\0").replaceAll("*", "[^/]*").replaceAll(
        "\0",
        "(.*/)?",
      )
    }(/|$)`,
  );

/** Whether a file of the context comes in, by the last line of .dockerignore that says something of it. */
export function comesIn(ignore: string): (path: string) => boolean {
  const rules = ignore.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"))
    .map((line) => ({ takes: line.startsWith("!"), pattern: patternOf(line.replace(/^!/, "")) }));
  return (path) => rules.findLast(({ pattern }) => pattern.test(path))?.takes ?? true;
}
