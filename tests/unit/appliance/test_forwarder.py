from __future__ import annotations

import itertools

import pytest

from sealwire.appliance.delivery import Fault
from sealwire.appliance.forwarder import Forwarder, Policy
from sealwire.appliance.ledger import MOST_TRIES
from sealwire.appliance.notes import Connected, Failures
from sealwire.appliance.transitions import Signal, State, successor
from sealwire.errors import ConflictError
from tests.unit.appliance.scene import GONE, REFUSAL, HalfRandom, Scene, record

TRAILS = {"ca": 0, "appliance": 0}


def test_every_state_answers_every_signal_or_refuses_it() -> None:
    allowed = {(state, signal) for state in State for signal in Signal if _allows(state, signal)}
    assert len(allowed) == 30
    for state, signal in itertools.product(State, Signal):
        if (state, signal) not in allowed:
            with pytest.raises(ConflictError, match="is not possible while"):
                successor(state, signal)
    assert (State.STREAMING, Signal.START) not in allowed
    assert (State.BACKING_OFF, Signal.CONNECTED) not in allowed
    assert all((state, Signal.STOP) in allowed for state in State)


def _allows(state: State, signal: Signal) -> bool:
    try:
        successor(state, signal)
    except ConflictError:
        return False
    return True


def test_records_go_out_as_octet_counted_frames_in_order() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    scene.feed("ca", 3)
    assert b"".join(data for _, data in scene.sealed) == b"".join(
        b"40 " + record("ca", idx).message for idx in range(3)
    )


def test_several_records_share_a_write_up_to_the_limit() -> None:
    scene = Scene({"ca": 0}, Policy(batch=1000))
    scene.start()
    scene.feed("ca", 50, size=97)
    assert [len(data) for _, data in scene.sealed] == [1000] * 5
    scene.feed("ca", 1, size=5000)
    assert len(scene.sealed[-1][1]) == 5005


def test_nothing_is_sent_before_a_late_refusal_could_have_come() -> None:
    scene = Scene({"ca": 0})
    scene.do(scene.forwarder.start(scene.now))
    scene.do(scene.forwarder.connected(scene.now))
    scene.now += 0.2  # The handshake took that long, so a refusal may take it too.
    scene.do(scene.forwarder.handshaken(scene.now))
    scene.wait(0.6)
    assert scene.forwarder.state is State.PROVING
    assert not scene.forwarder.wants_records
    with pytest.raises(ConflictError, match="no records are taken while proving"):
        scene.feed("ca", 1)
    scene.wait(0.2)
    assert scene.forwarder.wants_records


def test_a_close_right_after_the_handshake_is_a_refusal() -> None:
    scene = Scene({"ca": 0})
    scene.do(scene.forwarder.start(scene.now))
    scene.do(scene.forwarder.connected(scene.now))
    scene.do(scene.forwarder.handshaken(scene.now))
    scene.cut()
    assert scene.forwarder.state is State.REFUSED
    assert scene.forwarder.fault is not None
    assert "refused our client certificate" in scene.forwarder.fault.hint


def test_the_cursor_waits_for_the_acknowledgement_and_then_for_the_connection_to_live_on() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    scene.feed("ca", 4)
    scene.deliver(scene.made)
    scene.wait(60)
    assert scene.stored == {"ca": 0}
    scene.acknowledge(scene.made - 1)
    scene.wait(60)
    assert scene.stored == {"ca": 0}, "one byte of the batch is missing"
    scene.acknowledge(1)
    scene.wait(0.9)
    assert scene.stored == {"ca": 0}
    scene.wait(1.0)
    assert scene.stored == {"ca": 4}


def test_after_a_cut_everything_unconfirmed_is_sent_again_under_the_same_index() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    scene.feed("ca", 2)
    scene.take_all()
    scene.wait(2)
    scene.feed("ca", 2)
    scene.deliver(scene.made)
    scene.cut()
    scene.bring_up()
    assert scene.forwarder.position("ca") == 2
    scene.feed("ca", 2)
    scene.take_all()
    assert scene.connections[1] == [record("ca", 2).message, record("ca", 3).message]


def test_a_goodbye_by_the_peers_own_wish_does_not_tell_that_it_read_everything() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    scene.feed("ca", 2)
    scene.take_all()
    scene.cut(in_good_order=True)
    assert scene.stored == {"ca": 0}
    scene.bring_up()
    assert scene.forwarder.position("ca") == 0


