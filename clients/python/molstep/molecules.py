"""Molecules as the service draws them, and the forms that they can be turned into."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import itertools
import json
import os
from typing import Any, BinaryIO, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union, overload

from .errors import MissingPackage

Path = Union[str, "os.PathLike[str]"]

#: Molecules that are turned into columns, and written, together.
_ROWS = 4096


def _package(name: str, install: str, what: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:  # one that is there and cannot be loaded says so itself
        raise MissingPackage(f"{what} needs {install}: pip install {install}") from error


class Molecule:
    """One molecule.

    Attributes:
        record: all that the service says of it, by the names of `POST /generate`.
        provenance: what drew it: model, version, seed, steps, sampler, backend, decoding, grid, clamp.
    """

    __slots__ = ("record", "provenance")

    def __init__(self, record: Dict[str, Any], provenance: Dict[str, Any]) -> None:
        self.record = record
        self.provenance = provenance

    @property
    def index(self) -> int:
        """Which of its seed's molecules it is. Seed and index name it: `first=index, count=1` draws it again."""
        return int(self.record["index"])

    @property
    def smiles(self) -> Optional[str]:
        """SMILES, with stereo; None where it is not valid."""
        smiles: Optional[str] = self.record["smiles"]
        return smiles

    @property
    def inchikey(self) -> Optional[str]:
        """InChIKey; None where there is none."""
        inchikey: Optional[str] = self.record["inchikey"]
        return inchikey

    @property
    def added_hydrogens(self) -> int:
        """Hydrogens that `smiles` and `inchikey` have beside the molecule's own atoms: 0 where they are of the very atoms."""
        return int(self.record.get("addedHydrogens", 0))

    @property
    def valid(self) -> bool:
        """RDKit accepts its bonds."""
        return bool(self.record["valid"])

    @property
    def stable(self) -> bool:
        """Each atom has its valence."""
        return bool(self.record["stable"])

    @property
    def connected(self) -> bool:
        """Valid and of one fragment."""
        return bool(self.record["connected"])

    @property
    def symbols(self) -> List[str]:
        """Symbols of the elements, `[N]`."""
        symbols: List[str] = self.record["symbols"]
        return symbols

    @property
    def positions(self) -> List[List[float]]:
        """Positions in angstrom, `[N, 3]`."""
        positions: List[List[float]] = self.record["positions"]
        return positions

    @property
    def descriptors(self) -> Optional[Dict[str, float]]:
        """Descriptors by name, where `include=["descriptors"]` was asked for; None where it is not valid."""
        return self.record.get("descriptors")

    @property
    def sound(self) -> Optional[bool]:
        """Valid, of one fragment, no fault of geometry; None where neither `filter="sound"` nor `include=["judge"]` was asked for."""
        return self.record.get("sound")

    @property
    def faults(self) -> Optional[List[str]]:
        """Faults of its geometry, where `sound` is told; None where it is not valid."""
        return self.record.get("faults")

    @property
    def sdf(self) -> str:
        """Its SDF record, `$$$$` included, as the service writes it: V2000, 3D, bonds, data fields."""
        return str(self.record["sdf"])

    def mol(self, sanitize: bool = True) -> Any:
        """An RDKit molecule with hydrogens, one 3D conformer, and the data fields as properties.

        Args:
            sanitize: as in RDKit; where False, molecules that are not valid are given, too.

        Returns:
            rdkit.Chem.Mol, or None where RDKit refuses it.

        Raises:
            MissingPackage: RDKit is not installed.
        """
        supplier = _package("rdkit.Chem", "rdkit", "mols()").SDMolSupplier()
        supplier.SetData(self.sdf, sanitize=sanitize, removeHs=False)
        return next(iter(supplier))

    def __repr__(self) -> str:
        return f"Molecule({self.provenance['seed']}/{self.index}, {self.smiles})"


class _Writable:
    """Files of molecules, from whatever gives them one after the other. Files appear when they are whole."""

    provenance: Mapping[str, Any]

    def __iter__(self) -> Iterator[Molecule]:
        raise NotImplementedError

    def to_sdf(self, path: Path) -> int:
        """Writes an SDF file, by gzip where its name ends in `.gz`.

        Returns:
            The number of molecules.
        """
        count = 0
        with _whole(path) as part, open(part, "wb") as file, contextlib.ExitStack() as stack:
            out: Union[BinaryIO, gzip.GzipFile] = file
            if os.fspath(path).endswith(".gz"):  # without name and time: the same molecules, the same bytes
                out = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))
            for count, molecule in enumerate(self, 1):
                out.write(molecule.sdf.encode())
        return count

    def to_parquet(self, path: Path) -> int:
        """Writes a Parquet file of one row a molecule, some thousands of rows at a time.

        Columns: `index`, `smiles`, `inchikey`, `valid`, `stable`, `connected`, `decoding` (its own), `symbols` (list of text), `positions` (list of three
        float32, angstrom), descriptors where they were asked for, and what drew it (`model`, `version`, `seed`, `steps`, ...; `grid` as JSON).

        Returns:
            The number of molecules.

        Raises:
            MissingPackage: pyarrow is not installed.
        """
        pa = _package("pyarrow", "pyarrow", "to_parquet()")
        parquet = _package("pyarrow.parquet", "pyarrow", "to_parquet()")
        count, molecules = 0, iter(self)
        with _whole(path) as part:
            # Names of descriptors are known with the first valid molecule.
            rows = list(itertools.islice(molecules, _ROWS))
            while rows and "descriptors" in rows[0].record and not any(one.descriptors for one in rows):
                more = list(itertools.islice(molecules, _ROWS))
                if not more:
                    break
                rows += more
            columns = _columns(pa, rows, self.provenance)
            schema = pa.schema([pa.field(name, kind) for name, kind, _ in columns])
            with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
                while rows:
                    arrays = [pa.array([value(one) for one in rows], kind) for _, kind, value in columns]
                    writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
                    count += len(rows)
                    rows = list(itertools.islice(molecules, _ROWS))
        return count


