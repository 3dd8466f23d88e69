/**
 * Typical bond lengths in picometres, by the symbols of both atoms in either order: the figures of EDM (Hoogeboom et al., "Equivariant
 * Diffusion for Molecule Generation in 3D", 2022, appendix "Bond distances"; for further elements its table for GEOM-Drugs, `qm9/bond_analyze.py` of
 * ehoogeboom/e3_diffusion_for_molecules: B-H, As-H, B-Cl and silicon are there alone).
 */
export const TYPICAL_LENGTHS: Readonly<Record<1 | 2 | 3, Readonly<Record<string, number>>>> = {
  // deno-fmt-ignore
  1: {
    "H-H": 74, "H-C": 109, "H-N": 101, "H-O": 96, "H-F": 92, "H-P": 144, "H-S": 134, "H-Cl": 127, "H-Br": 141, "H-I": 161,
    "C-C": 154, "C-N": 147, "C-O": 143, "C-F": 135, "C-P": 184, "C-S": 182, "C-Cl": 177, "C-Br": 194, "C-I": 214,
    "N-N": 145, "N-O": 140, "N-F": 136, "N-P": 177, "N-S": 168, "N-Cl": 175, "N-Br": 214, "N-I": 222,
    "O-O": 148, "O-F": 142, "O-P": 163, "O-S": 151, "O-Cl": 164, "O-Br": 172, "O-I": 194,
    "F-F": 142, "F-P": 156, "F-S": 158, "F-Cl": 166, "F-Br": 178, "F-I": 187,
    "P-P": 221, "P-S": 210, "P-Cl": 203, "P-Br": 222,
    "S-S": 204, "S-Cl": 207, "S-Br": 225, "S-I": 234,
    "Cl-Cl": 199, "Cl-Br": 214, "Br-Br": 228, "I-I": 266,
    "H-B": 119, "B-Cl": 175, "H-As": 152,
    "H-Si": 148, "C-Si": 185, "O-Si": 163, "F-Si": 160, "Si-Si": 233, "Si-S": 200, "Si-Cl": 202, "Si-Br": 215, "Si-I": 243,
  },
  // deno-fmt-ignore
  2: {
    "C-C": 134, "C-N": 129, "C-O": 120, "C-S": 160, "N-N": 125, "N-O": 121, "O-O": 121, "O-P": 150, "P-S": 186,
  },
  3: { "C-C": 120, "C-N": 116, "C-O": 113, "N-N": 110 },
};

/** How much longer than typical a bond of each order may be, in picometres: EDM's margins. */
export const EDM_MARGINS: Readonly<Record<1 | 2 | 3, number>> = { 1: 10, 2: 5, 3: 3 };
