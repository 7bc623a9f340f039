import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RedisServer } from "../interop/redis-server.js";
import { closeDoor, encode, exchange, openDoor, RawClient, type RespDoor } from "./resp-client.js";

/** The bytes that the door and Redis 7.0.15 answer; a real Redis is asked too. */
const cases: readonly (readonly [sent: string, answered: string])[] = [
  ["PING\r\n", "+PONG\r\n"],
  ["ping hello\r\n", "$5\r\nhello\r\n"],
  ["PING a b\r\n", "-ERR wrong number of arguments for 'ping' command\r\n"],
  ["ECHO\r\n", "-ERR wrong number of arguments for 'echo' command\r\n"],
  [encode("ECHO", "a\r\nb"), "$4\r\na\r\nb\r\n"],
  ["FOO a b\r\n", "-ERR unknown command 'FOO', with args beginning with: 'a' 'b' \r\n"],
  ["foo\r\n", "-ERR unknown command 'foo', with args beginning with: \r\n"],
  [encode("FOO", "a\r\nb\0c"), "-ERR unknown command 'FOO', with args beginning with: 'a  b' \r\n"],
  [encode("", "a"), "-ERR unknown command '', with args beginning with: 'a' \r\n"],
  [
    encode("x".repeat(200), "y".repeat(100), "z".repeat(100), "w"),
    `-ERR unknown command '${"x".repeat(128)}', with args beginning with: '${"y".repeat(100)}' '${"z".repeat(25)}' \r\n`,
  ],
  ["GET\r\n", "-ERR wrong number of arguments for 'get' command\r\n"],
  ["get a b\r\n", "-ERR wrong number of arguments for 'get' command\r\n"],
  ["MSET a\r\n", "-ERR wrong number of arguments for 'mset' command\r\n"],
  ["SELECT 0\r\n", "+OK\r\n"],
  ["SELECT 99\r\n", "-ERR DB index is out of range\r\n"],
  ["SELECT x\r\n", "-ERR value is not an integer or out of range\r\n"],
  ["HELLO 4\r\n", "-NOPROTO unsupported protocol version\r\n"],
  ["HELLO x\r\n", "-ERR Protocol version is not an integer or out of range\r\n"],
  ["HELLO 2 FOO\r\n", "-ERR Syntax error in HELLO option 'FOO'\r\n"],
  ["HELLO 2 SETNAME\r\n", "-ERR Syntax error in HELLO option 'SETNAME'\r\n"],
  ["HELLO 2 AUTH user pass\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"],
  [
    "HELLO 2 SETNAME 'a b'\r\n",
    "-ERR Client names cannot contain spaces, newlines or special characters.\r\n",
  ],
  [
    "AUTH secret\r\n",
    "-ERR AUTH <password> called without any password configured for the default user. " +
      "Are you sure your configuration is correct?\r\n",
  ],
  ["AUTH default x\r\n", "+OK\r\n"],
  ["AUTH other x\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"],
  ["AUTH a b c\r\n", "-ERR syntax error\r\n"],
  ["AUTH\r\n", "-ERR wrong number of arguments for 'auth' command\r\n"],
  ["CLIENT\r\n", "-ERR wrong number of arguments for 'client' command\r\n"],
  ["CLIENT foo\r\n", "-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n"],
  ["CLIENT GETNAME\r\n", "$-1\r\n"],
  ["CLIENT SETNAME\r\n", "-ERR wrong number of arguments for 'client|setname' command\r\n"],
  ["CLIENT SETNAME me\r\nCLIENT GETNAME\r\n", "+OK\r\n$2\r\nme\r\n"],
  [
    "CLIENT SETNAME 'a b'\r\n",
    "-ERR Client names cannot contain spaces, newlines or special characters.\r\n",
  ],
  ["CLIENT NO-EVICT on\r\nCLIENT NO-EVICT maybe\r\n", "+OK\r\n-ERR syntax error\r\n"],
  ["CONFIG\r\n", "-ERR wrong number of arguments for 'config' command\r\n"],
  ["CONFIG foo\r\n", "-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n"],
  ["CONFIG GET\r\n", "-ERR wrong number of arguments for 'config|get' command\r\n"],
  ["CONFIG GET no-such\r\n", "*0\r\n"],
  ["CONFIG GET Sav[e]\r\n", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"],
  ["CONFIG SET no-such 1\r\n", "-ERR Unknown option or number of arguments for CONFIG SET - 'no-such'\r\n"],
  [
    "CONFIG SET databases 99\r\n",
    "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config\r\n",
  ],
  ["CONFIG RESETSTAT\r\n", "+OK\r\n"],
  ["CONFIG REWRITE\r\n", "-ERR The server is running without a config file\r\n"],
  ["COMMAND foo\r\n", "-ERR unknown subcommand 'foo'. Try COMMAND HELP.\r\n"],
  ["COMMAND GETKEYS\r\n", "-ERR wrong number of arguments for 'command|getkeys' command\r\n"],
  ["COMMAND GETKEYS MSET a 1 b 2\r\n", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"],
  ["COMMAND GETKEYS PING x\r\n", "-ERR The command has no key arguments\r\n"],
  ["COMMAND GETKEYS nope x\r\n", "-ERR Invalid command specified\r\n"],
  ["COMMAND GETKEYS GET a b\r\n", "-ERR Invalid number of arguments specified for command\r\n"],
  ["COMMAND INFO nope\r\n", "*1\r\n$-1\r\n"],
  ["COMMAND LIST FILTERBY PATTERN ec[h]o\r\n", "*1\r\n$4\r\necho\r\n"],
  ["COMMAND LIST FILTERBY foo bar\r\n", "-ERR syntax error\r\n"],
  ["CLUSTER INFO\r\n", "-ERR This instance has cluster support disabled\r\n"],
  ["READONLY\r\n", "-ERR This instance has cluster support disabled\r\n"],
  ["RESET\r\n", "+RESET\r\n"],
  ["QUIT\r\nPING\r\n", "+OK\r\n"],
  ["HELLO 3\r\nRESET\r\nGET nothing\r\n", "*\r\n+RESET\r\n$-1\r\n"],
  ["HELLO 3\r\nGET nothing\r\n", "*\r\n_\r\n"],
  ["HELLO 3\r\nCONFIG GET save\r\n", "*\r\n%1\r\n$4\r\nsave\r\n$0\r\n\r\n"],
  ["FLUSHALL\r\nFLUSHALL ASYNC\r\nFLUSHDB\r\nDBSIZE\r\n", "+OK\r\n+OK\r\n+OK\r\n:0\r\n"],
  ["FLUSHALL now\r\n", "-ERR syntax error\r\n"],
  ["*1000000000000\r\nPING\r\n", "-ERR Protocol error: invalid multibulk length\r\n"],
  ["*x\r\nPING\r\n", "-ERR Protocol error: invalid multibulk length\r\n"],
  ["PING\r\n*1\r\n$2147483647\r\n", "+PONG\r\n-ERR Protocol error: invalid bulk length\r\n"],
  ["*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"],
  ["*2\r\n$4\r\nECHO\r\nxyz\r\n", "-ERR Protocol error: expected '$', got 'x'\r\n"],
  ["*1\r\n\n\r\n", "-ERR Protocol error: expected '$', got ' '\r\n"],
  ['ECHO "abc\r\n', "-ERR Protocol error: unbalanced quotes in request\r\n"],
  ["ECHO 'a'b\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"],
  ['ECHO "\\x41\\n\'"\r\n', "$3\r\nA\n'\r\n"],
  [`*${"1".repeat(66_000)}`, "-ERR Protocol error: too big mbulk count string\r\n"],
  [`*1\r\n$${"1".repeat(66_000)}`, "-ERR Protocol error: too big bulk count string\r\n"],
  ["a".repeat(66_000), "-ERR Protocol error: too big inline request\r\n"],
];

const titled = cases.map(([sent, answered]) => [JSON.stringify(sent).slice(0, 60), sent, answered] as const);

/** HELLO's reply names versions and connections: only that it came is compared. */
function withoutHello(reply: string): string {
  const start = reply.startsWith("%7\r\n") ? reply.indexOf("$7\r\nmodules\r\n*0\r\n") : -1;
  return start < 0 ? reply : `*\r\n${reply.slice(start + "$7\r\nmodules\r\n*0\r\n".length)}`;
}

/**
 * Redis drops replies of a connection that was half closed before they were written, so this doesn't end its own side:
 * it asks until as much came as is expected, or the other side ended.
 */
async function ask(path: string, sent: string, expected: string): Promise<string> {
  const client = await RawClient.open({ path });
  try {
    client.send(sent);
    const met = (): boolean => withoutHello(client.received).length >= expected.length;
    await client.until(() => met() || client.ended).catch(() => {});
    return withoutHello(client.received);
  } finally {
    client.close();
  }
}

let door: RespDoor;
beforeAll(async () => {
  door = await openDoor({});
});
afterAll(() => closeDoor(door));

describe("the door", () => {
  test.each(titled)("%s", async (_title, sent, answered) => {
    expect(withoutHello(await exchange(door.port, sent))).toBe(answered);
  });
});

describe("Redis 7.0.15", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis?.stop());

  test.each(titled)("%s", async (_title, sent, answered) => {
    expect(await ask(redis.path, sent, answered)).toBe(answered);
  });
});