def test_a_goodbye_while_we_still_wait_for_acknowledgements_is_no_answer_to_ours() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    scene.feed("ca", 2)
    scene.deliver(scene.made)
    scene.do(scene.forwarder.stop(scene.now))
    assert scene.forwarder.state is State.DRAINING
    scene.cut(in_good_order=True)
    assert scene.forwarder.state is State.STOPPED
    assert scene.stored == {"ca": 0}


def test_a_peer_that_dies_young_every_time_still_makes_progress() -> None:
    scene = Scene({"ca": 0})
    scene.do(scene.forwarder.start(scene.now))
    for _ in range(MOST_TRIES):
        # What its TCP took is not yet believed: the peer may never have read it.
        assert scene.stored["ca"] == 0
        scene.bring_up()
        scene.feed("ca", 5)
        scene.take_all()
        scene.cut()
    assert scene.stored["ca"] == 5


def test_each_write_is_confirmed_by_its_own_offset() -> None:
    """Several writes come of one offer; the first one's end says nothing of the others."""
    scene = Scene({"ca": 0}, Policy(batch=300))
    scene.start()
    scene.feed("ca", 6, size=97)
    ends = [end for end, _ in scene.sealed]
    assert len(ends) == 2
    scene.deliver(ends[0])
    scene.acknowledge(ends[0])
    scene.wait(5)
    assert scene.stored == {"ca": 3}
    with pytest.raises(ConflictError) as caught:
        scene.forwarder.sealed(ends[1] + 1)
    assert caught.value.code == "forwarder.offset"


def test_a_gap_in_what_is_offered_is_refused() -> None:
    scene = Scene({"ca": 7})
    scene.start()
    for wrong in ([record("ca", 8)], [record("ca", 6)], [record("ca", 7), record("ca", 9)]):
        with pytest.raises(ConflictError) as caught:
            scene.forwarder.records("ca", wrong)
        assert caught.value.code == "forwarder.gap"
    with pytest.raises(ConflictError):
        scene.forwarder.records("ca", [record("appliance", 7)])


def test_the_window_closes_and_opens_again() -> None:
    scene = Scene({"ca": 0}, Policy(window=4000))
    scene.start()
    while scene.forwarder.wants_records:
        scene.feed("ca", 10, size=100)
    assert 4000 <= scene.forwarder.in_flight < 6000
    scene.take_all()
    assert scene.forwarder.in_flight == 0
    assert scene.forwarder.wants_records


def test_waits_double_up_to_a_limit_and_begin_anew_after_a_stable_connection() -> None:
    scene = Scene({"ca": 0})
    scene.do(scene.forwarder.start(scene.now))
    waits = []
    for _ in range(9):
        scene.do(scene.forwarder.failed(scene.now, GONE))
        assert scene.forwarder.retry_at is not None
        waits.append(scene.forwarder.retry_at - scene.now)
        scene.wait(waits[-1])
    assert waits == pytest.approx([w * 0.75 for w in (0.5, 1, 2, 4, 8, 16, 30, 30, 30)])
    scene.bring_up()
    scene.wait(5)
    scene.cut()
    assert scene.forwarder.retry_at == pytest.approx(scene.now + 0.375)


def test_jitter_stays_between_half_and_the_whole_of_a_step() -> None:
    class Extreme(HalfRandom):
        def __init__(self, byte: bytes) -> None:
            self.byte = byte

        def token_bytes(self, count: int) -> bytes:
            return self.byte * count

    for byte, share in ((b"\0", 0.5), (b"\xff", 1.0)):
        forwarder = Forwarder({"ca": 0}, Extreme(byte))
        forwarder.start(0.0)
        forwarder.failed(0.0, GONE)
        assert forwarder.retry_at == pytest.approx(0.5 * share)


def test_retry_now_does_not_wait_for_the_timer() -> None:
    scene = Scene({"ca": 0})
    scene.do(scene.forwarder.start(scene.now))
    scene.do(scene.forwarder.retry_now(scene.now))
    assert scene.connects == 1, "a connection is on its way already"
    scene.do(scene.forwarder.failed(scene.now, REFUSAL))
    assert scene.forwarder.state is State.REFUSED
    scene.do(scene.forwarder.retry_now(scene.now))
    assert scene.forwarder.state is State.CONNECTING
    assert scene.connects == 2


def test_a_server_that_never_answers_is_given_up() -> None:
    scene = Scene({"ca": 0})
    scene.do(scene.forwarder.start(scene.now))
    scene.wait(10)
    assert scene.forwarder.fault is not None
    assert scene.forwarder.fault.code == "tcp.timeout"
    scene.wait(1)
    scene.do(scene.forwarder.connected(scene.now))
    scene.wait(10)
    assert scene.forwarder.fault.code == "tls.timeout"


