"""The service's menus as a telephone line sees them: reload, news, messages, ways out and back."""

import asyncio
import json
import wave
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from acd.core.events import CallerHungUp
from acd.core.names import ContactId
from acd.messages import messages_folder, read_messages
from ivr.__main__ import main
from ivr.core.announcements import announcement
from ivr.core.menu import Clip
from ivr.core.speech import clip_id
from ivr.versions import in_use, kept, versions_folder
from tests.unit.agi_peer import until
from tests.unit.live import MENU, running_service

RU_MAIN = ("Сообщение: нажмите один", "Спасатели: нажмите два", "Конец: нажмите три")


@pytest.fixture
async def running(tmp_path, monkeypatch):
    for name in ("ACD_CONFIG", "ACD_PORT_OFFSET"):
        monkeypatch.delenv(name, raising=False)
    async with running_service(tmp_path) as found:
        await found.fine("override", schedule="night", state="off")
        yield found


async def in_russian(running, number="77010001122"):
    line = await running.call(number)
    await line.plays("Қазақ тілі үшін бірді басыңыз", "Русский язык: нажмите два", key="2")
    return line


async def silence(line):
    """Half a second after a key."""
    assert (await line.next()).startswith("WAIT FOR DIGIT")
    line.reply("200 result=0")


async def test_a_call_keeps_the_menu_it_began_with_and_the_next_gets_the_new_one(running):
    old = await in_russian(running)
    await silence(old)
    running.write(MENU.replace("Главное меню.", "Новое меню."))
    data = await running.fine("reload")
    assert (data["menu"], data["changed"], data["restart_needed"]) == ("main", ["menu main"], False)
    await old.plays("Главное меню.", *RU_MAIN[:1], key="#")
    await old.plays("Главное меню.")
    new = await in_russian(running, "77010009999")
    await new.plays("Новое меню.")
    stories = [await running.fine("call", call=line.id) for line in (old, new)]
    assert data["version"] == running.service.loaded.menu.version
    assert [bool(story["timeline"]) for story in stories] == [True, True]
    await old.hang_up()
    await new.hang_up()


async def test_the_router_knows_whose_shift_ends_when_and_learns_it_anew(running):
    zone, router = running.service.zone, running.service.router
    now = datetime.now(zone)

    def lasts(hours):
        begins, ends = now - timedelta(hours=1), now + timedelta(hours=hours)
        (running.config / "shifts.yaml").write_text(
            "schema: 1\nshifts:\n"
            "  A: {days: [mon, tue, wed, thu, fri, sat, sun], hours: "
            f'"{begins:%H:%M}-{ends:%H:%M}"}}\n'
            '  B: {days: [], hours: "08:00-09:00"}\n'
        )
        return round(ends.replace(second=0, microsecond=0).timestamp() * 1000)

    for hours in (2, 3):
        end = lasts(hours)
        await running.fine("reload")
        seats = {seat.profile.id: seat.shift_ends for seat in router.seats}
        assert seats == {"op001": end, "op002": None, "op003": None}


async def test_a_bad_file_changes_nothing_and_says_why_until_it_is_good(running, caplog):
    before = running.service.loaded
    running.write(MENU.replace("goto: rescue", "goto: rescu"))
    answer = await running.ask("reload")
    assert not answer["ok"]
    assert answer["error"].startswith("nothing was changed:\n")
    assert "main.yaml:48:67:" in answer["error"] and "did you mean 'rescue'?" in answer["error"]
    assert running.service.loaded is before
    assert "did you mean 'rescue'?" in caplog.text
    alert = [what for what in await running.alerts() if what.startswith("the changed files")]
    assert len(alert) == 1 and "main.yaml:48:67:" in alert[0]
    line = await in_russian(running)
    await line.plays("Главное меню.")
    await line.hang_up()
    running.write(MENU)
    await running.fine("reload")
    assert not any(what.startswith("the changed files") for what in await running.alerts())


async def test_a_sentence_without_audio_is_refused_as_well(running):
    text = MENU.replace("Главное меню.", "Без звука.")
    (running.dialplans / "main.yaml").write_text(text)
    answer = await running.ask("reload")
    assert not answer["ok"] and "it has no audio" in answer["error"]


async def test_a_bad_setting_keeps_the_menus_too(running):
    running.write(MENU.replace("Главное меню.", "Новое меню."))
    queues = running.config / "queues.yaml"
    queues.write_text(queues.read_text() + "  surplus: {ring: soon}\n")
    assert not (await running.ask("reload"))["ok"]
    line = await in_russian(running)
    await line.plays("Главное меню.")
    await line.hang_up()


