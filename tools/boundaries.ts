/**
 * Who may import whom. Pure: file texts in, violations out, so that the test can show each rule catching what it forbids.
 *
 * 1. An app never imports an app, a lib never an app. 2. A package is entered through its name, never through a path into it,
 * and never through its own index from inside. 3. Packages import only what LAYERS allows and their package.json declares.
 * 4. local-cloud imports nothing of ours. 5. @google-cloud/* is known to libs/google alone (and to local-cloud, which is the other
 * end). 6. Only main.ts reads process.env, tests aside. 7. Nobody imports a main.ts. 8. Files form no cycle, of types neither.
 * 9. What runs never imports what only tests use.
 */
import { dirname, join, normalize } from 'node:path';

/** What a package may import of ours, besides nothing. Tests may also use `testing`. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  ports: ['contracts'],
  tenants: ['contracts'],
  schedules: ['contracts'],
  runs: ['contracts'],
  pipelines: ['contracts'],
  journal: ['contracts', 'ports'],
  slice: ['contracts', 'ports', 'journal'],
  tables: ['contracts', 'ports'],
  google: ['contracts', 'ports'],
  service: ['contracts', 'ports'],
  steps: ['contracts', 'ports', 'pipelines', 'runs', 'tables'],
  testing: ['contracts', 'ports'],
  simulation: ['contracts', 'schedules', 'tenants', 'runs', 'testing'],
  'local-cloud': [],
  console: ['contracts'],
};
/** Services are put together from any libs but the ones made for tests. */
const NOT_FOR_SERVICES = ['testing', 'simulation'];
const SPEAKS_GOOGLE = ['google', 'local-cloud'];
/** Files that only tests use: tests themselves, and folders of their tools. */
const TEST_ONLY = /\.test\.ts$|^libs\/testing\/|\/src\/(?:.*\/)?(?:testing|behaviour|simulation)\/|\/e2e\//;

export interface Workspace {
  /** Path from the root to text: every .ts file of apps, libs and tools. */
  readonly files: Readonly<Record<string, string>>;
  /** Package folder (`libs/slice`) to the names it declares as dependencies. */
  readonly declared: Readonly<Record<string, readonly string[]>>;
}

const FROM = /(?:^|[\n;])\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"\n]+)['"]/g;
const BARE = /(?:^|[\n;])\s*import\s*['"]([^'"\n]+)['"]/g;
const DYNAMIC = /\bimport\s*\(\s*['"]([^'"\n]+)['"]/g;

const importsOf = (source: string): Set<string> =>
  new Set([FROM, BARE, DYNAMIC].flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] as string)));

const packageOf = (path: string): string | undefined => /^((?:apps|libs)\/[^/]+)\//.exec(path)?.[1];
const nameOf = (folder: string): string => folder.slice(folder.indexOf('/') + 1);

export function violations({ files, declared }: Workspace): string[] {
  const found: string[] = [];
  const imported = new Map<string, string[]>();
  for (const [path, source] of Object.entries(files)) {
    const folder = packageOf(path);
    const isTest = TEST_ONLY.test(path);
    const say = (rule: string) => found.push(`${path}: ${rule}`);
    if (folder && !isTest && !path.endsWith('/main.ts') && /\bprocess\.env\b/.test(stripComments(source)))
      say('reads process.env; only main.ts may');
    const edges: string[] = [];
    for (const target of importsOf(source)) {
      if (target.startsWith('.')) {
        const to = normalize(join(dirname(path), target));
        if (folder && packageOf(to) !== folder && !(isTest && to.startsWith('tools/')))
          say(`reaches into another package by path: ${target}`);
        else if (folder && to === `${folder}/src/index.ts`) say('imports its own index.ts from inside');
        else if (folder && !isTest && TEST_ONLY.test(to)) say(`imports what only tests use: ${target}`);
        if (to.endsWith('/main.ts')) say(`imports a main.ts: ${target}`);
        edges.push(to);
      } else if (folder) {
        ruleOfPackage(folder, target, isTest, declared[folder] ?? [], say);
      }
    }
    imported.set(path, edges);
  }
  return [...found, ...cycles(imported).map((cycle) => `import cycle: ${cycle.join(' -> ')}`)];
}

function ruleOfPackage(folder: string, target: string, isTest: boolean, declared: readonly string[], say: (rule: string) => void): void {
  const name = nameOf(folder);
  if (target.startsWith('@google-cloud/') && !SPEAKS_GOOGLE.includes(name)) say(`imports ${target}; only libs/google may`);
  const ours = /^@convergence\/([^/]+)(\/.*)?$/.exec(target);
  if (!ours) return;
  const [, to = '', inside] = ours;
  if (inside) say(`reaches into ${to}: ${target}`);
  if (to === name) return say('imports its own index.ts from inside');
  if (!declared.includes(`@convergence/${to}`)) say(`imports @convergence/${to}, which its package.json does not declare`);
  if (isTest && to === 'testing') return;
  if (LAYERS[to] === undefined || to === 'local-cloud' || to === 'console') say(`imports the app ${to}`);
  else if (LAYERS[name] !== undefined && !LAYERS[name].includes(to)) say(`${name} may not import ${to}`);
  else if (LAYERS[name] === undefined && folder.startsWith('libs/')) say(`libs/${name} has no layer: add it to LAYERS`);
  else if (folder.startsWith('apps/') && !isTest && NOT_FOR_SERVICES.includes(to)) say(`a service may not import ${to}`);
}

const stripComments = (source: string): string => source.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');

/** Each strongly connected group of files once, as one path through it (Tarjan). */
export function cycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const result: string[][] = [];

  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node) as number);
    stack.push(node);
    onStack.add(node);
    for (const next of graph.get(node) ?? []) {
      if (!graph.has(next)) continue;
      if (!index.has(next)) {
        visit(next);
        low.set(node, Math.min(low.get(node) as number, low.get(next) as number));
      } else if (onStack.has(next)) {
        low.set(node, Math.min(low.get(node) as number, index.get(next) as number));
      }
    }
    if (low.get(node) !== index.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    for (const member of group) onStack.delete(member);
    if (group.length > 1 || graph.get(node)?.includes(node)) result.push([...group, group[0] as string]);
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return result;
}
