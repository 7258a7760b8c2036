"""Virtual tokens: vocabulary entries that no text spells, put after the opening of every text.

Prompt tuning trains their vectors and nothing else. As entries that the tokenizer itself puts
there, they live in ``tokenizer.json`` and the embeddings, so that saving, export and serving need
nothing new. Torch-free: `Encoder.add_virtual_tokens` makes their vectors.

Source: Lester et al., "The Power of Scale for Parameter-Efficient Prompt Tuning", EMNLP 2021,
which also starts them from common tokens.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend
from tokenizers.processors import TemplateProcessing

from corank.errors import ConfigError, DataError
from corank.language.tokenizer import Tokenizer

ENOUGH = 10_000  # texts to tell what is common
_NAME = "[VIRTUAL-{}]"


def virtual_ids(tokenizer: Tokenizer) -> list[int]:
    """Return the ids of the virtual tokens, in their order."""
    known = tokenizer.backend.get_vocab()
    ids: list[int] = []
    while (number := known.get(_NAME.format(len(ids)))) is not None:
        ids.append(number)
    return ids


def with_virtual_tokens(tokenizer: Tokenizer, count: int) -> Tokenizer:
    """Return a tokenizer that opens each text with so many virtual tokens; ``max_tokens`` holds.

    Those that it has are among them.

    Raises:
        ConfigError: they leave no room for a text.
    """
    opening, closing = tokenizer.ends
    opening = [number for number in opening if number not in virtual_ids(tokenizer)]
    if (least := len(opening) + count + 1 + len(closing)) > tokenizer.max_tokens:
        raise ConfigError(
            f"virtual_tokens={count} needs max_tokens of {least} or more, and the encoder has "
            f"{tokenizer.max_tokens}. Lower virtual_tokens, or raise max_tokens."
        )
    backend = Backend.from_str(tokenizer.backend.to_str())
    names = [_NAME.format(number) for number in range(count)]
    backend.add_special_tokens([AddedToken(name, normalized=False) for name in names])
    numbers = {name: backend.token_to_id(name) for name in names}
    numbers |= {str(backend.id_to_token(number)): number for number in (*opening, *closing)}
    ends = [[str(backend.id_to_token(number)) for number in end] for end in (opening, closing)]
    backend.post_processor = TemplateProcessing(
        single=[*ends[0], *names, "$A", *ends[1]], special_tokens=[*numbers.items()]
    )
    return Tokenizer(backend, tokenizer.max_tokens)


def most_common(tokenizer: Tokenizer, texts: Sequence[str], count: int) -> list[int]:
    """Return the ids of the texts' most common tokens, from the top again where they are too few.

    Ties go by id, and texts beyond the first ten thousand are not read.

    Raises:
        DataError: the texts hold no token.
    """
    encodings = tokenizer.backend.encode_batch_fast(list(texts[:ENOUGH]), add_special_tokens=False)
    found = Counter(number for encoding in encodings for number in encoding.ids)
    if not found:
        raise DataError("The texts hold no token for virtual ones to start from. Bring some text.")
    ranked = sorted(found, key=lambda number: (-found[number], number))
    return [*islice(cycle(ranked), count)]