async def test_what_needs_a_restart_is_named(running):
    service = running.config / "service.yaml"
    text = service.read_text().replace("least_talk: 3s", "least_talk: 4s")
    service.write_text(text + 'config: {sms: {url: "http://127.0.0.1:9/"}}\n')
    data = await running.fine("reload")
    assert data["restart_for"] == ["service.yaml: least_talk"]
    assert running.service.settings.service.config == {"sms": {"url": "http://127.0.0.1:9/"}}
    assert (await running.fine("reload"))["restart_for"] == ["service.yaml: least_talk"]
    shipped = text.replace("4s", "3s")
    assert 'quiet: "21:00-08:00"' in shipped
    for old, new, restart_for in (
        ('quiet: "21:00-08:00"', 'quiet: "20:00-09:00"', []),
        ('"+77XXXXXXXXX"', '"+70XXXXXXXXX"', ["service.yaml: callbacks"]),
    ):
        service.write_text(shipped.replace(old, new))
        assert (await running.fine("reload"))["restart_for"] == restart_for


async def test_a_signal_reloads_and_never_hurts(running):
    running.write(MENU.replace("Главное меню.", "Новое меню."))
    running.service.reloads.soon()
    await until(lambda: "Новое меню." in str(running.service.loaded.menu.nodes["main"]))
    good = running.service.loaded
    running.write(MENU.replace("goto: rescue", "goto: rescu"))
    running.service.reloads.soon()
    async with asyncio.timeout(10):
        while not any("changed files" in what for what in await running.alerts()):
            await asyncio.sleep(0.01)
    assert running.service.loaded is good


async def test_versions_in_use_are_kept_and_one_can_be_taken_back(running, capsys):
    folder = versions_folder(running.var)
    first = in_use(folder)
    running.write(MENU.replace("Главное меню.", "Новое меню."))
    second = (await running.fine("reload"))["files_version"]
    assert [each.id for each in kept(folder)] == [second, first]
    words = ["--config", str(running.config), "--dialplans", str(running.dialplans)]
    assert await asyncio.to_thread(main, ["rollback", *words]) == 0, capsys.readouterr().err
    assert (running.dialplans / "main.yaml").read_text() == MENU
    assert in_use(folder) == first
    line = await in_russian(running)
    await line.plays("Главное меню.")
    await line.hang_up()


async def test_news_are_heard_from_the_next_caller_on_and_seen_in_the_monitor(running):
    rows = await running.fine("broadcast", action="on", id="storm", until="23:59")
    assert [(row["id"], row["on"]) for row in rows] == [("storm", True)]
    assert any("broadcast storm is on until 23:59" in what for what in await running.alerts())
    line = await in_russian(running)
    await silence(line)
    await line.plays("Будет шторм.", "Главное меню.")
    await line.hang_up()
    await running.fine("broadcast", action="off")
    assert not any("storm" in what for what in await running.alerts())
    line = await running.call()
    await line.plays("Главное меню.")
    await line.hang_up()


async def test_news_whose_audio_cannot_be_made_are_refused(running, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    texts = {"kk": "Жаңа хабар.", "ru": "Новость."}
    answer = await running.ask("broadcast", action="on", texts=texts)
    assert not answer["ok"] and "audio cannot be made" in answer["error"]
    assert (await running.fine("broadcast"))[0]["on"] is False


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"action": "on", "id": "strom"}, "did you mean 'storm'"),
        ({"action": "on", "id": "storm", "until": "25:00"}, "time of day"),
        ({"action": "on", "texts": {"kk": "а"}}, "--ru"),
        ({"action": "on", "texts": [1]}, "object of texts"),
        ({"action": "on"}, "name a prepared"),
        ({"action": "fly"}, "on, off or list"),
        ({"action": "off", "id": "storm"}, "is not on"),
    ],
)
async def test_a_wrong_request_for_news_is_refused(running, request_, why):
    answer = await running.ask("broadcast", **request_)
    assert not answer["ok"] and why in answer["error"]
    assert await running.fine("broadcast") == [
        {
            "id": "storm",
            "prepared": True,
            "texts": {"kk": "Дауыл болады.", "ru": "Будет шторм."},
            "on": False,
            "since": None,
            "until": None,
        }
    ]


