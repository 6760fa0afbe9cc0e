#!/usr/bin/python3
"""A gRPC server as the library makes them; it knows nothing of a gateway. Run make-stubs before.
Usage: examples/grpc/server.py [PORT]"""
import os
import pathlib
import signal
import sys
from concurrent import futures

import grpc

sys.path.insert(0, os.environ.get("STUBS", str(pathlib.Path(__file__).parent / "stubs")))
import guide_pb2  # noqa: E402
import guide_pb2_grpc  # noqa: E402

HEIGHTS = {"Eiger": 3967, "Moench": 4110, "Jungfrau": 4158, "Grindelwald": 1034}


class Guide(guide_pb2_grpc.GuideServicer):
    def Find(self, place, context):
        if place.name not in HEIGHTS:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no place is called {place.name}")
        return guide_pb2.Height(name=place.name, metres=HEIGHTS[place.name])

    def Near(self, place, context):
        for name in HEIGHTS:
            if name != place.name:
                yield guide_pb2.Place(name=name)

    def Walk(self, places, context):
        heights = [HEIGHTS[place.name] for place in places]
        climbed = sum(max(0, after - before) for before, after in zip(heights, heights[1:]))
        return guide_pb2.Summary(places=len(heights), climbed_metres=climbed)

    def Talk(self, notes, context):
        for note in notes:
            yield guide_pb2.Note(text=f"you said: {note.text}")


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 50051
    server = grpc.server(futures.ThreadPoolExecutor(8))
    guide_pb2_grpc.add_GuideServicer_to_server(Guide(), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(f"listening 127.0.0.1:{port}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: server.stop(grace=1))
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        pass
