"""An independent judge of SDF files: RDKit in Python (Debian's python3-rdkit), which shares no code with the service.

python3 bench/judge.py [--first N] [--posebusters] [--xtb] [--json OUT] FILE.sdf ...

Prints for each file how many records RDKit reads, how many of these are of one fragment, and of the latter

- strain: the MMFF94 energy that a local minimisation (500 steps) takes out, in kcal/mol, with the RMSD in angstrom of all atoms between before and
  after;
- the share of molecules with a double bond that is twisted by more than 30 degrees, of those that have one: C=C and C=N that are not aromatic, C-N of
  amides; the worst torsion of a bond counts, in the same words as chem/judge/torsions.ts;
- with --posebusters (PyPI's posebusters, https://pypi.org/project/posebusters) how many pass all tests of its configuration `mol` but the energy ratio,
  which takes conformers;
- with --xtb (Debian's package xtb, or another on the PATH) strain by GFN2-xTB: the energy that an optimisation takes out, the RMSD, and whether the bonds are
  the same after it. Some tenths of a second to seconds a molecule.

--first takes the first N records of a file. --json writes what was found of each molecule.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem, rdMolAlign, rdMolTransforms

RDLogger.DisableLog("rdApp.*")

TWISTED = 30
HARTREE = 627.5094740631
"""kcal/mol"""

COVALENT = {1: 0.31, 6: 0.76, 7: 0.71, 8: 0.66, 9: 0.57, 15: 1.07, 16: 1.05, 17: 1.02, 35: 1.2, 53: 1.39}
"""Cordero et al. 2008, angstrom; a bond is where the distance is below the sum and TOLERANCE."""
TOLERANCE = 0.2


def mmff(mol, variant="MMFF94", steps=500):
    """(kcal/mol, angstrom) between a molecule and its nearest minimum; None where MMFF94 lacks parameters."""
    if not AllChem.MMFFHasAllMoleculeParams(mol) or any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()):
        return None
    relaxed = Chem.Mol(mol)
    field = AllChem.MMFFGetMoleculeForceField(relaxed, AllChem.MMFFGetMoleculeProperties(relaxed, variant))
    before = field.CalcEnergy()
    field.Minimize(maxIts=steps)
    return before - field.CalcEnergy(), rmsd(relaxed, mol)


def rmsd(one, other):
    """Of all atoms, after superposition, in angstrom."""
    return rdMolAlign.AlignMol(Chem.Mol(one), other, atomMap=[(i, i) for i in range(other.GetNumAtoms())])


def worst_torsion(mol, i, j):
    """Degrees from flat, the worst over what else is bonded to both ends; None where an end has nothing else."""
    positions = mol.GetConformer()
    around = lambda atom, other: [n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors() if n.GetIdx() != other]
    angles = [
        abs(rdMolTransforms.GetDihedralDeg(positions, a, i, j, b)) for a in around(i, j) for b in around(j, i) if a != b
    ]
    return max((min(angle, 180 - angle) for angle in angles), default=None)


KINDS = {
    "alkene": "[#6X3]=&!@[#6X3]",
    "imine": "[#6X3]=&!@[NX2]",
    "amide": "[CX3;!a;$(C=O)]-&!@[NX3;!a;!r3]",
}
"""Acyclic bonds, their ends first and last."""
PATTERNS = {kind: Chem.MolFromSmarts(smarts) for kind, smarts in KINDS.items()}
ANY_ALKENE = Chem.MolFromSmarts("[#6X3]=[#6X3]")


def twists(mol):
    """The worst torsion of each kind that a molecule has."""
    found = {}
    for kind, pattern in {**PATTERNS, "anyAlkene": ANY_ALKENE}.items():
        torsions = [worst_torsion(mol, *ends) for ends in mol.GetSubstructMatches(pattern)]
        torsions = [torsion for torsion in torsions if torsion is not None]
        if torsions:
            found[kind] = max(torsions)
    return found


def bonds_by_distance(mol, positions):
    """Pairs of atoms that the sums of covalent radii call bonded."""
    radii = numpy.array([COVALENT[atom.GetAtomicNum()] for atom in mol.GetAtoms()])
    apart = numpy.linalg.norm(positions[:, None] - positions[None], axis=-1)
    near = apart < radii[:, None] + radii[None] + TOLERANCE
    return {(int(i), int(j)) for i, j in zip(*numpy.nonzero(near)) if i < j}


def run_xtb(folder, *options):
    """xtb's output; RuntimeError where it fails."""
    command = ["xtb", "mol.xyz", "--gfn", "2", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_STACKSIZE": "1G"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1:] or "xtb failed")
    return done.stdout


def total_energy(output):
    """The last total energy of xtb's output, kcal/mol."""
    lines = [line for line in output.splitlines() if "TOTAL ENERGY" in line]
    return float(lines[-1].split()[3]) * HARTREE


def xtb(mol):
    """(kcal/mol, angstrom, whether the bonds survive) by GFN2-xTB; None where it does not converge."""
    charge = str(Chem.GetFormalCharge(mol))
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "mol.xyz").write_text(Chem.MolToXYZBlock(mol))
        try:
            before = total_energy(run_xtb(folder, "--chrg", charge))
            after = total_energy(run_xtb(folder, "--chrg", charge, "--opt"))
        except (RuntimeError, subprocess.TimeoutExpired):
            return None
        lines = pathlib.Path(folder, "xtbopt.xyz").read_text().splitlines()[2:]
    positions = numpy.array([[float(value) for value in line.split()[1:4]] for line in lines])
    relaxed = Chem.Mol(mol)
    for k, place in enumerate(positions):
        relaxed.GetConformer().SetAtomPosition(k, place)
    drawn = bonds_by_distance(mol, mol.GetConformer().GetPositions())
    return before - after, rmsd(relaxed, mol), drawn == bonds_by_distance(mol, positions)


