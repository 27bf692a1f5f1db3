/** The calls in a model file, as its text says: where they stand, what they are given, and which variable takes their value. */
import { ts } from "ts-morph";

/** A stretch of a text, by offsets. */
export interface Span {
  readonly start: number;
  readonly end: number;
}
/** A call in a text. */
export interface SourceCall extends Span {
  /** The call's number in its file. */
  readonly mark: number;
  /** The function's last name, "conv2d" in `layers.conv2d(...)`, and where it stands. */
  readonly name: string;
  readonly nameSpan: Span;
  readonly args: readonly Span[];
  /** The properties of the object literal among the arguments, if there is one. */
  readonly options: readonly SourceOption[];
  /** Where another property goes into that literal; null without one. */
  readonly optionsEnd: number | null;
  /** The variable that is declared or assigned with exactly this call. */
  readonly variable: Span | null;
  /** Whether the call stands where any expression can: its value can be noted. */
  readonly markable: boolean;
  /** The call of which this one is an argument, by its number. */
  readonly outer: number | null;
  /** Whether it stands in a model's own `forward`, not in a function that others call with other shapes. */
  readonly inForward: boolean;
}
/** A property of an object literal. */
export interface SourceOption extends Span {
  readonly name: string;
  readonly value: Span;
}
/** An export and where it is declared. */
export interface SourceExport extends Span {
  readonly name: string;
}
/** A model file as text. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
  readonly calls: readonly SourceCall[];
  readonly exports: readonly SourceExport[];
  /** Whether running it could give a model: it exports something, and calls defineModel or a maker of a model from this package. */
  readonly exportsModel: boolean;
  /** Names that are imported from this package, and the place behind the last of them; null without such an import. */
  readonly imported: { readonly names: readonly string[]; readonly end: number } | null;
  readonly lineStarts: readonly number[];
}

/** Reads a text; one with mistakes is read as far as it can be. */
export function readSource(file: string, text: string): SourceFile {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const calls = callsIn(source);
  const exports = exportsIn(source);
  const makers = modelMakers(source);
  return {
    file,
    text,
    calls,
    exports,
    exportsModel: exports.length > 0 && calls.some((call) => call.name === "defineModel" || makers.has(call.name)),
    imported: importOf(source),
    lineStarts: source.getLineStarts(),
  };
}

const spanOf = (node: ts.Node): Span => ({ start: node.getStart(), end: node.end });

function callsIn(source: ts.SourceFile): readonly SourceCall[] {
  const calls: SourceCall[] = [];
  const visit = (node: ts.Node, outer: number | null, inForward: boolean): void => {
    let inner = outer;
    if (ts.isCallExpression(node)) {
      const name = nameOf(node.expression);
      if (name !== null) {
        const mark = calls.length;
        calls.push({ mark, ...callOf(node, name), outer, inForward });
        inner = mark;
      }
    }
    // A function in an argument runs on its own account: what it calls is no argument.
    if (ts.isFunctionLike(node)) inner = null;
    const direct = ts.isFunctionLike(node) ? isForward(node) || (inForward && ts.isCallExpression(node.parent)) : inForward;
    ts.forEachChild(node, (child) => visit(child, inner, direct));
  };
  visit(source, null, false);
  return calls;
}
/** A function of the object that defineModel is called with; one that makes models for other sizes has types that leave these open. */
function isForward(node: ts.Node): boolean {
  const property = ts.isPropertyAssignment(node.parent) ? node.parent : node;
  const call = property.parent?.parent;
  if (call === undefined || !ts.isObjectLiteralExpression(property.parent) || !ts.isCallExpression(call)) return false;
  if (nameOf(call.expression)?.text !== "defineModel") return false;
  return ts.findAncestor(call, (around) => ts.isFunctionLike(around) && around.parameters.length > 0) === undefined;
}
function nameOf(callee: ts.Expression): ts.Identifier | null {
  if (ts.isIdentifier(callee)) return callee;
  return ts.isPropertyAccessExpression(callee) && ts.isIdentifier(callee.name) ? callee.name : null;
}
function callOf(node: ts.CallExpression, name: ts.Identifier): Omit<SourceCall, "mark" | "outer" | "inForward"> {
  const literal = node.arguments.find((a) => ts.isObjectLiteralExpression(a));
  const options = (literal?.properties ?? []).flatMap((property): readonly SourceOption[] => {
    if (ts.isShorthandPropertyAssignment(property))
      return [{ ...spanOf(property), name: property.name.text, value: spanOf(property.name) }];
    if (!ts.isPropertyAssignment(property) || !ts.isIdentifier(property.name)) return [];
    return [{ ...spanOf(property), name: property.name.text, value: spanOf(property.initializer) }];
  });
  const last = literal?.properties.at(-1);
  return {
    ...spanOf(node),
    name: name.text,
    nameSpan: spanOf(name),
    args: node.arguments.map(spanOf),
    options,
    optionsEnd: literal === undefined ? null : (last?.end ?? literal.getStart() + 1),
    variable: variableOf(node),
    markable: takesAnyExpression(node),
  };
}
function variableOf({ parent }: ts.CallExpression): Span | null {
  if (ts.isVariableDeclaration(parent) && ts.isIdentifier(parent.name)) return spanOf(parent.name);
  const assigned = ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken && ts.isIdentifier(parent.left);
  return assigned ? spanOf(parent.left) : null;
}

