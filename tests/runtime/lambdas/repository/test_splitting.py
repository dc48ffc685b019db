"""Texts are cut at the coarsest boundary that fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lisa_lambdas.repository.splitting import split_text

TEXTS = st.text(alphabet=st.sampled_from("ab é🙂.\n\n \t"), max_size=400)


def test_a_short_text_is_one_chunk() -> None:
    assert [*split_text("  one line \n", 100, 10)] == ["one line"]


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n"])
def test_white_space_has_no_chunks(text: str) -> None:
    assert [*split_text(text, 100, 10)] == []


def test_paragraphs_stay_together_when_they_fit() -> None:
    assert [*split_text("aaaa\n\nbbbb\n\ncccc", 12, 0)] == ["aaaa\n\nbbbb", "cccc"]


def test_a_long_paragraph_is_cut_at_lines_then_words_then_anywhere() -> None:
    text = "short\n\nline one\nline two\nword word word\nunbreakable-word"
    assert [*split_text(text, 10, 0)] == ["short", "line one", "line two", "word word", "word", "unbreakabl", "e-word"]


def test_neighbours_share_whole_words() -> None:
    assert [*split_text("one two three four five", 13, 6)] == ["one two three", "three four", "four five"]


def test_a_text_without_boundaries_shares_characters() -> None:
    assert [*split_text("abcdefghij", 4, 1)] == ["abcd", "defg", "ghij"]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, 10), (10, -1)])
def test_an_overlap_that_makes_no_progress_is_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="the overlap must be less"):
        split_text("text", size, overlap)


@given(text=TEXTS, size=st.integers(2, 60), share=st.floats(0, 0.9))
def test_chunks_are_pieces_of_the_text_in_order_that_fit(text: str, size: int, share: float) -> None:
    start = 0
    for chunk in split_text(text, size, int((size - 1) * share)):
        assert 0 < len(chunk) <= size
        assert chunk == chunk.strip()
        start = text.index(chunk, start)


@given(text=TEXTS, size=st.integers(2, 60))
def test_no_word_is_lost_nor_doubled_without_overlap(text: str, size: int) -> None:
    assert "".join("".join(split_text(text, size, 0)).split()) == "".join(text.split())


@given(text=TEXTS, size=st.integers(2, 60), share=st.floats(0, 0.9))
def test_an_overlap_loses_nothing(text: str, size: int, share: float) -> None:
    words = " ".join(split_text(text, size, int((size - 1) * share)))
    assert all(character in words for character in set(text) if not character.isspace())
    assert len("".join(words.split())) >= len("".join(text.split()))
