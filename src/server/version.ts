import { readFileSync } from "node:fs";

interface Manifest {
  readonly version: string;
}

/** The version in package.json, which stands two folders above this file once it is built. */
export const version = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Manifest
).version;
