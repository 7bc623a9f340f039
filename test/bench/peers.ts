import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort, host, Server, until } from "./processes.js";
import { RespClient } from "./resp-client.js";

const startPatienceMs = 20_000;

/** Redis alone: the yardstick, and the bridge to the figures of RedisRaft. */
export class Redis {
  private constructor(
    private readonly server: Server,
    readonly name: string,
    readonly port: number,
  ) {}

  static async start(data: string, appendOnly: boolean): Promise<Redis> {
    mkdirSync(data, { recursive: true });
    const port = await freePort();
    const persistence = appendOnly
      ? ["--appendonly", "yes", "--appendfsync", "always"]
      : ["--appendonly", "no"];
    const server = Server.start("redis-server", [
      ...["--port", `${port}`, "--bind", host, "--dir", data, "--save", "", "--protected-mode", "no"],
      ...persistence,
    ]);
    await until("redis-server", startPatienceMs, async () => {
      server.mustLive();
      const client = await RespClient.connect(port);
      await client.call("PING");
      client.close();
      return true;
    });
    return new Redis(server, appendOnly ? "redis appendfsync always" : "redis", port);
  }

  get pids(): readonly number[] {
    return [this.server.pid];
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}

interface EtcdMember {
  readonly server: Server;
  readonly client: string;
}

/** Three etcd nodes with their defaults: fsync, linearizable reads. */
export class Etcd {
  readonly name = "etcd";

  private constructor(private readonly members: readonly EtcdMember[]) {}

  static async start(data: string): Promise<Etcd> {
    const base = await freePort([0, 1, 2, 3, 4, 5]);
    const peer = (i: number): string => `http://${host}:${base + 3 + i}`;
    const initial = [0, 1, 2].map((i) => `bench-${i}=${peer(i)}`).join(",");
    const members = [0, 1, 2].map((i): EtcdMember => {
      const client = `http://${host}:${base + i}`;
      const server = Server.start(
        "etcd",
        [
          ...["--name", `bench-${i}`, "--data-dir", join(data, `${i}`)],
          ...["--listen-client-urls", client, "--advertise-client-urls", client],
          ...["--listen-peer-urls", peer(i), "--initial-advertise-peer-urls", peer(i)],
          ...["--initial-cluster", initial, "--initial-cluster-state", "new"],
          ...["--logger", "zap", "--log-level", "error"],
        ],
        process.arch === "arm64" ? { ETCD_UNSUPPORTED_ARCH: "arm64" } : {},
      );
      return { server, client };
    });
    const etcd = new Etcd(members);
    await until("etcd", startPatienceMs, async () => {
      for (const { server } of members) server.mustLive();
      return (await etcd.leader()) !== "";
    });
    return etcd;
  }

  get pids(): readonly number[] {
    return this.members.map(({ server }) => server.pid);
  }

  /** Its client address; empty while there is none. */
  async leader(): Promise<string> {
    for (const { client } of this.members) {
      const { header, leader } = (await post(client, "maintenance/status", {})) as {
        header: { member_id: string };
        leader?: string;
      };
      if (leader !== undefined && leader !== "0" && header.member_id === leader) return client;
    }
    return "";
  }

  /** How often `key` was written since it was created. */
  async version(key: string): Promise<number> {
    const request = { key: Buffer.from(key).toString("base64") };
    const answer = (await post(this.members[0]!.client, "kv/range", request)) as {
      kvs?: readonly { version: string }[];
    };
    return Number(answer.kvs?.[0]?.version ?? 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ server }) => server.stop()));
  }
}

async function post(address: string, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${address}/v3/${path}`, { method: "POST", body: JSON.stringify(body) });
  return response.json();
}