def open_posebusters():
    """A function from a molecule to the names of the tests that it fails."""
    try:
        import posebusters
        import yaml
    except ImportError as error:
        sys.exit(f"--posebusters needs PyPI's posebusters and pyyaml (python3 -m pip install posebusters): {error}")
    folder = pathlib.Path(posebusters.__file__).parent / "config"
    config = yaml.safe_load((folder / "mol.yml").read_text())
    config["modules"] = [module for module in config["modules"] if "energy" not in module["function"]]
    buster = posebusters.PoseBusters(config=config)

    def failed(mol):
        row = buster.bust([mol], None, None).iloc[0]
        RDLogger.DisableLog("rdApp.*")  # which posebusters turns on
        return [str(name) for name, passed in row.items() if not passed]

    return failed


def quantiles(name, values, unit):
    """Median and 90 %."""
    if not len(values):
        return f"{name}: none measured"
    return f"{name} median {numpy.median(values):.2f}, 90 % below {numpy.quantile(values, 0.9):.2f} {unit} (n = {len(values)})"


def share(name, hits, n):
    """A share with its 95 % interval by Wilson."""
    if n == 0:
        return f"{name} none has one"
    p, zz = hits / n, 1.96**2 / n
    middle, half = (p + zz / 2) / (1 + zz), 1.96 * (p * (1 - p) / n + zz / (4 * n)) ** 0.5 / (1 + zz)
    return f"{name} {100 * p:.1f} % ({100 * (middle - half):.1f} to {100 * (middle + half):.1f}; n = {n})"


def judged(path, options, failed):
    """A file's lines, and what was found of each molecule."""
    RDLogger.DisableLog("rdApp.*")
    mols = [mol for k, mol in enumerate(Chem.SDMolSupplier(path, removeHs=False)) if not options.first or k < options.first]
    read = [mol for mol in mols if mol is not None]
    whole = [mol for mol in read if len(Chem.GetMolFrags(mol)) == 1]
    found = []
    for mol in whole:
        one = {"title": mol.GetProp("_Name"), "smiles": Chem.MolToSmiles(Chem.RemoveHs(mol)), "twists": twists(mol)}
        one["mmff"] = mmff(mol)
        if failed:
            one["failed"] = failed(mol)
        if options.xtb:
            one["xtb"] = xtb(mol)
        found.append(one)
    lines = [f"{path}: {len(mols)} records, {len(read)} read, {len(whole)} of one fragment"]
    fields = [one["mmff"] for one in found if one["mmff"]]
    lines.append(quantiles("strain, MMFF94:", [energy for energy, _ in fields], "kcal/mol"))
    lines.append(quantiles("  moved:", [moved for _, moved in fields], "angstrom"))
    for kind in (*KINDS, "anyAlkene"):
        own = [one["twists"][kind] for one in found if kind in one["twists"]]
        lines.append(share(f"twisted {kind}, of those with one:", sum(angle > TWISTED for angle in own), len(own)))
    if failed:
        lines.append(share("PoseBusters, all passed:", sum(not one["failed"] for one in found), len(found)))
        names = [name for one in found for name in one["failed"]]
        lines.append("  failed: " + (", ".join(f"{name} {names.count(name)}" for name in sorted(set(names))) or "none"))
    if options.xtb:
        done = [one["xtb"] for one in found if one["xtb"]]
        lines.append(quantiles("strain, GFN2-xTB:", [energy for energy, *_ in done], "kcal/mol"))
        lines.append(quantiles("  moved:", [moved for _, moved, _ in done], "angstrom"))
        lines.append(share("  bonds survive:", sum(same for *_, same in done), len(done)))
    return "\n  ".join(lines), found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE.sdf")
    parser.add_argument("--first", type=int, default=0, metavar="N")
    parser.add_argument("--posebusters", action="store_true")
    parser.add_argument("--xtb", action="store_true")
    parser.add_argument("--json", metavar="OUT")
    options = parser.parse_args()
    if options.xtb and not shutil.which("xtb"):
        sys.exit("--xtb needs the program xtb on the PATH (Debian: apt-get install xtb)")
    failed = open_posebusters() if options.posebusters else None
    everything = {}
    for path in options.files:
        text, everything[path] = judged(path, options, failed)
        print(text, flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
