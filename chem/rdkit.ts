/**
 * RDKit.js, loaded and kept tidy. Its molecules live in WebAssembly memory that no garbage collector sees, so they are
 * lent to a callback and freed when it ends, whether it returns or throws.
 */
import rdkitModule, { type MainModule, type Mol } from "@rdkit/rdkit";

export type RdkitMol = Mol;

export interface ParseOptions {
  /** Turn explicit hydrogens into implicit ones while reading. Default true, as RDKit does. */
  readonly removeHs?: boolean;
}

export interface Rdkit {
  readonly version: string;
  /**
   * Reads and sanitises a SMILES or a molblock, and lends the molecule to `use`.
   *
   * @param input text, or its bytes, which are handed over as they are
   * @returns what `use` returns; null where RDKit refuses the input
   */
  withMol<T>(input: string | Uint8Array, use: (mol: RdkitMol) => T, options?: ParseOptions): T | null;
  /** What RDKit has against a molecule that it refuses, in its own words; undefined where it says nothing. */
  objection(input: string | Uint8Array, options?: ParseOptions): string | undefined;
  /** The InChIKey of an InChI. */
  inchikey(inchi: string): string;
  /** A substructure to look for, to be closed. Throws RangeError for SMARTS that RDKit refuses: the SMARTS, then why. */
  pattern(smarts: string): Pattern;
}

/** A substructure in RDKit's memory. */
export interface Pattern {
  in(mol: RdkitMol): boolean;
  /** Where it is: the atoms of each match that no other has all of, in the order of the pattern's. */
  matches(mol: RdkitMol): number[][];
  close(): void;
}

/** Wraps a loaded module. Separate from loading so that a test can count what is taken and freed. */
export function wrapRdkit(
  module:
    & Pick<MainModule, "get_mol" | "get_qmol" | "get_inchikey_for_inchi" | "version">
    & Partial<
      Pick<MainModule, "set_log_capture">
    >,
): Rdkit {
  return {
    version: module.version(),
    withMol(input, use, options = {}) {
      const mol = module.get_mol(input, JSON.stringify(options));
      if (mol === null) return null;
      try {
        return use(mol);
      } finally {
        mol.delete();
      }
    },
    objection(input, options = {}) {
      const log = module.set_log_capture?.("rdApp.error");
      if (!log) return undefined;
      try {
        module.get_mol(input, JSON.stringify(options))?.delete();
        return /^\[[\d:]+\] (.+?)\s*$/m.exec(log.get_buffer())?.[1];
      } finally {
        log.delete();
      }
    },
    inchikey: (inchi) => module.get_inchikey_for_inchi(inchi),
    pattern(smarts) {
      const query = module.get_qmol(smarts);
      if (query === null) throw new RangeError(`${JSON.stringify(smarts)}: ${refusal(module, smarts)}`);
      return {
        in: (mol) => mol.get_substruct_match(query) !== "{}",
        matches(mol) {
          const found: { atoms: number[] }[] | Record<string, never> = JSON.parse(mol.get_substruct_matches(query));
          return Array.isArray(found) ? found.map(({ atoms }) => atoms) : [];
        },
        close: () => query.delete(),
      };
    },
  };
}

/** What RDKit has against SMARTS that it has refused, in its own words. What it logs is caught for this alone: most of it is of molecules, and grows with them. */
function refusal(module: Pick<MainModule, "get_qmol"> & Partial<Pick<MainModule, "set_log_capture">>, smarts: string) {
  const log = module.set_log_capture?.("rdApp.error");
  if (!log) return "RDKit refuses it";
  try {
    module.get_qmol(smarts)?.delete();
    const text = log.get_buffer(),
      [, told] = /SMARTS Parse Error: (.+?)( while parsing:| for input:|$)/m.exec(text) ?? [];
    const [, position] = /around position (\d+)/.exec(text) ?? [];
    return (told ?? "RDKit refuses it") + (position ? ` around character ${position}` : "");
  } finally {
    log.delete();
  }
}

/** Loads RDKit.js; about 0.2 s. Its WebAssembly file lies beside its script in the npm package: no network. */
export async function createRdkit(): Promise<Rdkit> {
  // The package is CommonJS: what its types call the default export is the module itself.
  const module = await (rdkitModule as unknown as typeof rdkitModule.default)();
  // Why a molecule was refused is no news here: it is refused.
  module.disable_logging();
  return wrapRdkit(module);
}
