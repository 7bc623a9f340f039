import { announced, type Fabric } from "../cluster/fabric.js";
import type { Door, Protocol } from "../doors/door.js";
import { GrpcDoor } from "../doors/grpc-door.js";
import { HttpDoor } from "../doors/http-door.js";
import { RespDoor } from "../doors/resp-door.js";
import { SdkDoor } from "../doors/sdk-door.js";

export const allProtocols: readonly Protocol[] = ["resp", "grpc", "sdk", "http"];

/** One door per worker: every protocol at every node, as far as `workers` goes. */
export function openDoors(
  fabric: Fabric,
  workers: number,
  protocols: readonly Protocol[],
): Promise<readonly Door[]> {
  const opened = Array.from({ length: workers }, (_, worker) => {
    const protocol = protocols[worker % protocols.length]!;
    const node = (worker + Math.floor(worker / protocols.length)) % fabric.seats.length;
    return openDoor(fabric, `client-${worker}`, protocol, node);
  });
  return Promise.all(opened);
}

async function openDoor(fabric: Fabric, client: string, protocol: Protocol, node: number): Promise<Door> {
  const { name } = fabric.seats[node]!;
  if (protocol === "resp") return new RespDoor(name, await fabric.clientAddress(client, node, "resp"));
  if (protocol === "http") return new HttpDoor(name, await fabric.clientAddress(client, node, "http"));
  if (protocol === "grpc") return new GrpcDoor(name, await fabric.clientAddress(client, node, "grpc"));
  const natMap: Record<string, string> = {};
  for (const seat of fabric.seats)
    natMap[announced(seat, "grpc")] = await fabric.clientAddress(client, seat.index, "grpc");
  const own = natMap[announced(fabric.seats[node]!, "grpc")]!;
  return new SdkDoor(name, [own, ...Object.values(natMap).filter((address) => address !== own)], natMap);
}
