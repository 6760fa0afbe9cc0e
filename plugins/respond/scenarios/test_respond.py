"""A static answer from the gateway itself: the upstream is never asked."""
import pytest


def answering(**config):
    return {"routes": [{"id": "static", "match": {"path": "/*"}, "plugins": [{"respond": config}]}]}


@pytest.mark.protocol
def test_status_body_and_headers(gateway):
    gw = gateway(answering(status=418, body="for ${request.path}", headers={"X-Kind": "${request.method}"}))
    response = gw.get("/tea")
    assert (response.status, response.text) == (418, "for /tea")
    assert response.headers.get_all("X-Kind") == ["GET"]


@pytest.mark.protocol
def test_the_error_envelope(gateway):
    response = gateway(answering(status=403, error="FORBIDDEN", body="not today")).get()
    assert response.status == 403
    assert response.json()["error"]["code"] == "FORBIDDEN" and response.json()["error"]["message"] == "not today"


def test_a_wrong_status_is_refused_where_it_stands(postern):
    result = postern("check", config=answering(status=99))
    assert result.returncode == 1 and "status" in result.stderr
