"""Descriptor sets: what protoc makes of .proto files, for READMEs and scenarios of plugins that speak gRPC."""
import pathlib
import re
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
ANNOTATIONS = ROOT / "plugins" / "grpc-transcode" / "testing"


def compiled(proto):
    """The set of one file and all that it imports, as bytes."""
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        (folder / "one.proto").write_text(proto)
        subprocess.run(["protoc", "--include_imports", f"--descriptor_set_out={folder / 'one.pb'}", "-I", folder, "-I", ANNOTATIONS, "one.proto"],
                       check=True, timeout=60)
        return (folder / "one.pb").read_bytes()


def of_readme(readme):
    """{file: bytes} of the set that a README says how to make, from its block of .proto; none when it says nothing of the kind."""
    text = readme.read_text()
    made = re.search(r"protoc\b.*--descriptor_set_out=(\S+)", text)
    block = re.search(r"^```proto\n(.*?)^```", text, re.M | re.S)
    return {made[1]: compiled(block[1])} if made and block else {}


def messages(descriptors, package):
    """Classes of the messages of a package by their short names, without generated code."""
    pool, names = descriptor_pool.DescriptorPool(), []
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file:
        pool.Add(file)
        names += [one.name for one in file.message_type if file.package == package]
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName(f"{package}.{name}")) for name in names}
