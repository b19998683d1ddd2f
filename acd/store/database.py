"""Where the records are kept: finds it, opens it, brings it up to date, says what is wrong.

An SQLite file is the default; PostgreSQL takes its place by changing one URL. Every failure
becomes a StoreError, one line for the person who runs the service.
"""

import logging
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from typing import Any, Final
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

log = logging.getLogger(__name__)
# It would say at every attempt in an outage which kind of database it has met.
logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)

MIGRATIONS: Final = Path(__file__).resolve().parent.parent / "migrations"
SETTING: Final = "`database` in service.yaml"
CHECKPOINT_PAGES: Final = 1000
WAL_BYTES_KEPT: Final = 67_108_864  # the log is cut back to this after a long reader let it grow
FREE_BYTES_LEAST: Final = 1_048_576
CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_MS: Final = 10_000
MIGRATION_LOCK: Final = 1414  # PostgreSQL: of several nodes starting at once, one migrates

OWNER: Final = "give it and its folder to the user who runs the service"
SQLITE_WORDS: Final = {
    "SQLITE_FULL": ("the disk is full", "free some space on it"),
    "SQLITE_BUSY": ("another program has locked it", "end that program; `fuser` names it"),
    "SQLITE_LOCKED": ("another program has locked it", "end that program; `fuser` names it"),
    "SQLITE_READONLY": ("it cannot be written", OWNER),
    "SQLITE_PERM": ("it cannot be opened", OWNER),
    "SQLITE_CANTOPEN": ("it cannot be opened", OWNER),
    "SQLITE_NOTADB": ("it is not a database", f"move it away, or correct {SETTING}"),
    "SQLITE_CORRUPT": ("it is damaged", "move it away and put a backup in its place"),
    "SQLITE_IOERR": ("the disk does not read or write", "see whether it is full or failing"),
}
POSTGRESQL_WORDS: Final = {
    "53100": ("its disk is full", "free some space on the database server"),
    "53300": ("it has too many connections", "raise max_connections on the database server"),
    "57014": (f"no answer in {STATEMENT_TIMEOUT_MS // 1000} s", "look at the database server"),
    "55P03": ("another program has locked it", "see pg_stat_activity on the database server"),
    "25006": ("it is a read-only copy", f"name the primary server in {SETTING}"),
    "42501": ("its user may not do this", "make that user the owner of the database"),
}


class StoreError(Exception):
    """The records cannot be kept or read: one line, what is wrong and what to do."""


class Unusable(StoreError):
    """Waiting does not help: somebody has to change something first."""


class Locked(StoreError):
    """Another program has it; that passes."""


LOCKED: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03")


@dataclass(frozen=True, slots=True)
class Place:
    """The database an URL names. `path` is None unless it is an SQLite file.

    `name` is what people are shown, without a password.
    """

    url: URL
    path: Path | None
    name: str

    def trouble(self, what: str, remedy: str) -> StoreError:
        """The one line that people see."""
        return StoreError(f"cannot use the database {self.name}: {what}; {remedy}")

    def explain(self, error: Exception) -> StoreError:
        """The failure of a database, a driver or a file in plain words."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        match error:
            case StoreError():
                return error
            case OSError():
                return self.trouble(
                    error.strerror or str(error), f"put it right or change {SETTING}"
                )
        code = getattr(cause, "sqlite_errorname", None) or ""
        state = getattr(cause, "sqlstate", None) or ""
        if code.startswith("SQLITE_IOERR") and self._is_disk_full():
            code = "SQLITE_FULL"
        code = "_".join(code.split("_")[:2])
        words = SQLITE_WORDS.get(code) or POSTGRESQL_WORDS.get(state)
        if words is not None:
            sentence = str(self.trouble(*words))
            if code == "SQLITE_NOTADB":
                return Unusable(sentence)
            return (Locked if code in LOCKED or state in LOCKED else StoreError)(sentence)
        said = " ".join(str(cause).split())[:300] or type(cause).__name__
        if self.path is None:
            return self.trouble(said, f"start the database server, or correct {SETTING}")
        return self.trouble(said, f"put it right or change {SETTING}")

    def _is_disk_full(self) -> bool:
        """SQLite reports some writes to a full disk as failures of the disk."""
        try:
            return self.path is not None and disk_usage(self.path.parent).free < FREE_BYTES_LEAST
        except OSError:
            return False


def find(url: str) -> Place:
    """The place an URL names; nothing is opened yet."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the URL may hold a password: it is not repeated
        raise Unusable(
            f"{SETTING} is not an URL; write sqlite:///var/1414.sqlite or "
            "postgresql+psycopg://user@host/1414"
        ) from None
    name = parsed.render_as_string(hide_password=True)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if parsed.database in (None, "", ":memory:"):
            raise Unusable(f"{name} keeps nothing; name a file, as in sqlite:///var/1414.sqlite")
        path = Path(str(parsed.database)).absolute()
        return Place(parsed, path, str(path))
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return Place(parsed.set(drivername="postgresql+psycopg"), None, name)
    raise Unusable(
        f"{name}: this kind of database is not known; write sqlite:///... or "
        "postgresql+psycopg://..."
    )


