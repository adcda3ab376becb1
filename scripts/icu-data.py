#!/usr/bin/env python3
"""Makes an object file with the part of ICU's data that the gateway can use, to be linked in place of Swift's whole.

icu-data.py OBJECT     prints the name of the symbol that the linker must --wrap

Swift's Foundation brings 33 MB of data for every language and charset: a third of the program. The gateway writes its own
words, and dates in ISO 8601 alone; it needs no converter of old charsets, no sort order, no dictionary for line breaks, no
transliteration, and no names of languages, regions, currencies, units and zones. ICU falls back to `root` where data for a
language is missing. Time zones, calendars, case and normalization stay whole.
Source of the format: ICU's udata (CmnD), https://unicode-org.github.io/icu/userguide/icu_data/
"""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile

# Folders of which only what stands for all languages, and English, stay.
NAMES = ("coll", "curr", "lang", "rbnf", "region", "unit", "zone")
KEPT = re.compile(r"^(root|res_index|pool|en|en_US|en_US_POSIX|ucadata)\.(res|icu)$")


def is_kept(name):
    """name: as in icudt76l/coll/zh.res, without what is before the first slash."""
    folder, _, file = name.rpartition("/")
    if not folder:
        return not file.endswith(".cnv")
    if folder in NAMES:
        return KEPT.match(file) is not None
    if folder == "translit":
        return False
    if folder == "brkitr":
        return not file.endswith(".dict")
    return True


def filtered(data):
    """The same archive of items without those that are not kept."""
    header = struct.unpack_from("<H", data)[0]
    if data[2:4] != b"\xda\x27" or data[12:16] != b"CmnD":
        raise SystemExit("this is no archive of ICU's data")
    body = memoryview(data)[header:]
    count = struct.unpack_from("<I", body)[0]
    entries = [struct.unpack_from("<II", body, 4 + 8 * index) for index in range(count)]
    ends = [offset for _, offset in entries[1:]] + [len(body)]
    items = []
    for (name_at, start), end in zip(entries, ends):
        stop = name_at
        while body[stop]:
            stop += 1
        name = bytes(body[name_at:stop])
        if is_kept(name.decode("ascii").partition("/")[2]):
            items.append((name, bytes(body[start:end])))
    names_at = 4 + 8 * len(items)
    names = b""
    table = []
    for name, _ in items:
        table.append(names_at + len(names))
        names += name + b"\0"
    out = bytearray(struct.pack("<I", len(items)))
    out += bytes(8 * len(items)) + names
    for index, (_, content) in enumerate(items):
        out += bytes(-len(out) % 16)
        struct.pack_into("<II", out, 4 + 8 * index, table[index], len(out))
        out += content
    return data[:header] + bytes(out), count, len(items)


def main():
    (target,) = sys.argv[1:]
    told = subprocess.run(
        ["swiftc", "-print-target-info", "-static-stdlib"], check=True, capture_output=True, text=True)
    archive = json.loads(told.stdout)["paths"]["runtimeResourcePath"] + "/linux/lib_FoundationICU.a"
    with tempfile.TemporaryDirectory() as folder:
        member = "icu_packaged_data.cpp.o"
        whole = os.path.join(folder, member)
        with open(whole, "wb") as file:
            subprocess.run(["ar", "p", archive, member], check=True, stdout=file)
        symbols = subprocess.run(["nm", "-S", "--defined-only", whole], check=True, capture_output=True, text=True)
        defined = [line.split() for line in symbols.stdout.splitlines()]
        if len(defined) != 1 or not re.fullmatch(r"icudt\d+_dat", defined[0][-1]):
            raise SystemExit(f"unexpected symbols in {member}: {symbols.stdout}")
        address, size, symbol = int(defined[0][0], 16), int(defined[0][1], 16), defined[0][-1]
        raw = os.path.join(folder, "raw")
        subprocess.run(["objcopy", "-O", "binary", "--only-section=.rodata", whole, raw], check=True)
        with open(raw, "rb") as file:
            data = file.read()[address : address + size]
        if len(data) != size:
            raise SystemExit(f"{symbol} is not where it was expected")
        smaller, before, after = filtered(data)
        content = os.path.join(folder, "data")
        with open(content, "wb") as file:
            file.write(smaller)
        ours = "__wrap_" + symbol
        source = os.path.join(folder, "data.S")
        with open(source, "w", encoding="ascii") as file:
            file.write(
                f'.section .rodata\n.balign 16\n.globl {ours}\n.type {ours}, %object\n{ours}:\n'
                f'.incbin "{content}"\n.size {ours}, . - {ours}\n.section .note.GNU-stack,"",%progbits\n'
            )
        subprocess.run(["cc", "-c", "-o", target, source], check=True)
    # For --wrap of the linker: who asks for the one gets the other, in whatever order the linker meets them.
    print(symbol)
    print(f"{symbol}: {after} of {before} items, {len(smaller) >> 10} of {size >> 10} KiB", file=sys.stderr)


if __name__ == "__main__":
    main()
