"""A checkpoint's seal: the SHA-256 of the whole file, as the comment of the zip archive that it is.

torch checks none of the CRC-32s that the archive has, so that a flipped byte would load as another weight.
"""

import io
import zipfile
from hashlib import sha256

MARK = b"sha256:"
SEAL = len(MARK) + sha256().digest_size * 2  # bytes: the mark and the hex digits
COMMENT_LENGTH = 2  # bytes, the last of an archive without a comment


def sealed(archive: bytes) -> bytes:
    """The zip archive, which has no comment yet, with its seal: still an archive, and the same content."""
    content = archive[:-COMMENT_LENGTH] + SEAL.to_bytes(COMMENT_LENGTH, "little")
    return content + MARK + sha256(content).hexdigest().encode()


def is_sealed(content: bytes) -> bool:
    """Whether a seal stands at the end, right or wrong."""
    return content[-SEAL:].startswith(MARK)


def fault(content: bytes) -> str:
    """What is wrong with a file's content; "" where its seal holds, or the CRC-32s of one without a seal."""
    if is_sealed(content):
        whole = sha256(content[:-SEAL]).hexdigest().encode() == content[len(MARK) - SEAL :]
        return "" if whole else "its SHA-256 is another"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            wrong, comment = archive.testzip(), archive.comment
    except MemoryError:
        raise
    except Exception as error:  # the reader has no error of its own for all that may be wrong
        return f"{type(error).__name__}: {error}"
    return f"the CRC-32 of its part {wrong} is another" if wrong else "its seal is broken" if comment else ""
