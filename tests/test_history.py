"""What a run recorded: read once, read on, bounded; damaged lines are counted and hide no other."""

import json
import os
import random

import pytest

from lpwd import history
from lpwd.config import ConfigError
from lpwd.events import Diverged, Epoch, Finished, Started, Step, ZeroShot, to_record
from lpwd.history import Histories, lines_of


def step(number, loss=2.0):
    return Step(number, 1, loss, 1e-3, 0.1, 100.0)


def epoch(number):
    return Epoch(10 * number, number, 1.0, 1.0, 50.0, None, 1e-3, [1.0, 2.0], None, None, 1.0 * number, 100.0)


def started():
    layers = (["stem", "head"], [0.5, 1.0], [10, 20])
    return Started("CPU", "m", 30, *layers, 0.8, 100, 10, 0, 10, 20, [3.0, 4.0])


def test_metrics_are_read_from_where_the_reader_left_off(store, tiny):
    run_id = store.create(tiny())
    assert store.read_metrics(run_id) == ([], 0)
    store.append(run_id, [step(1), step(2)])
    first, offset = store.read_metrics(run_id)
    store.append(run_id, [step(3)])
    second, _ = store.read_metrics(run_id, offset)
    assert [record["step"] for record in first] == [1, 2]
    assert [record["step"] for record in second] == [3]


def test_a_half_written_line_is_read_once_it_is_whole(store, tiny):
    run_id = store.create(tiny())
    store.append(run_id, [step(1)])
    line = lines_of([step(2)])
    with open(store.paths(run_id).metrics, "a", encoding="utf-8") as file:
        file.write(line[:20])
    records, offset = store.read_metrics(run_id)
    assert len(records) == 1
    with open(store.paths(run_id).metrics, "a", encoding="utf-8") as file:
        file.write(line[20:])
    assert [record["step"] for record in store.read_metrics(run_id, offset)[0]] == [2]


def test_a_history_is_every_event_as_it_was_recorded(store, tiny):
    run_id = store.create(tiny())
    assert len(store.history(run_id).steps) == 0
    result = Finished(20, 1.0, 0.5, 1.0, None, 2.0, 100.0, 9.0)
    events = [started(), step(1), step(2, None), epoch(1), epoch(2), ZeroShot(20, 0.0, 5.0, 1.0), result]
    store.append(run_id, events)
    found = store.history(run_id)
    assert found.started == started()
    assert [{"event": "step"} | row for row in found.steps.rows()] == [to_record(event) for event in events[1:3]]
    assert [{"event": "epoch"} | row for row in found.epochs.rows()] == [to_record(event) for event in events[3:5]]
    assert (found.zero_shots, found.finished, found.diverged) == ([events[5]], result, None)
    assert {number: list(norms) for number, norms in found.norms.items()} == {0: [3, 4], 1: [1, 2], 2: [1, 2]}
    assert (found.last_step, found.warning) == (20, "")


def test_only_what_was_appended_is_read(store, tiny, monkeypatch):
    run_id = store.create(tiny())
    store.append(run_id, [started(), *map(step, range(1, 2001))])
    parsed = []
    monkeypatch.setattr(history, "from_json", lambda line, real=history.from_json: parsed.append(line) or real(line))
    first = store.history(run_id)
    assert len(parsed) == 2001
    store.history(run_id)
    store.append(run_id, [step(2001), step(2002)])
    assert store.history(run_id) is first
    assert (len(parsed), len(first.steps)) == (2003, 2002)


BAD_LINES = [
    *(b"\0" * 100, b"{", b"[1, 2]", b"null", b"7", b'{"event": "other"}', b'{"event": ["step"]}', b"\xff\xfe", b""),
    *(b"[" * 100_000, b'{"event": "step", "step": 2}', b'{"event": "stopped", "step": "many"}', b'"\\ud800"'),
    b"x" * 2**23,
    *(b'{"event": "stopped", "step": ' + number + b"}" for number in (b"-1", b"1e400", b"NaN", b"9" * 30, b"9" * 6000)),
]  # fmt: skip


