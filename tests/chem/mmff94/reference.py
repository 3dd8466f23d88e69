"""What RDKit's MMFF94 says of molecules: atom types, energies by term (no electrostatics), and the energy after some iterations of its BFGS.

Reads the JSON of `molecules.ts` on stdin, writes JSON. A molecule that RDKit refuses, or has no types for, is null.
"""

import json
import sys

from rdkit import Chem, RDLogger
from rdkit.Chem import rdForceFieldHelpers as helpers
from rdkit.Geometry import Point3D

RDLogger.DisableLog("rdApp.*")
ORDERS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
TERMS = ("Bond", "Angle", "StretchBend", "Oop", "Torsion", "VdW")
ITERATIONS = 100


def molecule_of(given):
    mol = Chem.RWMol()
    for number, charge in zip(given["atomicNumbers"], given["charges"]):
        atom = Chem.Atom(number)
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)
        mol.AddAtom(atom)
    for bond in given["bonds"]:
        mol.AddBond(bond["i"], bond["j"], ORDERS[bond["order"]])
    # Bonds stay as they are given: no aromaticity of RDKit's, which it would have to undo.
    Chem.SanitizeMol(mol, Chem.SanitizeFlags.SANITIZE_ALL ^ Chem.SanitizeFlags.SANITIZE_SETAROMATICITY)
    return mol


def place(mol, positions):
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for i in range(mol.GetNumAtoms()):
        conformer.SetAtomPosition(i, Point3D(*positions[3 * i : 3 * i + 3]))
    mol.RemoveAllConformers()
    mol.AddConformer(conformer)


def properties_of(mol, only=None):
    properties = helpers.MMFFGetMoleculeProperties(mol)
    if properties is None:
        return None
    properties.SetMMFFEleTerm(False)
    for term in TERMS:
        getattr(properties, f"SetMMFF{term}Term")(only is None or term == only)
    return properties


def judged(given):
    try:
        mol = molecule_of(given)
    except Exception:
        return None
    place(mol, given["positions"])
    types = properties_of(mol)
    if types is None:
        return None
    result = {"row": given.get("row"), "types": [types.GetMMFFAtomType(i) for i in range(mol.GetNumAtoms())]}
    for name in ("positions", "noisy"):
        place(mol, given[name])
        energies = []
        for term in TERMS:
            field = helpers.MMFFGetMoleculeForceField(mol, properties_of(mol, term))
            energies.append(round(field.CalcEnergy(), 4) if field else 0)
        field = helpers.MMFFGetMoleculeForceField(mol, properties_of(mol))
        field.Initialize()
        field.Minimize(maxIts=ITERATIONS)
        result[name] = {"terms": energies, "minimised": round(field.CalcEnergy(), 3)}
    return result


def write(values):
    print("[\n" + ",\n".join(json.dumps(value, separators=(",", ":")) for value in values) + "\n]")


if __name__ == "__main__":
    write(judged(one) for one in json.load(sys.stdin))
