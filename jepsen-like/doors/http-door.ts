import { Agent, type IncomingMessage, request } from "node:http";
import {
  type Door,
  messageOf,
  type Outcome,
  ok,
  type RunOptions,
  type StatedAge,
  type Words,
} from "./door.js";

const commands = new Set(["GET", "SET", "DEL", "QUORATE.GETREV"]);

/** HTTP/JSON over one kept connection. */
export class HttpDoor implements Door {
  readonly protocol = "http";
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(
    readonly node: string,
    private readonly address: string,
  ) {}

  has(command: string): boolean {
    return commands.has(command);
  }

  run([name, key, value, unit, ttl]: Words, options: RunOptions): Promise<Outcome> {
    const path = `/cache/${encodeURIComponent(String(key))}`;
    switch (name) {
      case "GET":
        return this.ask("GET", path + levelQuery(options), null, options, (status, body, response) =>
          status === 404 ? ok(null, ageOf(response)) : ok(valueIn(body), ageOf(response)),
        );
      case "QUORATE.GETREV":
        return this.ask("GET", path, null, options, (status, body, response) =>
          status === 404
            ? ok(null)
            : ok([valueIn(body), Number(response.headers["quorate-revision"]), ttlOf(body)]),
        );
      case "SET": {
        const body = { value: String(value), ...(unit === "PX" ? { ttl: Number(ttl) / 1000 } : {}) };
        return this.ask("PUT", path, JSON.stringify(body), options, () => ok("OK"));
      }
      case "DEL":
        return this.ask("DELETE", path, null, options, (status) => ok(status === 404 ? 0 : 1));
      default:
        throw new TypeError(`HTTP has no ${name}`);
    }
  }

  private ask(
    method: string,
    path: string,
    body: string | null,
    { deadlineMs }: RunOptions,
    answered: (status: number, body: string, response: IncomingMessage) => Outcome,
  ): Promise<Outcome> {
    const [host, port] = this.address.split(":");
    return new Promise((resolve) => {
      const headers = { "Quorate-Deadline-Ms": String(deadlineMs) };
      const call = request({ agent: this.agent, host, port, method, path, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("error", (error) => resolve({ type: "info", error: messageOf(error) }));
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          if (status < 300 || (status === 404 && !text.includes("no-leader")))
            resolve(answered(status, text, response));
          else resolve(refusal(status, text));
        });
      });
      // A margin, so that the node itself can say whether the command was proposed.
      const timer = setTimeout(() => call.destroy(new Error("no answer in time")), deadlineMs + 200);
      call.on("error", (error: NodeJS.ErrnoException) =>
        resolve({ type: error.code === "ECONNREFUSED" ? "fail" : "info", error: messageOf(error) }),
      );
      call.on("close", () => clearTimeout(timer));
      call.end(body ?? undefined);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

function levelQuery({ consistency }: RunOptions): string {
  if (consistency === undefined || consistency === "linearizable") return "";
  if (typeof consistency === "object") return `?consistency=bounded&maxAgeMs=${consistency.boundedMs}`;
  return `?consistency=${consistency}`;
}

function refusal(status: number, text: string): Outcome {
  try {
    const { error } = JSON.parse(text) as {
      error: { kind: string; message: string; outcome: "definite" | "unknown" };
    };
    return {
      type: error.outcome === "definite" ? "fail" : "info",
      error: `${error.kind}: ${error.message}`,
    };
  } catch {
    return { type: "info", error: `HTTP ${status}: ${text.slice(0, 100)}` };
  }
}

function valueIn(body: string): string {
  return (JSON.parse(body) as { value: string }).value;
}

function ttlOf(body: string): number {
  return (JSON.parse(body) as { ttl: number | null }).ttl ?? -1;
}

function ageOf({ headers }: IncomingMessage): StatedAge | undefined {
  const age = headers["quorate-age-ms"];
  if (age === undefined) return undefined;
  return { stale: headers["quorate-stale"] === "true", ageMs: age === "unknown" ? null : Number(age) };
}
