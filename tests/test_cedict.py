"""Rules of the dictionary: the plain sense of a word, nothing of the remarks around it, no single characters."""

from __future__ import annotations

import pytest

from catalog.cedict import Dictionary, dictionary
from catalog.gloss import Gloss

LINES = """# CC-CEDICT
燈塔 灯塔 [deng1 ta3] /lighthouse/CL:座[zuo4]/
故事 故事 [gu4 shi4] /old practice/
故事 故事 [gu4 shi5] /narrative/story/tale/
貓 猫 [mao1] /cat/
皮包 皮包 [pi2 bao1] /(coll.) a handbag; briefcase/
王莽 王莽 [Wang2 Mang3] /Wang Mang (45 BC-23 AD), usurped power and reigned as emperor of the Xin dynasty/usurper/
么麽 么麽 [yao1 mo2] /variant of 幺麼|幺麽[yao1 mo2]/
"""


@pytest.mark.parametrize(
    ("word", "english"),
    [
        ("灯塔", "lighthouse"),
        ("燈塔", "lighthouse"),  # traditional
        ("故事", "narrative"),  # of two words written alike the one that is told at more length
        ("皮包", "handbag"),  # no remark, no article, no second rendering
        ("王莽", "usurper"),  # an explanation is no translation
        ("么麽", ""),  # only a reference
        ("猫", ""),  # one character
        ("没有的", ""),
    ],
)
def test_a_word_is_told_by_its_plain_sense(word: str, english: str) -> None:
    assert Dictionary.of(LINES).english(word) == english


def test_our_own_words_go_before_the_dictionary_and_the_longest_word_wins() -> None:
    gloss = Gloss({"故事": "story", "一个": ""}, Dictionary.of(LINES))
    assert gloss.in_english("一个灯塔故事") == "lighthouse story"
    assert gloss.english("灯塔和皮包") == "lighthouse handbag"


def test_the_dictionary_that_is_installed_knows_everyday_words() -> None:
    known = dictionary()
    assert [known.english(word) for word in ("寡妇", "海岛", "末日")] == ["widow", "island", "Judgment Day"]
    assert dictionary() is known  # read once
