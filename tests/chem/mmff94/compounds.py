"""Compounds with most of MMFF94's types and parameters, rules for what the tables lack among them, as RDKit places and judges them (`reference.py`).

    python3 tests/chem/mmff94/compounds.py | gzip -9n > tests/chem/mmff94/compounds.json.gz
"""

from rdkit import Chem
from rdkit.Chem import AllChem

from reference import judged, judged_static, write

SMILES = """
CS(=O)(=O)N CS(C)=O CSC CS CC(=S)N CC(=S)S c1ccsc1 c1cscn1 c1ccncc1 c1ccccc1 c1cc[nH]c1 c1c[nH]cn1 c1c[nH]c[nH+]1
c1nnn[nH]1 c1ncon1 c1nnco1 c1ccoc1 Cn1ccnc1 C[n+]1ccccc1 [O-][n+]1ccccc1 C[N+](=O)[O-] CON(=O)=O CN=O CN=[N+]=[N-]
C=[N+]=[N-] CC#N C[N+]#[C-] CN=C=O CN=C=S C=C=C CC(=O)[O-] CC(=O)O CC(=O)N CC(=O)OC COC(=O)N NC(N)=[NH2+] NC(N)=N
CC(N)=[NH2+] CC(N)=N C[NH3+] C[N+](C)(C)C C[N+](C)(C)[O-] CN(C)C CN(C)N CNN=C CN=NC NN=N ONC C=NO CC=C C1=CCC1 C1CC1
C1CCC1 C1CC=CC1 C1OC1 C1NC1 C1=CC1 CP(C)C CP(=O)(C)C COP(=O)(OC)OC CP(=O)([O-])[O-] CS(=O)(=O)[O-] COS(=O)(=O)OC
CS(=O)O CSSC C=S=O C=S(=O)=O CC(F)(F)F CCl CBr CI c1ccc(Cl)cc1 c1ccc(Br)cc1Cl C=C(F)Cl Nc1ccccc1 Oc1ccccc1 CNC=C
NC#N CNC#C N#CC#N O=C1CCCN1 O=c1cc[nH]cc1 O=c1[nH]ccc(=O)[nH]1 c1ccc2[nH]ccc2c1 c1ccc2ncccc2c1 c1cnc2[nH]cnc2c1
Nc1ncnc2[nH]cnc12 c1ccc2ccccc2c1 c1ccc2c(c1)oc1ccccc12 c1ccc(-c2ccccc2)cc1 C=CC=C C=CC=O C1=CC=CC=CC1 c1ccc2cccc2cc1
O=S1(=O)CCCC1 O=C1NS(=O)(=O)c2ccccc12 CN1C=NC2=C1C(=O)N(C)C(=O)N2C CC(=O)Oc1ccccc1C(=O)O CC(C)Cc1ccc(C(C)C(=O)O)cc1
Cc1nnc(S)s1 [O-]c1ccccc1 C[O-] C[NH-] [NH-]S(=O)(=O)C C[OH2+] C[O+](C)C CC=[OH+] C=[NH2+] c1ccc2nsnc2c1
c1nc2ccccc2s1 C1=NCCS1 CC1=NOC(C)C1 O=C1C=CC(=O)C=C1 O=C1C=CC=CC=C1 C=C1C=CC=C1 c1c[n-]cn1 c1nn[n-]n1 On1nnc2ccccc21
C[Si](C)(C)C CCOP(N)(=S)OC C12C3C4C1C5C2C3C45 C1CC2CC1C2 C1CC2CCC1C2 C1C2CC3CC1CC(C2)C3 C1CC12CC2 N1CC1C#C OCC#CCO
FC(F)=C(F)F OO COOC NO NN CN(O)C FN ClO OS(=O)O O=S=O N#N C#C C=C O=C=O N=C=N C N O CO c1cnc2nsnc2n1
c1cc2cccnc2[nH]1 c1ccn2nccc2c1 C1=CN2C=CC=C2C=C1 O=c1ccoc2ccccc12 C[n+]1cc[nH]c1 Cn1cc[n+](C)c1 C[n+]1nn(C)cc1
[O-][n+]1cc[nH]c1 [O-][n+]1oncc1 c1c[s+]ccc1 O=[N+]([O-])c1ccccc1 CC(=O)C=C(O)C N=C(N)c1ccccc1 CNC(=O)c1ccco1
NS(=O)(=O)c1ccc(N)cc1 CP(O)(=O)O CSC(=O)C CC(=S)OC CN(C)C(=S)N S=C=S CC(=O)SC CC(=NO)C [NH4+] [OH3+]
"""


def compound(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    Chem.Kekulize(mol, True)
    positions = [round(x, 4) for point in mol.GetConformer().GetPositions() for x in point]
    ends = [sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())) + [int(bond.GetBondTypeAsDouble())] for bond in mol.GetBonds()]
    given = {
        "smiles": smiles,
        "atomicNumbers": [atom.GetAtomicNum() for atom in mol.GetAtoms()],
        "charges": [atom.GetFormalCharge() for atom in mol.GetAtoms()],
        "bonds": [{"i": i, "j": j, "order": order} for i, j, order in sorted(ends)],
    }
    placed = {**given, "positions": positions, "noisy": positions}
    reference = judged(placed)
    found = {"types": reference["types"], **reference["positions"], **judged_static(placed)}
    return {**given, "bonds": sorted(ends), "positions": positions, **found}


write(compound(smiles) for smiles in SMILES.split())