async def test_night_can_be_called_by_hand(running):
    rows = await running.fine("override", schedule="night", state="on", until="08:00")
    assert (rows[0]["schedule"], rows[0]["override"]) == ("night", "on")
    assert any("schedule night is switched on by hand" in what for what in await running.alerts())
    line = await in_russian(running)
    await silence(line)
    await line.plays("Ночь.")
    await line.hang_up()
    await running.fine("override", schedule="night", state="auto")
    hour = datetime.now(ZoneInfo("Asia/Almaty")).hour
    line = await running.call()
    await line.plays("Ночь." if hour >= 22 or hour < 8 else "Главное меню.")
    await line.hang_up()
    answer = await running.ask("override", schedule="nigth", state="on")
    assert "did you mean 'night'?" in answer["error"]


async def test_who_has_chosen_a_language_is_not_asked_again_and_it_is_put_on_record(running):
    first = await in_russian(running, "77015550000")
    await silence(first)
    await first.plays("Главное меню.")
    again = await running.call("77015550000")
    await again.plays("Главное меню.")
    withheld = await running.call("")
    await withheld.plays("Қазақ тілі үшін бірді басыңыз", "Русский язык: нажмите два", key="2")
    other = await running.call("")
    await other.plays("Қазақ тілі үшін бірді басыңыз")
    for line in (first, again, withheld, other):
        await line.hang_up()
    running.service.store.flush(5)
    assert running.service.store.records.caller_languages(10) == {"77015550000": "ru"}


def record(running, path, ms):
    """What Asterisk writes: the words and a second of silence."""
    file = messages_folder(running.var) / f"{path.removeprefix('messages/')}.wav"
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16 * ms))


async def to_the_message(running):
    line = await in_russian(running)
    await silence(line)
    await line.plays("Главное меню.", key="1")
    await silence(line)
    await line.plays("Говорите.", "beep")
    command = (await line.next()).replace('"', "").split()
    assert command[:2] == ["RECORD", "FILE"]
    assert command[3:] == ["wav", "#", "60000", "s=4"]
    return line, command[2]


async def test_a_message_is_kept_with_its_call_and_node(running):
    line, path = await to_the_message(running)
    assert path == f"messages/{line.id}@message"
    record(running, path, 5000)
    line.reply("200 result=0 (timeout) endpos=40000")
    await line.plays("До свидания!")
    await line.is_given_back("bye")
    assert line.variables["ACD_LANG"] == "ru"
    messages = read_messages(running.var, {})
    assert [(m.call, m.node, m.length_ms) for m in messages] == [(line.id, "message", 5000)]
    kept_line = next(e for e in await line.story() if e["event"] == "message_recorded")
    assert (kept_line["node"], kept_line["length_ms"]) == ("message", 5000)
    assert "callers have left messages" in await running.alerts()


async def test_silence_is_no_message_and_leaves_no_file(running):
    line, path = await to_the_message(running)
    record(running, path, 1000)
    line.reply("200 result=0 (timeout) endpos=8000")
    await line.plays("До свидания!")
    await line.is_given_back("bye")
    assert list(messages_folder(running.var).glob("*.wav")) == []
    assert "message_recorded" not in [entry["event"] for entry in await line.story()]


async def test_a_caller_who_hangs_up_while_speaking_has_left_a_message(running):
    line, path = await to_the_message(running)
    record(running, path, 4000)
    await line.hang_up()
    async with asyncio.timeout(5):
        while "message_recorded" not in [entry["event"] for entry in await line.story()]:
            await asyncio.sleep(0.01)
    assert [m.node for m in read_messages(running.var, {})] == ["message"]


async def to_the_rescue(running):
    line = await in_russian(running)
    await silence(line)
    await line.plays("Главное меню.", key="2")
    await silence(line)
    await line.plays("Служба спасения.")
    await line.is_given_back("transfer")
    assert (line.variables["ACD_TO"], line.variables["ACD_NODE"]) == ("112", "rescue")
    return line


@pytest.mark.parametrize(
    ("status", "said", "done"),
    [
        ("BUSY", ["Занято."], "queue"),
        ("NOANSWER", [], "queue"),
        ("", [], "queue"),
        ("ANSWER", ["До свидания!"], "bye"),
    ],
)
async def test_a_caller_who_comes_back_from_another_house_goes_on(running, status, said, done):
    line = await to_the_rescue(running)
    await line.connect("transferred", status)
    await line.plays(*said)
    await line.is_given_back(done)
    story = await line.story()
    assert [e["event"] for e in story if e["event"] in ("led_out", "back")] == ["led_out", "back"]
    if done == "queue":
        assert line.variables["ACD_Q"] == "general|0"