def writing_engine(place: Place, busy_ms: int) -> Engine:
    """One connection for the writer; each transaction takes the write lock at its beginning."""
    if place.path is None:
        return _postgresql_engine(place, {"pool_size": 1, "max_overflow": 0})
    return _sqlite_engine(place.path, "rwc", busy_ms, "BEGIN IMMEDIATE")


def reading_engine(place: Place, busy_ms: int) -> Engine:
    """Connections that cannot write; a transaction sees one moment of the database."""
    if place.path is None:
        readonly = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        return _postgresql_engine(
            place, {"pool_size": 2, "pool_pre_ping": True, "execution_options": readonly}
        )
    return _sqlite_engine(place.path, "ro", busy_ms, "BEGIN")


def _sqlite_engine(path: Path, mode: str, busy_ms: int, begin: str) -> Engine:
    uri = f"file:{quote(str(path))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=busy_ms / 1000,
            isolation_level=None,  # transactions begin where we say, tables made are undone too
            check_same_thread=False,
        )
        try:
            if mode != "ro":
                # Changing it does not wait for others' locks, looking at it does.
                if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                    connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
                connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    # No pool: a file that was replaced is seen at the next connection, at a cost of 0.2 ms.
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgresql_engine(place: Place, options: dict[str, Any]) -> Engine:
    limits = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": STATEMENT_TIMEOUT_MS,  # a server that vanished without a word
        "application_name": "1414",
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout=5000",
    }
    wanted = {name: value for name, value in limits.items() if name not in place.url.query}
    try:
        return create_engine(place.url, connect_args=wanted, **options)
    except (ImportError, NoSuchModuleError):
        remedy = "install it: .venv/bin/pip install 'psycopg[binary]'"
        raise Unusable(str(place.trouble("the driver psycopg is missing", remedy))) from None


_migrating = threading.Lock()
"""Alembic works through global names: one migration at a time in a process."""


def bring_up_to_date(place: Place, connection: Connection) -> None:
    """Make or migrate the tables in the transaction of `connection`, and prove it can write."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    if _revision(place, connection, scripts) != scripts.get_current_head():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with _migrating:
            command.upgrade(config, "head")
        log.info("the tables of %s were brought up to date", place.name)
    connection.execute(text("UPDATE alembic_version SET version_num = version_num"))


def require_up_to_date(place: Place, connection: Connection) -> None:
    """For readers, who must not migrate: StoreError unless the tables are this version's."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    if _revision(place, connection, scripts) != scripts.get_current_head():
        raise place.trouble("its tables are of an older version", "start the service once")


def _revision(place: Place, connection: Connection, scripts: ScriptDirectory) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        newer = f"a newer version of this program made it (tables {revision})"
        remedy = f"run that version, or name another database in {SETTING}"
        raise Unusable(str(place.trouble(newer, remedy)))
    return revision


def masked_url(url: str) -> str:
    """A database URL as it may be shown: without the password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.partition(":")[0]
