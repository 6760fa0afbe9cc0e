"""Certificate authorities made while the tests run, with the openssl command. No key is ever part of the tree."""
import functools
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass

CA_CONFIG = """
[ca]
default_ca = this
[this]
dir = {dir}
database = {dir}/index
new_certs_dir = {dir}
serial = {dir}/serial
certificate = {dir}/ca.pem
private_key = {dir}/ca.key
default_md = sha256
default_crl_days = 30
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
organizationName = optional
[req]
distinguished_name = name
[name]
"""


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Pair:
    cert: pathlib.Path
    key: pathlib.Path

    def __str__(self):  # as the value of an entry in `certificates`
        return f'{{cert: "{self.cert}", key: "{self.key}"}}'


class Authority:
    """ca.issue("alice", names=["DNS:a.example"]) gives a Pair; `ca.pem` is what others trust."""

    def __init__(self, directory, name="Test CA", above=None):
        """`above`: the authority that this one has its certificate from."""
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = self.directory / "ca.cnf"
        self.config.write_text(CA_CONFIG.format(dir=self.directory))
        (self.directory / "index").write_text("")
        (self.directory / "serial").write_text("1000\n")
        self.pem = self.directory / "ca.pem"
        self.count = 0
        self.above = above
        request = self.directory / "request"
        self.openssl("req", *(() if above else ("-x509", "-days", 30)), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", self.directory / "ca.key", "-out", request if above else self.pem, "-subj", f"/CN={name}",
                     "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        if above:
            above.sign(request, self.pem)

    def openssl(self, command, *arguments):
        return openssl(command, "-config", self.config, *arguments)

    def issue(self, name, names=(), dates=("20200101000000Z", "20990101000000Z"), algorithm="ec"):
        self.count += 1
        pair = Pair(self.directory / f"{self.count}.pem", self.directory / f"{self.count}.key")
        request = self.directory / "request"
        kind = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "ec" else ["rsa:2048"]
        extensions = ["-addext", "subjectAltName=" + ",".join(names)] if names else []
        self.openssl("req", "-newkey", *kind, "-nodes", "-keyout", pair.key, "-out", request, "-subj", f"/CN={name}",
                     *extensions)
        self.sign(request, pair.cert, dates)
        if self.above:  # whoever trusts the authority above needs to see this one's certificate, too
            pair.cert.write_text(pair.cert.read_text() + self.pem.read_text())
        os.chmod(pair.key, 0o600)
        return pair

    def sign(self, request, to, dates=("20200101000000Z", "20990101000000Z")):
        self.openssl("ca", "-batch", "-notext", "-startdate", dates[0], "-enddate", dates[1], "-in", request, "-out", to)

    def expired(self, name, **how):
        return self.issue(name, dates=("20200101000000Z", "20210101000000Z"), **how)

    def revoke(self, *pairs):
        """A revocation list with these in it: pairs, or authorities below this one."""
        for pair in pairs:
            self.openssl("ca", "-revoke", pair.pem if isinstance(pair, Authority) else pair.cert)
        crl = self.directory / "crl.pem"
        self.openssl("ca", "-gencrl", "-out", crl)
        return crl

    def trusted(self, pair=None, **how):
        """What a client needs: it trusts this authority and shows `pair`."""
        return client_context(self.pem, pair, **how)


def client_context(ca=None, pair=None, protocols=(), newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(ca)
    if pair:
        context.load_cert_chain(pair.cert, pair.key)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if newest:
        context.maximum_version = newest
    return context


def server_context(pair, client_ca=None):
    """For a scripted upstream."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@functools.cache
def shared():
    """(authority, its certificate for localhost): for scenarios that only need TLS to be there."""
    import atexit
    directory = tempfile.mkdtemp(prefix="postern-ca-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    authority = Authority(directory)
    return authority, authority.issue("localhost", names=["DNS:localhost", "IP:127.0.0.1"])
