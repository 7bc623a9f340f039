import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHttpServer, type HttpServer } from "../../src/edge/http/http-server.js";
import { type CountedTelemetry, countingTelemetry, FakeService } from "./fake-service.js";
import { RawClient } from "./resp-client.js";

const valueLimitBytes = 1024;

let service: FakeService;
let telemetry: CountedTelemetry;
let server: HttpServer;
let port: number;
let metrics: () => Promise<{ contentType: string; body: string }>;

beforeEach(async () => {
  service = new FakeService();
  telemetry = countingTelemetry();
  metrics = () => Promise.resolve({ contentType: "text/plain; version=0.0.4", body: "up 1\n" });
  server = createHttpServer({ service, telemetry, renderMetrics: () => metrics(), valueLimitBytes });
  await new Promise<void>((resolve, reject) =>
    server.listen("127.0.0.1", 0, (error) => (error === null ? resolve() : reject(new Error(error)))),
  );
  port = server.address()!.port;
});
afterEach(() => new Promise<void>((resolve) => server.close(resolve)));

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly json: unknown;
}

function ask(
  method: string,
  path: string,
  body: string | Buffer | null = null,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port, host: "127.0.0.1", method, path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const isJson = response.headers["content-type"]?.startsWith("application/json") && text !== "";
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text,
            json: isJson ? JSON.parse(text) : null,
          });
        });
      },
    );
    request.on("error", reject);
    request.end(body ?? undefined);
  });
}

function put(key: string, fields: object): Promise<Answer> {
  return ask("PUT", `/cache/${key}`, JSON.stringify(fields));
}

function refusal(kind: string, message: string, outcome = "definite"): object {
  return { error: { kind, message, outcome } };
}

describe("single keys", () => {
  test("what was put is found, until it is deleted", async () => {
    expect((await put("a", { value: "héllo" })).status).toBe(204);
    const found = await ask("GET", "/cache/a");
    expect([found.status, found.json]).toEqual([200, { value: "héllo", ttl: null }]);
    expect(found.headers.etag).toBe('"1"');
    expect(found.headers["quorate-stale"]).toBeUndefined();
    expect((await ask("DELETE", "/cache/a")).status).toBe(204);
    expect((await ask("DELETE", "/cache/a")).status).toBe(404);
    const gone = await ask("GET", "/cache/a");
    expect([gone.status, gone.json]).toEqual([404, refusal("not-found", "there is no such key")]);
  });

  test("a TTL is in seconds, fractions allowed, and is answered rounded up", async () => {
    await put("a", { value: "1", ttl: 0.5 });
    expect((await ask("GET", "/cache/a")).json).toEqual({ value: "1", ttl: 1 });
    service.nowMs += 499;
    expect((await ask("GET", "/cache/a")).json).toEqual({ value: "1", ttl: 1 });
    await put("a", { value: "1", ttl: 10 });
    expect((await ask("GET", "/cache/a")).json).toEqual({ value: "1", ttl: 10 });
    service.nowMs += 1;
    expect((await ask("GET", "/cache/a")).json).toEqual({ value: "1", ttl: 10 });
    await put("a", { value: "1", ttl: null });
    expect((await ask("GET", "/cache/a")).json).toEqual({ value: "1", ttl: null });
  });

  test("bytes that are no text travel as base64", async () => {
    expect((await put("a", { valueBase64: "/wB6" })).status).toBe(204);
    expect((await ask("GET", "/cache/a")).json).toEqual({ valueBase64: "/wB6", ttl: null });
  });

  test("keys are percent-decoded UTF-8, slashes and the word batch among them", async () => {
    await put("caf%C3%A9%2Fa%20b", { value: "1" });
    expect((await ask("GET", "/cache/caf%c3%a9%2fa%20b")).status).toBe(200);
    await put("batch", { value: "2" });
    expect((await ask("GET", "/cache/batch")).json).toEqual({ value: "2", ttl: null });
    const body = JSON.stringify({ keys: ["café/a b"] });
    expect((await ask("POST", "/cache/batch", body)).json).toMatchObject({ results: [{ value: "1" }] });
  });

  test("HEAD answers without a body", async () => {
    await put("a", { value: "12345" });
    const head = await ask("HEAD", "/cache/a");
    expect([head.status, head.body]).toEqual([200, ""]);
  });
});

