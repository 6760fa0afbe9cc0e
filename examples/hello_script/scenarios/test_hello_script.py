"""The example answers who says a name and lets all others pass."""
from support.gateway import BUILD, ROOT, proxy_to

PATH = [str(BUILD / "plugins"), str(ROOT / "examples/hello_script")]


def test_it_greets(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, [{"hello-script": {"greeting": "Good morning"}}], plugin_path=PATH))
    assert gw.get(headers={"X-Name": "Anna"}).text == "Good morning, Anna!\n"
    assert gw.get().status == 200
