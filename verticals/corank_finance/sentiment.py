"""Sentiment of financial news without one label by hand: what wordings vote for.

Each function votes a class or abstains; `corank.data.label_model` learns how far to trust each from
where they agree, and its probabilities teach a classifier:

    votes = vote_classes(SENTIMENT_FUNCTIONS, table, SENTIMENTS)
    model = LabelModel.fit(votes, len(SENTIMENTS))

Written from how companies report: what rises, what falls, what is won and what is cut, and the many
sentences that only say what a company is or does. Knows wordings, not companies.
"""

import polars as pl

from corank import labeling_function

_text = pl.col("text").str.to_lowercase()
_GOOD = (
    r"profit|sales|revenue|turnover|earnings|income|result|margin|orders?|demand|dividend|"
    r"volumes?|market share|traffic|production|cash flow|ebit\w*"
)
_BAD = r"loss|losses|costs?|expenses|debt|debts|deficit|unemployment|defaults?|complaints?"
_UP = (
    r"ros[ei]\w*|increas\w*|grew|grow\w*|climb\w*|jump\w*|surg\w*|improv\w*|up|higher|doubl\w*|"
    r"tripl\w*|exceed\w*|strengthen\w*|gain\w*"
)
_DOWN = (
    r"f[ae]ll\w*|declin\w*|decreas\w*|drop\w*|slump\w*|shr[iau]nk\w*|down|lower\w*|weaken\w*|"
    r"plunge\w*|halv\w*|reduc\w*|cut\w*|narrow\w*|slid\w*|contract\w*"
)
_GAP = r"\W+(?:\S+\W+){0,12}?"


def _near(one: str, other: str) -> str:
    """A pattern of two wordings within twelve words, in either order."""
    return rf"\b(?:{one})\b{_GAP}(?:{other})\b|\b(?:{other})\b{_GAP}(?:{one})\b"


def _says(pattern: str, label: str) -> pl.Expr:
    return pl.when(_text.str.contains(pattern)).then(pl.lit(label))


@labeling_function
def good_rises() -> pl.Expr:
    """What is good goes up."""
    return _says(_near(_GOOD, _UP), "positive")


@labeling_function
def good_falls() -> pl.Expr:
    """What is good goes down."""
    return _says(_near(_GOOD, _DOWN), "negative")


@labeling_function
def bad_rises() -> pl.Expr:
    """What is bad goes up, or comes at all."""
    pattern = _near(_BAD, r"ros[ei]\w*|increas\w*|grew|widen\w*|higher|swung|turned|made|posted")
    return _says(pattern, "negative")


@labeling_function
def bad_falls() -> pl.Expr:
    """What is bad goes down."""
    return _says(_near(_BAD, rf"{_DOWN}|sav(?:ed|ings?)"), "positive")


@labeling_function
def compared_upwards() -> pl.Expr:
    """Figures that are said to be up from, or above, those of before."""
    pattern = (
        r"\b(?:up|rise|rose|increase[ds]?|grew|growth|improved)\b.{0,60}\b(?:from|by|compared|year)\b|"
        r"\bup (?:from|by|\d)|\b(?:better|higher|more) than (?:expected|a year|in|last)"
    )
    return _says(pattern, "positive")


@labeling_function
def compared_downwards() -> pl.Expr:
    """Figures that are said to be down from, or below, those of before."""
    pattern = (
        r"\b(?:down|fell|fall|dropped|declined?|decreased?|shrank|slipped)\b.{0,60}"
        r"\b(?:from|by|compared|year|to)\b|\bdown (?:from|by|\d)|"
        r"\b(?:worse|lower|weaker|less) than (?:expected|a year|in|last)"
    )
    return _says(pattern, "negative")


