"""Molecules before and after docking.

molecules.py filter FOLDER KEPT.sdf         those of a folder of `molstep generate --split` that are worth docking
molecules.py table KEPT.sdf POSES OUT.csv   scores of Vina's poses, the best first
"""
import csv
import gzip
import re
import sys
from pathlib import Path

from rdkit import Chem

# What falls apart, reacts with a protein, or cannot be made: not worth docking, whatever its score.
UNWANTED = {
    "three-membered ring": "[r3]",
    "two heteroatoms in a row": "[N,O;!$(N=*);!$(n);!$([N+])]-[N,O;!$(N=*);!$([N+])]",
    "aldehyde": "[CX3H1]=O",
    "acyl fluoride": "[CX3](=O)F",
    "cumulated double bonds": "*=[CX2]=*",
    "anhydride": "C(=O)OC=O",
    "imine of no ring": "[CX3]=[NX2;!R]",
}


def molecules(folder):
    """Molecules that the index of a folder names, hydrogens and data fields included; None for one that RDKit refuses."""
    for name in (folder / "index.txt").read_text().split():
        path = folder / name
        with (gzip.open if name.endswith(".gz") else open)(path, "rb") as file:
            yield from Chem.ForwardSDMolSupplier(file, removeHs=False)


def filter_molecules(folder, kept):
    patterns = {name: Chem.MolFromSmarts(smarts) for name, smarts in UNWANTED.items()}
    dropped, drawn, written = {}, 0, 0
    with Chem.SDWriter(kept) as writer:
        for molecule in molecules(Path(folder)):
            drawn += 1
            if molecule is None:
                why = "invalid"
            else:
                flags = [flag for flag in ("valid", "stable", "connected") if molecule.GetProp(flag) != "true"]
                found = [name for name, pattern in patterns.items() if molecule.HasSubstructMatch(pattern)]
                why = next(iter([f"not {flag}" for flag in flags] + found), None)
            if why:
                dropped[why] = dropped.get(why, 0) + 1
            else:
                writer.write(molecule)
                written += 1
    reasons = ", ".join(f"{count} {why}" for why, count in sorted(dropped.items(), key=lambda pair: -pair[1]))
    print(f"{written} of {drawn} molecules kept" + (f"; dropped: {reasons}" if reasons else ""))
    if written == 0:
        sys.exit("molecules.py: nothing is left to dock: draw more")


def score_of(pose):
    """Vina's score of the best pose in a file, kcal/mol."""
    found = re.search(r"REMARK VINA RESULT:\s+(-?[\d.]+)", pose.read_text())
    if not found:
        raise SyntaxError(f"{pose} must have a line REMARK VINA RESULT; got none")
    return float(found[1])


def table(kept, poses, out):
    rows = []
    for molecule in Chem.SDMolSupplier(kept, removeHs=False):
        title = molecule.GetProp("_Name")
        pose = Path(poses) / f"{title}_out.pdbqt"
        if not pose.exists():
            print(f"no pose of {title}", file=sys.stderr)
            continue
        score, heavy = score_of(pose), molecule.GetNumHeavyAtoms()
        rows.append((title, score, round(score / heavy, 2), heavy, molecule.GetProp("smiles")))
    rows.sort(key=lambda row: row[1])
    with open(out, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["title", "score", "score_per_heavy_atom", "heavy_atoms", "smiles"])
        writer.writerows(rows)
    print(f"{'title':<18}{'kcal/mol':>9}{'an atom':>9}  smiles")
    for title, score, efficiency, _, smiles in rows[:10]:
        print(f"{title:<18}{score:>9.2f}{efficiency:>9.2f}  {smiles}")
    print(f"the best of {len(rows)}; all are in {out}")


if __name__ == "__main__":
    commands = {"filter": (filter_molecules, 2), "table": (table, 3)}
    name, *rest = sys.argv[1:] or [""]
    if name not in commands or len(rest) != commands[name][1]:
        sys.exit(__doc__)
    commands[name][0](*rest)
