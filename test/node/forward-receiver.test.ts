import { expect, test } from "vitest";
import { ByteReader, ByteWriter } from "../../src/base/bytes.js";
import type { CommandStream } from "../../src/node/command-stream.js";
import { forwardTypes } from "../../src/node/forward-codec.js";
import { ForwardReceiver } from "../../src/node/forward-receiver.js";
import type { Telemetry } from "../../src/ports/telemetry.js";
import type { Transport } from "../../src/ports/transport.js";

const gateway = 2;

/** A receiver whose lane to the gateway takes so many frames; commands run when the test says so. */
function harness() {
  const lane = { room: 1000, frames: [] as Uint8Array[] };
  const accepted: { stream: CommandStream; token: number }[] = [];
  const queued: CommandStream[] = [];
  const transport = {
    send(_to: number, _lane: string, frame: Uint8Array) {
      if (lane.room === 0) return false;
      lane.room--;
      lane.frames.push(frame);
      return true;
    },
  } as unknown as Transport;
  const receiver = new ForwardReceiver(transport, {
    telemetry: { commandFailed: () => {} } as unknown as Telemetry,
    add(stream) {
      stream.queued = true;
      queued.push(stream);
    },
    submitForwarded(_range, _term, _read, stream, _bytes, _start, _end, token) {
      accepted.push({ stream, token });
      return true;
    },
  });
  let batch = 0;
  return {
    lane,
    accepted,
    receiver,
    command() {
      const out = new ByteWriter();
      out.u53(++batch);
      out.u32(1);
      out.u32(1);
      out.u8(0);
      for (const each of [1, 1, 5000, 0]) out.varint(each);
      receiver.onCommands(gateway, new ByteReader(out.take()));
    },
    answer({ stream, token }: { stream: CommandStream; token: number }) {
      stream.target.reply(token).integer(token);
      stream.finish(token, null);
    },
    endTurn() {
      for (const stream of queued.splice(0)) {
        stream.queued = false;
        stream.target.flush();
      }
      receiver.sendKept();
    },
    /** Tokens of the replies that the gateway got. */
    replied(): number[] {
      const tokens: number[] = [];
      for (const frame of lane.frames) {
        const reader = new ByteReader(frame);
        expect(reader.u8()).toBe(forwardTypes.replies);
        for (let left = reader.u32(); left > 0; left--) {
          tokens.push(reader.u53());
          reader.u8();
          reader.skip(reader.u32());
        }
      }
      return tokens;
    },
  };
}

test("a reply that finds its lane full is sent once there is room", () => {
  const { lane, accepted, command, answer, endTurn, replied } = harness();
  command();
  command();
  lane.room = 0;
  answer(accepted[0]!);
  endTurn();
  answer(accepted[1]!);
  endTurn();
  expect(replied()).toEqual([]);
  lane.room = 1;
  endTurn();
  expect(replied()).toEqual([accepted[0]!.token]);
  lane.room = 1;
  endTurn();
  expect(replied()).toEqual(accepted.map(({ token }) => token));
  lane.room = 5;
  endTurn();
  expect(replied()).toHaveLength(2);
});

test("while replies wait for room, new commands are answered busy instead of running (safety 65)", () => {
  const { lane, accepted, command, answer, endTurn, replied } = harness();
  command();
  lane.room = 0;
  answer(accepted[0]!);
  endTurn();
  command();
  expect(accepted).toHaveLength(1);
  lane.room = 1000;
  endTurn();
  expect(replied()).toHaveLength(2);
  command();
  expect(accepted).toHaveLength(2);
});

test("replies to a gateway that went away are dropped", () => {
  const { lane, accepted, command, answer, endTurn, receiver, replied } = harness();
  command();
  command();
  lane.room = 0;
  answer(accepted[0]!);
  endTurn();
  receiver.peerDown(gateway);
  lane.room = 1000;
  answer(accepted[1]!);
  endTurn();
  command();
  expect(replied()).toEqual([]);
  expect(accepted).toHaveLength(3);
});