async def test_a_number_that_is_not_on_the_list_is_not_dialled(running):
    service = running.config / "service.yaml"
    service.write_text(service.read_text().replace('transfers: {"112"', 'transfers: {"113"'))
    await running.fine("reload")
    line = await in_russian(running)
    await silence(line)
    await line.plays("Главное меню.", key="2")
    await silence(line)
    await line.plays("Служба спасения.")
    await line.is_given_back("queue")
    assert "ACD_TO" not in line.variables
    warning = next(e for e in await line.story() if e["event"] == "menu_warning")
    assert "112 is not among the transfers" in warning["what"]


async def test_a_call_led_out_by_an_earlier_run_of_another_menu_begins_again(running):
    running.calls += 1
    from tests.unit.live import Line

    line = Line(running, "n1-1795376382.77", "77010001122")
    await line.connect("transferred", "BUSY")
    await line.plays("Қазақ тілі үшін бірді басыңыз")
    await line.hang_up()


async def test_a_call_led_out_by_an_earlier_run_goes_on_where_that_run_left_it(running):
    running.calls += 1
    from tests.unit.live import Line

    line = Line(running, "n1-1795376382.78", "77010001123")
    line.variables |= {"ACD_NODE": "rescue", "ACD_LANG": "ru"}
    await line.connect("transferred", "BUSY")
    await line.plays("Занято.")
    await line.is_given_back("queue")
    assert line.variables["ACD_NODE"] == "operator"


async def test_the_funnel_counts_what_callers_did(running, capsys):
    for number, keys in enumerate(("23", "20", "2#3", "27")):
        line = await in_russian(running, f"7701000000{number}")
        await silence(line)
        for key in keys[1:]:
            await line.plays("Главное меню.", key=key)
            if key != "0":
                await silence(line)
        if keys == "27":
            await line.next()
            await line.hang_up()
        elif keys == "20":
            await line.is_given_back("queue")
        else:
            await line.plays("До свидания!")
            await line.is_given_back("bye")
    await until(lambda: running.service.agi.session_count == 0)
    assert running.service.store.flush(5)
    words = ["funnel", "--config", str(running.config), "--since", "1h"]
    assert await asyncio.to_thread(main, [*words, "--json"]) == 0
    rows = {row["node"]: row for row in json.loads(capsys.readouterr().out)}
    found = rows["main"]
    assert (found["entered"], found["chose"], found["asked_person"]) == (4, {"3": 2}, 1)
    assert (found["nomatch"], found["gave_up"], found["repeats"]) == (1, 1, 1)
    assert found["repeat_rate"] == 0.25
    assert found["to"]["bye"] == 2
    assert rows["language"]["chose"] == {"2": 4}
    assert rows["main"]["misroutes"] is None
    assert await asyncio.to_thread(main, [*words, "--by", "language", "--node", "main"]) == 0
    out = capsys.readouterr().out
    assert "main" in out and "ru" in out and "3:2" in out
    assert await asyncio.to_thread(main, [*words, "--by", "colour"]) == 2


async def waits(running, key):
    """A caller who waits for an operator."""
    line = await in_russian(running)
    await silence(line)
    await line.plays("Главное меню.", key=key)
    await line.is_given_back("queue")
    line.variables["IVR_DONE"] = ""
    return line


async def test_who_is_led_out_of_the_queue_hears_what_the_menu_says_when_nobody_can_come(running):
    line = await waits(running, "4")
    await line.connect("overflow", "voicemail")
    await line.plays("Извините.", "Говорите.")
    await line.hang_up()


async def test_where_the_menu_says_nothing_to_that_asterisk_takes_the_message(running):
    line = await waits(running, "0")
    await line.connect("overflow", "voicemail")
    await line.is_given_back("")


async def test_who_is_led_to_the_menu_begins_it_again_in_their_language(running):
    line = await waits(running, "0")
    await line.connect("overflow", "menu")
    await line.plays("Главное меню.")
    await line.hang_up()


@pytest.mark.parametrize(("status", "said"), [("BUSY", "Извините."), ("ANSWER", "До свидания!")])
async def test_whom_the_ladder_led_to_another_house_and_who_comes_back_goes_on(
    running, status, said
):
    line = await waits(running, "4")
    await line.connect("transferred", status)
    await line.plays(said)
    await line.hang_up()


# Callbacks


async def asked(running, *, number="77010001122"):
    """A caller in hold who has pressed 1 after the offer."""
    line = await in_russian(running, number)
    await silence(line)
    await line.plays("Главное меню.", key="0")
    await line.is_given_back("queue")
    line.variables["IVR_DONE"] = ""
    await line.connect("book")
    return line


def phrase(running, name):
    return running.service.loaded.settings.phrases[name]["ru"]


