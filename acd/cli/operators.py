"""`acd operator`: what an operator does on the phone, done from the command line."""

from typing import Any

from acd.cli.common import Arguments, Commands, ask_service, common_options, expect_row, print_json
from acd.screens import plain

ACTIONS = {
    "ready": "logs in if need be, ends a pause or a wrap-up",
    "pause": "no more calls, after the present one",
    "wrap-up": "the work after a call is done",
    "logout": "no more calls, and off the list",
}
STATES = {"offline": "logged out", "wrap_up": "in wrap-up"}
NOT_READY = {
    "phone_unreachable": "logged in, but the phone is not registered; switch it on",
    "phone_in_use": "logged in, but the phone is in use; calls come when it is free",
}


def add_commands(commands: Commands) -> None:
    """Hook the actions into the command line."""
    parser = commands.add_parser(
        "operator",
        help="change an operator's state: ready, pause, wrap-up, logout",
        description="Changes what an operator is doing, as the feature codes of the phone do.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, help_ in ACTIONS.items():
        verb = actions.add_parser(
            action, help=help_, parents=[common_options(is_top=False)], allow_abbrev=False
        )
        verb.add_argument("operator", metavar="ID", help="the operator, as in op001")
        verb.add_argument("--reason", metavar="R", help="why, as in service.yaml's pause_reasons")
        verb.add_argument("--json", action="store_true", help="how the operator stands, as JSON")
        verb.set_defaults(run=_run)


def _run(arguments: Arguments) -> int:
    data = ask_service(
        arguments,
        {
            "do": "operator",
            "action": arguments.action,
            "operator": arguments.operator,
            "reason": arguments.reason,
        },
    )
    if arguments.json:
        print_json(data)
    else:
        print(standing(arguments.operator, expect_row(data, "words")))
    return 0


def standing(operator: str, data: dict[str, Any]) -> str:
    """How the operator stands after the action, in one line."""
    state = plain(data.get("state"))
    reason = data.get("reason")
    later = data.get("later")
    if reason in NOT_READY:
        return f"{operator} is {NOT_READY[str(reason)]}"
    text = f"{operator} is {STATES.get(state, state)}"
    if reason:
        text += f" ({plain(reason)})"
    if data.get("off_shift") and data.get("state") != "offline":
        text += ", outside of their shift"
    if later:
        then = "logged out" if later == "logout" else f"paused ({plain(later)})"
        text += f"; {then} after this conversation"
    return text
