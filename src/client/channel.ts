import { type ChannelOptions, Client, credentials, type MethodDefinition } from "@grpc/grpc-js";

const options: ChannelOptions = {
  // Channels to one address would share a connection, and its fate.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5000,
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc-node.flow_control_window": 4 * 1024 * 1024,
};

export function openChannel(address: string): Client {
  return new Client(address, credentials.createInsecure(), options);
}

/** One unary call; the deadline also guards against an address that never answers. */
export function callUnary<Response>(
  client: Client,
  method: MethodDefinition<object, Response>,
  request: object,
  deadlineMs: number,
  done: (error: Error | null, response: Response | undefined) => void,
): void {
  client.makeUnaryRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    { deadline: Date.now() + deadlineMs },
    done,
  );
}
