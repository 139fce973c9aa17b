import numpy as np
import pytest

from tasks.core.training.model_shape import (
    DEEPEST,
    TriedShape,
    choose_shape,
    log_losses,
    lookups_per_tree,
    shapes_table,
)


def shape(depth: int = 3, n_trees: int = 100, log_loss: float = 0.25) -> TriedShape:
    return TriedShape(
        depth=depth, n_trees=n_trees, learning_rate=0.05, min_rows_per_leaf=80, feature_share=0.2, row_share=0.8,
        l2=20.0, auc=0.75, log_loss=log_loss, cost=0.5,
    )  # fmt: skip


def tables_by_cutting(depth: int) -> int:
    """The same count from an explicit tree: nodes 1, 2, 3 ..., the children of n are 2n and 2n + 1."""
    inner, waiting, tables = range(1, 2**depth), [(1, 0)], 0
    while waiting:
        node, path = waiting.pop()
        below = [each for each in inner if any(each >> up == node for up in range(depth))]
        if path + len(below) <= 8:
            tables += 1
        else:
            waiting += [(2 * node, path + 1), (2 * node + 1, path + 1)]
    return tables


@pytest.mark.parametrize("depth", range(1, 9))
def test_a_tree_is_cut_into_tables_of_eight_bits(depth: int) -> None:
    assert lookups_per_tree(depth) == tables_by_cutting(depth) == (1, 1, 1, 2, 8, 16, 32, 128)[depth - 1]


@pytest.mark.parametrize("depth", [-1, 0, DEEPEST + 1])
def test_a_tree_without_tables_has_no_price(depth: int) -> None:
    with pytest.raises(ValueError, match=f"trees of depth {depth} have no tables; depths 1 to 8 have"):
        lookups_per_tree(depth)


def test_the_price_is_look_ups_of_all_trees() -> None:
    assert (shape(3, 400).price, shape(4, 150).price, shape(6, 100).price) == (400, 300, 1600)


def test_log_losses_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss

    random = np.random.default_rng(3)
    pd, defaulted = random.uniform(0.01, 0.99, 500), random.random(500) < 0.2
    assert log_losses(pd, defaulted).mean(dtype=float) == pytest.approx(log_loss(defaulted, pd), rel=1e-6)
    assert np.isfinite(log_losses(np.array([0.0, 1.0]), np.array([True, False]))).all()


BEST = np.tile([0.2, 0.3], 200).astype(np.float32)
WOBBLE = np.tile([0.1, 0.0], 200)  # its standard error is 0.05 / sqrt(399)
ERROR = 0.05 / np.sqrt(399)


@pytest.mark.parametrize(("excess", "chosen_depth"), [(0.99 * ERROR, 3), (1.01 * ERROR, 6)])
def test_the_cheapest_within_one_standard_error_is_chosen(excess: float, chosen_depth: int) -> None:
    cheap = BEST + WOBBLE - WOBBLE.mean() + excess
    placed = choose_shape([shape(6), shape(3)], [BEST, cheap.astype(np.float32)])
    assert [each.depth for each in placed if each.is_chosen] == [chosen_depth]
    assert placed[0].excess_loss == placed[0].excess_error == 0
    assert placed[1].excess_loss == pytest.approx(excess, rel=1e-3)
    assert placed[1].excess_error == pytest.approx(ERROR, rel=1e-3)


def test_a_shape_that_is_always_a_little_worse_is_not_as_good() -> None:
    placed = choose_shape([shape(6), shape(3)], [BEST, BEST + np.float32(1e-4)])
    assert [each.is_chosen for each in placed] == [True, False]


def test_of_equal_prices_fewer_trees_are_taken() -> None:
    shapes = [shape(3, 200), shape(4, 100), shape(2, 200)]
    assert [each.is_chosen for each in choose_shape(shapes, [BEST] * 3)] == [False, True, False]


def test_one_shape_alone_is_chosen() -> None:
    (alone,) = choose_shape([shape()], [BEST])
    assert alone == shape()


def test_the_table_tells_the_cheapest_first_and_which_was_chosen() -> None:
    lines = shapes_table(choose_shape([shape(6), shape(3)], [BEST, BEST])).splitlines()
    assert [line.split(" | ")[0] for line in lines] == ["| depth", "| ---", "| 3", "| 6"]
    assert [line.endswith("| chosen |") for line in lines[2:]] == [True, False]
