"""Client of Molstep, a service that generates 3D molecules in few steps.

>>> from molstep import Molstep
>>> molecules = Molstep("http://localhost:8000").generate(64, steps=16)  # doctest: +SKIP
"""

from .client import Health, Job, Molstep
from .errors import (
    Busy,
    Conflict,
    ConnectionFailed,
    DeadlinePassed,
    InvalidRequest,
    MissingPackage,
    MolstepError,
    NotAuthorised,
    NotFound,
    ServiceFault,
)
from .molecules import Molecule, Molecules, MoleculeStream

__all__ = [
    "Busy",
    "Conflict",
    "ConnectionFailed",
    "DeadlinePassed",
    "Health",
    "InvalidRequest",
    "Job",
    "MissingPackage",
    "Molecule",
    "MoleculeStream",
    "Molecules",
    "Molstep",
    "MolstepError",
    "NotAuthorised",
    "NotFound",
    "ServiceFault",
]