def test_bad_lines_are_counted_and_hide_no_other(store, tiny):
    run_id = store.create(tiny())
    lines = [*BAD_LINES, *lines_of([started(), step(1), epoch(1), epoch(2)]).encode().splitlines()]
    random.Random(0).shuffle(lines)
    store.paths(run_id).metrics.write_bytes(b"\n".join(lines) + b"\n")
    found = store.history(run_id)
    assert found.bad_lines == len(BAD_LINES)
    assert found.warning == f"{len(BAD_LINES)} lines of metrics.jsonl cannot be read and are skipped"
    assert (len(found.steps), sorted(found.epochs.numbers()["epoch"])) == (1, [1, 2])
    records, offset = store.read_metrics(run_id)
    assert sorted(record["event"] for record in records) == ["epoch", "epoch", "started", "step"]
    store.append(run_id, [step(2)])
    assert [record["step"] for record in store.read_metrics(run_id, offset)[0]] == [2]
    assert len(store.history(run_id).steps) == 2


def test_a_start_whose_lists_are_of_several_lengths_is_a_bad_line(store, tiny):
    run_id = store.create(tiny())
    record = to_record(started()) | {"layer_decay_rates": [1.0]}
    store.paths(run_id).metrics.write_text(json.dumps(record) + "\n" + lines_of([step(1)]))
    assert (store.history(run_id).started, store.history(run_id).bad_lines) == (None, 1)


def test_a_file_that_began_anew_is_read_anew(store, tiny):
    run_id = store.create(tiny())
    path = store.paths(run_id).metrics

    def steps():
        return list(store.history(run_id).steps.numbers()["step"])

    store.append(run_id, [step(1), step(2)])
    first = store.history(run_id)
    path.write_text(lines_of([step(4, 3.0), step(5), step(6)]))  # the same file, and longer
    assert steps() == [4, 5, 6]
    path.write_text(lines_of([step(7)]))  # shorter
    assert steps() == [7]
    other = path.with_name("other")
    other.write_text(lines_of([step(7), step(8)]))
    os.replace(other, path)
    assert steps() == [7, 8]
    path.unlink()
    assert steps() == []
    assert len(first.steps) == 2  # whoever still holds it has what it was


def test_memory_is_bounded_by_runs_and_by_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "KEPT_RUNS", 4)
    paths = [tmp_path / str(number) / "metrics.jsonl" for number in range(6)]
    for path in paths:
        path.parent.mkdir()
        path.write_text(lines_of(map(step, range(1, 1001))))
    histories = Histories()
    first = [histories.of(path) for path in paths]
    assert histories.of(paths[5]) is first[5]
    assert histories.of(paths[0]) is not first[0]
    monkeypatch.setattr(history, "KEPT_BYTES", 2 * first[0].size)
    last = [histories.of(path) for path in paths]
    assert histories.of(paths[4]) is last[4]
    assert histories.of(paths[3]) is not last[3]


@pytest.mark.parametrize("offset", [-1, 5, -(2**70)])
def test_an_offset_that_no_answer_gave_is_a_sentence(store, tiny, offset):
    run_id = store.create(tiny())
    store.append(run_id, [step(1)])
    with pytest.raises(ConfigError, match="allowed are 0 and offsets returned earlier"):
        store.read_metrics(run_id, offset)
    assert store.read_metrics(run_id, 2**70) == ([], 2**70)


def test_a_metrics_file_that_cannot_be_opened_is_a_sentence(store, tiny):
    run_id = store.create(tiny())
    store.paths(run_id).metrics.mkdir()
    for ask in (store.history, store.read_metrics):
        with pytest.raises(ConfigError, match=r"metrics\.jsonl cannot be read"):
            ask(run_id)


def test_a_diverged_run_knows_where(store, tiny):
    run_id = store.create(tiny())
    store.append(run_id, [step(1), Diverged(2, 1)])
    assert store.history(run_id).diverged == Diverged(2, 1)
