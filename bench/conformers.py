"""Sets of conformers judged by RDKit: a molecule a line of JSON on stdin, its figures a line of JSON on stdout. One thread.

Each is compared with a reference of its own, conformers by ETKDGv3 minimised by MMFF94s, and ETKDGv3 with another seed is judged beside the sets
that are given. Coverage and matching (recall) as Ganea et al. 2021 have them: the share of the reference's conformers that one of the set comes near,
and the mean distance to the nearest of the set, by the root mean square of the heavy atoms over all symmetries.
"""

import json
import sys
import time

from rdkit import Chem, RDLogger, rdBase
from rdkit.Chem import AllChem, rdMolAlign
from rdkit.Chem import rdForceFieldHelpers as helpers

RDLogger.DisableLog("rdApp.*")
ITERATIONS = 2000
CLOSE = 1.3


def embedded(mol, count, seed, macrocycles=True):
    params = AllChem.ETKDGv3()
    params.randomSeed = seed
    params.useMacrocycleTorsions = params.useMacrocycle14config = macrocycles
    copy = Chem.Mol(mol)
    AllChem.EmbedMultipleConfs(copy, count, params)
    return copy


def minimised(mol):
    copy = Chem.Mol(mol)
    if copy.GetNumConformers() > 0:
        helpers.MMFFOptimizeMoleculeConfs(copy, maxIters=ITERATIONS, mmffVariant="MMFF94s")
    return copy


def placed(mol, sets):
    copy = Chem.Mol(mol)
    copy.RemoveAllConformers()
    for positions in sets:
        conformer = Chem.Conformer(mol.GetNumAtoms())
        for atom in range(mol.GetNumAtoms()):
            conformer.SetAtomPosition(atom, positions[3 * atom : 3 * atom + 3])
        copy.AddConformer(conformer, assignId=True)
    return copy


def energies(mol):
    properties = helpers.MMFFGetMoleculeProperties(mol, mmffVariant="MMFF94s")
    ids = [conformer.GetId() for conformer in mol.GetConformers()]
    return [helpers.MMFFGetMoleculeForceField(mol, properties, confId=k).CalcEnergy() for k in ids]


def has_bonds(mol, conformer):
    """Whether bonded atoms, and they alone, are nearer than CLOSE sums of their covalent radii."""
    apart = Chem.Get3DDistanceMatrix(mol, confId=conformer)
    radii = [Chem.GetPeriodicTable().GetRcovalent(atom.GetAtomicNum()) for atom in mol.GetAtoms()]
    return all(
        (apart[i][j] < CLOSE * (radii[i] + radii[j])) == (mol.GetBondBetweenAtoms(i, j) is not None)
        for j in range(len(radii)) for i in range(j)
    )


def stereo(mol):
    centres = {atom.GetIdx(): atom.GetProp("_CIPCode") for atom in mol.GetAtoms() if atom.HasProp("_CIPCode")}
    kinds = {bond.GetIdx(): str(bond.GetStereo()) for bond in mol.GetBonds() if bond.GetStereo() > Chem.BondStereo.STEREOANY}
    return {("atom", k, v) for k, v in centres.items()} | {("bond", k, v) for k, v in kinds.items()}


def whole(mol):
    """Conformers that have the bonds of the graph, by distances and covalent radii, and all stereo that it specifies."""
    given, found = stereo(mol), []
    for conformer in mol.GetConformers():
        shown = Chem.Mol(mol)
        Chem.AssignStereochemistryFrom3D(shown, conformer.GetId(), replaceExistingTags=True)
        if has_bonds(mol, conformer.GetId()) and given <= stereo(shown):
            found.append(conformer.GetId())
    return found


def judged(mol, reference, seconds):
    heavy, ids = Chem.RemoveHs(mol), [conformer.GetId() for conformer in mol.GetConformers()]
    rows = [
        [rdMolAlign.GetBestRMS(heavy, reference, k, other.GetId(), maxMatches=500) for k in ids]
        for other in reference.GetConformers()
    ]
    nearest = [min(row) for row in rows] if ids else []
    return {"energies": energies(mol), "nearest": nearest, "seconds": seconds, "whole": len(whole(mol))}


def timed(call):
    start = time.process_time()
    return call(), time.process_time() - start


def figures(asked):
    mol = Chem.AddHs(Chem.MolFromSmiles(asked["smiles"]))
    if [atom.GetAtomicNum() for atom in mol.GetAtoms()] != asked["atomicNumbers"]:
        return {"error": "the atoms stand in another order"}
    if not helpers.MMFFHasAllMoleculeParams(mol):
        return {"error": "MMFF94s has no types for it"}
    # What it fails on it fails on slowly: one is asked for first.
    if embedded(mol, 1, 17).GetNumConformers() == 0:
        return {"error": "ETKDGv3 finds no reference"}
    lowest = minimised(embedded(mol, asked["reference"], 17))
    for conformer in {one.GetId() for one in lowest.GetConformers()} - set(whole(lowest)):
        lowest.RemoveConformer(conformer)
    reference = Chem.RemoveHs(lowest)
    if reference.GetNumConformers() == 0:
        return {"error": "no conformer of ETKDGv3 has the graph and the stereo"}
    sets = {name: placed(mol, positions) for name, positions in asked["sets"].items()}
    if not asked["brief"]:
        sets |= {f"{name}, by RDKit's MMFF94s": minimised(one) for name, one in sets.items() if name.endswith("raw")}
    answer = {name: judged(one, reference, None) for name, one in sets.items()}
    for name, macrocycles in {"ETKDGv3": True, **({"ETKDGv3 without": False} if asked["macrocycles"] else {})}.items():
        drawn, drawing = timed(lambda: embedded(mol, asked["count"], asked["seed"], macrocycles))
        lowered, lowering = timed(lambda: minimised(drawn))
        answer[f"{name}, raw"] = judged(drawn, reference, drawing)
        answer[f"{name}, MMFF94s"] = judged(lowered, reference, drawing + lowering)
    return {"lowest": min(energies(lowest)), "sets": answer}


for line in sys.stdin:
    print(json.dumps({"version": rdBase.rdkitVersion, **figures(json.loads(line))}), flush=True)
