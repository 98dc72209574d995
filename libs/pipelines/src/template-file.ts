/**
 * The text of a template file as a Template, or every problem it has with its line.
 *
 * 1. Shape first, by the schema; then the meaning (dependencies, variables, SQL names) of the template as it was meant.
 * 2. All problems at once, each with its line and the nearest valid name, from top to bottom.
 */
import { createHash } from 'node:crypto';
import Ajv, { type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import type { RawTemplate, Say } from './raw-template.ts';
import type { Template, TemplateProblem } from './template.ts';
import { meaningProblems } from './template-meaning.ts';
import { shapeOf } from './template-shape.ts';

export interface TemplateSchema {
  readonly validate: ValidateFunction;
  /** step type -> outputs */
  readonly outputs: Readonly<Record<string, readonly string[]>>;
}

export function compileTemplateSchema(schema: Record<string, unknown>): TemplateSchema {
  const ajv = new Ajv.default({ allErrors: true, strict: false, verbose: true });
  addFormats.default(ajv);
  return { validate: ajv.compile(schema), outputs: (schema['x-outputs'] ?? {}) as Record<string, readonly string[]> };
}

export interface TemplateSource {
  /** `configs/gcp/cost/billing_cost.yml`: for people. */
  readonly file: string;
  readonly text: string;
  readonly provider: string;
  readonly domain: string;
  readonly name: string;
  readonly tenantId: string | undefined;
  /** SQL file -> text, from the template's folder. */
  readonly sqlFiles: Readonly<Record<string, string>>;
}

export function readTemplate(
  source: TemplateSource,
  schema: TemplateSchema,
): { ok: true; template: Template } | { ok: false; problems: readonly TemplateProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(source.text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems: TemplateProblem[] = [];
  for (const error of document.errors)
    problems.push({ file: source.file, line: lines.linePos(error.pos[0]).line, message: error.message, suggestion: undefined });
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return { ok: false, problems };
  const say: Say = (path, message, suggestion) => {
    problems.push({ file: source.file, line: lineOf(document, lines, path), message, suggestion });
  };
  const { mistakes, value } = shapeOf(document.toJS(), schema.validate);
  for (const { path, message, suggestion } of mistakes) say(path, message, suggestion);
  const raw = whole(value);
  if (!raw) return { ok: false, problems };
  placeProblems(raw, source, schema, say);
  const template = templateOf(raw, source);
  meaningProblems(raw, template, schema.outputs, say);
  return problems.length > 0 ? { ok: false, problems: problems.sort((a, b) => a.line - b.line) } : { ok: true, template };
}

/** The file lies where its keys say. */
function placeProblems(raw: RawTemplate, source: TemplateSource, schema: TemplateSchema, say: Say): void {
  const wanted = source.name.toLowerCase().replaceAll(/\W+/g, '_');
  if (wanted !== source.name)
    say(['name'], `the file is ${source.name}.yml, but a name takes only lower-case letters, digits and _`, wanted);
  else if (raw.name !== undefined && raw.name !== source.name)
    say(['name'], `name is "${raw.name}" but the file is ${source.name}.yml`, source.name);
  const properties = (schema.validate.schema as { properties?: Record<string, { enum?: readonly string[] }> }).properties ?? {};
  for (const key of ['provider', 'domain'] as const) {
    const [says, folder] = [raw[key], source[key]];
    if (says === undefined || says === folder) continue;
    if (properties[key]?.enum?.includes(folder)) say([key], `${key} is "${says}" but the folder is ${folder}`, folder);
    else say([key], `${key} is "${says}" but the folder is ${folder}, which is no ${key}: move the file`);
  }
}

/** Undefined: too little of it is there to look any further. */
function whole(value: unknown): RawTemplate | undefined {
  const raw = value as RawTemplate | null;
  if (!Array.isArray(raw?.steps) || raw.steps.length === 0) return undefined;
  return { ...raw, steps: raw.steps.map((step, i) => ({ ...step, id: step.id ?? `steps.${i}` })) };
}

function templateOf(raw: RawTemplate, source: TemplateSource): Template {
  const used = new Set(raw.steps.map((step) => step.with?.sql_file).filter((file): file is string => typeof file === 'string'));
  const sqlFiles = Object.fromEntries(Object.entries(source.sqlFiles).filter(([file]) => used.has(file)));
  const hash = createHash('sha256').update(source.text);
  for (const [file, text] of Object.entries(sqlFiles).sort()) hash.update(`\0${file}\0${text}`);
  return {
    name: source.name,
    ref: { provider: source.provider, domain: source.domain, template: source.name },
    tenantId: source.tenantId,
    aliases: raw.aliases ?? [],
    description: raw.description,
    version: raw.version,
    hash: hash.digest('hex'),
    file: source.file,
    source: source.text,
    parameters: Object.entries(raw.parameters ?? {}).map(([name, p]) => ({
      name,
      type: p.type ?? 'string',
      description: p.description,
      required: p.required ?? false,
      default: p.default,
      from: p.from,
      enum: p.enum,
      pattern: p.pattern,
      minimum: p.minimum,
      maximum: p.maximum,
    })),
    credentials: raw.credentials ?? {},
    timeoutMinutes: raw.timeout_minutes ?? 60,
    maxParallelSteps: raw.max_parallel_steps ?? 10,
    notify: { on_failure: raw.notify?.on_failure ?? [], on_success: raw.notify?.on_success ?? [] },
    steps: raw.steps.map((step, i) => ({
      id: step.id,
      type: step.type,
      description: step.description,
      with: step.with ?? {},
      dependsOn: step.depends_on ?? (i === 0 ? [] : [raw.steps[i - 1]?.id ?? '']),
      when: step.when ?? 'succeeded',
      onFailure: step.on_failure ?? 'stop',
      enabled: step.enabled ?? true,
      timeoutMinutes: step.timeout_minutes,
      retry: {
        maxAttempts: step.retry?.max_attempts ?? 3,
        backoffSeconds: step.retry?.backoff_seconds ?? 5,
        multiplier: step.retry?.multiplier ?? 2,
      },
    })),
    sqlFiles,
  };
}

/** For what is found out about a step later than at reading. */
export function lineOfStep(template: Template, id: string): number {
  const lines = new LineCounter();
  const document = parseDocument(template.source, { lineCounter: lines });
  return lineOf(document, lines, ['steps', template.steps.findIndex((step) => step.id === id)]);
}

/** The line of the key at that path, or of the nearest thing above it. */
function lineOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true);
    const last = path[depth - 1];
    if (isMap(parent)) {
      const key = parent.items.find((pair) => String((pair.key as { value?: unknown } | null)?.value ?? pair.key) === String(last))?.key;
      if (isNode(key) && key.range) return lines.linePos(key.range[0]).line;
    }
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
