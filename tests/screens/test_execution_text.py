from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clock import MINUTE
from console.kinds.change.record import Change
from console.kinds.hold.record import Hold
from console.kinds.pipeline.record import Node
from screens.execution_text import ExecutionContent, execution_text, step_lines, telling, told_apart
from screens.graph import drawn, listed, parents, states
from tests.screens.records import FAILED, GREEN, HOSTILE, LONG, NODES, NOW, run, run_view, seen, step, words


def lines_of(view, width: int = 80, height: int = 19, *, start: Change | None = None, **more):  # type: ignore[no-untyped-def]
    found = states(view, NOW)
    selected = telling(found, view.execution)
    return execution_text(ExecutionContent(view, start), found, width, height, NOW, selected=selected, **more).lines


def shown(view, width: int = 80, **more) -> str:  # type: ignore[no-untyped-def]
    return words(lines_of(view, width, **more), width)


def test_the_graph_is_drawn_with_states_and_durations() -> None:
    found = states(run_view(FAILED), NOW)
    graph = drawn(found, NODES, 80)
    assert graph is not None
    assert seen(graph).split("\n") == [
        "  ● Preprocess ─► ● Train ─► ✖ Evaluate ─► ○ CheckAuc ─┬─► ○ Register",
        "    cached          11 m       40 s                    └─► ○ TooLow",
    ]
    one, other = seen(graph).split("\n")
    assert one.index("┬") == other.index("└")


def test_a_condition_shows_the_branch_that_it_took() -> None:
    steps = (*FAILED.steps[:2], step("Evaluate"), step("CheckAuc", detail={"Outcome": "True"}), step(NODES[4].name))
    found = states(run_view(run("Succeeded", *steps)), NOW)
    graph = drawn(found, NODES, 100)
    assert graph is not None
    assert "└─► · TooLow" in seen(graph, 100)
    assert "true" in seen(graph, 100).split("\n")[1]
    rows = seen(listed(found, NODES, 100, NOW), 100).split("\n")
    assert "true: if branch" in rows[3]
    assert "unless CheckAuc, branch not taken" in rows[5]


def test_branches_within_a_branch_not_taken_are_not_taken() -> None:
    nodes = (
        Node("A", "Condition"),
        Node("B", "Condition", ("A",), "A:if"),
        Node("C", "Processing", ("B",), "B:if"),
        Node("D", "Processing", ("A",), "A:else"),
    )
    found = states(run_view(run("Succeeded", step("A", detail={"Outcome": "False"}), step("D")), nodes), NOW)
    assert {state.name: state.note for state in found} == {
        "A": "false: else branch", "B": "branch not taken", "C": "branch not taken", "D": "",
    }  # fmt: skip


@pytest.mark.parametrize("nodes", [
    (Node("A", "X"), Node("B", "X", ("A",)), Node("C", "X", ("A",)), Node("D", "X", ("B", "C"))),  # a join
    (Node("A", "X"), Node("B", "X")),  # two beginnings
    (Node("A", "X", ("B",)), Node("B", "X", ("A",))),  # a circle: no AWS would take it
    (Node("A", "X", ("A", "nobody")), Node("A", "X"), Node("B", "X")),  # itself, somebody unknown, a name twice
    tuple(Node(f"S{n}", "X", (f"S{n - 1}",) if n else ()) for n in range(50)),
])  # fmt: skip
def test_other_graphs_are_lists(nodes: tuple[Node, ...]) -> None:
    found = states(run_view(run("Executing"), nodes), NOW)
    assert {state.name for state in found} == {node.name for node in nodes}
    text = seen(listed(found, nodes, 80, NOW)).split("\n")
    assert drawn(found, nodes, 200) is None
    assert len(text) == len(found) == len({node.name for node in nodes})
    if len(nodes) == 4:
        assert "after B, C" in text[3]


def test_steps_stand_in_the_order_in_which_they_wait() -> None:
    nodes = (Node("Last", "X", ("First", "Middle")), Node("Middle", "X", ("First",)), Node("First", "X"))
    assert [state.name for state in states(run_view(run("Executing"), nodes), NOW)] == ["First", "Middle", "Last"]
    assert parents(nodes) == {"Last": ("Middle",), "Middle": ("First",), "First": ()}


NAMES = st.sampled_from(["a", "b", "c", "d", "e", HOSTILE])


BRANCHES = st.sampled_from(["", "a:if", "b:else"])
GRAPH_NODES = st.builds(Node, NAMES, st.just("X"), st.lists(NAMES, max_size=3).map(tuple), BRANCHES)


@given(
    st.lists(GRAPH_NODES, max_size=7, unique_by=lambda node: node.name),
    st.lists(st.builds(step, NAMES, st.sampled_from(["Succeeded", "Failed", "Executing", "Levitating", ""])),
             max_size=4, unique_by=lambda s: s.name),
    st.integers(30, 200),
)  # fmt: skip
def test_no_graph_is_too_odd(nodes: list[Node], steps: list, width: int) -> None:  # type: ignore[type-arg]
    view = run_view(run("Executing", *steps), tuple(nodes))
    found = states(view, NOW)
    assert {state.name for state in found} == {n.name for n in nodes} | {s.name for s in steps}
    text = seen(lines_of(view, width), width)
    assert all(len(line) <= width for line in text.split("\n"))


def test_a_failure_is_told_in_full_with_what_helps() -> None:
    long = run("Failed", step("Evaluate", "Failed", failure_reason=LONG))
    text = shown(run_view(long))
    assert text.startswith("▲ warning Evaluate failed 03:04Z, 8 m ago ClientError: a word or two")
    assert text.count("a word or two") == 75
    assert "It will fail again: data or code, not capacity. → fix, not retry" in text
    assert "ProcessingJob · attempt 1 · after 1 m" in text


