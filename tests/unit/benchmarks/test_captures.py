"""Exchanges are found in a capture, repeats once; a captured answer that answers something else is no data."""

import struct

from benchmarks.captures import Exchange, exchanges
from benchmarks.part_captures import play


def packet(source: int, target: int, sequence: int, payload: bytes) -> bytes:
    tcp = struct.pack(">HHIIBBHHH", source, target, sequence, 0, 5 << 4, 0, 0, 0, 0) + payload
    addresses = [b"\n\0\0\2" if port == 502 else b"\n\0\0\1" for port in (source, target)]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, *addresses)
    whole = bytes(12) + b"\x08\x00" + ip + tcp
    return struct.pack("<IIII", 0, 0, len(whole), len(whole)) + whole


def frame(transaction: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, 7) + pdu


QUESTION, ANSWER = b"\x03\x00\x00\x00\x02", b"\x03\x04\x00\x01\x00\x02"


def test_a_question_and_its_answer_are_an_exchange_however_often_they_are_sent() -> None:
    asked, answered = packet(1234, 502, 1, frame(9, QUESTION)), packet(502, 1234, 1, frame(9, ANSWER))
    stray = packet(502, 1234, 99, frame(8, ANSWER)) + packet(502, 1234, 200, b"\0\0\0\0\0\xff\x07")
    assert exchanges(bytes(24) + asked + asked + stray + answered + answered) == [Exchange(QUESTION, 7, ANSWER)]
    assert exchanges(bytes(24)) == []


async def test_an_answer_is_data_for_its_own_question_only() -> None:
    outcomes, misread = await play([Exchange(QUESTION, 7, ANSWER), Exchange(QUESTION, 7, b"\x83\x02")])
    assert misread == 0
    assert outcomes["data"] == 1
    assert outcomes["refused"] == 5  # its own question, and the four other reads of the same table
    assert outcomes["silent"] == 0
    outcomes, misread = await play([Exchange(b"\x03\x00\x00\x00\x01", 7, b"\x04\x02\x00\x01")])
    assert (outcomes["data"], misread) == (1, 0)  # of the input registers, which were not asked for
