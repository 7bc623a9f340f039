import { announced, type DoorName, type Fabric } from "../cluster/fabric.js";
import type { Door, Protocol } from "../doors/door.js";
import { GrpcDoor } from "../doors/grpc-door.js";
import { HttpDoor } from "../doors/http-door.js";
import { RespDoor } from "../doors/resp-door.js";
import { SdkDoor } from "../doors/sdk-door.js";

export const allProtocols: readonly Protocol[] = ["resp", "grpc", "sdk", "http"];

/** Nodes, and where clients reach them. */
export interface Places {
  readonly names: readonly string[];
  /** The gRPC address that a node announces to the SDK. */
  announcedGrpc(node: number): string;
  clientAddress(client: string, node: number, door: DoorName): Promise<string>;
}

export function placesIn(fabric: Fabric): Places {
  return {
    names: fabric.seats.map(({ name }) => name),
    announcedGrpc: (node) => announced(fabric.seats[node]!, "grpc"),
    clientAddress: (client, node, door) => fabric.clientAddress(client, node, door),
  };
}

/** One door per worker: every protocol at every node, as far as `workers` goes. */
export function openDoors(
  places: Places,
  workers: number,
  protocols: readonly Protocol[],
): Promise<readonly Door[]> {
  const opened = Array.from({ length: workers }, (_, worker) => {
    const protocol = protocols[worker % protocols.length]!;
    const node = (worker + Math.floor(worker / protocols.length)) % places.names.length;
    return openDoor(places, `client-${worker}`, protocol, node);
  });
  return Promise.all(opened);
}

async function openDoor(places: Places, client: string, protocol: Protocol, node: number): Promise<Door> {
  const name = places.names[node]!;
  if (protocol === "resp") return new RespDoor(name, await places.clientAddress(client, node, "resp"));
  if (protocol === "http") return new HttpDoor(name, await places.clientAddress(client, node, "http"));
  if (protocol === "grpc") return new GrpcDoor(name, await places.clientAddress(client, node, "grpc"));
  const natMap: Record<string, string> = {};
  for (const each of places.names.keys())
    natMap[places.announcedGrpc(each)] = await places.clientAddress(client, each, "grpc");
  const own = natMap[places.announcedGrpc(node)]!;
  return new SdkDoor(name, [own, ...Object.values(natMap).filter((address) => address !== own)], natMap);
}
