"""RDKit's MMFF94s with charges of molecules: one a line of JSON on stdin, its types, partial charges and energies by term a line of JSON on stdout."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests/chem/mmff94"))
from reference import STATIC, choose, molecule_of, place  # noqa: E402
from rdkit import rdBase  # noqa: E402
from rdkit.Chem import rdForceFieldHelpers as helpers  # noqa: E402


def energy(mol, properties, term):
    choose(properties, [term])
    field = helpers.MMFFGetMoleculeForceField(mol, properties)
    return field.CalcEnergy() if field else 0


def judged(given):
    try:
        mol = molecule_of(given)
    except Exception as error:
        return {"error": str(error)}
    place(mol, given["positions"])
    # Once: it may set bond orders anew, and takes some of these molecules for others when it looks again.
    properties = helpers.MMFFGetMoleculeProperties(mol, mmffVariant=STATIC["variant"])
    if properties is None:
        return {"error": "MMFF94s has no types for it"}
    atoms = range(mol.GetNumAtoms())
    return {
        "types": [properties.GetMMFFAtomType(atom) for atom in atoms],
        "charges": [properties.GetMMFFPartialCharge(atom) for atom in atoms],
        "energies": [energy(mol, properties, term) for term in STATIC["terms"]],
    }


for line in sys.stdin:
    print(json.dumps({"version": rdBase.rdkitVersion, **judged(json.loads(line))}), flush=True)
