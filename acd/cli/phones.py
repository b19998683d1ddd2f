"""`acd phone`: the SIP accounts of operators' phones. Works without the service."""

from pathlib import Path
from typing import TYPE_CHECKING

from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    common_options,
    dialplans_folder,
    load_or_fail,
    print_json,
)
from acd.screens import Column, plain, table

if TYPE_CHECKING:
    from acd.secrets import Secrets
    from acd.settings import Settings

Account = dict[str, str]

TRANSPORT = "udp"
RELOAD = "module reload res_pjsip.so"
RELOAD_TIMEOUT_S = 15.0
COLUMNS = (
    Column("operator", "OPERATOR", plain, to_right=False),
    Column("user", "USER", plain, to_right=False),
    Column("server", "SERVER", plain, to_right=False),
    Column("transport", "TRANSPORT", plain, to_right=False),
)


def add_commands(commands: Commands) -> None:
    """Hook the account commands into the command line."""
    parser = commands.add_parser(
        "phone",
        help="the SIP accounts of operators' phones",
        description="Shows and changes the SIP accounts that operators' phones register with.",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|rotate")
    for verb, help_, run in (
        ("list", "every account (passwords only with --json)", _list),
        ("show", "user, password and server of one phone", _show),
        ("rotate", "give one phone a new password", _rotate),
    ):
        command = verbs.add_parser(
            verb, help=help_, parents=[common_options(is_top=False)], allow_abbrev=False
        )
        if verb != "list":
            command.add_argument("operator", metavar="ID", help="the operator, as in op001")
        if verb == "rotate":
            command.add_argument("--dialplans", type=Path, metavar="DIR", help="the menus' folder")
        command.add_argument("--json", action="store_true", help="as JSON")
        command.set_defaults(run=run)


def _list(arguments: Arguments) -> int:
    settings = load_or_fail(arguments)
    secrets = _secrets(settings)
    accounts = [_account(settings, secrets, operator) for operator in settings.operators]
    if arguments.json:
        print_json(accounts)
    else:
        print("\n".join(table(COLUMNS, accounts)))
    return 0


def _show(arguments: Arguments) -> int:
    settings = load_or_fail(arguments)
    operator = _known(settings, arguments.operator)
    _print(_account(settings, _secrets(settings), operator), is_json=arguments.json)
    return 0


def _rotate(arguments: Arguments) -> int:
    from acd.secrets import SecretsError, rotate_phone

    settings = load_or_fail(arguments)
    operator = _known(settings, arguments.operator)
    try:
        rotate_phone(settings.service.folder, operator)
    except SecretsError as error:
        raise CommandError(str(error)) from error
    secrets = _secrets(settings)
    trouble = _tell_asterisk(settings, secrets, dialplans_folder(arguments))
    _print(_account(settings, secrets, operator), is_json=arguments.json)
    if trouble is not None:
        raise CommandError(f"the password is new, but {trouble}")
    if not arguments.json:
        print("Enter the new password in the phone; with the old one it cannot register again.")
    return 0


def _tell_asterisk(settings: "Settings", secrets: "Secrets", dialplans: Path) -> str | None:
    """Write Asterisk's configuration anew and have a running one read it; or what went wrong."""
    from acd.asterisk_install import find_asterisk
    from acd.load import MUSIC
    from acd.provision import AsteriskFolders, ProvisionError, provision

    folders = AsteriskFolders(settings.service.folder / "asterisk")
    if not folders.config.exists():
        return None
    asterisk = find_asterisk()
    if asterisk is None:
        return "there is no Asterisk to tell; run `make setup`, then start the system"
    music = dialplans.resolve() / "music"
    try:
        provision(settings, secrets, asterisk, music if music.is_dir() else MUSIC)
    except (ProvisionError, OSError) as error:
        return f"Asterisk's configuration could not be written ({error})"
    if not (folders.run / "asterisk.ctl").exists():
        return None
    return _reload([*asterisk.argv, "-C", str(folders.config), "-rx", RELOAD])


def _reload(argv: list[str]) -> str | None:
    import subprocess

    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=RELOAD_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"Asterisk did not take it ({error}); restart it"
    said = " ".join((done.stdout + done.stderr).split())
    if done.returncode == 0:
        return None
    if "Unable to connect" in said:
        return None  # a socket left behind: no Asterisk runs, the next start reads the new password
    return f"Asterisk did not take it ({said[:200]}); restart it"


def _secrets(settings: "Settings") -> "Secrets":
    from acd.secrets import SecretsError, load_secrets

    folder = settings.service.folder
    try:
        return load_secrets(folder, settings.operators)
    except SecretsError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(
            f"{error.filename or folder} cannot be written ({error.strerror}); make it yours"
        ) from error


def _known(settings: "Settings", operator: str) -> str:
    from acd.problems import near_miss

    if operator not in settings.operators:
        hint = near_miss(operator, settings.operators) or "; `acd phone list` names them"
        raise CommandError(f"there is no operator '{operator}' in operators.yaml{hint}")
    return operator


def _account(settings: "Settings", secrets: "Secrets", operator: str) -> Account:
    return {
        "operator": operator,
        "user": operator,
        "password": secrets.phones[operator],
        "server": str(settings.service.listen.sip),
        "transport": TRANSPORT,
    }


def _print(account: Account, *, is_json: bool) -> None:
    if is_json:
        print_json(account)
        return
    for key, value in account.items():
        print(f"{key:10} {value}")
