/**
 * All templates of a configs folder, in memory: `{provider}/{domain}/{name}.yml`, and a tenant's own in `tenants/{tenant_id}/...`.
 *
 * 1. A tenant's own template goes before the shipped one, an exact name before an alias. 2. A template with problems is not
 * served, and its problems are. 3. A change on disk counts from the next look; one that can't be read keeps nothing of the old.
 * 4. A schema that can't be read is a problem too: nothing starts with it, and who runs already checks by the one before.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { TemplateRef } from '@convergence/contracts';
import { nearest } from './nearest.ts';
import { problemText, type Template, type TemplateProblem } from './template.ts';
import { compileTemplateSchema, readTemplate, type TemplateSchema, type TemplateSource } from './template-file.ts';

export interface TemplateCatalogue {
  find(ref: TemplateRef, tenantId?: string): Template | undefined;
  /** `configs/gcp/cost/billing_cost.yml`, nearest first: for the 404 that says what was meant. */
  nearest(ref: TemplateRef, tenantId?: string, limit?: number): readonly string[];
  /** What a tenant can run; without one, what ships. */
  list(tenantId?: string): readonly Template[];
  readonly problems: readonly TemplateProblem[];
  problemsOf(ref: TemplateRef, tenantId?: string): readonly TemplateProblem[];
  /** A template from elsewhere than the folder, by the same rules; undefined when it breaks them. */
  read(source: TemplateSource): Template | undefined;
  /** Looks at the disk now. */
  refresh(): Promise<void>;
  close(): void;
}

export interface CatalogueOptions {
  /** How often the folder is looked at; 0 = never (images do not change). */
  readonly refreshSeconds?: number;
  /** Called with what is wrong after each change. */
  readonly onProblems?: (problems: readonly TemplateProblem[]) => void;
}

interface Loaded {
  readonly signature: string;
  readonly template: Template | undefined;
  readonly problems: readonly TemplateProblem[];
}
const refText = (ref: TemplateRef): string => `${ref.provider}/${ref.domain}/${ref.template}`.toLowerCase();
const displayed = (key: string): string => `configs/${key}.yml`;

