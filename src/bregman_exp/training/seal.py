"""A checkpoint's seal: the file is a zip archive, and its SHA-256 is the archive's comment.

torch does not check the CRC-32s in the archive, so a flipped byte would load as another weight.
"""

import io
import zipfile
from hashlib import sha256

MARK = b"sha256:"
SEAL = len(MARK) + sha256().digest_size * 2  # bytes: the mark and the hex digits
COMMENT_LENGTH = 2  # bytes, the last of an archive without a comment


def sealed(archive: bytes) -> bytes:
    """The archive, which must have no comment, with its seal: still a zip archive of the same files."""
    content = archive[:-COMMENT_LENGTH] + SEAL.to_bytes(COMMENT_LENGTH, "little")
    return content + MARK + sha256(content).hexdigest().encode()


def is_sealed(content: bytes) -> bool:
    """Whether the content ends with a seal, right or wrong."""
    return content[-SEAL:].startswith(MARK)


def fault(content: bytes) -> str:
    """What is wrong with a file's content, by its seal or, without one, by its CRC-32s; "" if nothing is."""
    if is_sealed(content):
        whole = sha256(content[:-SEAL]).hexdigest().encode() == content[len(MARK) - SEAL :]
        return "" if whole else "its SHA-256 does not match"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            wrong, comment = archive.testzip(), archive.comment
    except MemoryError:
        raise
    except Exception as error:  # zipfile raises various errors for a damaged archive
        return f"{type(error).__name__}: {error}"
    if wrong:
        return f"the CRC-32 of its part {wrong} does not match"
    return "its seal is broken" if comment else ""
