"""`acd call show`: everything about one call, from the service or else from its records."""

from acd.cli.call_text import story
from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    ask_service,
    common_options,
    expect_row,
    load_or_fail,
    print_json,
)
from acd.client import Data, NotRunningError


def add_commands(commands: Commands) -> None:
    """Hook `call show` into the command line."""
    parser = commands.add_parser(
        "call", help="everything about one call", description="About one call.", allow_abbrev=False
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="show")
    show = verbs.add_parser(
        "show",
        help="its timeline, and for each decision who was taken and why the others were not",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    show.add_argument("call", metavar="ID", help="the call, as `acd calls` lists it")
    show.add_argument("--json", action="store_true", help="one JSON object")
    show.add_argument("--why", metavar="OPERATOR", help="also say why this operator was not taken")
    show.set_defaults(run=_run)


def _run(arguments: Arguments) -> int:
    request = {"do": "call", "call": arguments.call, "why": arguments.why}
    try:
        data = ask_service(arguments, request)
    except NotRunningError as away:
        data = _from_records(arguments, str(away))
    if arguments.json:
        print_json(data)
    else:
        print("\n".join(story(expect_row(data, "records"), arguments.why)))
    return 0


def _from_records(arguments: Arguments, away: str) -> Data:
    """The same from the database, for when the service is down."""
    from zoneinfo import ZoneInfo

    from acd.archive import story_of, why_of
    from acd.core.names import ContactId, OperatorId
    from acd.store import Records, StoreError

    settings = load_or_fail(arguments)
    if arguments.why is not None and arguments.why not in settings.operators:
        raise CommandError(f"there is no operator '{arguments.why}' in operators.yaml")
    try:
        records = Records.open(settings.service.database)
        try:
            found = records.call(ContactId(arguments.call))
            if found is None:
                raise CommandError(f"there is no call '{arguments.call}' on record")
            why = arguments.why
            reason = why_of(records, settings.rules, OperatorId(why)) if why else None
            return story_of(found, ZoneInfo(settings.service.timezone), reason)
        finally:
            records.close()
    except StoreError as error:
        raise CommandError(f"{away}; nor can the records be read: {error}") from error
