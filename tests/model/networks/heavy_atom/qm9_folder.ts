/** Where tests of this folder find QM9, and whether it is missing. */
const shared = Deno.env.get("MOLSTEP_SHARED") ?? new URL("../../../../../shared", import.meta.url).pathname;

/** The folder of its compact form. */
export const qm9Folder = Deno.env.get("MOLSTEP_QM9") ?? `${shared}/data/qm9`;

/** Whether there is none. */
export const noQm9 = (() => {
  try {
    return !Deno.statSync(qm9Folder).isDirectory;
  } catch {
    return true;
  }
})();
