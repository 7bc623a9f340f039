import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { type ErrorKind, errorCatalogue, errorForm } from "../../src/base/errors.js";
import { localCatalogue } from "../../src/edge/resp/local-catalogue.js";
import { flagOf, settingNames, variableOf } from "../../src/server/config.js";

/** Tables are padded to line up: runs of spaces become one. */
function read(path: string): string {
  const text = readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
  return text.replace(/ +/g, " ");
}

describe("the documents say what the code does", () => {
  it("every error with its form in each protocol", () => {
    const document = read("deploy/docs/protocols.md");
    for (const kind of Object.keys(errorCatalogue) as ErrorKind[]) {
      const { message, outcome, retry, grpc, http, resp } = errorForm(kind);
      const cells = [`\`${kind}\``, message, outcome, retry, status[grpc], http, resp];
      expect(document).toContain(`| ${cells.join(" | ")} |`);
    }
  });

  it("every error word that Redis doesn't have", () => {
    const document = read("deploy/docs/deviations.md");
    for (const word of ["OUTCOMEUNKNOWN", "CLUSTERDOWN", "TRYAGAIN", "SESSIONEXPIRED", "CROSSSLOT"])
      expect(document).toContain(`| \`${word}\` |`);
  });

  it("every command that a node answers itself", () => {
    const document = read("deploy/docs/protocols.md") + read("deploy/docs/deviations.md");
    for (const { name } of localCatalogue) expect(document).toContain(name);
  });

  it("every setting with its flag and its variable", () => {
    const document = read("deploy/docs/operations.md");
    for (const name of settingNames)
      expect(document).toContain(`| \`${name}\` | \`${flagOf(name)}\` | \`${variableOf(name)}\` |`);
  });

  it("only files that exist", () => {
    const paths = [
      "README.md",
      "src/ARCHITECTURE.md",
      "deploy/docs/operations.md",
      "deploy/docs/protocols.md",
    ];
    for (const path of paths) {
      for (const [, link] of read(path).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
        const target = new URL(`../../${path.replace(/[^/]*$/, "")}${link}`, import.meta.url);
        if (link !== "src/decisions" && !link!.endsWith("/")) readFileSync(fileURLToPath(target));
      }
      // In the map, `name.ts` stands below the folder that its row or heading names.
      for (const [, file] of read(path).matchAll(/`(src\/[a-z/-]+\.ts)`/g)) read(file!);
    }
  });
});