export async function loadTemplates(dir: string, options: CatalogueOptions = {}): Promise<TemplateCatalogue> {
  let schema: TemplateSchema | undefined;
  let schemaSignature: string | undefined;
  let schemaProblem: TemplateProblem | undefined;
  /** `gcp/cost/billing_cost` or `tenants/acme/gcp/cost/billing_cost` */
  let loaded = new Map<string, Loaded>();
  let taken: TemplateProblem[] = [];
  let aliases = new Map<string, string>();

  async function refresh(): Promise<void> {
    const files = await listFiles(dir);
    const schemaPath = join(dir, 'pipeline.schema.json');
    const mark = await signatureOf([schemaPath]).catch(() => 'not there');
    let changed = false;
    if (mark !== schemaSignature) {
      changed = schemaProblem !== undefined;
      schemaProblem = undefined;
      try {
        schema = compileTemplateSchema(JSON.parse(await readFile(schemaPath, 'utf8')));
        loaded = new Map();
      } catch (error) {
        changed = true;
        const meanwhile = schema ? '; templates are checked by the one before' : '';
        const message = `can not be read (${(error as Error).message})${meanwhile}`;
        schemaProblem = { file: 'configs/pipeline.schema.json', line: 1, message, suggestion: undefined };
        if (!schema) throw new Error(problemText(schemaProblem), { cause: error });
      }
      schemaSignature = mark;
    }
    if (!schema) throw new Error('There is no schema.');
    const next = new Map<string, Loaded>();
    for (const path of files.filter((file) => file.endsWith('.yml') || file.endsWith('.yaml'))) {
      const key = relative(dir, path)
        .split(sep)
        .join('/')
        .replace(/\.ya?ml$/, '');
      const sql = files.filter((file) => file.endsWith('.sql') && dirname(file) === dirname(path));
      const signature = await signatureOf([path, ...sql]);
      const before = loaded.get(key);
      if (before?.signature === signature) next.set(key, before);
      else {
        next.set(key, await loadOne(key, path, sql, signature, schema));
        changed = true;
      }
    }
    changed ||= next.size !== loaded.size;
    if (!changed) return;
    loaded = next;
    aliases = new Map();
    taken = [];
    for (const [key, { template }] of loaded)
      for (const alias of template?.aliases ?? []) {
        const name = `${dirname(key)}/${alias}`;
        const owner = loaded.has(name) ? name : aliases.get(name);
        if (owner === undefined) aliases.set(name, key);
        else
          taken.push({
            file: displayed(key),
            line: 1,
            message: `its alias "${alias}" is taken by ${displayed(owner)}`,
            suggestion: undefined,
          });
      }
    const problems = allProblems();
    if (problems.length > 0) options.onProblems?.(problems);
  }
  const allProblems = (): TemplateProblem[] => [
    ...(schemaProblem ? [schemaProblem] : []),
    ...[...loaded.values()].flatMap((l) => l.problems),
    ...taken,
  ];

  function keyOf(ref: TemplateRef, tenantId: string | undefined): string | undefined {
    const shipped = refText(ref);
    const own = tenantId === undefined ? undefined : `tenants/${tenantId}/${shipped}`;
    for (const key of [own, own && aliases.get(own), shipped, aliases.get(shipped)]) if (key && loaded.has(key)) return key;
    return undefined;
  }
  function visible(tenantId: string | undefined): Map<string, Loaded> {
    const found = new Map([...loaded].filter(([key]) => !key.startsWith('tenants/')));
    if (tenantId === undefined) return found;
    const prefix = `tenants/${tenantId}/`;
    for (const [key, value] of loaded) if (key.startsWith(prefix)) found.set(key.slice(prefix.length), value);
    return found;
  }

  await refresh();
  const seconds = options.refreshSeconds ?? 0;
  let running = false;
  const timer =
    seconds > 0 &&
    setInterval(() => {
      if (running) return;
      running = true;
      // A folder in the middle of a change is looked at again next time.
      void refresh().then(
        () => {
          running = false;
        },
        () => {
          running = false;
        },
      );
    }, seconds * 1000).unref();

  return {
    find: (ref, tenantId) => {
      const key = keyOf(ref, tenantId);
      return key === undefined ? undefined : loaded.get(key)?.template;
    },
    nearest(ref, tenantId, limit = 3) {
      const wanted = refText(ref);
      const names = new Map<string, string>();
      for (const [key, { template }] of visible(tenantId)) {
        names.set(key, key);
        for (const alias of template?.aliases ?? []) names.set(`${dirname(key)}/${alias}`, key);
      }
      const byPath = nearest(wanted, names.keys(), limit * 2);
      // The right name in the wrong folder is near too.
      const sameName = [...names.keys()].filter((key) => basename(key) === ref.template.toLowerCase());
      const sameFolder = nearest(
        ref.template,
        [...names.keys()].filter((key) => dirname(key) === dirname(wanted)).map((key) => basename(key)),
        limit,
      ).map((name) => `${dirname(wanted)}/${name}`);
      return [...new Set([...sameFolder, ...sameName, ...byPath].map((key) => displayed(names.get(key) ?? key)))].slice(0, limit);
    },
    list: (tenantId) =>
      [...visible(tenantId).entries()].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { template }]) => (template ? [template] : [])),
    get problems() {
      return allProblems();
    },
    problemsOf: (ref, tenantId) => loaded.get(keyOf(ref, tenantId) ?? '')?.problems ?? [],
    read(source) {
      const read = schema && readTemplate(source, schema);
      return read?.ok ? read.template : undefined;
    },
    refresh,
    close: () => {
      if (timer) clearInterval(timer);
    },
  };
}

async function loadOne(key: string, path: string, sqlPaths: readonly string[], signature: string, schema: TemplateSchema): Promise<Loaded> {
  const file = displayed(key);
  const parts = key.split('/');
  const tenantId = parts[0] === 'tenants' ? parts[1] : undefined;
  const [provider, domain, name, ...rest] = tenantId === undefined ? parts : parts.slice(2);
  if (provider === undefined || domain === undefined || name === undefined || rest.length > 0) {
    const message =
      'a template lies in configs/{provider}/{domain}/{name}.yml or configs/tenants/{tenant_id}/{provider}/{domain}/{name}.yml';
    return { signature, template: undefined, problems: [{ file, line: 1, message, suggestion: undefined }] };
  }
  const sqlFiles = Object.fromEntries(
    await Promise.all(sqlPaths.map(async (sql) => [basename(sql), await readFile(sql, 'utf8')] as const)),
  );
  const read = readTemplate({ file, text: await readFile(path, 'utf8'), provider, domain, name, tenantId, sqlFiles }, schema);
  return read.ok ? { signature, template: read.template, problems: [] } : { signature, template: undefined, problems: read.problems };
}

async function listFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
async function signatureOf(paths: readonly string[]): Promise<string> {
  const stats = await Promise.all(paths.map(async (path) => ({ path, at: await stat(path) })));
  return stats.map(({ path, at }) => `${path}:${at.mtimeMs}:${at.size}`).join('|');
}