_Column = Tuple[str, Any, Callable[[Molecule], Any]]


def _described(name: str) -> Callable[[Molecule], Any]:
    return lambda one: (one.descriptors or {}).get(name)


def _provided(name: str) -> Callable[[Molecule], Any]:
    def value(one: Molecule) -> Any:
        told = one.provenance.get(name)
        return json.dumps(told) if isinstance(told, dict) else told

    return value


def _columns(pa: Any, rows: Sequence[Molecule], provenance: Mapping[str, Any]) -> List[_Column]:
    """Columns of these molecules: name, type, and the value of a molecule."""
    columns: List[_Column] = [
        ("index", pa.uint32(), lambda one: one.index),
        ("smiles", pa.string(), lambda one: one.smiles),
        ("inchikey", pa.string(), lambda one: one.inchikey),
        ("valid", pa.bool_(), lambda one: one.valid),
        ("stable", pa.bool_(), lambda one: one.stable),
        ("connected", pa.bool_(), lambda one: one.connected),
        ("decoding", pa.string(), lambda one: one.record["decoding"]),
        ("symbols", pa.list_(pa.string()), lambda one: one.symbols),
        ("positions", pa.list_(pa.list_(pa.float32(), 3)), lambda one: one.positions),
    ]
    for name in next((list(one.descriptors) for one in rows if one.descriptors), []):
        columns.append((name, pa.float64(), _described(name)))
    for name, value in provenance.items():
        if name == "decoding":  # what was asked for; each molecule says what it came to, as its SDF record does
            continue
        kind = pa.string() if isinstance(value, dict) else pa.scalar(value).type
        columns.append((name, kind, _provided(name)))
    return columns


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[str]:
    """A path beside `path`, which becomes `path` when all is written, and goes where something fails."""
    part = f"{os.fspath(path)}.part"
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)
        raise


class MoleculeStream(_Writable):
    """Molecules as they are drawn: each is there once, and nothing is kept. Nothing is asked for until the first is taken.

    Attributes:
        provenance: what draws: model, version, seed, steps, sampler, backend, decoding, grid, clamp. Empty until the first molecule.
        counts: with `where` or `want`, of requests that are done: `drawn`, `passed`, `rejected` by reason, and `ended`, what ended those wanted.
    """

    def __init__(
        self,
        draw: Callable[[Callable[[Dict[str, Any]], None], Callable[[Dict[str, Any]], None]], Iterator[Molecule]],
    ) -> None:
        self.provenance = {}
        self.counts: Dict[str, Any] = {}
        self._molecules = draw(self._tell, self._tally)

    def _tally(self, counts: Dict[str, Any]) -> None:
        """Adds up what several requests say."""
        before = self.counts
        rejected = dict(before.get("rejected", {}))
        for reason, number in counts["rejected"].items():
            rejected[reason] = rejected.get(reason, 0) + number
        sums = {name: before.get(name, 0) + counts[name] for name in ("drawn", "passed")}
        self.counts = {**counts, **sums, "rejected": rejected}

    def _tell(self, provenance: Dict[str, Any]) -> None:
        self.provenance = provenance

    def __iter__(self) -> Iterator[Molecule]:
        return self._molecules

    def __next__(self) -> Molecule:
        return next(self._molecules)

    def mols(self, sanitize: bool = True) -> Iterator[Any]:
        """RDKit molecules, one after the other; see `Molecule.mol`."""
        return (one.mol(sanitize) for one in self)


class Molecules(_Writable, Sequence[Molecule]):
    """Molecules that were drawn, in the order of their indices.

    Attributes:
        provenance: what drew: model, version, seed, steps, sampler, backend, decoding, grid, clamp.
        counts: with `where` or `want`: `drawn`, `passed`, `rejected` by reason, and `ended`; see `MoleculeStream`.
    """

    def __init__(
        self,
        molecules: Iterable[Molecule],
        provenance: Mapping[str, Any],
        counts: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self._molecules = list(molecules)
        self.provenance = provenance
        self.counts = counts or {}

    def __len__(self) -> int:
        return len(self._molecules)

    def __iter__(self) -> Iterator[Molecule]:
        return iter(self._molecules)

    @overload
    def __getitem__(self, at: int) -> Molecule: ...

    @overload
    def __getitem__(self, at: slice) -> Molecules: ...

    def __getitem__(self, at: Union[int, slice]) -> Union[Molecule, Molecules]:
        if isinstance(at, slice):
            return Molecules(self._molecules[at], self.provenance, self.counts)
        return self._molecules[at]

    @property
    def seed(self) -> int:
        """The seed, drawn by the service where none was given."""
        return int(self.provenance["seed"])

    @property
    def smiles(self) -> List[Optional[str]]:
        """SMILES of each; None for one that is not valid."""
        return [one.smiles for one in self]

    def mols(self, sanitize: bool = True) -> List[Any]:
        """RDKit molecules, one for each; see `Molecule.mol`."""
        return [one.mol(sanitize) for one in self]

    def __repr__(self) -> str:
        return f"Molecules({len(self)}, {dict(self.provenance)})"
