"""Rules of the page's taps: one visitor's are answered in their order, nobody waits for anybody else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from chat.screens.acts import Acts
from chat.screens.identity import STATE_KEY
from chat.screens.paint import Parts
from chat.screens.taps import UndoTap
from chat.screens.visits import Seat, Visit, in_order
from chat.view import Message, Screen, ToolNote
from prompts.texts import Texts
from recommend.request import Listener


class Desk:
    """Acts with one tap in them, that notes when it begins and ends and takes as long as the event says."""

    def __init__(self) -> None:
        self.lines: dict[str, asyncio.Lock] = {}
        self.noted: list[str] = []

    async def tap(self, seat: Seat, request: Any, event: Any) -> dict[Any, Any]:
        self.noted.append(f"{event.name} begins")
        for _ in range(event.rounds):
            await asyncio.sleep(0)
        self.noted.append(f"{event.name} ends")
        return {}


async def taps(desk: Desk, *wanted: tuple[str, str, int]) -> None:
    act: Any = in_order(Desk.tap)  # type: ignore[arg-type]
    for_whom = [(SimpleNamespace(scope={"state": {STATE_KEY: who}}), name, rounds) for who, name, rounds in wanted]
    await asyncio.gather(
        *(
            act(desk, Seat(), SimpleNamespace(request=inner), SimpleNamespace(name=name, rounds=rounds))
            for inner, name, rounds in for_whom
        )
    )


def test_a_visitors_second_tap_waits_for_the_first() -> None:
    desk = Desk()
    asyncio.run(taps(desk, ("anna", "first", 5), ("anna", "second", 0)))
    assert desk.noted == ["first begins", "first ends", "second begins", "second ends"]


def test_another_visitor_does_not_wait() -> None:
    desk = Desk()
    asyncio.run(taps(desk, ("anna", "first", 5), ("ben", "second", 0)))
    assert desk.noted.index("second ends") < desk.noted.index("first ends")


def test_the_undo_of_one_understood_change_is_one_step_however_many_parameters_it_had() -> None:
    asked: list[tuple[int, ...]] = []
    talk: Any = SimpleNamespace(undo=lambda user, conversation, ids: asked.append(tuple(ids)))
    visit: Any = SimpleNamespace(user_id="anna", seat=Seat(conversation="talk"))
    note = ToolNote(tool="reset_preferences", text="forgotten", change_ids=tuple(range(200)))
    told = Message(role="assistant", text="Forgotten.", notes=(note,))
    screen = Screen(lang="en", listener=Listener(user_id="anna"), messages=(told,))
    tap = UndoTap(changes=",".join(map(str, range(205))))
    parts: Any = None
    asyncio.run(Acts(talk, parts, parts)._take_back(visit, screen, tap))
    assert asked == [note.change_ids]


def test_a_tap_while_a_turn_runs_leaves_the_parts_of_the_turn_alone() -> None:
    talk: Any = SimpleNamespace(taste_choices=lambda _: [])
    parts = Parts(**{name: name for name in Parts.__dataclass_fields__})  # type: ignore[arg-type]
    acts = Acts(talk, Texts.load(), parts)
    visit = Visit(Seat(owner="anna", conversation="talk"), ())
    screen = Screen(lang="en", listener=Listener(user_id="anna"))

    async def drawn() -> tuple[set[Any], ...]:
        with acts._answering(visit):
            meanwhile = set(await acts._painted(visit, screen))
            stopped = set(await acts._painted(visit, screen, rests=True))
        return meanwhile, stopped, set(await acts._painted(visit, screen))

    meanwhile, stopped, after = asyncio.run(drawn())
    assert stopped == after and after - meanwhile == set(parts.of_a_turn()) and "list" in meanwhile


def test_forgetting_waits_for_the_answer_that_is_being_written() -> None:
    parts: Any = None
    acts = Acts(parts, parts, parts)
    visit, done = Visit(Seat(owner="anna", conversation="talk"), ()), []

    async def answer() -> None:
        with acts._answering(visit):
            await asyncio.sleep(0.12)
            done.append("answered")

    async def forget() -> None:
        await asyncio.sleep(0.01)
        await acts._at_rest(visit)
        done.append("forgotten")

    async def both() -> None:
        await asyncio.gather(answer(), forget())

    asyncio.run(both())
    assert done == ["answered", "forgotten"]
