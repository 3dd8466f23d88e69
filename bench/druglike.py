"""Drug-like molecules judged by RDKit: a question a line of JSON on stdin, its answer a line of JSON on stdout. One thread.

{"ask": "open", "posebusters": bool, "xtb": bool}: the versions; an "error" where something is lacking.
{"ask": "graph", "set": NAME, "molblock": TEXT}: descriptors; the molecule's fingerprint is kept under the set's name.
{"ask": "geometry", "molblock": TEXT, "posebusters": bool, "xtb": bool}: what positions are worth.
{"ask": "alone", "molblock": TEXT}: the graph that positions alone give.
{"ask": "frechet", "set": NAME, "from": NAME}: the distance of two sets of kept fingerprints.

Strain, PoseBusters and GFN2-xTB are judge.py's.
"""

import json
import math
import os
import shutil
import sys

import judge
import numpy
from rdkit import Chem, DataStructs, RDConfig, RDLogger, rdBase
from rdkit.Chem import QED, Crippen, Descriptors, rdFingerprintGenerator, rdMolDescriptors

try:
    from rdkit.Chem import rdDetermineBonds
except ImportError:
    rdDetermineBonds = None
sys.path.append(os.path.join(RDConfig.RDContribDir, "SA_Score"))
import sascorer  # noqa: E402

RDLogger.DisableLog("rdApp.*")

BITS = 2048
COMPONENTS = 32
"""Of the fingerprints' covariance, of the set that is compared with: the first so many."""
STEPS = 2000
"""Of a minimisation."""
ORDERS = 20000
"""Assignments of bond orders that are tried of a molecule."""

morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
prints = {}
posebusters = None


def opened(asked):
    global posebusters
    if rdDetermineBonds is None or "maxIterations" not in rdDetermineBonds.DetermineBondOrders.__doc__:
        return {"error": f"RDKit's DetermineBondOrders must know maxIterations (PyPI's rdkit); {rdBase.rdkitVersion} does not"}
    if asked["xtb"] and not shutil.which("xtb"):
        return {"error": "xtb is not on the PATH (Debian: apt-get install xtb)"}
    versions = {"rdkit": rdBase.rdkitVersion, "numpy": numpy.__version__}
    if asked["posebusters"]:
        posebusters = judge.open_posebusters()
        versions["posebusters"] = __import__("posebusters").__version__
    return {"versions": versions}


def fingerprint(mol):
    bits = numpy.zeros(BITS, dtype=numpy.uint8)
    DataStructs.ConvertToNumpyArray(morgan.GetFingerprint(mol), bits)
    return bits


def graph(asked):
    """Descriptors of the graph, hydrogens implicit; SA score: Ertl and Schuffenhauer 2009, as RDKit's Contrib has it."""
    mol = Chem.MolFromMolBlock(asked["molblock"])
    if mol is None:
        return {"read": False}
    prints.setdefault(asked["set"], []).append(fingerprint(mol))
    return {
        "read": True,
        "descriptors": {
            "molecularWeight": Descriptors.MolWt(mol),
            "logP": Crippen.MolLogP(mol),
            "syntheticAccessibility": sascorer.calculateScore(mol),
            "qed": QED.qed(mol),
            "rings": rdMolDescriptors.CalcNumRings(mol),
            "rotatableBonds": rdMolDescriptors.CalcNumRotatableBonds(mol),
        },
    }


def tried(call, otherwise=None):
    """What a call gives; `otherwise` where it fails, as on positions that make no sense, which is said on stderr."""
    try:
        return call()
    except Exception as error:
        print(f"left out: {error!r}", file=sys.stderr)
        return otherwise


def finite(value):
    return value if value is not None and math.isfinite(value) else None


def geometry(asked):
    """Each is null where it was not asked for, or cannot be had."""
    mol = Chem.MolFromMolBlock(asked["molblock"], removeHs=False)
    if mol is None:
        return {"read": False}
    strain, _ = tried(lambda: judge.mmff(mol, "MMFF94s", STEPS)) or (None, None)
    relaxed = tried(lambda: judge.xtb(mol)) if asked["xtb"] else None
    return {
        "read": True,
        "mmff": finite(strain),
        "failed": tried(lambda: posebusters(mol), ["no answer"]) if asked["posebusters"] else None,
        "xtb": relaxed and {"strain": relaxed[0], "same": relaxed[2]},
    }


def flat(mol):
    """SMILES without stereo, hydrogens implicit."""
    return Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False)


def pairs(mol):
    return {tuple(sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))) for bond in mol.GetBonds()}


def perceived(given):
    """RDKit's DetermineBonds of atoms, positions and the charge in all: "connect the dots", then bond orders (Kim and Kim 2015)."""
    bare = Chem.RWMol()
    for atom in given.GetAtoms():
        bare.AddAtom(Chem.Atom(atom.GetAtomicNum()))
    bare.AddConformer(given.GetConformer())
    bare = bare.GetMol()
    found = set()
    try:
        rdDetermineBonds.DetermineConnectivity(bare)
        found = pairs(bare)
        charge = sum(atom.GetFormalCharge() for atom in given.GetAtoms())
        rdDetermineBonds.DetermineBondOrders(bare, charge=charge, embedChiral=False, maxIterations=ORDERS)
        Chem.SanitizeMol(bare)
    except (ValueError, RuntimeError):
        return found, None
    return found, bare


def alone(asked):
    """Whether positions alone give a molecule of one fragment, the bonded pairs that the graph has, and the graph itself."""
    given = Chem.MolFromMolBlock(asked["molblock"], removeHs=False, sanitize=False)
    mol = Chem.MolFromMolBlock(asked["molblock"], removeHs=False)
    if given is None:
        return {"valid": False, "pairs": False, "graph": False}
    found, own = perceived(given)
    return {
        "valid": own is not None and len(Chem.GetMolFrags(own)) == 1,
        "pairs": found == pairs(given),
        "graph": own is not None and mol is not None and flat(own) == flat(mol),
    }


def root(matrix):
    """The square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = numpy.linalg.eigh(matrix)
    return (vectors * numpy.sqrt(numpy.clip(values, 0, None))) @ vectors.T


def frechet_distance(one, other):
    """Squared, of normal distributions with the means and covariances of two sets of rows (Dowson and Landau 1982)."""
    apart = one.mean(axis=0) - other.mean(axis=0)
    a, b = numpy.cov(one, rowvar=False), numpy.cov(other, rowvar=False)
    half = root(a)
    return float(apart @ apart + numpy.trace(a + b - 2 * root(half @ b @ half)))


def principal(rows, count):
    """The first principal axes of rows, as columns."""
    _, vectors = numpy.linalg.eigh(numpy.cov(rows, rowvar=False))
    return vectors[:, ::-1][:, :count]


def frechet(asked):
    one, other = (numpy.array(prints.get(asked[name], []), dtype=float) for name in ("set", "from"))
    if min(len(one), len(other)) <= COMPONENTS:
        return {"frechet": None}
    axes = principal(other, COMPONENTS)
    return {"frechet": frechet_distance(one @ axes, other @ axes)}


ANSWERS = {"open": opened, "graph": graph, "geometry": geometry, "alone": alone, "frechet": frechet}

if __name__ == "__main__":
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(ANSWERS[question["ask"]](question)), flush=True)