function takesAnyExpression(node: ts.CallExpression): boolean {
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isBinaryExpression(parent)) return parent.operatorToken.kind === ts.SyntaxKind.EqualsToken && parent.right === node;
  if (ts.isArrowFunction(parent)) return parent.body === node;
  if (ts.isCallExpression(parent)) return parent.arguments.includes(node);
  return ts.isReturnStatement(parent) || ts.isArrayLiteralExpression(parent) || ts.isConditionalExpression(parent);
}

function exportsIn(source: ts.SourceFile): readonly SourceExport[] {
  return source.statements.flatMap((statement): readonly SourceExport[] => {
    if (ts.isExportAssignment(statement)) return [{ ...spanOf(statement), name: "default" }];
    if (ts.isExportDeclaration(statement) && statement.exportClause !== undefined && ts.isNamedExports(statement.exportClause)) {
      return statement.isTypeOnly ? [] : statement.exportClause.elements.map((e) => ({ ...spanOf(statement), name: e.name.text }));
    }
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (!modifiers.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)) return [];
    const isDefault = modifiers.some((m) => m.kind === ts.SyntaxKind.DefaultKeyword);
    if (ts.isFunctionDeclaration(statement))
      return [{ ...spanOf(statement), name: isDefault ? "default" : (statement.name?.text ?? "default") }];
    if (!ts.isVariableStatement(statement)) return [];
    return statement.declarationList.declarations.flatMap((d) =>
      ts.isIdentifier(d.name) ? [{ ...spanOf(statement), name: d.name.text }] : [],
    );
  });
}

const importsIn = (source: ts.SourceFile): readonly { readonly from: string; readonly names: ts.NodeArray<ts.ImportSpecifier> }[] =>
  source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const bindings = statement.importClause?.namedBindings;
    return bindings !== undefined && ts.isNamedImports(bindings)
      ? [{ from: statement.moduleSpecifier.text, names: bindings.elements }]
      : [];
  });
/** What is imported from this package's own models. */
const modelMakers = (source: ts.SourceFile): ReadonlySet<string> =>
  new Set(importsIn(source).flatMap(({ from, names }) => (from.startsWith("striate/models/") ? names.map((n) => n.name.text) : [])));
function importOf(source: ts.SourceFile): SourceFile["imported"] {
  const found = importsIn(source).find(({ from, names }) => from === "striate" || names.some((n) => n.name.text === "defineModel"));
  const last = found?.names.at(-1);
  return found === undefined || last === undefined ? null : { names: found.names.map((n) => n.name.text), end: last.end };
}

/** The offset of a place; lines and columns count from 1. */
export const offsetAt = ({ lineStarts, text }: SourceFile, line: number, column: number): number =>
  Math.min((lineStarts[line - 1] ?? text.length) + column - 1, text.length);
/** The line and column, counted from 1, of an offset. */
export function placeAt({ lineStarts }: SourceFile, offset: number): { readonly line: number; readonly column: number } {
  const after = lineStarts.findIndex((start) => start > offset);
  const line = after < 0 ? lineStarts.length : after;
  return { line, column: offset - (lineStarts[line - 1] ?? 0) + 1 };
}
/** The call whose function's name stands at an offset. */
export const callNamedAt = ({ calls }: SourceFile, offset: number): SourceCall | undefined =>
  calls.find((call) => call.nameSpan.start <= offset && offset <= call.nameSpan.end && offset !== call.nameSpan.end);
/** The innermost call around an offset. */
export const callAround = ({ calls }: SourceFile, offset: number): SourceCall | undefined =>
  calls
    .filter((call) => call.start <= offset && offset <= call.end)
    .reduce<SourceCall | undefined>(
      (best, call) => (best === undefined || call.end - call.start < best.end - best.start ? call : best),
      undefined,
    );
