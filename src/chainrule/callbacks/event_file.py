"""Write TensorBoard's event files: scalars in protocol buffers, each in a record with checksums.

A record is (TensorFlow, `tensorflow/core/lib/io/record_writer.h`) the length of the data as uint64, its masked CRC-32C,
the data, and their masked CRC-32C, all little-endian. The file is closed after every record: there is no thread and no
open file, and the callback can be pickled.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from pathlib import Path

from chainrule.files.replacing import append, replace_file

_VERSION = "brain.Event:2"
_REVERSED_POLYNOMIAL = 0x82F63B78  # Castagnoli's


def start_file(path: Path) -> None:
    """Create an event file; its first record states the format."""
    replace_file(path, record(event(_text(3, _VERSION))))


def append_scalars(path: Path, step: int, values: Mapping[str, float]) -> None:
    """Append one event with the values of a step, each under its tag."""
    summary = b"".join(_message(1, _text(1, tag) + _float(2, value)) for tag, value in values.items())
    append(path, record(event(_whole(2, step) + _message(5, summary))))


def event(content: bytes) -> bytes:
    """Return an Event: field 1 is the wall time, then follow 2 step, 3 file_version or 5 summary."""
    return _key(1, 1) + struct.pack("<d", time.time()) + content


def record(data: bytes) -> bytes:
    """Frame data by its length and the two checksums."""
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def crc32c(data: bytes) -> int:
    """Compute the cyclic redundancy check CRC-32C.

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder = _TABLE[(remainder ^ byte) & 0xFF] ^ (remainder >> 8)
    return remainder ^ 0xFFFFFFFF


def _shifted(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_REVERSED_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = [_shifted(byte) for byte in range(256)]


def _checksum(data: bytes) -> bytes:
    """Return the masked CRC-32C: rotated and shifted, because data may themselves contain checksums."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _key(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _whole(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value)


def _float(number: int, value: float) -> bytes:
    return _key(number, 5) + struct.pack("<f", value)


def _message(number: int, content: bytes) -> bytes:
    return _key(number, 2) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode())
