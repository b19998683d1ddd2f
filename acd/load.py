"""Reads everything an admin wrote, settings, menus and audio together, all or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acd.broadcast_texts import read_broadcasts, wanted_for
from acd.problems import Problems
from acd.settings import Settings
from acd.settings_files import load_settings, routable_names
from ivr.core.menu import Clip, Dialplan, Texts
from ivr.dialplan import load_dialplans
from ivr.prompt_library import BadManifest, PromptLibrary, search_folders
from ivr.prompt_texts import Wanted, waiting_clips, wanted_clips

MUSIC = Path(__file__).resolve().parent.parent / "dialplans" / "music"
UNSPEAKABLE = set(",|^()[]${}&;\"'\\\n")
"""Characters that mean something in Asterisk's dialplan; a sound's path must have none."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where all of it comes from."""

    config: Path
    dialplans: Path
    port_offset: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """One consistent version of all that admins write; `missing` is audio calls go on without.

    `broadcasts` are the prepared ones, by id.
    """

    settings: Settings
    menu: Dialplan
    dialplans: dict[str, Dialplan]
    prompts: PromptLibrary
    music: Path
    missing: tuple[str, ...]
    broadcasts: Mapping[str, Texts]

    def phrase(self, language: str, phrase: str) -> str | None:
        """The audio of one of the system's own phrases, for Asterisk; None when there is none."""
        texts = self.settings.phrases.get(phrase)
        if texts is None or language not in texts:
            return None
        return self.prompts.path(Clip(language, texts[language]))


def load(config: Path, dialplans: Path, problems: Problems, port_offset: int = 0) -> Loaded | None:
    """Everything, or None when any of it has an error; `problems` then says where."""
    settings = load_settings(config, problems, port_offset=port_offset)
    folders = list(search_folders(dialplans, config))
    if settings is not None and not settings.service.folder.is_file():
        folders.append(own_prompts(settings))
    try:
        prompts = PromptLibrary(folders)
        has_clip = prompts.problem
    except BadManifest as error:
        problems.error(str(dialplans), 0, 0, "E14", str(error))
        return None
    topics = settings.routable() if settings else routable_names(config)
    plans = load_dialplans([dialplans], problems, topics, has_clip, config)
    if settings is None or problems.has_errors:
        return None
    menu = _main_menu(settings, plans, dialplans, problems)
    languages = menu.languages if menu is not None else settings.service.languages
    broadcasts = read_broadcasts(dialplans, languages, problems)
    _check_paths(prompts, dialplans, problems)
    _check_waiting(settings, config, prompts, problems)
    if menu is None or problems.has_errors:
        return None
    own_music = dialplans.resolve() / "music"
    return Loaded(
        settings=settings,
        menu=menu,
        dialplans=plans,
        prompts=prompts,
        music=own_music if own_music.is_dir() else MUSIC,
        missing=_missing(settings, prompts, broadcasts),
        broadcasts=broadcasts,
    )


def queue_clips(settings: Settings) -> list[Wanted]:
    """What these queues tell those who wait in them."""
    queues = settings.rules.queues.values()
    return list(
        waiting_clips(
            settings.service.languages,
            announces=any(queue.announce is not None for queue in queues),
            calls_back=any(queue.callback is not None for queue in queues),
        )
    )


def _check_waiting(
    settings: Settings, config: Path, prompts: PromptLibrary, problems: Problems
) -> None:
    """A place or a number with a word missing would be worse than none: an error."""
    lacking: dict[str, list[str]] = {}
    for each in queue_clips(settings):
        if prompts.problem(each.clip) is not None:
            lacking.setdefault(each.used_by, []).append(each.clip.text)
    for used_by, texts in lacking.items():
        message = f"{len(texts)} of the {used_by} cannot be played, '{texts[0]}' for one"
        remedy = "run 'ivr prompts build', or record them"
        problems.error(str(config / "queues.yaml"), 0, 0, "E14", f"{message}; {remedy}")


def own_prompts(settings: Settings) -> Path:
    """Where the running system keeps audio that it has made itself."""
    return settings.service.folder / "prompts"


def _main_menu(
    settings: Settings, plans: dict[str, Dialplan], folder: Path, problems: Problems
) -> Dialplan | None:
    """The menu callers meet: the one named in service.yaml, the only one, or `<number>-main`."""
    wanted = settings.service.menu
    if wanted is None and len(plans) == 1:
        return next(iter(plans.values()))
    name = wanted or f"{settings.service.number}-main"
    if name in plans:
        return plans[name]
    found = ", ".join(plans) or "none"
    problems.error(
        str(folder),
        0,
        0,
        "E04",
        f"there is no menu '{name}' (found: {found}); set 'menu' in service.yaml",
    )
    return None


def _check_paths(prompts: PromptLibrary, dialplans: Path, problems: Problems) -> None:
    for folder in prompts.folders:
        bad = UNSPEAKABLE & set(str(folder))
        if bad:
            message = f"Asterisk cannot play from {folder}: {sorted(bad)[0]!r}; rename the folder"
            problems.error(str(dialplans), 0, 0, "E14", message)


def _missing(
    settings: Settings, prompts: PromptLibrary, broadcasts: Mapping[str, Texts]
) -> tuple[str, ...]:
    """Sounds that calls go on without, and ops are told of."""
    wanted = (
        *wanted_clips([], settings.phrases, settings.language_words, settings.topic_names),
        *wanted_for(broadcasts),
    )
    return tuple(
        f"{each.used_by} ({each.clip.language}): {problem}"
        for each in wanted
        if (problem := prompts.problem(each.clip)) is not None
    )
