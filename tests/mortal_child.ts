/** Programs that tests kill in the middle of their work. */

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A process that can be killed, and the lines that it has told. @param path of its program */
export function startChild(path: string, ...args: readonly string[]) {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", path, ...args],
    stdout: "piped",
  }).spawn();
  const lines: string[] = [];
  const read = (async () => {
    for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
      lines.push(...text.trim().split("\n"));
    }
  })();
  return {
    lines,
    /** Resolves when it has told so many lines, or has ended. */
    async told(count: number) {
      const ended = process.status.then(() => true);
      while (lines.length < count && !await Promise.race([ended, wait(20).then(() => false)]));
    },
    async kill() {
      process.kill("SIGKILL");
      await process.status;
      await read;
    },
    ended: async () => {
      await read;
      return (await process.status).success;
    },
  };
}
