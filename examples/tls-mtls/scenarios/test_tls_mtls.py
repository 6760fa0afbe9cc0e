"""The example as its page tells it, with ports of the kernel's choice."""
import subprocess

from support.certificates import Pair, client_context
from support.client import Client
from support.gateway import BUILD, ROOT

EXAMPLE = ROOT / "examples/tls-mtls"


def test_the_example_does_what_its_page_says(gateway, tmp_path):
    certs = tmp_path / "certs"
    subprocess.run([EXAMPLE / "make-certificates", certs], check=True, capture_output=True)
    text = (EXAMPLE / "gateway.yaml").read_text()
    text = text.replace("certs/", f"{certs}/").replace("127.0.0.1:8443", "127.0.0.1:0").replace('address: "127.0.0.1:9443"', 'address: "127.0.0.1:0"')
    text = text.replace("build/release/plugins", f"{BUILD}/plugins")
    gw = gateway(text)
    gw.reload(text.replace("127.0.0.1:9443", gw.address("backend")))
    alice = client_context(certs / "ca.pem", Pair(certs / "alice.pem", certs / "alice.key"))
    anybody = client_context(certs / "ca.pem")
    with Client(gw.address(), tls=anybody) as client:
        assert client.get("/").text == "welcome over TLSv1.3\n"
        assert client.get("/orders").status == 403
    with Client(gw.address(), tls=alice) as client:
        said = client.get("/orders", headers={"X-Client-Subject": "CN=root"}, host="localhost").text
    assert said == "the backend at localhost was asked by CN=gateway for CN=alice\n"
