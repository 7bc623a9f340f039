import { err, ok, type Result } from "../base/result.js";

/** Text from outside whose JSON isn't what it should be; caught by `parseShape`. */
class ShapeError extends Error {
  override readonly name = "ShapeError";
}

export type JsonObject = { readonly [key: string]: unknown };

/** Parses `text` and builds a value from it; a message instead of an exception when it doesn't fit. */
export function parseShape<T>(what: string, text: string, build: (root: unknown) => T): Result<T, string> {
  try {
    return ok(build(JSON.parse(text)));
  } catch (error) {
    if (error instanceof ShapeError || error instanceof SyntaxError) return err(`${what}: ${error.message}`);
    throw error;
  }
}

/** For conditions beyond a single field. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ShapeError(message);
}

export function asObject(value: unknown, what: string): JsonObject {
  check(typeof value === "object" && value !== null && !Array.isArray(value), `${what} is not an object`);
  return value as JsonObject;
}

export function asInteger(value: unknown, what: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  check(Number.isSafeInteger(value), `${what} is not an integer`);
  const number = value as number;
  check(number >= min && number <= max, `${what} ${number} is outside ${min}..${max}`);
  return number;
}

export function asList<T>(
  value: unknown,
  what: string,
  maxLength: number,
  item: (value: unknown, what: string) => T,
): T[] {
  check(Array.isArray(value), `${what} is not a list`);
  check(value.length <= maxLength, `${what} has ${value.length} items, at most ${maxLength} may be`);
  return value.map((each: unknown, at) => item(each, `${what}[${at}]`));
}

function field(object: JsonObject, key: string): unknown {
  check(Object.hasOwn(object, key), `${key} is missing`);
  return object[key];
}

export function integerField(object: JsonObject, key: string, min = 0, max?: number): number {
  return asInteger(field(object, key), key, min, max);
}

/** Finite and above 0. */
export function weightField(object: JsonObject, key: string, max: number): number {
  const value = field(object, key);
  check(typeof value === "number" && value > 0 && value <= max, `${key} is not in 0..${max}`);
  return value;
}

export function textField(object: JsonObject, key: string, maxLength = 256): string {
  const value = field(object, key);
  check(typeof value === "string", `${key} is not a text`);
  check(value.length <= maxLength, `${key} has ${value.length} characters, at most ${maxLength} may be`);
  return value;
}

export function choiceField<T extends string>(object: JsonObject, key: string, choices: readonly T[]): T {
  const value = field(object, key);
  const choice = choices.find((each) => each === value);
  check(choice !== undefined, `${key} is none of ${choices.join(", ")}`);
  return choice;
}

export function objectField(object: JsonObject, key: string): JsonObject {
  return asObject(field(object, key), key);
}

export function listField<T>(
  object: JsonObject,
  key: string,
  maxLength: number,
  item: (value: unknown, what: string) => T,
): T[] {
  return asList(field(object, key), key, maxLength, item);
}

export function integersField(object: JsonObject, key: string, maxLength: number): number[] {
  return listField(object, key, maxLength, (value, what) => asInteger(value, what));
}
