/** Which Python tests run with. */

/** A Python that runs a program without a fault: Debian's, else the one that `MOLSTEP_PYTHON` names; undefined where neither does. */
export async function pythonThat(program: string): Promise<string | undefined> {
  for (const python of ["/usr/bin/python3", Deno.env.get("MOLSTEP_PYTHON") ?? "python3"]) {
    const { success } = await new Deno.Command(python, { args: ["-c", program], stdout: "null", stderr: "null" })
      .output()
      .catch(() => ({ success: false }));
    if (success) return python;
  }
  return undefined;
}
