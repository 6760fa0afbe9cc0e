#!/usr/bin/python3
"""A gRPC client as the library makes them: one call of each kind. Run make-stubs before.
Usage: examples/grpc/client.py [ADDRESS [KEY]]"""
import os
import pathlib
import queue
import sys

import grpc

sys.path.insert(0, os.environ.get("STUBS", str(pathlib.Path(__file__).parent / "stubs")))
import guide_pb2  # noqa: E402
import guide_pb2_grpc  # noqa: E402


def place(name):
    return guide_pb2.Place(name=name)


def talk(guide, how):
    """Says the next thing when the last one has been answered: neither side waits for the other's end."""
    waiting = queue.Queue()
    answers = guide.Talk(iter(waiting.get, None), **how)
    for text in ("hello", "goodbye"):
        waiting.put(guide_pb2.Note(text=text))
        print("Talk:", next(answers).text)
    waiting.put(None)
    assert list(answers) == []


def main(address, key):
    how = {"metadata": (("x-api-key", key),), "timeout": 10}
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:
        guide = guide_pb2_grpc.GuideStub(channel)
        print("Find:", guide.Find(place("Eiger"), **how).metres)
        print("Near:", *(near.name for near in guide.Near(place("Eiger"), **how)))
        summary = guide.Walk(map(place, ("Grindelwald", "Eiger", "Moench")), **how)
        print("Walk:", summary.places, "places,", summary.climbed_metres, "metres climbed")
        talk(guide, how)
        try:
            guide.Find(place("Atlantis"), **how)
        except grpc.RpcError as error:
            print("Find:", error.code().name, error.details())


if __name__ == "__main__":
    try:
        main(*(sys.argv[1:] + ["127.0.0.1:8080", "guide-demo"][len(sys.argv) - 1:]))
    except grpc.RpcError as failure:
        sys.exit(f"{failure.code().name}: {failure.details()}")
