"""AWS inside the virtual machine: instance metadata, the agent's introspection and the APIs that an instance calls.

It runs on the machine's Python, at the addresses that they have in EC2, with TLS. /etc/stub-aws.json has the scenario:
`targets`, what each DescribeTargetHealth reports; `tasks`, how many requests to the agent report a running task while
the instance is drained. Each call is a line of aws-calls in the shared directory.
"""

import fcntl
import json
import os
import socket
import ssl
import struct
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SCENARIO = json.loads(Path("/etc/stub-aws.json").read_text())
CLUSTER = "dev-lisa-mistral"
INSTANCE = "i-0123456789abcdef0"
ARN = f"arn:aws:ecs:us-east-1:123456789012:container-instance/{CLUSTER}/abc"
KEYS = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret", "Token": "token"}
state = {"signaled": False, "draining": False}


def record(text):
    with Path("/mnt/aws-calls").open("a") as file:
        file.write(f"{text}\n")
    if text.startswith("CompleteLifecycleAction: drained"):
        Path("/mnt/aws-done").touch()


def metadata(handler):
    path = handler.path.partition("/latest/")[2]
    if path == "api/token" and handler.command == "PUT":
        return 200, "session"
    if handler.headers.get("X-aws-ec2-metadata-token") != "session":
        return 401, ""
    found = {
        "meta-data/instance-id": INSTANCE,
        "meta-data/iam/security-credentials/": "role",
        "meta-data/iam/security-credentials/role": json.dumps(KEYS),
        # The instance is to be terminated as soon as CloudFormation has its signal.
        "meta-data/autoscaling/target-lifecycle-state": "Terminated" if state["signaled"] else "InService",
    }
    return (200, found[path]) if path in found else (404, "")


def agent(handler):
    if handler.path == "/v1/metadata":
        return 200, json.dumps({"Cluster": CLUSTER, "ContainerInstanceArn": ARN, "Version": "stub"})
    if state["draining"] and SCENARIO["tasks"]:
        SCENARIO["tasks"] -= 1
        return 200, json.dumps({"Tasks": [{"KnownStatus": "RUNNING"}]})
    return 200, json.dumps({"Tasks": [{"KnownStatus": "STOPPED"}]})


def api(handler):
    body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
    assert handler.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/")
    if "X-Amz-Target" in handler.headers:
        given = json.loads(body)
        assert given["containerInstances"] == [ARN]
        state["draining"] = True
        record(f"{handler.headers['X-Amz-Target'].rpartition('.')[2]}: {given['status']}")
        return 200, "{}"
    given = dict(urllib.parse.parse_qsl(body))
    action = given["Action"]
    if action == "DescribeTargetHealth":
        targets = SCENARIO["targets"]
        target = targets.pop(0) if len(targets) > 1 else targets[0]
        record(f"{action}: {target or 'no target'}")
        member = (
            f"<member><Target><Id>{INSTANCE}</Id></Target><TargetHealth><State>{target}</State></TargetHealth></member>"
        )
        return 200, f'<R xmlns="urn:x"><D><L>{member if target else ""}</L></D></R>'
    if action == "CompleteLifecycleAction":
        record(f"{action}: {given['LifecycleHookName']} {given['LifecycleActionResult']}")
    else:
        record(f"{action}: {given['Status']}")
        state["signaled"] = True
    return 200, "<R/>"


def serve(address, port, answer, certificate=None):
    class Handler(BaseHTTPRequestHandler):
        def reply(self):
            status, text = answer(self)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = reply  # noqa: N815

    server = ThreadingHTTPServer((address, port), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()


def add_address(address):
    """Give the loopback interface a second address: SIOCSIFADDR of an alias, and up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        packed = struct.pack("16sH2s4s8s", b"lo:1", socket.AF_INET, b"", socket.inet_aton(address), b"")
        fcntl.ioctl(control, 0x8916, packed)
        flags = struct.pack("16sH14s", b"lo:1", 0x1 | 0x8 | 0x40, b"")
        fcntl.ioctl(control, 0x8914, flags)


def notify():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        control.connect(os.environ["NOTIFY_SOCKET"])
        control.sendall(b"READY=1")


if __name__ == "__main__":
    add_address("169.254.169.254")
    serve("169.254.169.254", 80, metadata)
    serve("127.0.0.1", 51678, agent)
    serve("127.0.0.1", 443, api, "/etc/stub-aws.pem")
    notify()
