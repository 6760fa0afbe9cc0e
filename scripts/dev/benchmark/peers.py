"""The backend, and what the gateway is compared with. Fair means: one worker, no log, connections kept on both sides."""
import os
import subprocess

from benchmark.process import LOAD_CORE, SERVER_CORE, Process, free_port

JSON_148 = ('{"id":7,"name":"Ada Lovelace","email":"ada@example.com","roles":["admin","author"],'
            '"created":"2024-02-29T12:00:00Z","active":true,"score":9.5,"x":0}')
assert len(JSON_148) == 148, len(JSON_148)

NGINX = """
{modules}
{user}
daemon off;
pid {directory}/{name}.pid;
error_log stderr warn;
worker_processes {workers};
events {{ worker_connections 16000; }}
{body}
"""

NGINX_HTTP = """
http {{
  access_log off;
  keepalive_timeout 120s;
  keepalive_requests 100000000;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  {top}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    {server}
  }}
}}
"""

PROXY_TOP = """
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 128; keepalive_requests 100000000; }}
"""
PROXY_LOCATION = """
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
"""

HAPROXY = """
global
  nbthread 1
  maxconn 4000
  {lua}
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  timeout http-keep-alive 120s
  http-reuse always
frontend public
  bind 127.0.0.1:{port} backlog 4096 {bind}
  {policy}
  default_backend backend
backend backend
  server one 127.0.0.1:{backend} pool-max-conn -1 {server}
"""


def nginx(name, directory, body, port, cores, workers=1, modules=()):
    config = directory / f"{name}.conf"
    loads = "".join(f"load_module /usr/lib/nginx/modules/{module}.so;\n" for module in modules)
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX.format(modules=loads, user=user, directory=directory, name=name, workers=workers, body=body))
    return Process(name, ["/usr/sbin/nginx", "-p", directory, "-e", "stderr", "-c", config], cores, port, directory)


def backend(directory):
    """Answers every path with 148 bytes of JSON, and /files/64k and /files/1m with that much."""
    files = directory / "files"
    files.mkdir(exist_ok=True)
    for name, size in (("64k", 1 << 16), ("1m", 1 << 20)):
        (files / name).write_bytes(os.urandom(size // 2).hex().encode())
    port = free_port()
    server = f"""
    location / {{ default_type application/json; return 200 '{JSON_148}'; }}
    location /files/ {{ root {directory}; sendfile on; open_file_cache max=10; }}
    """
    body = NGINX_HTTP.format(directory=directory, port=port, top="", server=server)
    return nginx("backend", directory, body, port, LOAD_CORE)


def nginx_proxy(directory, backend_port, name="nginx", policy="", modules=()):
    port = free_port()
    body = NGINX_HTTP.format(directory=directory, port=port, top=PROXY_TOP.format(backend=backend_port),
                             server="location / {" + policy + PROXY_LOCATION + "}")
    return nginx(name, directory, body, port, SERVER_CORE, modules=modules)


def tls_certificate(directory):
    """(certificate, key, both in one file): ECDSA P-256, which everybody gets."""
    cert, key, both = (directory / name for name in ("tls.pem", "tls.key", "tls.both.pem"))
    if not both.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                        "-out", cert], check=True, capture_output=True)
        both.write_text(cert.read_text() + key.read_text())
    return cert, key, both


def over_tls(server):
    server.scheme = "https"
    return server


def nginx_tls(directory, backend_port):
    cert, key, _ = tls_certificate(directory)
    tls = f"""
    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets on;
    """
    port = free_port()
    body = NGINX_HTTP.format(directory=directory, port=f"{port} ssl", top=PROXY_TOP.format(backend=backend_port),
                             server=tls + "location / {" + PROXY_LOCATION + "}")
    return over_tls(nginx("nginx", directory, body, port, SERVER_CORE))


def haproxy_tls(directory, backend_port):
    return over_tls(haproxy(directory, backend_port, bind=f"ssl crt {tls_certificate(directory)[2]}"))


def relay(directory, backend_port):
    """The floor: moves bytes and parses nothing."""
    port = free_port()
    body = f"""
    stream {{
      upstream backend {{ server 127.0.0.1:{backend_port}; }}
      server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass backend; }}
    }}
    """
    return nginx("relay", directory, body, port, SERVER_CORE, modules=["ngx_stream_module"])


def nginx_lua(directory, backend_port):
    policy = """
      access_by_lua_block {
        local tier = ngx.req.get_headers()["x-tier"]
        ngx.req.set_header("x-policy", tier or "none")
      }
      header_filter_by_lua_block { ngx.header["x-served-by"] = "policy" }
    """
    return nginx_proxy(directory, backend_port, "nginx+lua", policy, ["ndk_http_module", "ngx_http_lua_module"])


def haproxy(directory, backend_port, name="haproxy", lua="", policy="", bind="", server=""):
    port = free_port()
    config = directory / f"{name}.cfg"
    config.write_text(HAPROXY.format(bind=bind, server=server, port=port, backend=backend_port, lua=lua, policy=policy))
    return Process(name, ["/usr/sbin/haproxy", "-db", "-f", config], SERVER_CORE, port, directory)


def haproxy_lua(directory, backend_port):
    script = directory / "policy.lua"
    script.write_text("""
core.register_action("policy", {"http-req"}, function(txn)
  local tier = txn.http:req_get_headers()["x-tier"]
  txn.http:req_set_header("x-policy", tier and tier[0] or "none")
end)
core.register_action("policy_response", {"http-res"}, function(txn)
  txn.http:res_set_header("x-served-by", "policy")
end)
""")
    return haproxy(directory, backend_port, "haproxy+lua", f"lua-load {script}",
                   "http-request lua.policy\n  http-response lua.policy_response")