async def files(line, count):
    """The names of the sound files played next; each is played to its end."""
    found = []
    for _ in range(count):
        command = await line.next()
        assert command is not None and command.startswith("STREAM FILE"), command
        found.append(Path(command.split(" ")[2].strip('"')).name)
        line.reply("200 result=0 endpos=8000")
    return found


def names(*texts):
    return [clip_id(Clip("ru", text)) for text in texts]


DIGITS = ("семь", "семь", "ноль", "один", "ноль", "ноль", "ноль", "один", "один", "два", "два")


async def test_the_number_is_read_back_and_confirmed_and_the_call_ends_with_a_promise(running):
    line = await asked(running)
    read = names(phrase(running, "callback_number"), *DIGITS, phrase(running, "callback_confirm"))
    assert await files(line, len(read)) == read
    await line.press("1")
    assert await files(line, 1) == names(phrase(running, "callback_booked"))
    await line.is_given_back("bye")
    assert line.variables["ACD_STATE"] == "callback"
    [row] = await running.fine("callback")
    assert (row["call"], row["number"]) == (line.id, "77010****22")
    story = await running.fine("call", call=line.id)
    assert story["outcome"] == "callback"


async def test_another_number_is_taken_by_keys(running):
    line = await asked(running)
    command = await line.next()
    line.reply(f"200 result={ord('2')} endpos=800")
    assert "STREAM FILE" in command
    assert await files(line, 1) == names(phrase(running, "callback_enter"))
    for key in "87015550000#":
        await line.press(key)
    heard = await files(line, 2)
    assert heard == names(phrase(running, "callback_number"), "восемь")
    await line.press("1")
    assert await files(line, 1) == names(phrase(running, "callback_booked"))
    await line.is_given_back("bye")
    [row] = await running.fine("callback")
    assert row["number"] == "87015****00"


async def test_a_number_that_may_not_be_called_is_refused_and_the_caller_waits_on(running):
    line = await asked(running, number="")
    for _ in range(3):
        assert await files(line, 1) == names(phrase(running, "callback_enter"))
        for key in "12345#":
            await line.press(key)
        assert await files(line, 1) == names(phrase(running, "callback_not_possible"))
    await line.is_given_back("")
    assert await running.fine("callback") == []


async def test_silence_takes_no_callback(running):
    line = await asked(running)
    await files(line, 2 + len(DIGITS))
    await silence(line)
    await line.is_given_back("")
    assert await running.fine("callback") == []
    assert [row["call"] for row in await running.fine("callers")] == [line.id]


async def test_an_announcement_that_cannot_be_played_is_an_error_when_the_files_are_read(running):
    [clip, *_] = announcement("ru", 1, None)
    folder = running.dialplans / "prompts" / "ru"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{clip_id(clip)}.al").write_bytes(b"\xd5" * 8000)
    answer = await running.ask("reload")
    assert not answer["ok"]
    assert "queues.yaml: 1 of the announcements of queues.yaml cannot be played" in answer["error"]
    assert "ivr prompts build" in answer["error"]


@pytest.mark.parametrize(("number", "done"), [("77010001122", "bye"), ("0011", None)])
async def test_a_callback_of_the_menu_is_booked_or_something_else_is_offered(running, number, done):
    line = await in_russian(running, number)
    await silence(line)
    await line.plays("Главное меню.", key="5")
    if done is None:
        await silence(line)
        await line.plays("Говорите.")
        await line.hang_up()
        assert await running.fine("callback") == []
        return
    await silence(line)
    await line.plays("До свидания!")
    await line.is_given_back("bye")
    [row] = await running.fine("callback")
    assert (row["call"], row["queue"]) == (line.id, "general")
    assert "callback_accepted" in [entry["event"] for entry in await line.story()]


# Who called before, and why somebody did not take a call


async def test_who_gave_up_within_the_hour_has_a_head_start_in_the_next_call(running):
    first = await waits(running, "0")
    assert first.variables["ACD_Q"] == "general|0"
    await running.service.loop.settle(CallerHungUp(ContactId(first.id)))
    second = await running.call()
    await second.plays("Главное меню.", key="0")
    await second.is_given_back("queue")
    assert second.variables["ACD_Q"] == "general|30"
    [row] = await running.fine("callers")
    assert (row["call"], row["priority"]) == (second.id, 30)


async def test_the_story_of_a_waiting_call_says_why_an_operator_did_not_take_it(running):
    line = await waits(running, "0")
    for why in ("op001", "op003"):
        story = await running.fine("call", call=line.id, why=why)
        reasons = {decision["why"] for decision in story["decisions"]}
        assert reasons == {"logged_out"}
    answer = await running.ask("call", call=line.id, why="op999")
    assert "there is no operator 'op999'" in answer["error"]