@pytest.mark.parametrize(("reason", "arrow"), [
    ("CapacityError: Unable to provision", "→ retry"),
    ("AccessDenied: not authorized", "→ fix, not retry"),
    ("something new", "→ read the log"),
    ("", "AWS gives no reason"),
])  # fmt: skip
def test_what_helps_depends_on_the_cause(reason: str, arrow: str) -> None:
    assert arrow in shown(run_view(run("Failed", step("Train", "Failed", failure_reason=reason))))


def test_a_gate_did_its_job() -> None:
    gate = step("TooLow", "Failed", type="Fail", detail={"ErrorMessage": "AUC 0.81 < 0.85"})
    text = shown(run_view(run("Failed", gate)))
    assert (
        text.startswith("● ok note: stopped by its gate 03:04Z, 8 m ago AUC 0.81 < 0.85")
        or "stopped by its gate" in text
    )
    assert "Nothing to retry." in text
    assert "→" not in text.split("CHANGED")[0].replace("─►", "")


def test_a_gate_says_what_it_wanted_of_this_run_and_where_the_number_is() -> None:
    wants = {"wants": "auc ≥ {Parameters.MinAuc}", "report": "s3://b/{Execution.PipelineExecutionId}/e.json"}
    nodes = tuple(msgspec.structs.replace(n, **wants) if n.name == "CheckAuc" else n for n in NODES)
    gate = step("TooLow", "Failed", type="Fail", detail={"ErrorMessage": "not good enough"})
    failed = run("Failed", step("CheckAuc", detail={"Outcome": "False"}), gate, parameters={"MinAuc": "0.85"})
    view = run_view(failed, nodes)
    text = shown(view)
    assert "CheckAuc wants auc ≥ MinAuc 0.85" in text and f"the report has it: s3://b/{failed.id}/e.json" in text
    condition = next(state for state in states(view, NOW) if state.name == "CheckAuc")
    assert dict(step_lines(condition, NOW, view))["report"] == f"s3://b/{failed.id}/e.json"
    assert "wants" not in shown(run_view(failed))


@pytest.mark.parametrize(
    "status", ["Executing", "Stopping", "Stopped", "Succeeded", "CompletedWithFailures", "Dreaming", ""]
)
def test_every_status_has_its_words(status: str) -> None:
    for steps in ((), (step("Train", "Executing"),), (step(HOSTILE, "Stopped"),)):
        assert shown(run_view(run(status, *steps)))
    assert "no step is known yet" in shown(run_view(run(status), ()))


def test_what_changed_since_the_last_green_run() -> None:
    text = shown(run_view(FAILED))
    assert "CHANGED SINCE THE LAST GREEN RUN green, 23 Nov 03:12Z month 2013-06 → 2013-07" in text
    assert "SAME horizon 30" in text
    assert "CACHED Preprocess 1 of 6 steps" in text
    assert "no green run before it is known" in shown(run_view(FAILED, green=None))
    twin = msgspec.structs.replace(GREEN, parameters=FAILED.parameters)
    assert "no parameter, and the same definition" in shown(run_view(FAILED, green=twin))
    unread = msgspec.structs.replace(twin, definition="")
    assert "the definitions were not compared" in shown(run_view(FAILED, green=unread))


def test_values_are_told_apart_by_where_they_part() -> None:
    assert told_apart("s3://bucket/features/dt=1/", "s3://bucket/features/dt=2/") == (
        "s3://bucket/features/dt=1/",
        "…/dt=2/",
    )
    assert told_apart("2013-06", "2013-07") == ("2013-06", "2013-07")
    assert told_apart("s3://bucket/features/", "s3://bucket/features/")[1] == "s3://bucket/features/"


def test_who_started_it_and_who_holds_it() -> None:
    start = Change("1", NOW, "StartPipelineExecution", "pipeline", "risk-train", by="hgfq", actor="events")
    assert "started by EventBridge at 02:12Z took 52 m" in shown(run_view(FAILED), start=start)
    held = msgspec.structs.replace(run_view(FAILED), hold=Hold("pipeline", "risk-train", "migration", "ana", NOW))
    assert "⏸ pipeline held: migration (by ana)" in shown(held)


def test_the_end_of_the_log_stands_below() -> None:
    tail = ["03:04:07Z algo-1 KeyError: 'dep_delay'", "03:04:08Z algo-1 exiting"]
    text = seen(lines_of(run_view(FAILED), tail=tail)).split("\n")
    assert text[-2:] == [" ✖ 03:04:07Z KeyError: 'dep_delay'", "   03:04:08Z exiting"]


def test_a_wide_screen_has_a_long_list_beside_the_changes() -> None:
    nodes = tuple(Node(f"Step{n}", "Processing", (f"Step{n - 1}",) if n else ()) for n in range(12))
    text = seen(lines_of(run_view(run("Executing", step("Step0")), nodes), 200), 200).split("\n")
    assert any("Step0" in line and "CHANGED" in line for line in text)


def test_one_step_whole() -> None:
    found = states(run_view(FAILED), NOW)
    told = dict(step_lines(found[2], NOW))
    assert told["step"] == "✖ Evaluate  Failed"
    assert told["waits for"] == "Train, Preprocess"
    assert told["reason"].startswith("ClientError")
    assert dict(step_lines(found[4], NOW))["branch"] == "if of CheckAuc"
    assert dict(step_lines(found[3], NOW))["step"] == "○ CheckAuc  not reached"
    running = states(run_view(run("Executing", step("Train", "Executing", after=50 * MINUTE))), NOW)[1]
    assert dict(step_lines(running, NOW))["took"] == "10 m"
