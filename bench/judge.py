"""An independent judge of SDF files: RDKit in Python (Debian's python3-rdkit), which shares no code with the service.

python3 bench/judge.py FILE.sdf ...

Prints for each file how many records RDKit reads, how many of these are of one fragment, and the strain of the latter: the MMFF94 energy
that a local minimisation (500 steps) takes out, in kcal/mol, with the RMSD in angstrom of all atoms between before and after.
"""
import sys

import numpy
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem, rdMolAlign

RDLogger.DisableLog("rdApp.*")


def strain(mol):
    """(kcal/mol, angstrom) between a molecule and its nearest minimum."""
    relaxed = Chem.Mol(mol)
    field = AllChem.MMFFGetMoleculeForceField(relaxed, AllChem.MMFFGetMoleculeProperties(relaxed))
    before = field.CalcEnergy()
    field.Minimize(maxIts=500)
    atoms = [(i, i) for i in range(mol.GetNumAtoms())]
    return before - field.CalcEnergy(), rdMolAlign.AlignMol(relaxed, mol, atomMap=atoms)


def judged(path):
    mols = list(Chem.SDMolSupplier(path, removeHs=False))
    read = [mol for mol in mols if mol is not None]
    whole = [mol for mol in read if len(Chem.GetMolFrags(mol)) == 1]
    fit = [
        mol
        for mol in whole
        if AllChem.MMFFHasAllMoleculeParams(mol) and not any(a.GetNumRadicalElectrons() for a in mol.GetAtoms())
    ]
    values = numpy.array([strain(mol) for mol in fit])
    quantiles = "" if not len(values) else "; ".join(
        f"{name} median {numpy.median(column):.2f}, 90 % below {numpy.quantile(column, 0.9):.2f}"
        for name, column in zip(("strain, kcal/mol:", "rmsd, angstrom:"), values.T)
    )
    return f"{path}: {len(mols)} records, {len(read)} read, {len(whole)} of one fragment, {len(fit)} minimised; {quantiles}"


for path in sys.argv[1:]:
    print(judged(path), flush=True)
