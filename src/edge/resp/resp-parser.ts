import { emptyBytes } from "../../base/bytes.js";

/** What `next()` found. */
export type ParseOutcome = "command" | "incomplete" | "error";

export interface ParserLimits {
  /** Longest argument, by declared length. */
  readonly bulkBytes: number;
  /** Most arguments of a command, its name included, by declared count. */
  readonly arguments: number;
  /** Largest command in all, by declared lengths. */
  readonly commandBytes: number;
}

/** Bytes that half-received commands of all connections hold: one bound for the whole door (safety 65). */
export interface InputBudget {
  usedBytes: number;
  readonly limitBytes: number;
}

/** Redis's PROTO_INLINE_MAX_SIZE: the longest inline command, count or length line. */
const lineBytes = 64 * 1024;
const firstBufferBytes = 4 * 1024;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const asterisk = 0x2a;
const dollar = 0x24;

/**
 * Cuts a stream of socket chunks into commands: multibulk and inline, in any chunking, pipelined.
 *
 * A command that lies whole in a chunk is read in place. What is left of a chunk moves into a buffer of the parser's
 * own, which grows with what has really arrived (at most to twice that), never by what a client only declared. Every
 * byte is looked at once, however small the chunks are. Nothing is allocated per command. Lengths, texts and tolerances
 * are those of Redis 7.0.15's networking.c; a limit is checked when the length is declared.
 *
 * Invariant: `position <= position + scan <= limit`; argument offsets count from `position`.
 */
export class RespParser {
  /** Where the arguments of the command lie: valid until the next call. */
  bytes: Uint8Array = emptyBytes;
  /** Arguments of the command, its name included. */
  count = 0;
  /** Text of the protocol error after `next()` said "error": without "-ERR ". */
  error = "";

  private source: Uint8Array = emptyBytes;
  private owned = false;
  /** Start of the command being read. */
  private position = 0;
  /** End of what arrived. */
  private limit = 0;
  /** How far the command was read, from `position`. */
  private scan = 0;
  /** How far a line's end was looked for, from `position`. */
  private searched = 0;
  /** Arguments still to come; 0 between commands. */
  private expected = 0;
  /** Declared length of the argument being read; -1 before its length line. */
  private bulkLength = -1;
  private base = 0;
  private offsets = new Uint32Array(32);
  private inlineBytes: Uint8Array = emptyBytes;

  constructor(
    private readonly limits: ParserLimits,
    private readonly budget: InputBudget,
  ) {}

  start(i: number): number {
    return this.base + this.offsets[2 * i]!;
  }
  end(i: number): number {
    return this.base + this.offsets[2 * i + 1]!;
  }
  /** Bytes that arrived and aren't part of a command that was handed out. */
  get unreadBytes(): number {
    return this.limit - this.position;
  }

  /** Takes a chunk; call `next()` until it says "incomplete", then `settle()`. The chunk is not kept after that. */
  feed(chunk: Uint8Array): void {
    if (this.error !== "" || chunk.length === 0) return;
    this.dropRead();
    if (this.position === this.limit) {
      this.release();
      this.source = chunk;
      this.limit = chunk.length;
      return;
    }
    this.append(chunk);
  }

  /** Finds the next command. After "error" nothing more is read. */
  next(): ParseOutcome {
    if (this.error !== "") return "error";
    this.dropRead();
    while (this.expected === 0) {
      if (this.position === this.limit) return "incomplete";
      if (this.source[this.position] !== asterisk) {
        const outcome = this.inline();
        if (outcome !== null) return outcome;
        continue;
      }
      const outcome = this.multibulkHeader();
      if (outcome !== null) return outcome;
    }
    return this.arguments();
  }

  /** Ends the use of the last chunk: what is left of it is copied, so that the chunk may go. */
  settle(): void {
    this.dropRead();
    if (this.position === this.limit) this.release();
    else if (!this.owned) this.move(this.limit - this.position);
  }

  /** Gives everything back. */
  close(): void {
    this.release();
    this.error = "closed";
  }

  private done = false;
  private dropRead(): void {
    if (!this.done) return;
    this.done = false;
    this.position += this.scan;
    this.scan = 0;
    this.searched = 0;
    this.count = 0;
  }

