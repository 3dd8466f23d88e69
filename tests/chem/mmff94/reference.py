"""What RDKit's MMFF94 says of molecules: atom types, energies by term (no electrostatics), and the energy after some iterations of its BFGS. And what its
MMFF94s with charges does.

Reads the JSON of `molecules.ts` on stdin, writes JSON. A molecule that RDKit refuses, or has no types for, is null.
"""

import json
import sys

from rdkit import Chem, RDLogger
from rdkit.Chem import rdForceFieldHelpers as helpers
from rdkit.Geometry import Point3D

RDLogger.DisableLog("rdApp.*")
ORDERS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
TERMS, CHARGES = ("Bond", "Angle", "StretchBend", "Oop", "Torsion", "VdW"), "Ele"
# MMFF94s with charges: of its terms those that MMFF94 has otherwise.
STATIC = {"variant": "MMFF94s", "terms": (*TERMS, CHARGES)}
OTHERWISE = [STATIC["terms"].index(term) for term in ("Oop", "Torsion", CHARGES)]
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


def properties_of(mol, only=None, variant="MMFF94", terms=TERMS):
    properties = helpers.MMFFGetMoleculeProperties(mol, mmffVariant=variant)
    if properties is None:
        return None
    choose(properties, [term for term in terms if only in (None, term)])
    return properties


def choose(properties, terms):
    for term in (*TERMS, CHARGES):
        getattr(properties, f"SetMMFF{term}Term")(term in terms)


def energies_of(mol, **asked):
    terms = asked.get("terms", TERMS)
    fields = (helpers.MMFFGetMoleculeForceField(mol, properties_of(mol, term, **asked)) for term in terms)
    return [round(field.CalcEnergy(), 4) if field else 0 for field in fields]


def minimised(mol, **asked):
    field = helpers.MMFFGetMoleculeForceField(mol, properties_of(mol, **asked))
    field.Initialize()
    field.Minimize(maxIts=ITERATIONS)
    return round(field.CalcEnergy(), 3)


def charges_of(mol):
    properties = helpers.MMFFGetMoleculeProperties(mol)
    return [round(properties.GetMMFFPartialCharge(atom), 4) + 0 for atom in range(mol.GetNumAtoms())]


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
        energies = energies_of(mol)
        result[name] = {"terms": energies, "minimised": minimised(mol)}
    return result


def judged_static(given):
    mol = molecule_of(given)
    place(mol, given["positions"])
    energies = energies_of(mol, **STATIC)
    return {"partial": charges_of(mol), "static": {"terms": [energies[k] for k in OTHERWISE], "minimised": minimised(mol, **STATIC)}}


def write(values):
    print("[\n" + ",\n".join(json.dumps(value, separators=(",", ":")) for value in values) + "\n]")


if __name__ == "__main__":
    write(judged(one) for one in json.load(sys.stdin))
