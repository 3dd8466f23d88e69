"""What RDKit in Python says of molecules, for filter_test.ts: python3 reference.py SMILES_FILE > reference.json

SMILES_FILE has a SMILES a line (RDKit's Data/NCI/first_5K.smi); those of every alert set that has an alert, and some that have none, are taken.
"""

import json
import pathlib
import sys

from rdkit import Chem, RDLogger, rdBase
from rdkit.Chem import QED, rdMolDescriptors
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

RDLogger.DisableLog("rdApp.*")
HERE = pathlib.Path(__file__).parent
SMARTS = ["c1ccccc1", "[OX2H]", "[NX3;H2,H1]", "C=O", "[r3]", "[#7]~[#7]", "[CX4;R2]"]


def catalog(name):
    params = FilterCatalogParams()
    params.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog(params)


CATALOGS = {"pains": catalog("PAINS"), "brenk": catalog("BRENK")}


def alerts(mol):
    return {name: (lambda hit: hit and hit.GetDescription())(one.GetFirstMatch(mol)) for name, one in CATALOGS.items()}


def spatial(block):
    full = Chem.MolFromMolBlock(block, removeHs=False)
    if full is None:
        return None
    mol = Chem.MolFromSmiles(Chem.MolToSmiles(Chem.RemoveHs(full)))
    d = rdMolDescriptors
    pmi = [d.CalcPMI1(full), d.CalcPMI2(full), d.CalcPMI3(full)]
    values = {
        "molecularWeight": d._CalcMolWt(mol),
        "logP": d.CalcCrippenDescriptors(mol)[0],
        "tpsa": d.CalcTPSA(mol),
        "hydrogenBondDonors": d.CalcNumHBD(mol),
        "hydrogenBondAcceptors": d.CalcNumHBA(mol),
        "rotatableBonds": d.CalcNumRotatableBonds(mol),
        "rings": d.CalcNumRings(mol),
        "aromaticRings": d.CalcNumAromaticRings(mol),
        "fractionCsp3": d.CalcFractionCSP3(mol),
        "qed": QED.qed(mol),
        "radiusOfGyration": (sum(pmi) / (2 * d._CalcMolWt(full))) ** 0.5,
        **{f"principalMoment{k + 1}": value for k, value in enumerate(pmi)},
        "momentRatio1": d.CalcNPR1(full),
        "momentRatio2": d.CalcNPR2(full),
    }
    return {
        "values": {name: round(value, 6) for name, value in values.items()},
        "formula": d.CalcMolFormula(mol),
        "smarts": [mol.HasSubstructMatch(Chem.MolFromSmarts(one)) for one in SMARTS],
        **alerts(mol),
    }


def main():
    blocks = {}
    for name in ["judge/pinned.sdf", "druglike.sdf"]:
        records = (HERE.parent / name).read_text().split("$$$$\n")[:-1]
        blocks[name] = [spatial(record) for record in records]
    flat, plain = [], 0
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        smiles = line.split()[0]
        mol = Chem.MolFromSmiles(smiles)
        if mol is None or "." in smiles or mol.GetNumAtoms() > 40:
            continue
        found = alerts(mol)
        if found["pains"] is None and (plain := plain + 1) > 60:
            continue
        flat.append([smiles, found["pains"], found["brenk"]])
    told = {"rdkit": rdBase.rdkitVersion, "smarts": SMARTS, "spatial": blocks, "flat": flat[:240]}
    print(json.dumps(told, separators=(",", ":")))


main()
