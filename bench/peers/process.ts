/** The peers' own code in processes of their own; see `driver.py`. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProgram, type SubjectProcess } from "../subject_process.ts";

/** The peers, by the names of the options that give their checkouts. */
export const PEERS = { geoldm: "GeoLDM", accgeoldm: "AccGeoLDM", edm: "EDM" } as const;

/** One of {@link PEERS}. */
export type Peer = keyof typeof PEERS;

/** What `driver.py` is told. */
export interface PeerSubject {
  readonly peer: Peer;
  /** Its checkout. */
  readonly path: string;
  readonly device?: "cpu" | "cuda";
  /** PyTorch's threads; the machine's cores where absent. */
  readonly threads?: number;
  /** Threads that wait sleep instead of spinning. */
  readonly passive?: boolean;
  /** Of its sampler; 1000 where absent. */
  readonly steps?: number;
  readonly compile?: boolean;
  readonly bfloat16?: boolean;
  /** A folder to which another process saved the weights; random ones where absent. */
  readonly weights?: string;
  /** A folder of inputs; see `inputs.ts`. */
  readonly inputs?: string;
  /** A folder that takes weights and arguments, as the peer's training saves them. */
  readonly save?: string;
  /** Arguments that are not as released: `{ nf: 32, n_layers: 2 }`. */
  readonly sizes?: Readonly<Record<string, number>>;
}

/** The files in the folder `save`. */
export const savedFiles = (folder: string) => ({
  weights: join(folder, "generative_model_ema.npy"),
  args: join(folder, "args.pickle"),
});

const driver = fileURLToPath(new URL("./driver.py", import.meta.url));

/**
 * Starts a peer's process and waits until its model is there.
 *
 * @param python a Python that has PyTorch
 * @throws Error as `startProgram`; what Python could not import is in its text
 */
export function startPeer(python: string, subject: PeerSubject, timeout: number): Promise<SubjectProcess> {
  return startProgram(python, [driver, JSON.stringify(subject)], timeout);
}

/** The commit of a checkout; null where there is no git, or no repository. */
export async function commitOf(path: string): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", path, "rev-parse", "HEAD"],
      stderr: "null",
    })
      .output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch {
    return null;
  }
}
