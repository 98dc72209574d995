/**
 * Renders /openapi.json and sends requests from the page. Everything that comes from a document or an answer is set as text,
 * never as HTML. Credentials stay in this tab (sessionStorage).
 */
const $ = (id) => document.getElementById(id);

function el(tag, properties = {}, ...children) {
  const { class: className, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

for (const id of ['api-key', 'admin-key', 'user-id']) {
  $(id).value = sessionStorage.getItem(id) ?? '';
  $(id).addEventListener('input', () => sessionStorage.setItem(id, $(id).value));
}
$('credentials').addEventListener('submit', (event) => event.preventDefault());

/** Text with `code` in it. */
const withCode = (text) => text.split('`').map((part, index) => (index % 2 ? el('code', {}, part) : part));

/** A schema in one line, for tables. */
function typeOf(schema = {}) {
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.type === 'array') return `${typeOf(schema.items)}[]`;
  return [schema.format ?? schema.type ?? 'any'].flat().join(' | ');
}

function rules(schema = {}) {
  const parts = [];
  if (schema.pattern) parts.push(schema.pattern);
  if (schema.minLength !== undefined || schema.maxLength !== undefined) parts.push(`${schema.minLength ?? 0}-${schema.maxLength ?? '∞'} characters`);
  if (schema.minimum !== undefined || schema.maximum !== undefined) parts.push(`${schema.minimum ?? '-∞'} to ${schema.maximum ?? '∞'}`);
  if (schema.default !== undefined) parts.push(`default ${JSON.stringify(schema.default)}`);
  return parts.join(', ');
}

/** A value that shows the shape; `document` resolves references. */
function example(schema, root, depth = 0) {
  if (!schema || depth > 6) return null;
  if (schema.$ref) return example(resolve(schema, root), root, depth + 1);
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(schema.anyOf[0], root, depth);
  if (schema.type === 'object') {
    const entries = Object.entries(schema.properties ?? {});
    return Object.fromEntries(entries.map(([name, property]) => [name, example(property, root, depth + 1)]));
  }
  if (schema.type === 'array') return schema.items ? [example(schema.items, root, depth + 1)] : [];
  if (schema.type === 'integer' || schema.type === 'number') return schema.minimum ?? 0;
  if (schema.type === 'boolean') return true;
  if (schema.format === 'date-time') return '2026-01-31T08:00:00Z';
  if (schema.format === 'date') return '2026-01-31';
  if (schema.format === 'email') return 'ops@acme.example';
  return 'text';
}

const resolve = (schema, root) =>
  schema?.$ref ? schema.$ref.slice(2).split('/').reduce((node, key) => node?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], root) : schema;

function fieldRows(schema, root, prefix = '', depth = 0) {
  const object = resolve(schema, root);
  if (object?.type === 'array') return fieldRows(object.items, root, `${prefix}[].`, depth);
  return Object.entries(object?.properties ?? {}).flatMap(([name, property]) => [
    el(
      'tr',
      {},
      el('td', {}, el('code', {}, prefix + name), object.required?.includes(name) ? el('span', { class: 'required', title: 'required' }, ' *') : null),
      el('td', {}, el('code', {}, typeOf(property))),
      el('td', {}, property.description ?? '', ' ', el('span', { class: 'soft' }, rules(property))),
    ),
    ...(depth < 2 ? fieldRows(property.anyOf?.find((option) => option.properties) ?? property, root, `${prefix}${name}.`, depth + 1) : []),
  ]);
}

const table = (heads, rows) =>
  el('table', {}, el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))), el('tbody', {}, ...rows));

