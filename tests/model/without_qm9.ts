/** Runs a test without QM9: rounds then learn from what the teacher draws, and nobody waits for its molecules. */
export async function withoutQm9<T>(work: () => Promise<T>): Promise<T> {
  const before = Deno.env.get("MOLSTEP_QM9");
  Deno.env.set("MOLSTEP_QM9", "/nowhere");
  try {
    return await work();
  } finally {
    if (before === undefined) Deno.env.delete("MOLSTEP_QM9");
    else Deno.env.set("MOLSTEP_QM9", before);
  }
}
