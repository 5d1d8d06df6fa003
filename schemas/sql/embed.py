#!/usr/bin/env python3
"""Writes the numbered migrations as C++: embed.py OUTPUT NAME APPLICATION_ID FILE... [-- NAME APPLICATION_ID FILE...]"""
import pathlib
import sys


def group(name, application_id, files):
    rows = []
    for expected, path in enumerate(sorted(map(pathlib.Path, files)), start=1):
        if int(path.name.split("_")[0]) != expected:
            sys.exit(f"error: {path}: migration {expected:04d} is expected here: numbers have no holes")
        rows.append(f'    {{{expected}, "{path.stem}", R"--SQL--({path.read_text()})--SQL--"}},\n')
    return (
        f"constexpr std::array<Migration, {len(rows)}> k_{name} = {{{{\n{''.join(rows)}}}}};\n",
        f"const Schema& {name}_schema() {{\n"
        f'  static const Schema kSchema{{"{name}", {application_id}, k_{name}}};\n'
        "  return kSchema;\n}\n",
    )


def main(output, *words):
    groups = " ".join(words).split(" -- ")
    parts = [group(*g.split()[:2], g.split()[2:]) for g in groups]
    pathlib.Path(output).write_text(
        '#include "store/migrations.hpp"\n\n#include <array>\n\nnamespace aircheck::store {\n\nnamespace {\n'
        + "".join(p[0] for p in parts)
        + "}  // namespace\n\n"
        + "\n".join(p[1] for p in parts)
        + "\n}  // namespace aircheck::store\n"
    )


main(*sys.argv[1:])