function details(path, method, operation, root) {
  const inside = el('div', { class: 'inside' });
  const node = el(
    'details',
    { class: 'operation', id: operation.operationId },
    el(
      'summary',
      {},
      el('span', { class: `method ${method.toUpperCase()}` }, method.toUpperCase()),
      el('span', { class: 'path' }, path),
      el('span', { class: 'soft' }, operation.summary ?? ''),
    ),
    inside,
  );
  let filled = false;
  node.addEventListener('toggle', () => {
    if (node.open && !filled) fill(inside, path, method, operation, root);
    filled = filled || node.open;
    if (node.open) history.replaceState(null, '', `#${operation.operationId}`);
  });
  return node;
}

function fill(inside, path, method, operation, root) {
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(parameter, root));
  const content = operation.requestBody?.content?.['application/json'];
  const inputs = new Map();
  const security = operation.security ?? root.security ?? [];
  const schemes = root.components?.securitySchemes ?? {};
  const named = (scheme) => schemes[scheme]?.name ?? `Authorization: ${schemes[scheme]?.scheme}`;
  const needs = security.length ? security.map((one) => Object.keys(one).map(named).join(' + ') || 'nothing').join(' or ') : 'nothing';
  inside.append(
    el('p', {}, el('span', { class: 'badge' }, `needs ${needs}`), ' ', operation['x-scope'] ? el('span', { class: 'badge' }, `scope ${operation['x-scope']}`) : null),
  );
  if (operation.description) inside.append(el('p', {}, operation.description));

  if (parameters.length) {
    const rows = parameters.map((parameter) => {
      const input = el('input', { placeholder: rules(parameter.schema) || typeOf(parameter.schema), ariaLabel: parameter.name });
      inputs.set(parameter, input);
      return el(
        'tr',
        {},
        el('td', {}, el('code', {}, parameter.name), parameter.required ? el('span', { class: 'required' }, ' *') : null),
        el('td', {}, parameter.in),
        el('td', {}, el('code', {}, typeOf(parameter.schema)), ' ', parameter.description ?? parameter.schema?.description ?? ''),
        el('td', {}, input),
      );
    });
    inside.append(el('h3', {}, 'Parameters'), table(['Name', 'In', 'What', 'Value'], rows));
  }
  let body;
  if (content) {
    const rows = fieldRows(content.schema, root);
    inside.append(el('h3', {}, 'Body'));
    if (rows.length) inside.append(table(['Field', 'Type', 'What'], rows));
    const value = JSON.stringify(example(content.schema, root), null, 2);
    body = el('textarea', { value, rows: Math.min(24, value.split('\n').length + 1), spellcheck: false, ariaLabel: 'Body' });
    inside.append(body);
  }
  const answer = el('div');
  const send = el('button', { type: 'button' }, 'Send');
  const curl = el('button', { type: 'button', class: 'quiet' }, 'Show as curl');
  const request = () => buildRequest(path, method, inputs, body);
  send.addEventListener('click', () => perform(request(), answer, send));
  curl.addEventListener('click', () => answer.replaceChildren(el('pre', {}, asCurl(request()))));
  inside.append(el('p', {}, send, ' ', curl), answer, el('h3', {}, 'Answers'));
  inside.append(
    table(
      ['Status', 'Meaning'],
      Object.entries(operation.responses ?? {}).map(([status, given]) => {
        const response = resolve(given, root);
        const [type, shown] = Object.entries(response.content ?? {})[0] ?? [];
        const cell = el('td', {}, ...withCode(response.description ?? ''));
        if (shown?.schema && status.startsWith('2')) {
          const sample = type === 'application/json' ? JSON.stringify(example(shown.schema, root), null, 2) : type;
          cell.append(el('details', {}, el('summary', {}, 'shape'), el('pre', {}, sample)));
        }
        return el('tr', {}, el('td', {}, el('code', { class: status.startsWith('2') ? 'good' : 'bad' }, status)), cell);
      }),
    ),
  );
}