@labeling_function
def won() -> pl.Expr:
    """Orders, contracts and awards that are won; approvals; what is the best or a record."""
    pattern = (
        r"\b(?:won|wins|winning|awarded|secured|received an? (?:\w+ )?order|signed an? (?:\w+ )?"
        r"(?:contract|agreement|order)|record (?:high|sales|profit|year)|best (?:ever|result|year)|"
        r"successful\w*|pleased|satisf\w+|strong\w*|promising|leading position|approv\w+|"
        r"rewarded)\b"
    )
    return _says(pattern, "positive")


@labeling_function
def in_trouble() -> pl.Expr:
    """Lay-offs, closures, warnings, disputes, strikes and downgrades."""
    pattern = (
        r"\b(?:lay(?:ing)?[ -]?offs?|laid off|redundan\w+|job cuts|cut(?:s|ting)? (?:\d+ )?jobs|"
        r"clos(?:e|es|ed|ing|ure)s? (?:\w+ )?(?:plant|mill|factory|office|branch)\w*|warn\w*|"
        r"strikes?|lawsuit|sued|fraud|downgrad\w*|impair\w+|write-?down|bankrupt\w*|terminat\w+|"
        r"dismiss\w*|operating loss|net loss|pretax loss|loss of|losses|weak\w*|difficult\w*|"
        r"problem\w*|delay\w*|suspen\w+|negativ\w*|disappoint\w*|unprofitable|crisis|recession)\b"
    )
    shrinks = _near(_BAD, _DOWN)
    said = _text.str.contains(pattern) & ~_text.str.contains(shrinks)
    return pl.when(said).then(pl.lit("negative"))


@labeling_function
def gets_better() -> pl.Expr:
    """What strengthens, expands or is expected to grow, whatever it is."""
    pattern = (
        r"\b(?:expects? (?:\S+ ){0,8}?(?:grow|increase|improve|rise|exceed)\w*|"
        r"will (?:increase|improve|strengthen|boost|enhance|enable)|boost\w*|strengthen\w*|"
        r"improv\w+|enhanc\w+|accelerat\w+|upgrad\w+|turned? to (?:a )?profit|"
        r"returned? to profit|profitab\w+|outperform\w*)\b"
    )
    return _says(pattern, "positive")


@labeling_function
def only_says_what_is() -> pl.Expr:
    """Who owns, sells, employs or is appointed, when and where: no figure is compared."""
    compares = rf"\b(?:{_UP}|{_DOWN}|loss\w*|profit\w*|won|awarded|strong\w*|weak\w*|best|record)\b"
    plain = (
        r"\b(?:is (?:a|an|the|located|based|headquartered|listed|part)|are (?:a|an|the|located)|"
        r"has (?:\d|approximately|about|been)|appointed|held|holds?|owns?|operates?|employs?|"
        r"consists?|located|headquartered|according to|will be (?:held|published|released|paid)|"
        r"include[sd]?|comprises?|offers?|provides?|supplies|produces?|manufactur\w+|acquire[sd]?|"
        r"shares?|price|terms|transaction|deal|agreement|disclosed|founded|meeting|board|services|"
        r"customers)\b"
    )
    return pl.when(_text.str.contains(plain) & ~_text.str.contains(compares)).then(
        pl.lit("neutral")
    )


@labeling_function
def compares_nothing() -> pl.Expr:
    """No wording of going up or down, of trouble or of success at all."""
    pattern = (
        rf"\b(?:{_UP}|{_DOWN}|loss\w*|won|award\w*|strong\w*|weak\w*|success\w*|problem\w*|warn\w*|"
        r"lay\W?offs?|clos\w+|delay\w*|boost\w*|better|worse|best|record|profitab\w+|difficult\w*)\b"
    )
    return pl.when(~_text.str.contains(pattern)).then(pl.lit("neutral"))


SENTIMENT_FUNCTIONS = (
    good_rises, good_falls, bad_rises, bad_falls, compared_upwards, compared_downwards, won,
    in_trouble, gets_better, only_says_what_is, compares_nothing,
)  # fmt: skip