  private release(): void {
    if (this.owned) this.budget.usedBytes -= this.source.length;
    this.owned = false;
    this.source = emptyBytes;
    this.bytes = emptyBytes;
    this.position = 0;
    this.limit = 0;
  }

  private append(chunk: Uint8Array): void {
    if (!this.owned || this.limit + chunk.length > this.source.length) {
      const left = this.limit - this.position;
      if (this.owned && left + chunk.length <= this.source.length && left <= this.source.length / 2) {
        this.source.copyWithin(0, this.position, this.limit);
        this.position = 0;
        this.limit = left;
      } else if (!this.move(left + chunk.length)) return;
    }
    this.source.set(chunk, this.limit);
    this.limit += chunk.length;
  }

  /** Moves what is left into a new buffer with room for `needed` bytes; false when the door's budget is used up. */
  private move(needed: number): boolean {
    const declared = this.bulkLength >= 0 ? this.scan + this.bulkLength + 2 : 0;
    const capacity = Math.max(needed, Math.min(2 * needed, Math.max(declared, firstBufferBytes)));
    const before = this.owned ? this.source.length : 0;
    if (capacity > firstBufferBytes && this.budget.usedBytes + capacity - before > this.budget.limitBytes) {
      this.fail("too many bytes of unfinished commands on this server");
      return false;
    }
    const grown = new Uint8Array(capacity);
    grown.set(this.source.subarray(this.position, this.limit));
    this.budget.usedBytes += capacity - before;
    this.limit -= this.position;
    this.position = 0;
    this.source = grown;
    this.owned = true;
    return true;
  }

  private fail(text: string): "error" {
    this.error = `Protocol error: ${text}`;
    this.expected = 0;
    this.release();
    return "error";
  }

  /** Absolute offset of `byte` at or after the searched part, or -1. */
  private findInLine(byte: number): number {
    const source = this.source;
    const limit = this.limit;
    for (let at = this.position + Math.max(this.searched, this.scan); at < limit; at++)
      if (source[at] === byte) return at;
    this.searched = limit - this.position;
    return -1;
  }

  /** null: go on. */
  private multibulkHeader(): ParseOutcome | null {
    const lineEnd = this.findInLine(carriageReturn);
    if (lineEnd < 0) {
      if (this.limit - this.position > lineBytes) return this.fail("too big mbulk count string");
      return "incomplete";
    }
    // The line feed is waited for but, as in Redis, not looked at.
    if (lineEnd + 2 > this.limit) return "incomplete";
    const count = strictInteger(this.source, this.position + 1, lineEnd);
    if (!(count <= this.limits.arguments)) return this.fail("invalid multibulk length");
    this.searched = 0;
    this.count = 0;
    if (count <= 0) {
      this.position = lineEnd + 2;
      return null;
    }
    this.scan = lineEnd + 2 - this.position;
    this.expected = count;
    this.bulkLength = -1;
    return null;
  }

  private arguments(): ParseOutcome {
    while (this.expected > 0) {
      if (this.bulkLength < 0) {
        const outcome = this.bulkHeader();
        if (outcome !== null) return outcome;
      }
      const start = this.scan;
      const end = start + this.bulkLength;
      if (this.position + end + 2 > this.limit) return "incomplete";
      this.addArgument(start, end);
      this.scan = end + 2;
      this.bulkLength = -1;
      this.expected--;
    }
    this.bytes = this.source;
    this.base = this.position;
    this.done = true;
    return "command";
  }

  private bulkHeader(): ParseOutcome | null {
    const lineEnd = this.findInLine(carriageReturn);
    const lineStart = this.position + this.scan;
    if (lineEnd < 0) {
      if (this.limit - lineStart > lineBytes) return this.fail("too big bulk count string");
      return "incomplete";
    }
    if (lineEnd + 2 > this.limit) return "incomplete";
    const first = this.source[lineStart]!;
    if (first !== dollar) return this.fail(`expected '$', got '${printable(first)}'`);
    const length = strictInteger(this.source, lineStart + 1, lineEnd);
    if (!(length >= 0 && length <= this.limits.bulkBytes)) return this.fail("invalid bulk length");
    const scan = lineEnd + 2 - this.position;
    if (scan + length > this.limits.commandBytes) return this.fail("too big command");
    this.scan = scan;
    this.searched = 0;
    this.bulkLength = length;
    return null;
  }

