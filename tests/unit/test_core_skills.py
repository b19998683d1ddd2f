"""The sets in bits and the many short lines give what a look at everybody would give."""

from hypothesis import given, settings
from hypothesis import strategies as st

from acd.core.events import ContactQueued, OffersHeld, OperatorReady, Phone, PhoneChanged
from acd.core.names import ContactId, Millis, OperatorId
from acd.core.queues import LeastLevel, Need, Route, Routing
from acd.core.router import Router
from acd.core.skills import Skills, missing
from tests.unit.routing import (
    ANY,
    CHILD,
    EDS,
    EGOV,
    EN,
    GENERAL,
    KK,
    PENSION,
    RU,
    SOCIAL,
    operator,
    rules,
)

LEVELS = st.integers(1, 5)
LANGUAGES = st.dictionaries(st.sampled_from((RU, KK, EN)), LEVELS, min_size=1)
TOPICS = st.dictionaries(st.sampled_from((ANY, PENSION, CHILD, EDS)), LEVELS)
ROUTES = st.builds(
    Route,
    st.sampled_from((ANY, PENSION, CHILD, EDS, SOCIAL, EGOV, "unknown")),
    st.builds(LeastLevel, st.integers(0, 5), st.integers(0, 5)),
)
NEEDS = st.builds(
    Need,
    st.sampled_from((RU, KK, EN)),
    st.lists(ROUTES, min_size=1, max_size=3).map(tuple),
    st.booleans(),
    st.lists(st.sampled_from((ANY, CHILD, EDS)), max_size=2).map(tuple),
)


@st.composite
def rosters(draw):
    people = draw(st.lists(st.tuples(LANGUAGES, TOPICS, st.booleans()), min_size=1, max_size=40))
    return [
        operator(OperatorId(f"op{n:02}"), languages, topics, reserve=reserve)
        for n, (languages, topics, reserve) in enumerate(people)
    ]


@given(rosters(), NEEDS)
@settings(max_examples=150, deadline=None)
def test_a_set_holds_exactly_those_whom_nothing_is_missing_and_the_others_have_one_reason(
    roster, need
):
    told = rules(*roster)
    skills = Skills(told)
    pool = skills.pool(need)
    assert skills.pool(need) is pool, "made once"
    for profile in roster:
        bit = 1 << skills.index[profile.id]
        why = missing(told, profile, need)
        assert bool(pool.may & bit) == (why is None)
        assert [reason for reason, who in pool.refused if who & bit] == ([why] if why else [])


def by_hand(told, need, seats):
    """The order of choice, read from its sentence in the documentation."""

    def key(seat):
        profile = seat.profile
        level = profile.languages.get(need.language, 0)
        fits = [
            index
            for index, route in enumerate(need.routes)
            if level >= max(1, route.least.language)
            and told.topic_level(profile, route.topic) >= route.least.topic
        ]
        route = need.routes[fits[0]].topic
        own = profile.own_topic
        is_own = own == route or (route not in told.topics and told.topics.get(own) == route)
        unknown = [told.topic_level(profile, topic) == 0 for topic in need.prefers]
        return (
            fits[0], profile.reserve, *unknown, not is_own, profile.skill_count, seat.since,
            profile.id,
        )  # fmt: skip

    return sorted((s for s in seats if missing(told, s.profile, need) is None), key=key)


@given(rosters(), NEEDS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_choice_is_the_one_that_is_written_down(roster, need, random):
    told = rules(*roster)
    router = Router(told)
    some = [p.id for p in roster if random.random() < 0.8]
    random.shuffle(some)
    for moment, id_ in enumerate(some):
        router.handle(PhoneChanged(id_, Phone.FREE), Millis(1000 * (moment // 3)))
        router.handle(OperatorReady(id_), Millis(1000 * (moment // 3)))
    staff = router._staff
    found = [seat.profile.id for seat in staff.best(staff.skills.pool(need), len(roster))]
    ready = [seat for seat in router.seats if seat.is_ready]
    assert found == [seat.profile.id for seat in by_hand(told, need, ready)]


@given(
    rosters(), st.randoms(use_true_random=False), st.sampled_from(("target_first", "first_come"))
)
@settings(max_examples=150, deadline=None)
def test_the_next_caller_of_a_freed_operator_is_the_first_of_the_whole_line_whom_they_can_take(
    roster, random, order
):
    told = rules(*roster, routing=Routing(order=order))
    router = Router(told)
    router.handle(OffersHeld(True), Millis(100_000))
    for n in range(30):
        topic, queue = random.choice(((PENSION, SOCIAL), (EDS, EGOV), (ANY, GENERAL), (EGOV, EGOV)))
        at = Millis(random.randrange(0, 100_001, 5000))
        head_start = Millis(random.choice((0, 0, 10_000, 60_000)))
        event = ContactQueued(
            ContactId(f"c{n}"), queue, topic, random.choice((RU, KK)), at, head_start
        )
        router.handle(event, Millis(100_000))
    lines, staff = router._floor.lines, router._staff
    for profile in roster:
        levels = staff.skills.levels[staff.skills.index[profile.id]]
        found = lines.next_for(profile, levels, Millis(100_000))
        fits = [
            id_
            for id_ in router.line()
            if missing(told, profile, router.contact(id_).pool.need) is None
        ]
        assert (found[3] if found else None) == (fits[0] if fits else None)