function buildRequest(path, method, inputs, body) {
  const query = new URLSearchParams();
  const headers = {};
  let target = path;
  for (const [{ name, in: place }, { value }] of inputs) {
    if (place === 'path') target = target.replace(`{${name}}`, encodeURIComponent(value));
    else if (value !== '' && place === 'query') query.append(name, value);
    else if (value !== '' && place === 'header') headers[name] = value;
  }
  for (const [id, header] of [['api-key', 'X-API-Key'], ['admin-key', 'X-Admin-Key'], ['user-id', 'X-User-ID']]) if ($(id).value) headers[header] = $(id).value;
  if (body?.value.trim()) headers['Content-Type'] = 'application/json';
  return { url: query.size ? `${target}?${query}` : target, method: method.toUpperCase(), headers, body: body?.value.trim() || undefined };
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
function asCurl({ url, method, headers, body }) {
  const lines = [`curl -X ${method} ${quoted(location.origin + url)}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body) lines.push(`-d ${quoted(body)}`);
  return lines.join(' \\\n  ');
}

async function perform(request, answer, button) {
  button.disabled = true;
  const started = performance.now();
  const output = el('pre');
  const status = el('p', {}, 'Waiting…');
  answer.replaceChildren(status, output);
  try {
    const { url, ...options } = request;
    const response = await fetch(url, options);
    const names = ['retry-after', 'ratelimit', 'ratelimit-policy', 'x-request-id'].filter((name) => response.headers.has(name));
    const show = () => {
      const time = `${Math.round(performance.now() - started)} ms`;
      status.replaceChildren(
        el('strong', { class: response.ok ? 'good' : 'bad' }, `${response.status} ${response.statusText}`),
        el('span', { class: 'soft' }, ` ${time} ${names.map((name) => `${name}: ${response.headers.get(name)}`).join(', ')}`),
      );
    };
    show();
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) output.append(text);
    } else {
      const text = await response.text();
      output.textContent = text.startsWith('{') || text.startsWith('[') ? JSON.stringify(JSON.parse(text), null, 2) : text;
    }
    show();
  } catch (error) {
    status.replaceChildren(el('strong', { class: 'bad' }, String(error)));
  } finally {
    button.disabled = false;
  }
}

const METHODS = ['get', 'post', 'patch', 'put', 'delete'];

async function start() {
  const root = await (await fetch('/openapi.json')).json();
  $('version').textContent = root.info.version;
  const groups = new Map();
  for (const [path, item] of Object.entries(root.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const tag = operation.tags?.[0] ?? 'other';
      groups.set(tag, [...(groups.get(tag) ?? []), { path, method, operation }]);
    }
  }
  const main = $('operations');
  main.replaceChildren();
  const links = [];
  for (const [tag, entries] of groups) {
    const heading = el('h2', {}, tag);
    const list = el('div', {}, el('h2', {}, tag));
    main.append(heading);
    for (const { path, method, operation } of entries) {
      const node = details(path, method, operation, root);
      main.append(node);
      const link = el('a', { href: `#${operation.operationId}`, title: `${method.toUpperCase()} ${path}` }, operation.operationId);
      link.addEventListener('click', () => (node.open = true));
      list.append(link);
      links.push({ link, node, heading, list, text: `${operation.operationId} ${method} ${path} ${operation.summary}`.toLowerCase() });
    }
    $('contents').append(list);
  }
  $('filter').addEventListener('input', () => {
    const wanted = $('filter').value.toLowerCase();
    const visible = new Set();
    for (const { link, node, heading, list, text } of links) {
      const hit = text.includes(wanted);
      link.hidden = node.hidden = !hit;
      if (hit) visible.add(heading).add(list);
    }
    for (const { heading, list } of links) heading.hidden = list.hidden = !(visible.has(heading) || visible.has(list));
  });
  const target = location.hash && $(decodeURIComponent(location.hash.slice(1)));
  if (target) {
    target.open = true;
    target.scrollIntoView();
  }
}

start().catch((error) => $('operations').replaceChildren(el('p', { class: 'bad' }, `The document could not be read: ${error}`)));
