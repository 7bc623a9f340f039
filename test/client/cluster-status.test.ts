import { expect, test } from "vitest";
import { readClusterStatus } from "../../src/client/cluster-status.js";
import { FakeCluster } from "../edge/fake-cluster.js";
import { startServer, stopServer } from "../edge/grpc-setup.js";

test("the status joins what each node says of its own replicas; a silent node's numbers are null", async () => {
  const cluster = new FakeCluster();
  const nodes = [cluster.addNode(), cluster.addNode()];
  const servers = await Promise.all(nodes.map((node) => startServer(node)));
  for (const [i, node] of nodes.entries()) cluster.announce(node, servers[i]!.address());
  await stopServer(servers[1]!);

  const status = await readClusterStatus(["127.0.0.1:1", servers[0]!.address()], 500);
  expect(status).toMatchObject({
    clusterId: "c0ffee",
    members: [
      { id: "000000000001", name: "n1", ports: { grpc: servers[0]!.address() } },
      { id: "000000000002", name: "n2" },
    ],
    ranges: [
      {
        id: 1,
        slots: [0, 8191],
        leader: "n1",
        term: 1,
        replicas: [
          { node: "n1", role: "leader", commit: 0, applied: 0, firstIndex: 1 },
          { node: "n2", role: "unknown", commit: null, applied: null, firstIndex: null, digest: null },
        ],
      },
      { id: 2, slots: [8192, 16383] },
    ],
  });
  await stopServer(servers[0]!);
  expect(await readClusterStatus([servers[0]!.address()], 300)).toBeNull();
});
