import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** One source file as the tidy test sees it; `path` is relative to the root, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

export const root = fileURLToPath(new URL("..", import.meta.url));

export function parse(path: string, text: string): SourceFile {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
}

/** All TypeScript of a folder. */
export function sourcesIn(folder: string): SourceFile[] {
  const paths = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return paths.sort().map((path) => parse(path, readFileSync(join(root, path), "utf8")));
}

/** Folders of the layer table, as the rules of dependency-cruiser name them. */
export function layersInRules(): string[] {
  const load = createRequire(import.meta.url);
  const { forbidden }: { forbidden: { name: string; from: { path?: string } }[] } = load(
    join(root, ".dependency-cruiser.cjs"),
  );
  return forbidden
    .filter(({ name }) => name.startsWith("layer-"))
    .map(({ from }) => from.path!.replace("^src/", "").replace(/\/$/, ""));
}

const globalsOfTheOutside = new Set([
  "Date",
  "Intl",
  "Promise",
  "clearImmediate",
  "clearInterval",
  "clearTimeout",
  "crypto",
  "fetch",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);
/** Not exact, so another machine's last digit may differ (safety 57); `random` for reasons of its own. */
const inexactMath = new Set(
  "acos acosh asin asinh atan atan2 atanh cbrt cos cosh exp expm1 hypot log log10 log1p log2 pow random sin sinh tan tanh".split(
    " ",
  ),
);
const localeMethods = new Set(["localeCompare", "toLocaleLowerCase", "toLocaleString", "toLocaleUpperCase"]);

/** Powers of integers are exact. */
function isExactPower({ left, right }: ts.BinaryExpression): boolean {
  return ts.isBigIntLiteral(left) || (ts.isNumericLiteral(left) && ts.isNumericLiteral(right));
}

/** What makes a node's result depend on more than its inputs; null when nothing does. */
function impurity(node: ts.Node): string | null {
  if (ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword) return "await";
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken)
    return isExactPower(node) ? null : "**";
  if (ts.isPropertyAccessExpression(node)) {
    const member = node.name.text;
    if (node.expression.getText() === "Math" && inexactMath.has(member)) return `Math.${member}`;
    return localeMethods.has(member) ? member : null;
  }
  if (!ts.isIdentifier(node) || !globalsOfTheOutside.has(node.text)) return null;
  const { parent } = node;
  const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node;
  // A parameter, method or property of that name is our own.
  const isDeclared = "name" in parent && parent.name === node;
  return isMember || isDeclared ? null : node.text;
}

/** What the project's TypeScript does without. */
function untidiness(node: ts.Node): string | null {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return "any";
  if (ts.isEnumDeclaration(node)) return "enum";
  if (ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword)
    return ts.isDefaultClause(node.parent) ? null : "default export";
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) return "re-export";
  if (!ts.isPropertyAccessExpression(node)) return null;
  const isRunner = ["describe", "it", "suite", "test"].includes(node.expression.getText().split(".")[0]!);
  return isRunner && /^(only|skip|skipIf|runIf|todo|fails)$/.test(node.name.text)
    ? `.${node.name.text}`
    : null;
}

function findings(file: SourceFile, judge: (node: ts.Node) => string | null): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const what = judge(node);
    if (what !== null) {
      const line = file.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      found.push(`${file.path}:${line}: ${what}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

export function impuritiesIn(file: SourceFile): string[] {
  return findings(file, impurity);
}

export function untidinessIn(file: SourceFile): string[] {
  return findings(file, untidiness);
}

/** Lines whose text matches, comments included. */
export function linesWith(file: SourceFile, pattern: RegExp): string[] {
  return file.text
    .split("\n")
    .flatMap((line, i) => (pattern.test(line) ? [`${file.path}:${i + 1}: ${line.trim()}`] : []));
}
