"""Page headers of a parquet file: what decoding will really take, whatever the footer says of it.

A reader allocates what a page's own header announces, and no page can decode to more. Headers are structs of Thrift's
compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md, parquet.thrift);
what a reader might take in another way than this one is refused.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DATA, DICTIONARY, DATA_V2 = 0, 2, 3  # PageType
TRUE, FALSE, BYTE, I16, I32, I64, BINARY, STRUCT = 1, 2, 3, 4, 5, 6, 8, 12  # all that such a header has
VARINT_BYTES, MAX_FIELDS = 10, 64
LARGEST = 2**31 - 1

# PageType -> field id of its header, and of the encoding in that; number of values is always the first field.
HEADERS = {DATA: (5, 2), DICTIONARY: (7, 2), DATA_V2: (8, 4)}

Fields = dict[tuple[int, int], Any]  # (id, type) -> value: readers skip a field of another type


class Unreadable(ValueError):
    """These bytes are no page header."""


@dataclass(frozen=True)
class Page:
    """`kind` is its PageType, `values` are how many it says it has, `size` is in bytes when decompressed."""

    kind: int
    values: int
    size: int
    encoding: int  # as parquet.thrift numbers them


def pages(data: mmap.mmap, chunk: Any) -> Iterator[Page]:
    """The pages of a column chunk as a reader goes through them. Raises Unreadable where they are not what it needs."""
    place = chunk.data_page_offset
    if 0 < (chunk.dictionary_page_offset or 0) < place:
        place = chunk.dictionary_page_offset
    end, seen = min(place + chunk.total_compressed_size, len(data)), 0
    while seen < chunk.num_values:
        if place < 0:
            raise Unreadable
        header = Header(data, place, end)
        fields = header.struct()
        kind, size, compressed = (_count(fields, number) for number in (1, 2, 3))
        place = header.place + compressed
        if place > end:
            raise Unreadable
        if kind in HEADERS:
            number, encoding = HEADERS[kind]
            about = fields.get((number, STRUCT), {})
            page = Page(kind, _count(about, 1), size, _count(about, encoding))
            yield page
            seen += page.values if kind != DICTIONARY else 0


def _count(fields: Fields, number: int) -> int:
    """A field that has to be there and cannot be negative."""
    value = fields.get((number, I32), -1)
    if not 0 <= value <= LARGEST:
        raise Unreadable
    return int(value)


class Header:
    """Reads one struct from `place` on, never beyond `end`; afterwards `place` is behind it."""

    def __init__(self, data: mmap.mmap, place: int, end: int) -> None:
        self._data, self.place, self._end = data, place, end
        self._left = MAX_FIELDS

    def struct(self) -> Fields:
        fields: Fields = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._signed()
            self._left -= 1
            if abs(number) > 2**15 - 1 or not self._left:
                raise Unreadable
            fields[number, kind] = self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind in (I16, I32, I64):
            return self._signed()
        if kind == STRUCT:
            return self.struct()
        if kind == BYTE:
            return self._byte()
        if kind == BINARY:
            self._skip(self._length())
            return None
        raise Unreadable

    def _byte(self) -> int:
        self._skip(1)
        return self._data[self.place - 1]

    def _skip(self, count: int) -> None:
        self.place += count
        if self.place > self._end:
            raise Unreadable

    def _varint(self) -> int:
        value = 0
        for number in range(VARINT_BYTES):
            byte = self._byte()
            value |= (byte & 127) << 7 * number
            if byte < 128:
                return value
        raise Unreadable

    def _signed(self) -> int:
        """Zigzag: 0, -1, 1, -2, ..."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _length(self) -> int:
        value = self._varint()
        if value > LARGEST:
            raise Unreadable
        return value
