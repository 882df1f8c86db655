# SPDX-License-Identifier: Apache-2.0
"""Packs the package, one C library and the models into a wheel. Not: compiling (platforms/jobs/wheel.sh).

    python platforms/python/make_wheel.py LIBRARY x86_64|aarch64 -o FOLDER

The wheel is the same, byte for byte, for the same files.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODELS = ("bsrnn-live-int8", "lgr-tse-small-int8", "lgr-tse-small-live-int8")
GLIBC = "2_28"
MOST_BYTES = 12_000_000
EPOCH = (1980, 1, 1, 0, 0, 0)

METADATA = """Metadata-Version: 2.1
Name: ligero
Version: {version}
Summary: The voice of one enrolled person, out of a recording or a live microphone
License: Apache-2.0
Requires-Python: >=3.9
Requires-Dist: numpy
Provides-Extra: ray
Requires-Dist: ray; extra == "ray"
Provides-Extra: files
Requires-Dist: soundfile; extra == "files"
Provides-Extra: microphone
Requires-Dist: sounddevice; extra == "microphone"
Description-Content-Type: text/markdown

{readme}"""

WHEEL = """Wheel-Version: 1.0
Generator: ligero
Root-Is-Purelib: false
Tag: {tag}
"""


def version() -> str:
    found = re.search(r"project\(ligero VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    if not found:
        raise SystemExit("CMakeLists.txt has no project(ligero VERSION ...)")
    return found.group(1)


def contents(library: Path, tag: str) -> "dict[str, bytes]":
    """Name in the wheel -> bytes, without RECORD."""
    info = f"ligero-{version()}.dist-info"
    files = {f"ligero/{p.name}": p.read_bytes() for p in sorted((HERE / "ligero").iterdir())
             if p.suffix == ".py" or p.name == "py.typed"}
    files["ligero/libligero.so"] = library.read_bytes()
    for name in MODELS:
        files[f"ligero/models/{name}.lgm"] = (ROOT / f"model/pretrained/{name}.lgm").read_bytes()
    for name in ("LICENSE", "NOTICE"):
        files[f"{info}/licenses/{name}"] = (ROOT / name).read_bytes()
    readme = (HERE / "README.md").read_text()
    files[f"{info}/METADATA"] = METADATA.format(version=version(), readme=readme).encode()
    files[f"{info}/WHEEL"] = WHEEL.format(tag=tag).encode()
    return files


def record(files: "dict[str, bytes]", name: str) -> bytes:
    rows = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(data)}\n")
    return ("".join(rows) + f"{name},,\n").encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path)
    parser.add_argument("machine", choices=("x86_64", "aarch64"))
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder")
    args = parser.parse_args()
    tag = f"py3-none-manylinux_{GLIBC}_{args.machine}"
    files = contents(args.library, tag)
    name = f"ligero-{version()}.dist-info/RECORD"
    files[name] = record(files, name)
    args.output.mkdir(parents=True, exist_ok=True)
    wheel = args.output / f"ligero-{version()}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    size = wheel.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"'{wheel}' has {size} bytes; expected at most {MOST_BYTES}")
    print(wheel)


if __name__ == "__main__":
    main()
