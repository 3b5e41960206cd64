"""The SQL database of studies: connections, our tables, the lease of a study's driver, outages outlasted."""

from nas.database.connection import connect, unwritable
from nas.database.lease import Holder, Lease, check_free, fenced, is_held, lease_holder, study_lease
from nas.database.outages import DatabaseOutageError, LastingOutageError, Retries, translate_outages
from nas.database.snapshot import readable
from nas.database.storages import optuna_storage
from nas.database.tables import STUDY_NAME_LENGTH, Base, LeaseRow, Rung
from nas.database.urls import parse_url, same_database, shown, sqlite_path
from nas.database.writer import Write, WriterStorage

__all__ = [
    "STUDY_NAME_LENGTH",
    "Base",
    "DatabaseOutageError",
    "Holder",
    "LastingOutageError",
    "Lease",
    "LeaseRow",
    "Retries",
    "Rung",
    "Write",
    "WriterStorage",
    "check_free",
    "connect",
    "fenced",
    "is_held",
    "lease_holder",
    "optuna_storage",
    "parse_url",
    "readable",
    "same_database",
    "shown",
    "sqlite_path",
    "study_lease",
    "translate_outages",
    "unwritable",
]
