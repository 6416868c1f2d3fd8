"""Names of banks: folded so that spellings compare, and turned into ids.

Folding takes case, accents, punctuation and alphabets away: `Société Générale` is
`societe generale`, `Приватбанк` is `Privatbank` in small letters. A registry writes one
name in many ways; what is left after folding and without the legal form is compared.
"""

import re
from functools import lru_cache
from typing import Final

from anyascii import anyascii

_ID_LENGTH: Final = 64
# How the eleven letters of a head office's BIC end (ISO 9362).
HEAD_OFFICE = "XXX"
ID = re.compile(r"[a-z]{2}-[a-z0-9]+(?:-[a-z0-9]+)*")

_WORD = re.compile(r"[a-z0-9]+")
_QUOTES = re.compile("['\"\u2019\u02bc]")
_SIGNS = str.maketrans("", "", "'\"")  # how a soft or hard sign is spelled in ASCII
# Neighbours of one letter were initials: `s. p. a.` and `S.P.A.` are `spa`.
_INITIALS = re.compile(r"\b([a-z])((?: [a-z]\b)+)")

# Forms of companies in the registries, folded. At the beginning or the end of a name only.
_LEGAL_FORMS: Final = """
    ab abp ad ag aktiengesellschaft aktsiaselts as asa asbl bv cb cjsc co crl dac
    dd doo ead eg egen eood gmbh inc incorporated jsb jsc jscb jss kg kgaa limited llc llp lp ltd
    na nuf nv nyrt oao ojsc ood oy oyj pao pcl pjsc plc psc pte publ public pujsc rt sa sab sac
    sae sal sarl sas sau sc scc scpa se secz sgps sl sp spa spj srl ta uab zao zrt
"""
# The same, of more words than one, folded.
_LONG_FORMS = re.compile(
    r"(?:^|(?<= ))(?:akcionarsko drustvo|aktsionernoe obshchestvo|akciju sabiedriba"
    r"|societa per azioni|societa cooperativa(?: per azioni)?|soc coop(?: arl)?|spolka akcyjna"
    r"|spolka zoo|public company limited|public limited company"
    r"|designated activity company|anonim sirketi|registrierte genossenschaft"
    r"(?: mit beschrankter haftung)?)(?:$|(?= ))"
)
_FORMS = frozenset(_LEGAL_FORMS.split())
_SHORT: Final = {"aktiengesellschaft": "ag", "limited": "ltd", "societa per azioni": "spa"}
_LONG_WORDS = re.compile("|".join(_SHORT))
# Where the name of an institution ends and that of a part of it begins.
_PART = re.compile(
    r"""\s*(?:
        \([^()]*\)\s*$                # UniCredit (Gf WP)
      | \s-(?:alt-|\s).*$             # UBS Switzerland AG - Uster 1, Sparkasse Bonn -alt-
      | ,.*$                          # Commerzbank, Filiale Berlin 1
      | \b(?:Filiale|Fil|Gf|Ndl|Niederlassung|Zw|Zweigniederlassung|vormals|ehem|CC|Service-BZ
            |f[ió]ók|filialas|sk)\b.*$
    )""",
    re.VERBOSE | re.IGNORECASE,
)


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Take case, accents, punctuation and alphabets away; words stay apart by one space."""
    return " ".join(_WORD.findall(anyascii(_QUOTES.sub(" ", text)).translate(_SIGNS).lower()))


def join_initials(folded: str) -> str:
    """Make one word of letters that stand alone: `j p morgan` is `jp morgan`."""
    return _INITIALS.sub(lambda found: found[0].replace(" ", ""), folded)


def without_legal_form(folded: str) -> str:
    """Take the form of the company off a folded name, unless nothing else is in it."""
    joined = join_initials(folded)
    words = _LONG_FORMS.sub("", joined).split() or joined.split()
    while len(words) > 1 and words[-1] in _FORMS:
        words.pop()
    while len(words) > 1 and words[0] in _FORMS:
        words.pop(0)
    return " ".join(words)


@lru_cache(maxsize=65_536)
def essence(name: str) -> str:
    """Give the words that make a name differ from another."""
    return without_legal_form(fold(name))


def legal_key(name: str) -> str:
    """Give a name for comparing, with the form of the company, in one spelling."""
    return _LONG_WORDS.sub(lambda found: _SHORT[found[0]], join_initials(fold(name))).replace(
        " ", ""
    )


@lru_cache(maxsize=65_536)
def whole(name: str) -> str:
    """Cut the part of an institution that a name goes on to name: branch, fund, purpose."""
    cut = _PART.sub("", name).strip()
    return cut if len(essence(cut)) > 1 else name


def identifier(country_code: str, name: str, *qualifiers: str) -> str:
    """Make a readable id, cut between words where it would be too long."""
    tail = "".join(f"-{fold(text).replace(' ', '-')}" for text in qualifiers)
    head = f"{country_code.lower()}-{essence(name).replace(' ', '-')}"
    room = _ID_LENGTH - len(tail)
    if len(head) > room:
        head = head[: room + 1].rpartition("-")[0] if "-" in head[3:room] else head[:room]
    return head + tail
