import type { Logger } from "../../src/ports/telemetry.js";

/** Storage logs loudly what these tests provoke. */
export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} };
