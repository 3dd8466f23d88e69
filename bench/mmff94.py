"""Milliseconds that RDKit's MMFF94 without charges takes a molecule: JSON of molecules on stdin, JSON on stdout. One thread."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests/chem/mmff94"))
from reference import molecule_of, place, properties_of  # noqa: E402
from rdkit import rdBase  # noqa: E402
from rdkit.Chem import rdForceFieldHelpers as helpers  # noqa: E402

given = json.load(sys.stdin)
result = []
for one in given["molecules"]:
    mol = molecule_of(one)
    setup, minimising = [], []
    for _ in range(given["rounds"]):
        place(mol, one["noisy"])
        start = time.perf_counter()
        field = helpers.MMFFGetMoleculeForceField(mol, properties_of(mol))
        field.Initialize()
        begun = time.perf_counter()
        field.Minimize(maxIts=given["iterations"])
        setup.append(1000 * (begun - start))
        minimising.append(1000 * (time.perf_counter() - begun))
    result.append({"setup": min(setup), "minimising": min(minimising), "after": field.CalcEnergy()})
json.dump({"version": rdBase.rdkitVersion, "molecules": result}, sys.stdout)
