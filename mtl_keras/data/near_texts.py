"""What remains of a text without what near-duplicates differ in."""

import unicodedata

LONG = 20  # letters; in shorter texts, numbers are what the text says
_ASCII = [chr(code) for code in range(128)]
_NO_LETTERS = "".join(sign for sign in _ASCII if not sign.isalpha()).encode()
_NO_LETTERS_OR_DIGITS = "".join(sign for sign in _ASCII if not sign.isalnum()).encode()
_KEPT = "LMN"  # major categories of Unicode: letters, marks, numbers


def letters_of(text: str) -> bytes:
    """The letters of a text, without case; of one with fewer than 20 letters the digits too.

    Two texts with equal letters are near-duplicates, as in CCNet (Wenzek et al., 2020, "CCNet:
    extracting high quality monolingual datasets from web crawl data"), which compares texts in
    lower case, without punctuation, and with all digits alike. Other than there, blanks are removed
    and accents are kept, and characters are compared in Unicode's form NFKC.

    Example:

    >>> letters_of("Track 7!"), letters_of("Your order 1234 has been shipped.")
    (b'track7', b'yourorderhasbeenshipped')
    """
    if text.isascii():
        plain = text.encode().lower()
        letters = plain.translate(None, _NO_LETTERS)
        return letters if len(letters) >= LONG else plain.translate(None, _NO_LETTERS_OR_DIGITS)
    kept = unicodedata.normalize("NFKC", text).casefold().translate(_SIGNS)
    letters_only = kept.translate(_DIGITS)
    return (letters_only if len(letters_only) >= LONG else kept).encode(errors="surrogatepass")


def is_near_empty(text: str, letters: bytes) -> bool:
    """Whether a text has fewer than two letters and digits.

    Args:
        text: the text.
        letters: `letters_of` the text.
    """
    return len(letters) < 8 and sum(character.isalnum() for character in text) < 2


class _Signs(dict[int, int | None]):
    """Code points → themselves, or None if they are not kept; looked up once each."""

    def __missing__(self, code: int) -> int | None:
        is_kept = unicodedata.category(chr(code))[0] in _KEPT
        return self.setdefault(code, code if is_kept else None)


class _Digits(dict[int, int | None]):
    """Code points → themselves, or None for numbers."""

    def __missing__(self, code: int) -> int | None:
        is_number = unicodedata.category(chr(code))[0] == "N"
        return self.setdefault(code, None if is_number else code)


_SIGNS, _DIGITS = _Signs(), _Digits()
