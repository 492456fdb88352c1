"""Plays a world through the decision service, from another language: every decision must be the one
that cmd/eval took on the same checkpoint, and every number must survive the way, bit for bit.

    go run ./cmd/eval --run RUN --slots 10000 --decisions /tmp/slots.jsonl
    go run ./cmd/serve --run RUN
    python3 -m grpc_tools.protoc -I serve/servepb --python_out=OUT --grpc_python_out=OUT serve.proto
    PYTHONPATH=OUT python3 bench/peers/serve/client.py /tmp/slots.jsonl --seed SEED

SEED is that of the evaluation: the seed of the run plus 1. Needs pip install grpcio grpcio-tools. The
file has the observation of each slot, which depends on the decisions before only. So as long as all
of them are equal, replaying it is playing the world.
"""

import argparse
import http.client
import json
import time

METHOD = "/graphrl.v1.DecisionService/Decide"


def over_http(address, _policy):
    """Plain HTTP and JSON, with nothing but the standard library."""
    connection = http.client.HTTPConnection(address)

    def ask(request):
        connection.request("POST", METHOD, json.dumps(request), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}: {body}")
        return body

    return ask


def over_grpc(address, _policy, stream=False):
    """gRPC by generated stubs, one call a slot or one stream for all."""
    import grpc
    from google.protobuf import json_format
    import serve_pb2
    import serve_pb2_grpc

    stub = serve_pb2_grpc.DecisionServiceStub(grpc.insecure_channel(address))
    if stream:
        import queue

        requests = queue.Queue()
        answers = stub.DecideStream(iter(requests.get, None))

    def ask(request):
        message = json_format.ParseDict(request, serve_pb2.DecideRequest())
        if stream:
            if message.slot > 0:
                message.ClearField("draws")  # the stream goes on with its own
            requests.put(message)
            answer = next(answers)
        else:
            answer = stub.Decide(message)
        return json_format.MessageToDict(answer)

    return ask


def main():
    flags = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    flags.add_argument("file")
    flags.add_argument("--address", default="127.0.0.1:8080")
    flags.add_argument("--policy", default="")
    flags.add_argument("--seed", type=int, required=True)
    flags.add_argument("--by", choices=["http", "grpc", "stream"], nargs="*", default=["http", "grpc", "stream"])
    args = flags.parse_args()
    with open(args.file) as lines:
        slots = [json.loads(line) for line in lines]
    for by in args.by:
        ask = over_http(args.address, args.policy) if by == "http" else over_grpc(args.address, args.policy, by == "stream")
        draws, fallbacks, took = None, 0, []
        for line in slots:
            request = {"policy": args.policy, "offloading": line["offloading"], "source": "client.py", "slot": line["slot"]}
            if draws is None:
                request["seed"] = args.seed
            else:
                request["draws"] = draws
            start = time.perf_counter()
            answer = ask(request)
            took.append(time.perf_counter() - start)
            draws = answer["draws"]
            fallbacks += "fallback" in answer
            got = [(a["server"], a["exit"]) for a in answer["assignments"]]
            want = [(a["server"], a["exit"]) for a in line["assignments"]]
            if got != want:
                raise SystemExit(f"{by}: slot {line['slot']}: {got}, cmd/eval decided {want}; {answer.get('fallback')}: {answer.get('detail')}")
        took.sort()
        print(f"{by}: {len(slots)} slots, all decisions equal, {fallbacks} by the rule; "
              f"median {took[len(took) // 2] * 1e6:.0f} us, 99 % {took[len(took) * 99 // 100] * 1e6:.0f} us with this client")


if __name__ == "__main__":
    main()
