"""Redis's format of single values, as DUMP gives and RESTORE takes them: a pure codec.

decode.py   payload -> value      reader.py, writer.py                 lengths, strings, bounds
encode.py   value -> payload      payload.py                           version and checksum
values.py   what a value is       listpack.py, ziplist.py, stream.py   the packed encodings
"""
