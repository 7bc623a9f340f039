import { createServer } from "node:net";
import { type ClusterShape, devHost, portsOf } from "./dev-layout.js";

/** The first port of the cluster that can't be listened on, or null. */
export async function busyPort(shape: ClusterShape): Promise<number | null> {
  for (let i = 1; i <= shape.nodes; i++)
    for (const port of Object.values(portsOf(shape, i))) if (!(await isFree(port))) return port;
  return null;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: devHost, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