  private addArgument(start: number, end: number): void {
    const at = 2 * this.count;
    if (at === this.offsets.length) {
      const grown = new Uint32Array(at * 2);
      grown.set(this.offsets);
      this.offsets = grown;
    } else if (at === 0 && this.offsets.length > 8192) this.offsets = new Uint32Array(32);
    this.offsets[at] = start;
    this.offsets[at + 1] = end;
    this.count++;
  }

  /** One line of words, as people type it. null: an empty line, go on. */
  private inline(): ParseOutcome | null {
    const lineEnd = this.findInLine(lineFeed);
    if (lineEnd < 0) {
      if (this.limit - this.position > lineBytes) return this.fail("too big inline request");
      return "incomplete";
    }
    const next = lineEnd + 1;
    const end =
      lineEnd > this.position && this.source[lineEnd - 1] === carriageReturn ? lineEnd - 1 : lineEnd;
    this.count = 0;
    const balanced = this.splitWords(this.position, end);
    if (!balanced) return this.fail("unbalanced quotes in request");
    this.searched = 0;
    if (this.count === 0) {
      this.position = next;
      return null;
    }
    this.bytes = this.inlineBytes;
    this.base = 0;
    this.scan = next - this.position;
    this.done = true;
    return "command";
  }

  /** Redis's sdssplitargs: words, "quoted \x41 words", 'quoted words'. False for unbalanced quotes. */
  private splitWords(from: number, end: number): boolean {
    const source = this.source;
    if (this.inlineBytes.length < end - from) this.inlineBytes = new Uint8Array(Math.max(256, end - from));
    const out = this.inlineBytes;
    let written = 0;
    let at = from;
    for (;;) {
      while (at < end && isSpace(source[at]!)) at++;
      // Redis's line is a C string: a NUL ends it.
      if (at >= end || source[at] === 0) return true;
      const wordStart = written;
      let quote = 0;
      for (;;) {
        const byte = at < end ? source[at]! : 0;
        if (byte === 0) {
          if (quote !== 0) return false;
          break;
        }
        if (quote === 0) {
          if (isSpace(byte)) break;
          if (byte === 0x22 || byte === 0x27) quote = byte;
          else out[written++] = byte;
          at++;
        } else if (byte === quote) {
          // A closing quote must be followed by a space or nothing.
          if (at + 1 < end && source[at + 1] !== 0 && !isSpace(source[at + 1]!)) return false;
          at++;
          break;
        } else if (quote === 0x22 && byte === 0x5c && at + 1 < end) {
          if (source[at + 1] === 0x78 && at + 3 < end) {
            const high = hexDigit(source[at + 2]!);
            const low = hexDigit(source[at + 3]!);
            if (high >= 0 && low >= 0) {
              out[written++] = high * 16 + low;
              at += 4;
              continue;
            }
          }
          out[written++] = unescaped(source[at + 1]!);
          at += 2;
        } else if (quote === 0x27 && byte === 0x5c && at + 1 < end && source[at + 1] === 0x27) {
          out[written++] = 0x27;
          at += 2;
        } else {
          out[written++] = byte;
          at++;
        }
      }
      this.addArgument(wordStart, written);
    }
  }
}

/** Redis's string2ll: no sign but "-", no leading zero, no spaces. NaN when it is no integer. */
export function strictInteger(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const negative = at < end && bytes[at] === 0x2d;
  if (negative) at++;
  if (at >= end || end - at > 19) return Number.NaN;
  if (bytes[at] === 0x30) return end - at === 1 && !negative ? 0 : Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function unescaped(byte: number): number {
  switch (byte) {
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    case 0x62:
      return 0x08;
    case 0x61:
      return 0x07;
    default:
      return byte;
  }
}

/** Redis writes the byte as it is, with line ends as spaces: a reply must stay one line. */
function printable(byte: number): string {
  return byte === carriageReturn || byte === lineFeed ? " " : String.fromCharCode(byte);
}
