import { ByteReader, ByteWriter, DecodeError } from "../base/bytes.js";
import { readMessage, writeMessage } from "./message-codec.js";
import type { Message } from "./types.js";

/**
 * Everything that one node's turn says to another node, for all ranges at once:
 *
 *   u8 version (1) | u53 durable sequence | u53 number | u53 echo | u53 wall clock | u32 message count | messages
 */
const frameVersion = 1;

export interface FrameHeader {
  /** The sender's last durable record: a peer that once saw a higher one knows that state was lost. */
  readonly durableSequence: number;
  /** Rises per sending process and receiver, from above 0: what an echo refers to. */
  readonly number: number;
  /** The newest frame number that came from the receiver; 0: none yet. */
  readonly echo: number;
  /** The sender's wall clock, unix milliseconds. */
  readonly wallClockMs: number;
}

export interface Frame {
  readonly header: FrameHeader;
  readonly messages: readonly Message[];
}

const countOffset = 1 + 4 * 8;
/** Type, flags, range, from, to and term: the least that a message takes. */
const leastMessageBytes = 7;
/** A buffer that grew above this is given back, so that one burst doesn't pin its memory for good. */
const keptBytes = 1024 * 1024;

/** Builds one frame after the other: begin, add any number of messages, finish. */
export class FrameBuilder {
  private out = new ByteWriter(4096);
  /** Messages since `begin`. */
  count = 0;

  /** Bytes since `begin`, the header included. */
  get lengthBytes(): number {
    return this.out.length;
  }

  begin(header: FrameHeader): void {
    this.count = 0;
    if (this.out.bytes.length > keptBytes) this.out = new ByteWriter(4096);
    this.out.clear();
    this.out.u8(frameVersion);
    this.out.u53(header.durableSequence);
    this.out.u53(header.number);
    this.out.u53(header.echo);
    this.out.u53(header.wallClockMs);
    this.out.u32(0);
  }

  add(message: Message): void {
    writeMessage(this.out, message);
    this.count++;
  }

  /** The frame; its bytes belong to the caller. */
  finish(): Uint8Array {
    this.out.patchU32(countOffset, this.count);
    return this.out.take();
  }
}

/**
 * Reads a whole frame, or nothing of it. The messages' data are views of `bytes`, which the receiver must own.
 * Throws DecodeError when it is malformed or something follows it.
 */
export function readFrame(bytes: Uint8Array): Frame {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== frameVersion) throw new DecodeError(`frame version ${version}`);
  const header: FrameHeader = {
    durableSequence: reader.u53(),
    number: reader.u53(),
    echo: reader.u53(),
    wallClockMs: reader.u53(),
  };
  const count = reader.u32();
  if (count > reader.remaining / leastMessageBytes)
    throw new DecodeError(`${count} messages in ${reader.remaining} bytes`);
  const messages: Message[] = [];
  for (let i = 0; i < count; i++) messages.push(readMessage(reader));
  if (reader.remaining !== 0) throw new DecodeError(`${reader.remaining} bytes after the last message`);
  return { header, messages };
}
