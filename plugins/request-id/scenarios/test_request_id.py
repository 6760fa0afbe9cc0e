"""Every exchange has an id, both ways, also when the gateway itself answers."""
import re

import pytest

from support.gateway import proxy_to

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


@pytest.mark.protocol
def test_an_absent_id_is_made_and_goes_both_ways(gateway, upstream):
    u = upstream()
    response = gateway(proxy_to(u, plugins=["request-id"])).get()
    made = response.headers["X-Request-ID"]
    assert UUID.match(made)
    assert u.last.headers["X-Request-ID"] == made and u.last.headers["X-Correlation-ID"] == made


@pytest.mark.protocol
def test_a_404_carries_it_in_header_and_body(gateway):
    response = gateway({"plugins": ["request-id"], "routes": []}).get("/nowhere", headers={"X-Request-ID": "mine-1"})
    assert response.status == 404
    assert response.headers["X-Request-ID"] == "mine-1" == response.json()["error"]["request_id"]


def test_an_overlong_id_is_replaced(gateway, upstream):
    u = upstream()
    gateway(proxy_to(u, plugins=["request-id"])).get(headers={"X-Request-ID": "x" * 129})
    assert UUID.match(u.last.headers["X-Request-ID"])
