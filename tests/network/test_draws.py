"""Philox-4x32-10 against Random123's known answers and a slow version of it; draws by seed, purpose and place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.network.draws import generator, permutation, philox4x32, random_words

word = st.integers(0, 2**32 - 1)


def words_of(counter, key):
    return [int(w[0]) for w in philox4x32(tuple(np.array([c], np.uint64) for c in counter), key)]


def slow_philox(counter, key):
    """The round function of Salmon et al. (2011), figure in section 3.3, on Python integers."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for r in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        k0r, k1r = (k0 + r * 0x9E3779B9) % 2**32, (k1 + r * 0xBB67AE85) % 2**32
        c0, c1, c2, c3 = b // 2**32 ^ c1 ^ k0r, b % 2**32, a // 2**32 ^ c3 ^ k1r, a % 2**32
    return [c0, c1, c2, c3]


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ([0] * 4, (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_the_known_answers_of_random123(counter, key, answer):
    assert words_of(counter, key) == answer
    assert slow_philox(counter, key) == answer


@settings(deadline=None, derandomize=True)
@given(counter=st.tuples(word, word, word, word), key=st.tuples(word, word))
def test_philox_equals_the_slow_version(counter, key):
    assert words_of(counter, key) == slow_philox(counter, key)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    seed=st.integers(0, 2**64 - 1),
    step=word,
    layer=st.integers(0, 50),
    key=st.integers(0, 2**64 - 1),
    unit=st.integers(0, 20),
)
def test_a_word_sits_at_counter_block_key_step_layer(seed, step, layer, key, unit):
    """The layout every engine must share: four units a block, the key's low 32 bits, the seed as the Philox key."""
    words = random_words(seed, step, layer, np.array([key], np.uint64), 21)
    counter = (unit // 4, key % 2**32, step, layer)
    assert int(words[unit, 0]) == slow_philox(counter, (seed % 2**32, seed // 2**32))[unit % 4]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 5), (4, 2), (9, 1)])
def test_the_shape_of_random_words(n, m):
    words = random_words(0, 0, 0, np.arange(m, dtype=np.uint64), n)
    assert words.shape == (n, m)
    assert words.dtype == np.uint64


def test_random_words_are_uniform():
    words = random_words(3, 1, 2, np.arange(2000, dtype=np.uint64), 50) / 2**32
    assert words.mean() == pytest.approx(0.5, abs=4 / np.sqrt(12 * words.size))
    counts = np.bincount((words.ravel() * 16).astype(int), minlength=16)
    chi2 = ((counts - words.size / 16) ** 2 / (words.size / 16)).sum()
    assert chi2 < 37.7  # the 0.1 % point of chi-square with 15 degrees of freedom


def test_a_permutation_is_a_pure_function_of_seed_and_epoch():
    first = permutation(7, 3, 100)
    permutation(7, 4, 100)
    assert np.array_equal(first, permutation(7, 3, 100))
    assert sorted(first.tolist()) == list(range(100))
    assert not np.array_equal(first, permutation(7, 4, 100))
    assert not np.array_equal(first, permutation(8, 3, 100))


def test_purposes_and_places_do_not_share_draws():
    draws = {float(generator(0, purpose, place).random()) for purpose in ("a", "b") for place in range(5)}
    assert len(draws) == 10


@pytest.mark.parametrize("seed", [-1, 0, 2**63, 2**64 + 5])
def test_any_whole_number_is_a_seed(seed):
    assert 0 <= float(generator(seed, "test").random()) < 1


def test_every_seed_has_draws_of_its_own():
    """Seeds count modulo 2^64, as the key of 64 bits does, wherever they are used."""
    keys = np.arange(3, dtype=np.uint64)
    seeds = [0, 1, 2, 3, 2**32, 2**63, 2**64 - 1]
    assert len({generator(seed, "test").integers(2**63).item() for seed in seeds}) == len(seeds)
    assert len({random_words(seed, 0, 0, keys, 4).tobytes() for seed in seeds}) == len(seeds)
    for seed in (-3, 2**64 + 5):
        same = seed % 2**64
        assert generator(seed, "test").random() == generator(same, "test").random()
        assert np.array_equal(random_words(seed, 0, 0, keys, 4), random_words(same, 0, 0, keys, 4))
