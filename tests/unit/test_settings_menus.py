"""What `service.yaml` says for the menus: numbers they may lead to, and their own settings."""

from functools import partial

import pytest

from acd.problems import Problems
from acd.settings_service import read_service
from acd.yaml_source import parse_yaml
from tests.unit.service_peer import SERVICE_YAML


def read(more, tmp_path):
    problems = Problems()
    root = parse_yaml(SERVICE_YAML + more, "service.yaml", problems)
    return partial(read_service, tmp_path, 0)(root), problems


def test_transfers_and_settings_of_menus_are_read(tmp_path):
    service, problems = read(
        'transfers: {"112": "sip:112@10.0.0.5:5060", "+77172900112": "sip:rescue@sip.example"}\n'
        'config: {sms: {url: "https://sms.example/send", tries: 3, live: true}, word: "123"}\n',
        tmp_path,
    )
    assert len(problems) == 0
    assert service.transfers["112"] == "sip:112@10.0.0.5:5060"
    url = "https://sms.example/send"
    assert service.config == {"sms": {"url": url, "tries": 3, "live": True}, "word": "123"}


def test_without_them_nothing_is_dialled(tmp_path):
    service, _ = read("", tmp_path)
    assert (service.transfers, service.config) == ({}, {})


@pytest.mark.parametrize(
    ("line", "column", "word"),
    [
        ('transfers: {"112": "112"}', 20, "is not an address"),
        ('transfers: {"112": "sip:112@a,Hangup()"}', 20, "is not an address"),
        ('transfers: {"112": "sip:${SHELL(x)}@a"}', 20, "is not an address"),
        ('transfers: {"_X.": "sip:112@a"}', 13, "is not a telephone number"),
        ('transfers: {112: "sip:112@a"}', 13, ""),
        ("config: 5", 9, "write names and values"),
        ('config: {Url: "x"}', 10, "menus cannot name 'Url'"),
        ('config: {broadcast: "x"}', 10, "acd broadcast"),
        ("config: {a: {b: {c: {d: 1}}}}", 21, "write names and values"),
    ],
)
def test_a_mistake_has_its_place(tmp_path, line, column, word):
    _, problems = read(line + "\n", tmp_path)
    found = problems.sorted()[0]
    assert (found.line, found.column) == (SERVICE_YAML.count("\n") + 1, column), problems.render()
    assert word in found.message
