"""The scheduler: rules that hold for any graph and any order of events."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hadronbake.execution.scheduler import (
    Added,
    Drop,
    Ended,
    Event,
    Held,
    Offered,
    Queued,
    Scheduler,
    Start,
    Stopped,
    priorities,
)


def starts(scheduler: Scheduler, event: Event) -> list[str]:
    return [command.key for command in scheduler.handle(event) if isinstance(command, Start)]


def offer(scheduler: Scheduler) -> list[str]:
    return starts(scheduler, Offered(scheduler.demand))


def test_the_most_urgent_first_within_the_limit() -> None:
    scheduler = Scheduler({"task": 2})
    scheduler.handle(
        Added((Queued("a", "task", priority=1), Queued("b", "task", priority=3), Queued("c", "task", priority=2)))
    )
    assert scheduler.demand == 2
    assert offer(scheduler) == ["b", "c"]
    assert scheduler.demand == 0
    scheduler.handle(Ended("b", "done"))
    assert offer(scheduler) == ["a"]


def test_one_job_at_a_time_of_one_lock() -> None:
    scheduler = Scheduler({"task": 4})
    scheduler.handle(
        Added((Queued("a", "task", lock="x"), Queued("b", "task", lock="x"), Queued("c", "task", lock="y")))
    )
    assert scheduler.demand == 2
    assert offer(scheduler) == ["a", "c"]


def test_fetches_need_no_token() -> None:
    scheduler = Scheduler({"task": 1, "fetch": 1})
    assert starts(scheduler, Added((Queued("a", "fetch"), Queued("b", "fetch"), Queued("c", "task")))) == ["a"]
    assert starts(scheduler, Ended("a", "done")) == ["b"]


def test_a_failure_drops_what_waits_for_it_and_stops_the_rest() -> None:
    for keep_going, expected in ((False, []), (True, ["d"])):
        scheduler = Scheduler({"task": 1}, keep_going)
        jobs = (
            Queued("a", "task", priority=9),
            Queued("b", "task", frozenset("a")),
            Queued("c", "task", frozenset("b")),
            Queued("d", "task"),
        )
        scheduler.handle(Added(jobs))
        assert offer(scheduler) == ["a"]
        assert scheduler.handle(Ended("a", "failed")) == [Drop("b", "a"), Drop("c", "a")]
        assert offer(scheduler) == expected
        assert scheduler.idle == (not expected)


def test_what_is_added_after_a_failure_is_dropped_too() -> None:
    scheduler = Scheduler({"task": 1}, keep_going=True)
    scheduler.handle(Added((Queued("a", "task"),)))
    offer(scheduler)
    scheduler.handle(Ended("a", "failed"))
    assert scheduler.handle(Added((Queued("b", "task", frozenset("a")),))) == [Drop("b", "a")]


def test_a_job_that_must_be_done_again_holds_back_what_waits_for_it() -> None:
    scheduler = Scheduler({"task": 1})
    scheduler.handle(Added((Queued("a", "task"), Queued("b", "task", frozenset("a")))))
    offer(scheduler)
    scheduler.handle(Ended("a", "again"))
    assert scheduler.demand == 0
    scheduler.handle(Added((Queued("a", "task", frozenset("z")), Queued("z", "task"))))
    assert offer(scheduler) == ["z"]
    scheduler.handle(Ended("z", "done"))
    assert offer(scheduler) == ["a"]


def test_held_back_unless_nothing_runs() -> None:
    scheduler = Scheduler({"task": 2})
    scheduler.handle(Held("no memory"))
    scheduler.handle(Added((Queued("a", "task"), Queued("b", "task"))))
    assert offer(scheduler) == ["a"]
    assert scheduler.demand == 0
    scheduler.handle(Held(None))
    assert offer(scheduler) == ["b"]


def test_nothing_starts_after_a_stop() -> None:
    scheduler = Scheduler({"task": 2})
    scheduler.handle(Added((Queued("a", "task"), Queued("b", "fetch"))))
    offer(scheduler)
    scheduler.handle(Stopped())
    assert not scheduler.handle(Added((Queued("c", "fetch"),)))
    scheduler.handle(Ended("a", "done"))
    scheduler.handle(Ended("b", "done"))
    assert scheduler.idle


def test_critical_path() -> None:
    order = ("a", "b", "c")
    dependents = {"a": ["c"], "b": ["c"], "c": []}
    assert priorities(order, dependents, {"a": 1, "b": 5, "c": 2}) == {"a": 3, "b": 7, "c": 2}
    names = ("x:do_compile", "x:do_install")
    assert priorities(names, {names[0]: [names[1]], names[1]: []}, {})["x:do_compile"] == 63


@settings(max_examples=200)
@given(st.data())
def test_on_any_graph_and_with_any_events(data: st.DataObject) -> None:
    """No job before those it waits for, none twice, no two of one lock, no more than the limits; and all come to an end."""
    count = data.draw(st.integers(1, 12))
    keep_going = data.draw(st.booleans())
    kinds = st.sampled_from(["task", "task", "fetch", "store"])
    jobs = [
        Queued(
            f"j{number}",
            data.draw(kinds),  # type: ignore[arg-type]
            frozenset(f"j{other}" for other in data.draw(st.sets(st.integers(0, number - 1), max_size=3)))
            if number
            else frozenset(),
            data.draw(st.sampled_from([None, "x", "y"])),
            data.draw(st.integers(0, 3)),
        )
        for number in range(count)
    ]
    limits = {"task": data.draw(st.integers(1, 3)), "fetch": 1, "store": 2}
    scheduler = Scheduler(limits, keep_going)  # type: ignore[arg-type]
    by_key = {job.key: job for job in jobs}
    left = list(jobs)
    running: set[str] = set()
    done: set[str] = set()
    failed: set[str] = set()
    dropped: set[str] = set()
    stopped = False

    def follow(event: Event) -> None:
        tokens = event.tokens if isinstance(event, Offered) else 0
        for command in scheduler.handle(event):
            if isinstance(command, Drop):
                assert command.key not in running | done | failed | dropped
                assert command.because in failed
                dropped.add(command.key)
                continue
            job = by_key[command.key]
            assert job.after <= done
            assert job.key not in running | done | failed | dropped
            assert job.lock is None or all(by_key[key].lock != job.lock for key in running)
            running.add(job.key)
            assert sum(by_key[key].kind == job.kind for key in running) <= limits[job.kind]
            assert not stopped
            tokens -= job.kind == "task"
        # What is offered as demanded is used.
        assert tokens == 0

    for _ in range(200):
        choice = data.draw(st.sampled_from(["add", "offer", "end", "end", "hold", "stop"]))
        if choice == "add" and left:
            size = data.draw(st.integers(1, len(left)))
            part, left = left[:size], left[size:]
            follow(Added(tuple(part)))
        elif choice == "offer":
            follow(Offered(data.draw(st.integers(0, scheduler.demand))))
        elif choice == "end" and running:
            key = data.draw(st.sampled_from(sorted(running)))
            running.discard(key)
            if data.draw(st.integers(0, 5)):
                done.add(key)
                follow(Ended(key, "done"))
            else:
                failed.add(key)
                stopped = stopped or not keep_going
                follow(Ended(key, "failed"))
        elif choice == "hold":
            follow(Held(data.draw(st.sampled_from([None, "reason"]))))
        elif choice == "stop" and data.draw(st.integers(0, 9)) == 0:
            stopped = True
            follow(Stopped())
        if not left and not running and not choice:
            break
    if left:
        follow(Added(tuple(left)))
    while True:
        follow(Offered(scheduler.demand))
        if not running:
            break
        key = min(running)
        running.discard(key)
        done.add(key)
        follow(Ended(key, "done"))
    assert scheduler.idle
    if not stopped:
        assert done | failed | dropped == set(by_key)
