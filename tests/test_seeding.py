"""Seeds."""

import hashlib

import numpy as np

from ganzoo.core import seeding


def test_a_seed_is_the_same_in_every_process_and_release():
    # Python's own hash differs between processes, and a changed derivation would break runs that go on.
    assert [seeding.derive(0, "shuffle", 3), seeding.derive(7, "initial weights")] == [481547757, 2024978451]
    digest = hashlib.blake2b(b"(0, 'shuffle', 3)", digest_size=4).digest()
    assert sum(byte << 8 * i for i, byte in enumerate(digest)) // 2 == seeding.derive(0, "shuffle", 3)


def test_purposes_are_not_run_together():
    # Concatenated, these would be the same text.
    places = [(1, 23), (12, 3), (1, "23"), (1, "2", 3), (1, 2, "3"), (123,), (1, "23", 0)]
    assert len({seeding.derive(*place) for place in places}) == len(places)


def test_seeds_fill_31_bits_without_a_sign():
    seeds = np.array([seeding.derive(0, number) for number in range(4000)])
    assert seeds.min() >= 0
    assert seeds.max() < 2**31
    # Each of the 31 bits is set in about half of them: five standard errors.
    assert np.abs((seeds[:, None] >> np.arange(31) & 1).mean(0) - 0.5).max() < 5 * 0.5 / 4000**0.5


def test_generators_of_one_purpose_draw_the_same_numbers():
    first, second, other = (seeding.generator(0, purpose).normal(size=4) for purpose in ("a", "a", "b"))
    assert (first == second).all()
    assert (first != other).all()
