import { Transient } from '@convergence/contracts';
import { WarehouseError } from '@convergence/ports';
import { OPERATIONAL_TABLES, stepLogs } from '@convergence/tables';
import { fakeWarehouse } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { completing } from './operational-tables.ts';

const LATEST = stepLogs.columns.at(-1)?.name as string;
async function given() {
  const fake = fakeWarehouse();
  const looks: string[] = [];
  for (const dataset of ['acme', 'bolt']) {
    await fake.createDataset(dataset, { location: 'US', description: 'x' });
    await fake.createTable(dataset, { ...stepLogs, columns: stepLogs.columns.slice(0, -1) });
  }
  const columns = async (dataset: string) => (await fake.columnsOf(dataset, stepLogs.name))?.map(({ name }) => name);
  const refusing = async (dataset: string) => {
    if (!(await columns(dataset))?.includes(LATEST)) throw new WarehouseError('invalid', `the table has no column ${LATEST}`);
  };
  const warehouse = completing(
    {
      ...fake,
      columnsOf: (dataset, table) => {
        looks.push(`${dataset}.${table}`);
        return fake.columnsOf(dataset, table);
      },
      append: async (dataset, table, rows) => {
        await refusing(dataset);
        return fake.append(dataset, table, rows);
      },
      run: async (statement) => {
        await refusing(statement.defaultDataset ?? 'acme');
        return fake.run(statement);
      },
    },
    OPERATIONAL_TABLES,
  );
  return { fake, warehouse, looks, columns };
}

describe('a table of an earlier version', () => {
  test('gets the column that an appended row names, once, and the row', async () => {
    const { fake, warehouse, looks, columns } = await given();
    await warehouse.append('acme', stepLogs.name, [{ step_name: 'a' }]);
    await warehouse.append('acme', stepLogs.name, [{ step_name: 'b' }]);
    expect(await columns('acme')).toContain(LATEST);
    expect(await columns('bolt')).not.toContain(LATEST);
    expect(fake.appended.get(`acme.${stepLogs.name}`)).toHaveLength(2);
    expect(looks).toEqual([`acme.${stepLogs.name}`]);
  });

  test('takes a row that was refused before somebody else added its column', async () => {
    const { fake, columns } = await given();
    let refusals = 0;
    const append: typeof fake.append = async (dataset, table, rows) => {
      if (refusals++ > 0) return fake.append(dataset, table, rows);
      await fake.addColumns(dataset, table, stepLogs.columns.slice(-1));
      throw new WarehouseError('invalid', `the table has no column ${LATEST}`);
    };
    await completing({ ...fake, append }, OPERATIONAL_TABLES).append('acme', stepLogs.name, [{ step_name: 'a' }]);
    expect(await columns('acme')).toContain(LATEST);
    expect(fake.appended.get(`acme.${stepLogs.name}`)).toHaveLength(1);
  });

  test.each([
    ['in its default dataset', { sql: `SELECT ${LATEST} FROM \`${stepLogs.name}\``, defaultDataset: 'acme' }],
    ['by dataset', { sql: `SELECT ${LATEST} FROM \`acme\`.\`${stepLogs.name}\`` }],
    ['by project', { sql: `SELECT ${LATEST} FROM \`my-project.acme.${stepLogs.name}\`` }],
  ])('gets the column that a statement reads which names it %s', async (_, statement) => {
    const { fake, warehouse, columns } = await given();
    fake.answer(/^SELECT/, [{ [LATEST]: null }]);
    expect((await warehouse.run(statement)).rows).toHaveLength(1);
    expect(await columns('acme')).toContain(LATEST);
  });

  test('what is refused for something else stays refused, and other tables are not looked at', async () => {
    const { fake, warehouse, looks } = await given();
    await warehouse.append('acme', stepLogs.name, [{ step_name: 'a' }]);
    const wrong = new WarehouseError('invalidQuery', 'Syntax error');
    fake.answer(/SELECT/, wrong);
    await expect(warehouse.run({ sql: `SELECT FROM acme.${stepLogs.name}` })).rejects.toBe(wrong);
    looks.length = 0;
    await expect(warehouse.run({ sql: 'SELECT FROM acme.costs' })).rejects.toBe(wrong);
    expect(looks).toEqual([]);
  });

  test('when the warehouse does not show the column yet, it is tried later', async () => {
    const { fake } = await given();
    const late = { ...fake, append: () => Promise.reject(new WarehouseError('invalid', 'the table has no column yet')) };
    const appended = completing(late, OPERATIONAL_TABLES).append('acme', stepLogs.name, [{}]);
    await expect(appended).rejects.toBeInstanceOf(Transient);
  });
});