describe("batches", () => {
  test("answer in the order of the keys, more than are read at once", async () => {
    const keys = Array.from({ length: 100 }, (_, i) => `k${i % 90}`);
    for (let i = 0; i < 90; i += 2) await put(`k${i}`, { value: `v${i}`, ttl: 5 });
    const answer = await ask("POST", "/cache/batch", JSON.stringify({ keys }));
    expect(answer.json).toEqual({
      results: keys.map((key) => {
        const n = Number(key.slice(1));
        return n % 2 === 0
          ? { key, found: true, value: `v${n}`, ttl: 5 }
          : { key, found: false, value: null, ttl: null };
      }),
    });
    expect((await ask("POST", "/cache/batch", '{"keys":[]}')).json).toEqual({ results: [] });
  });

  test("an error of one key is the one answer", async () => {
    service.failure = { kind: "no-leader", message: null };
    const answer = await ask("POST", "/cache/batch", '{"keys":["a","b"]}');
    expect([answer.status, answer.json]).toEqual([503, refusal("no-leader", "the range has no leader")]);
  });
});

describe("bad requests", () => {
  test.each<[string, string, string, number, string]>([
    ["PUT", "/cache/a", "{", 400, "the body is not valid JSON"],
    ["PUT", "/cache/a", "", 400, "the body is not valid JSON"],
    ["PUT", "/cache/a", "[]", 400, "the body must be a JSON object"],
    ["PUT", "/cache/a", "null", 400, "the body must be a JSON object"],
    ["PUT", "/cache/a", "{}", 400, 'the body needs either "value" or "valueBase64"'],
    ["PUT", "/cache/a", '{"value":1}', 400, '"value" must be a string'],
    [
      "PUT",
      "/cache/a",
      '{"value":"a","valueBase64":"aa=="}',
      400,
      'the body needs either "value" or "valueBase64"',
    ],
    ["PUT", "/cache/a", '{"valueBase64":"a"}', 400, '"valueBase64" must be base64 with padding'],
    ["PUT", "/cache/a", '{"value":"a","value":"b"}', 400, 'field "value" is given twice'],
    ["PUT", "/cache/a", '{"value":"a","v\\u0061lue":"b"}', 400, 'field "value" is given twice'],
    ["PUT", "/cache/a", '{"value":"{\\"x\\":1}","tll":1}', 400, 'unknown field "tll"'],
    ["PUT", "/cache/a", '{"value":"a","__proto__":{}}', 400, 'unknown field "__proto__"'],
    ["PUT", "/cache/a", '{"value":"\\ud800"}', 400, '"value" holds half of a surrogate pair'],
    [
      "PUT",
      "/cache/a",
      '{"value":"a","ttl":0}',
      400,
      '"ttl" must be null or a number of seconds above 0, at most 10000000000',
    ],
    [
      "PUT",
      "/cache/a",
      '{"value":"a","ttl":"1"}',
      400,
      '"ttl" must be null or a number of seconds above 0, at most 10000000000',
    ],
    [
      "PUT",
      "/cache/a",
      '{"value":"a","ttl":1e999}',
      400,
      '"ttl" must be null or a number of seconds above 0, at most 10000000000',
    ],
    ["PUT", "/cache/a?consistency=any", '{"value":"a"}', 400, "consistency and maxAgeMs belong to reads"],
    ["PUT", "/cache/a%zz", '{"value":"a"}', 400, "invalid percent-encoding in the key"],
    ["GET", "/cache/%", "", 400, "invalid percent-encoding in the key"],
    ["GET", "/cache/%ff", "", 400, "the key is not UTF-8"],
    ["GET", "/cache/", "", 400, "the key is empty"],
    [
      "GET",
      "/cache/a?consistency=weak",
      "",
      400,
      "consistency must be linearizable, session, bounded or any",
    ],
    [
      "GET",
      "/cache/a?consistency=bounded",
      "",
      400,
      "consistency=bounded needs maxAgeMs, a whole number of milliseconds",
    ],
    ["GET", "/cache/a?maxAgeMs=5", "", 400, "maxAgeMs belongs to consistency=bounded"],
    [
      "GET",
      "/cache/a?consistency=any&consistency=any",
      "",
      400,
      "consistency and maxAgeMs may be given once",
    ],
    ["POST", "/cache/batch", '{"keys":"a"}', 400, '"keys" must be an array of strings'],
    ["POST", "/cache/batch", '{"keys":[1]}', 400, '"keys" must be an array of strings that are not empty'],
    [
      "POST",
      "/cache/batch",
      JSON.stringify({ keys: new Array(1025).fill("a") }),
      400,
      '"keys" may hold at most 1024 keys',
    ],
  ])("%s %s %s", async (method, path, body, status, message) => {
    const answer = await ask(method, path, body === "" && method === "GET" ? null : body);
    expect([answer.status, answer.json]).toEqual([status, refusal("invalid-argument", message)]);
    expect(service.seen).toEqual([]);
  });

  test("unknown paths and methods", async () => {
    expect((await ask("GET", "/")).status).toBe(404);
    expect((await ask("GET", "/cache/a/b")).status).toBe(404);
    const post = await ask("POST", "/cache/a", "{}");
    expect([post.status, post.headers.allow]).toEqual([405, "GET, HEAD, PUT, DELETE"]);
    const patch = await ask("PATCH", "/cache/batch", "{}");
    expect([patch.status, patch.headers.allow]).toEqual([405, "GET, HEAD, PUT, DELETE, POST"]);
    const health = await ask("POST", "/healthz");
    expect([health.status, health.headers.allow]).toEqual([405, "GET, HEAD"]);
  });

  test("bytes that are no HTTP get one 400 and the end", async () => {
    const client = await RawClient.open(port);
    client.send("\0\x01nonsense\r\n\r\n");
    expect(await client.rest()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*"malformed-request"/s);
  });
});

