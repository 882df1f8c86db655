# SPDX-License-Identifier: Apache-2.0
"""Writes the bill of materials of a build as CycloneDX 1.6, and checks it against the schema:

    make_sbom.py --build build/native --requirements model/torch/requirements.txt -o build/ligero.cdx.json

It has what the C and C++ programs contain or are linked with, and the Python packages of the reference, each
with version and licence. It fails where a program is linked with a library that the table below lacks, where
the table has one that no program is linked with, and where NOTICE does not name a part. Libraries behind
these (the codecs of libsndfile) belong to the system and are not listed.
"""
import argparse
import importlib.metadata
import pathlib
import re
import subprocess
import sys
from typing import NamedTuple

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = SchemaVersion.V1_6


class Part(NamedTuple):
    name: str      # as in NOTICE
    package: str   # Debian's, for the version
    licence: str   # an SPDX expression
    soname: str    # what a linked program names, without .so; "" for what is compiled in from headers


PARTS = (
    Part("Highway", "libhwy-dev", "Apache-2.0", ""),
    Part("FlatBuffers", "libflatbuffers-dev", "Apache-2.0", ""),
    Part("CLI11", "libcli11-dev", "BSD-3-Clause", ""),
    Part("JSON for Modern C++", "nlohmann-json3-dev", "MIT", ""),
    Part("ladspa.h", "ladspa-sdk", "LGPL-2.1-or-later", ""),
    Part("SpeexDSP", "libspeexdsp1", "BSD-3-Clause", "libspeexdsp"),
    Part("zlib", "zlib1g", "Zlib", "libz"),
    Part("libsndfile", "libsndfile1", "LGPL-2.1-or-later", "libsndfile"),
    Part("PortAudio", "libportaudio2", "MIT", "libportaudio"),
    Part("libstdc++", "libstdc++6", "GPL-3.0-or-later WITH GCC-exception-3.1", "libstdc++"),
    Part("libgcc", "libgcc-s1", "GPL-3.0-or-later WITH GCC-exception-3.1", "libgcc_s"),
    Part("glibc", "libc6", "LGPL-2.1-or-later", "libc"),
)
# The same package as another: glibc's other libraries, and its loader.
SAME = {"libm": "libc", "libpthread": "libc", "libdl": "libc", "librt": "libc", "ld-linux-x86-64": "libc",
        "ld-linux-aarch64": "libc", "ld-linux-armhf": "libc"}
PROGRAMS = ("platforms/cli/ligero", "converter/ligero-convert", "platforms/capi/libligero.so",
            "platforms/plugins/libligero_ladspa.so")
CLASSIFIERS = {"MIT License": "MIT", "Apache Software License": "Apache-2.0"}
MIT_TEXT = "Permission is hereby granted, free of charge"


def fail(message):
    sys.exit(f"make_sbom: {message}")


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        fail(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def linked(build):
    """Which programs name which library: soname -> names of programs."""
    result = {}
    for program in PROGRAMS:
        listing = output_of("readelf", "--dynamic", "--wide", build / program)
        for soname in re.findall(r"\(NEEDED\).*\[(.*?)\.so[.\d]*\]", listing):
            result.setdefault(SAME.get(soname, soname), []).append(pathlib.Path(program).name)
    return result


def native_parts(build):
    """The table's parts, with versions of the packages on this machine. Refuses a table that is not so."""
    by_library = linked(build)
    unknown = set(by_library) - {part.soname for part in PARTS}
    if unknown:
        fail(f"linked, and not in the table of parts: {', '.join(sorted(unknown))}")
    notice = (ROOT / "NOTICE").read_text()
    for part in PARTS:
        if part.soname and part.soname not in by_library:
            fail(f"no program is linked with {part.soname}, which the table of parts has")
        if part.name not in notice:
            fail(f"NOTICE does not name {part.name}")
        version, arch = output_of("dpkg-query", "--show", "--showformat", "${Version} ${Architecture}",
                                  part.package).split()
        use = "linked by " + ", ".join(sorted(set(by_library[part.soname]))) if part.soname else "headers, compiled in"
        yield Component(name=part.name, version=version, type=ComponentType.LIBRARY, bom_ref=part.package,
                        licenses=[LicenseFactory().make_from_string(part.licence)], scope=ComponentScope.REQUIRED,
                        purl=PackageURL("deb", "debian", part.package, version, {"arch": arch}),
                        properties=[Property(name="ligero:use", value=use)])


def licence_of(metadata):
    """A licence of a Python package: its SPDX expression, else what its classifiers or its text say."""
    stated = metadata.get("License-Expression")
    text = (metadata.get("License") or "").strip()
    for classifier in metadata.get_all("Classifier") or []:
        if not stated and classifier.startswith("License :: "):
            name = classifier.split(" :: ")[-1]
            stated = CLASSIFIERS.get(name, name)
    if not stated:
        stated = "MIT" if MIT_TEXT in text else text.splitlines()[0] if text else ""
    if not stated:
        fail(f"{metadata['Name']} states no licence")
    return LicenseFactory().make_from_string(stated)


def needs(distribution):
    """Names of what a Python package needs here, without extras."""
    for line in distribution.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def python_parts(requirements):
    """The packages that the file names and all that they need: name -> component, name -> names it needs."""
    wanted = [canonicalize_name(Requirement(line).name)
              for line in requirements.read_text().splitlines() if line and not line.startswith("#")]
    direct = list(wanted)
    components, needed = {}, {}
    while wanted:
        name = wanted.pop()
        if name in components:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            fail(f"the Python package {name} is not installed")
        needed[name] = sorted(set(needs(distribution)))
        wanted += needed[name]
        components[name] = Component(
            name=distribution.metadata["Name"], version=distribution.version, type=ComponentType.LIBRARY,
            bom_ref=f"python:{name}", licenses=[licence_of(distribution.metadata)], scope=ComponentScope.OPTIONAL,
            purl=PackageURL("pypi", None, name, distribution.version),
            properties=[Property(name="ligero:use", value="Python reference, training, benchmarks")])
    return direct, components, needed


def make_bom(build, requirements):
    version = re.search(r"project\(ligero VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    bom = Bom()
    root = Component(name="ligero", version=version, type=ComponentType.LIBRARY, bom_ref="ligero",
                     licenses=[LicenseFactory().make_from_string("Apache-2.0")])
    bom.metadata.component = root
    native = list(native_parts(build))
    direct, components, needed = python_parts(requirements)
    for component in (*native, *components.values()):
        bom.components.add(component)
    bom.register_dependency(root, [*native, *(components[name] for name in direct)])
    for name, names in needed.items():
        bom.register_dependency(components[name], [components[other] for other in names])
    return bom, len(native), len(components)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a build of everything")
    parser.add_argument("--requirements", type=pathlib.Path, required=True)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    args = parser.parse_args()
    bom, native, python = make_bom(args.build, args.requirements)
    text = make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2)
    error = JsonStrictValidator(SCHEMA).validate_str(text)
    if error:
        fail(f"not valid by the schema of CycloneDX {SCHEMA.to_version()}: {error}")
    args.output.write_text(text + "\n")
    print(f"{args.output}: CycloneDX {SCHEMA.to_version()}, valid; {native} native parts, {python} Python packages")


if __name__ == "__main__":
    main()
