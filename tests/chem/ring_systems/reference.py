"""Ring systems by RDKit in Python, for ring_systems_test.ts: zcat smiles.csv.gz | python3 reference.py > reference.json

The first column of every 1,300th line is taken. Written on its own: bonds are cut by fragmentation, not by building pieces.
"""

import json
import sys

from rdkit import Chem, RDLogger, rdBase

RDLogger.DisableLog("rdApp.*")


def systems(smiles):
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return None
    Chem.RemoveStereochemistry(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    in_ring = lambda atom: atom.IsInRing()

    def cut(bond):
        a, b = bond.GetBeginAtom(), bond.GetEndAtom()
        if bond.IsInRing() or not (in_ring(a) or in_ring(b)):
            return False
        opposite = a.GetFormalCharge() * b.GetFormalCharge() < 0
        return bond.GetBondType() != Chem.BondType.DOUBLE and not opposite

    # What a double bond binds to a ring is an end: all its other bonds are cut, too.
    bonds = {bond.GetIdx() for bond in mol.GetBonds() if cut(bond)}
    for bond in mol.GetBonds():
        a, b = bond.GetBeginAtom(), bond.GetEndAtom()
        if bond.IsInRing() or bond.GetIdx() in bonds or in_ring(a) == in_ring(b):
            continue
        end = b if in_ring(a) else a
        for other in end.GetBonds():
            if not in_ring(other.GetOtherAtom(end)):
                bonds.add(other.GetIdx())
    editable = Chem.RWMol(mol)
    for bond in mol.GetBonds():
        if bond.GetIdx() not in bonds:
            continue
        a, b, order = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), int(bond.GetBondTypeAsDouble())
        editable.RemoveBond(a, b)
        for atom in (a, b):
            one = editable.GetAtomWithIdx(atom)
            one.SetNumExplicitHs(one.GetNumExplicitHs() + order)
    found = set()
    for piece in Chem.GetMolFrags(editable, asMols=True, sanitizeFrags=False):
        if not any(len(ring) for ring in Chem.GetSymmSSSR(piece)):
            continue
        Chem.SanitizeMol(piece)
        found.add(Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(piece))))
    return sorted(found)


rows = []
for k, line in enumerate(sys.stdin):
    smiles = line.split(",")[0]
    found = systems(smiles) if k % 1300 == 1 else None
    if found is not None:
        rows.append([smiles, found])
json.dump({"rdkit": rdBase.rdkitVersion, "molecules": rows}, sys.stdout, separators=(",", ":"))
print()
