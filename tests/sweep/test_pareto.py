"""The Pareto front against its definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from npusim.sweep.pareto import front

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "network": st.sampled_from("ab"),
            "top1": st.none() | st.integers(0, 4),
            "bits": st.none() | st.integers(0, 4),
            "status": st.sampled_from(["ok", "ok", "refused"]),
        }
    ),
    max_size=12,
)


@given(ROWS)
def test_nothing_on_the_front_is_beaten_and_everything_off_it_is(rows: list[dict[str, object]]) -> None:
    counted = [row for row in rows if row["status"] == "ok" and None not in (row["top1"], row["bits"])]

    def beaten(row: dict[str, object]) -> bool:
        def no_worse(other: dict[str, object]) -> bool:
            return other["top1"] >= row["top1"] and other["bits"] <= row["bits"]  # type: ignore[operator]

        rivals = [other for other in counted if other["network"] == row["network"] and no_worse(other)]
        return any((other["top1"], other["bits"]) != (row["top1"], row["bits"]) for other in rivals)

    expected = [row in counted and not beaten(row) for row in rows]
    assert front(rows, "top1", "bits") == expected  # type: ignore[arg-type]