describe("sizes (safety 65)", () => {
  test("a value above the limit is refused", async () => {
    expect((await put("a", { value: "x".repeat(valueLimitBytes) })).status).toBe(204);
    expect((await put("a", { value: "x".repeat(valueLimitBytes + 1) })).status).toBe(413);
  });

  test("a body is refused by its declared length, before it comes", async () => {
    const client = await RawClient.open(port);
    client.send("PUT /cache/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n");
    const answer = await client.rest();
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"outcome":"definite"');
  });

  test("a client that asks first is told, before it sends its body", async () => {
    const head = "PUT /cache/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    const refused = await RawClient.open(port);
    refused.send(`${head}Content-Length: 9999999\r\n\r\n`);
    expect(await refused.rest()).toMatch(/^HTTP\/1\.1 413 /);
    const invited = await RawClient.open(port);
    invited.send(`${head}Content-Length: 13\r\nConnection: close\r\n\r\n`);
    expect(await invited.take(25)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    invited.send('{"value":"1"}');
    expect(await invited.rest()).toMatch(/^HTTP\/1\.1 204 /);
  });

  test("a body without a declared length is refused while it streams", async () => {
    const client = await RawClient.open(port);
    client.send("PUT /cache/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(`20000\r\n${"x".repeat(0x20000)}\r\n`);
    expect(await client.rest()).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("a key of 64 KiB is taken, a longer one refused", async () => {
    expect((await put("%41".repeat(65536), { value: "1" })).status).toBe(204);
    const longer = await ask("GET", `/cache/${"a".repeat(65537)}`);
    expect([longer.status, (longer.json as { error: { kind: string } }).error.kind]).toEqual([
      413,
      "too-large",
    ]);
  });
});

describe("outcomes", () => {
  test("a refused write is definite, one that may have happened is unknown; both say when to try again", async () => {
    service.failure = { kind: "no-leader", message: null };
    const refused = await put("a", { value: "1" });
    expect([refused.status, refused.json]).toEqual([503, refusal("no-leader", "the range has no leader")]);
    expect(refused.headers["retry-after"]).toBe("1");
    service.failure = { kind: "outcome-unknown", message: null };
    const unknown = await put("a", { value: "1" });
    expect([unknown.status, unknown.json]).toEqual([
      503,
      refusal("outcome-unknown", "the command may or may not take effect", "unknown"),
    ]);
    expect(telemetry.failed).toEqual(["no-leader", "outcome-unknown"]);
  });

  test("a deadline travels", async () => {
    await ask("GET", "/cache/a", null, { "Quorate-Deadline-Ms": "250" });
    expect(service.seen[0]?.deadlineMs).toBe(250);
    expect((await ask("GET", "/cache/a", null, { "Quorate-Deadline-Ms": "soon" })).status).toBe(400);
  });

  test("a client that goes away harms nobody", async () => {
    service.holding = true;
    const client = await RawClient.open(port);
    client.send("GET /cache/a HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => service.seen.length).toBe(1);
    client.socket.resetAndDestroy();
    service.release();
    expect((await ask("GET", "/healthz")).status).toBe(200);
  });
});

test("reads that ask for less say how old they are", async () => {
  service.freshness = { appliedIndex: 9, ageMs: 12.3, revision: 5, logTimeMs: 77, stale: true };
  const bounded = await ask("GET", "/cache/a?consistency=bounded&maxAgeMs=500");
  expect(bounded.status).toBe(404);
  expect(bounded.headers).toMatchObject({
    "quorate-stale": "true",
    "quorate-age-ms": "13",
    "quorate-index": "9",
    "quorate-session": "5.77",
  });
  service.freshness = { ...service.freshness, ageMs: null };
  const session = await ask("GET", "/cache/a?consistency=session", null, { "Quorate-Session": "5.77" });
  expect(session.headers["quorate-age-ms"]).toBe("unknown");
  const batch = await ask("POST", "/cache/batch?consistency=any", '{"keys":["a"]}');
  expect(batch.headers["quorate-stale"]).toBe("true");
  expect(service.seen.map(({ level, levelA, levelB }) => [level, levelA, levelB])).toEqual([
    [2, 500, 0],
    [1, 5, 77],
    [3, 0, 0],
  ]);
});

test("health, readiness and metrics", async () => {
  expect((await ask("GET", "/healthz")).status).toBe(200);
  expect((await ask("GET", "/readyz")).json).toEqual({ ready: true });
  service.isReady = false;
  const waiting = await ask("GET", "/readyz");
  expect([waiting.status, waiting.json]).toEqual([503, { ready: false }]);
  const answer = await ask("GET", "/metrics");
  expect([answer.body, answer.headers["content-type"]]).toEqual(["up 1\n", "text/plain; version=0.0.4"]);
  metrics = () => Promise.reject(new Error("broken"));
  expect((await ask("GET", "/metrics")).status).toBe(500);
});

test("closing answers what it has", async () => {
  service.holding = true;
  const answered = put("a", { value: "1" });
  await expect.poll(() => service.seen.length).toBe(1);
  const closed = new Promise<void>((resolve) => server.close(resolve));
  service.release();
  expect((await answered).status).toBe(204);
  await closed;
  server = createHttpServer({ service, telemetry, renderMetrics: () => metrics() });
  await new Promise((resolve) => server.listen("127.0.0.1", 0, resolve));
});