def test_repeated_failures_are_one_record_with_a_count() -> None:
    scene = Scene({"ca": 0})
    scene.do(scene.forwarder.start(scene.now))
    for _ in range(20):
        scene.do(scene.forwarder.failed(scene.now, GONE))
        scene.await_retry()
    scene.do(scene.forwarder.failed(scene.now, REFUSAL))
    scene.bring_up()
    told = [("peer.closed", 1, False), ("peer.closed", 19, False), ("tls.unknown_ca", 1, False)]
    assert [_short(note) for note in scene.notes] == told, "not connected before it has lasted"
    scene.wait(5)
    assert [_short(note) for note in scene.notes] == [*told, "connected"]


def _short(note: Connected | Failures) -> object:
    if isinstance(note, Connected):
        return "connected"
    assert note.fault is not None
    return (note.fault.code, note.count, note.was_up)


def test_the_first_connection_is_told_at_once_and_its_end_too() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    scene.wait(60)
    scene.cut()
    assert [_short(note) for note in scene.notes] == ["connected", ("peer.closed", 1, True)]


def test_a_connection_that_keeps_breaking_does_not_fill_the_trail() -> None:
    scene = Scene({"ca": 0})
    scene.do(scene.forwarder.start(scene.now))
    scene.do(scene.forwarder.failed(scene.now, GONE))
    for _ in range(50):
        scene.bring_up()
        scene.cut()
    assert len(scene.notes) == 1


def test_stopping_waits_for_acknowledgements_then_says_goodbye() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    scene.feed("ca", 3)
    scene.do(scene.forwarder.stop(scene.now))
    assert scene.forwarder.state is State.DRAINING
    assert scene.goodbyes == 0
    scene.take_all()
    assert scene.goodbyes == 1
    assert scene.forwarder.state is State.CLOSING
    scene.cut(in_good_order=True)
    assert scene.forwarder.state is State.STOPPED
    assert scene.stored == {"ca": 3}
    assert _short(scene.notes[-1]) == ("stopped", 1, True)


def test_stopping_does_not_wait_for_ever() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    scene.feed("ca", 3)
    scene.do(scene.forwarder.stop(scene.now))
    scene.wait(5)
    assert scene.forwarder.state is State.STOPPED
    assert scene.stored == {"ca": 0}
    assert scene.drops == 1


@pytest.mark.parametrize("state", [s for s in State if s not in {State.DRAINING, State.CLOSING}])
def test_stop_is_possible_in_every_state(state: State) -> None:
    scene = Scene({"ca": 0})
    _bring_to(scene, state)
    assert scene.forwarder.state is state
    scene.do(scene.forwarder.stop(scene.now))
    scene.do(scene.forwarder.stop(scene.now))
    scene.wait(scene.policy.stop_timeout)
    assert scene.forwarder.state is State.STOPPED
    assert scene.forwarder.deadline is None


def _bring_to(scene: Scene, state: State) -> None:
    forwarder = scene.forwarder
    if state is State.STOPPED:
        return
    scene.do(forwarder.start(scene.now))
    if state in {State.BACKING_OFF, State.REFUSED}:
        scene.do(forwarder.failed(scene.now, REFUSAL if state is State.REFUSED else GONE))
    if state in {State.HANDSHAKING, State.PROVING, State.STREAMING}:
        scene.do(forwarder.connected(scene.now))
    if state in {State.PROVING, State.STREAMING}:
        scene.do(forwarder.handshaken(scene.now))
    if state is State.STREAMING:
        scene.wait(1)


def test_cursors_that_could_not_be_stored_are_asked_for_again() -> None:
    scene = Scene(dict(TRAILS))
    scene.start()
    scene.store_works = False
    scene.feed("ca", 2)
    scene.take_all()
    scene.wait(3)
    assert scene.stored == TRAILS
    scene.store_works = True
    scene.wait(1)
    assert scene.stored == {"ca": 2, "appliance": 0}


def test_an_alert_in_mid_stream_says_why() -> None:
    scene = Scene({"ca": 0})
    scene.start()
    fault = Fault("tls.client_refused", "server refused our client certificate", refused=True)
    scene.do(scene.forwarder.failed(scene.now, fault))
    assert scene.forwarder.state is State.REFUSED
    assert scene.forwarder.fault == fault
