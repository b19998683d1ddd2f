"""Everybody who waits, so that a freed operator finds the next caller without looking at all.

A contact stands in one line for each of its routes: a line is for one language, topic, least
level, head start. Within a line whoever came first is first, so that the next of it is its head,
or, when the oldest still inside the target is wanted, one bisection away. An operator looks at the
heads of the lines of their own skills: some tens, however many wait.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterator, Mapping
from heapq import heappop, heappush
from typing import Final

from acd.core.contacts import Contact, Group, Line, LineKey
from acd.core.names import ContactId, Language, Millis, QueueId, Topic
from acd.core.queues import OperatorProfile, Routing
from acd.core.skills import ANY

Rank = tuple[int, int, int, ContactId]
"""Who is next: by class (see `rank`), by place, by order of arrival."""

RETURNED: Final = 0
PAST_CAP: Final = 1
IN_TARGET: Final = 2
OVERDUE: Final = 3
LAST: Final = 1 << 62
"""Greater than any order of arrival."""


class Lines:
    """All lines, by language and topic; and the groups, for counts and places."""

    def __init__(
        self, routing: Routing, target_ms: Millis, watched: Collection[QueueId] = ()
    ) -> None:
        self._oldest: dict[QueueId, list[tuple[int, int, Contact]]] = {q: [] for q in watched}
        self._joins = 0
        self._lines: dict[Language, dict[Topic, dict[LineKey, Line]]] = {}
        self.routing, self.target_ms = routing, target_ms
        self.groups: dict[tuple[QueueId, Language, Topic], Group] = {}
        self.crowd: dict[Group, None] = {}
        """The groups in which somebody waits."""
        self.by_queue: dict[QueueId, dict[Group, None]] = {}
        self.waiting: dict[QueueId, int] = {}
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def ids(self) -> Iterator[ContactId]:
        """Everybody, in no order."""
        return (id_ for group in self.crowd for _, id_ in group.waiting)

    def join(self, contact: Contact) -> None:
        """Stand at the place the contact's clock gives; a caller re-offered is where they were."""
        entry = (contact.queued_at, contact.order, contact.id)
        contact.lines = self._lines_of(contact)
        for line in contact.lines:
            insort(line.contacts, entry)
        contact.stands = True
        group = contact.group
        insort(group.waiting, (contact.place, contact.id))
        if len(group.waiting) == 1:
            self.crowd[group] = None
            self.by_queue.setdefault(group.queue, {})[group] = None
        if contact.queue in self._oldest:
            self._joins += 1
            heappush(self._oldest[contact.queue], (contact.queued_at, self._joins, contact))
        self.count += 1
        self.waiting[group.queue] = self.waiting.get(group.queue, 0) + 1

    def leave(self, contact: Contact) -> None:
        """Step out: rung for, connected or gone. A contact not in the line is ignored.

        Call it before the place of the contact changes.
        """
        if not contact.stands:
            return
        contact.stands = False
        entry = (contact.queued_at, contact.order, contact.id)
        for line in contact.lines:
            del line.contacts[bisect_left(line.contacts, entry)]
            if not line.contacts:
                del line.home[line.key]
        contact.lines = ()
        group = contact.group
        del group.waiting[bisect_left(group.waiting, (contact.place, contact.id))]
        if not group.waiting:
            del self.crowd[group]
            del self.by_queue[group.queue][group]
        self.count -= 1
        self.waiting[group.queue] -= 1

    def _lines_of(self, contact: Contact) -> tuple[Line, ...]:
        """One for each route; two routes may lead to the same."""
        need = contact.pool.need
        by_topic = self._lines.get(need.language)
        if by_topic is None:
            by_topic = self._lines[need.language] = {}
        found: tuple[Line, ...] = ()
        for route in need.routes:
            least = route.least
            topic = route.topic if least.topic > 0 else ANY
            lines = by_topic.get(topic)
            if lines is None:
                lines = by_topic[topic] = {}
            level = least.topic if topic else 0
            key = (least.language, level, need.reserve, contact.returned, contact.priority_ms)
            line = lines.get(key)
            if line is None:
                line = Line(lines, key)
            if line not in found:
                found += (line,)
        return found

    def next_for(
        self, profile: OperatorProfile, levels: Mapping[Topic, int], now: Millis
    ) -> Rank | None:
        """The caller whom this operator, if free, would take first."""
        best: Rank | None = None
        for language, spoken in profile.languages.items():
            by_topic = self._lines.get(language)
            if not by_topic:
                continue
            for topic, level in levels.items():
                lines = by_topic.get(topic)
                if not lines:
                    continue
                for line in lines.values():
                    if spoken < line.language or level < line.topic:
                        continue
                    if profile.reserve and not line.reserve:
                        continue
                    head = self._head(line, now)
                    if best is None or head < best:
                        best = head
        return best

    def _head(self, line: Line, now: Millis) -> Rank:
        """Who is next of one line."""
        queued_at, order, id_ = line.contacts[0]
        first = self._class(line.returned, queued_at, line.priority_ms, now)
        if first == OVERDUE:
            at = bisect_right(line.contacts, (now - self.target_ms, LAST))
            if at < len(line.contacts):
                queued_at, order, id_ = line.contacts[at]
                first = IN_TARGET
        return (first, queued_at - line.priority_ms, order, id_)

    def _class(self, returned: bool, queued_at: int, priority_ms: int, now: int) -> int:
        if returned:
            return RETURNED
        if self.routing.order == "first_come":
            return IN_TARGET
        if queued_at - priority_ms <= now - self.routing.cap_ms:
            return PAST_CAP
        return IN_TARGET if queued_at > now - self.target_ms else OVERDUE

    def rank(self, contact: Contact, now: Millis) -> Rank:
        """Where a contact stands among all who wait, at this moment.

        Returned callers come first, then whoever is past the cap (a head start counts), then
        those still inside the target, then those who have waited longer; in each of these by
        place, so that equals are served first come, first served.
        """
        first = self._class(contact.returned, contact.queued_at, contact.priority_ms, now)
        return (first, contact.place[1], contact.order, contact.id)

    def longest_ms(self, queue: QueueId, now: Millis) -> int:
        """The longest wait of a queue that is watched for it; 0 with nobody waiting."""
        heap = self._oldest[queue]
        while heap and not (heap[0][2].stands and heap[0][2].queued_at == heap[0][0]):
            heappop(heap)
        return now - heap[0][0] if heap else 0

    def ahead(self, contact: Contact, most: int = LAST) -> int:
        """How many of the same queue stand before this contact; counts no further than `most`."""
        place = (contact.place, contact.id)
        count = bisect_left(contact.group.waiting, place)
        for group in self.by_queue.get(contact.queue, ()):
            if count >= most:
                break
            if group is not contact.group and group.waiting[0] < place:
                count += bisect_left(group.waiting, place)
        return min(count, most)
