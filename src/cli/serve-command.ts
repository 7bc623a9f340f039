import type { ServeConfig } from "../server/config.js";
import { type ServingNode, serve } from "../server/serve.js";

/** Runs a node until SIGTERM or SIGINT; the second signal ends it at once. */
export function runServe(config: ServeConfig): void {
  let running: ServingNode | null = null;
  let stopping = false;
  const end = (code: number): void => {
    process.exit(code);
  };
  const stop = (): void => {
    if (stopping || running === null) {
      end(stopping ? 1 : 0);
      return;
    }
    stopping = true;
    running.stop(() => end(0));
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  const broken = (error: unknown): void => {
    // An exception in any handler leaves the node in an unknown state: it stops, loudly (safety 74).
    process.stderr.write(
      `quorate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    end(70);
  };
  process.on("uncaughtException", broken);
  process.on("unhandledRejection", broken);
  serve(
    config,
    (error, node) => {
      if (error !== null) {
        process.stderr.write(`quorate serve: ${error}\n`);
        end(1);
        return;
      }
      running = node;
      process.stdout.write(
        `${config.name} serves: redis ${config.respPort}, grpc ${config.grpcPort}, http ${config.httpPort}\n`,
      );
    },
    (message) => {
      process.stderr.write(`quorate serve: ${message}\n`);
      end(1);
    },
  );
}
